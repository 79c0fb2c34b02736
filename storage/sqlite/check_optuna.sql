-- What is wrong with Optuna's tables, one query for each rule: the name of the
-- study, the number of the trial, what is wrong.

SELECT study_name, NULL, 'it has no direction'
FROM studies WHERE study_id NOT IN (SELECT study_id FROM study_directions);

SELECT study_name, NULL, printf('its direction %d is %s', objective, direction)
FROM study_directions JOIN studies USING (study_id) WHERE direction NOT IN ('MINIMIZE', 'MAXIMIZE', 'NOT_SET');

SELECT study_name, NULL, printf('objective %d is at place %d of the directions', objective, place)
FROM (SELECT study_id, objective, row_number() OVER (PARTITION BY study_id ORDER BY study_direction_id) - 1 AS place FROM study_directions)
	JOIN studies USING (study_id)
WHERE objective <> place;

SELECT study_name, CAST(number AS INTEGER), printf('its state is %s', state)
FROM trials JOIN studies USING (study_id) WHERE state NOT IN ('RUNNING', 'COMPLETE', 'PRUNED', 'FAIL', 'WAITING');

-- Optuna takes the number of a trial to be the count of those before it.
SELECT study_name, CAST(number AS INTEGER),
	printf('the number of the trial with id %d is %s, want %d', trial_id, coalesce(number, 'NULL'), place)
FROM (SELECT *, row_number() OVER (PARTITION BY study_id ORDER BY trial_id) - 1 AS place FROM trials) JOIN studies USING (study_id)
WHERE number IS NOT place;

SELECT study_name, CAST(number AS INTEGER),
	printf('it is %s with %d values, want %s%d', state, found, iif(state = 'PRUNED', 'at most ', ''), iif(state IN ('COMPLETE', 'PRUNED'), objectives, 0))
FROM (
	SELECT study_name, number, state,
		(SELECT count(*) FROM trial_values v WHERE v.trial_id = t.trial_id) AS found,
		(SELECT max(count(*), 1) FROM study_directions d WHERE d.study_id = t.study_id) AS objectives
	FROM trials t JOIN studies USING (study_id))
WHERE CASE state WHEN 'COMPLETE' THEN found <> objectives WHEN 'PRUNED' THEN found > objectives ELSE found > 0 END;

SELECT study_name, CAST(number AS INTEGER), printf('its value of objective %d is number %d of its values', objective, place)
FROM (SELECT trial_id, objective, row_number() OVER (PARTITION BY trial_id ORDER BY objective) - 1 AS place FROM trial_values)
	JOIN trials USING (trial_id) JOIN studies USING (study_id)
WHERE objective <> place;

SELECT study_name, CAST(number AS INTEGER), printf('it is %s and has no start', state)
FROM trials JOIN studies USING (study_id) WHERE state <> 'WAITING' AND datetime_start IS NULL;

SELECT study_name, CAST(number AS INTEGER), printf('it is %s and has no end', state)
FROM trials JOIN studies USING (study_id) WHERE state IN ('COMPLETE', 'PRUNED', 'FAIL') AND datetime_complete IS NULL;

SELECT study_name, CAST(number AS INTEGER), printf('it is %s and has an end', state)
FROM trials JOIN studies USING (study_id) WHERE state IN ('RUNNING', 'WAITING') AND datetime_complete IS NOT NULL;

-- A foreign key says nothing of NULL.
SELECT NULL, NULL, printf('row %d of %s belongs to nothing', id, place) FROM (
	SELECT 'trials' AS place, trial_id AS id FROM trials WHERE study_id IS NULL
	UNION ALL SELECT 'study_user_attributes', study_user_attribute_id FROM study_user_attributes WHERE study_id IS NULL
	UNION ALL SELECT 'study_system_attributes', study_system_attribute_id FROM study_system_attributes WHERE study_id IS NULL
	UNION ALL SELECT 'trial_user_attributes', trial_user_attribute_id FROM trial_user_attributes WHERE trial_id IS NULL
	UNION ALL SELECT 'trial_system_attributes', trial_system_attribute_id FROM trial_system_attributes WHERE trial_id IS NULL
	UNION ALL SELECT 'trial_params', param_id FROM trial_params WHERE trial_id IS NULL)
