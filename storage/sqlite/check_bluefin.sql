;
-- What is wrong with Bluefin's tables, as in check_optuna.sql.

SELECT study_name, NULL, 'it has no row in bluefin_studies'
FROM studies WHERE study_id NOT IN (SELECT study_id FROM bluefin_studies);

SELECT NULL, NULL, printf('row %d of bluefin_studies belongs to no row of studies', study_id)
FROM bluefin_studies WHERE study_id NOT IN (SELECT study_id FROM studies);

SELECT study_name, CAST(number AS INTEGER), 'it has no row in bluefin_trials'
FROM trials JOIN studies USING (study_id) WHERE trial_id NOT IN (SELECT trial_id FROM bluefin_trials);

SELECT NULL, NULL, printf('row %d of bluefin_trials belongs to no row of trials', trial_id)
FROM bluefin_trials WHERE trial_id NOT IN (SELECT trial_id FROM trials);

SELECT NULL, NULL, printf('row %d of bluefin_checkpoints belongs to no row of trials', trial_id)
FROM bluefin_checkpoints WHERE trial_id NOT IN (SELECT trial_id FROM trials);

SELECT study_name, CAST(number AS INTEGER), printf('bluefin_trials has it in the study with id %d', b.study_id)
FROM bluefin_trials b JOIN trials t USING (trial_id) JOIN studies s ON s.study_id = t.study_id WHERE b.study_id <> t.study_id;

SELECT study_name, NULL, printf('%d trials were begun, bluefin_studies says %d', found, begun)
FROM (SELECT *, (SELECT count(*) FROM trials t WHERE t.study_id = b.study_id AND state <> 'WAITING') AS found FROM bluefin_studies b)
	JOIN studies USING (study_id)
WHERE found <> begun;

SELECT study_name, NULL, printf('%d trials have finished, bluefin_studies says %d', found, finished)
FROM (SELECT *, (SELECT count(*) FROM trials t WHERE t.study_id = b.study_id AND state IN ('COMPLETE', 'PRUNED', 'FAIL')) AS found FROM bluefin_studies b)
	JOIN studies USING (study_id)
WHERE found <> finished;

SELECT study_name, NULL, printf('its revision is %d, the highest of its trials %d', revision, highest)
FROM (SELECT *, (SELECT max(revision) FROM bluefin_trials t WHERE t.study_id = b.study_id) AS highest FROM bluefin_studies b)
	JOIN studies USING (study_id)
WHERE highest <> revision;

SELECT study_name, CAST(number AS INTEGER), printf('its revision is %d, want one above 0 that no other trial has', revision)
FROM (SELECT trial_id, revision, row_number() OVER (PARTITION BY study_id, revision ORDER BY trial_id) AS place FROM bluefin_trials)
	JOIN trials USING (trial_id) JOIN studies USING (study_id)
WHERE revision < 1 OR place > 1;

SELECT study_name, CAST(number AS INTEGER), printf('it is %s and has no place in finishing order', state)
FROM trials JOIN studies USING (study_id) JOIN bluefin_trials USING (trial_id)
WHERE state IN ('COMPLETE', 'PRUNED', 'FAIL') AND finish IS NULL;

SELECT study_name, CAST(number AS INTEGER), printf('it is %s and has the place %d in finishing order', state, finish)
FROM trials JOIN studies USING (study_id) JOIN bluefin_trials USING (trial_id)
WHERE state IN ('RUNNING', 'WAITING') AND finish IS NOT NULL;

SELECT study_name, CAST(number AS INTEGER), printf('its place in finishing order is %d, want %d', finish, place)
FROM (SELECT trial_id, finish, row_number() OVER (PARTITION BY study_id ORDER BY finish, trial_id) AS place FROM bluefin_trials WHERE finish IS NOT NULL)
	JOIN trials USING (trial_id) JOIN studies USING (study_id)
WHERE finish <> place;

SELECT study_name, CAST(number AS INTEGER), printf('it has seen %d finished trials', seen)
FROM trials JOIN studies USING (study_id) JOIN bluefin_trials USING (trial_id) WHERE seen < 0;

SELECT study_name, CAST(number AS INTEGER), printf('it is %s and has a lease', state)
FROM trials JOIN studies USING (study_id) JOIN bluefin_trials USING (trial_id)
WHERE state <> 'RUNNING' AND coalesce(lease_owner, lease_process, lease_until) IS NOT NULL;

SELECT study_name, CAST(number AS INTEGER), 'its lease has no owner or no end'
FROM trials JOIN studies USING (study_id) JOIN bluefin_trials USING (trial_id)
WHERE state = 'RUNNING' AND (lease_owner IS NULL) <> (lease_until IS NULL);

SELECT study_name, CAST(number AS INTEGER), printf('it is %s and has a checkpoint that is not to be kept', state)
FROM trials JOIN studies USING (study_id) JOIN bluefin_checkpoints USING (trial_id)
WHERE state IN ('COMPLETE', 'PRUNED', 'FAIL') AND NOT keep;

SELECT study_name, CAST(number AS INTEGER), printf('its checkpoint is of step %d', step)
FROM trials JOIN studies USING (study_id) JOIN bluefin_checkpoints USING (trial_id) WHERE step < 0
