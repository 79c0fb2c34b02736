-- Fills bluefin_studies and bluefin_trials for the trials that are there.
INSERT INTO bluefin_trials (trial_id, study_id, revision, finish, seen)
SELECT trial_id, study_id,
	row_number() OVER (PARTITION BY study_id ORDER BY trial_id),
	CASE WHEN state IN ('COMPLETE', 'PRUNED', 'FAIL') THEN
		row_number() OVER (PARTITION BY study_id, state IN ('COMPLETE', 'PRUNED', 'FAIL') ORDER BY datetime_complete, trial_id) END,
	0
FROM trials;

INSERT INTO bluefin_studies (study_id, revision, begun, finished)
SELECT s.study_id, count(t.trial_id),
	count(CASE WHEN t.state <> 'WAITING' THEN 1 END),
	count(CASE WHEN t.state IN ('COMPLETE', 'PRUNED', 'FAIL') THEN 1 END)
FROM studies s LEFT JOIN trials t ON t.study_id = s.study_id
GROUP BY s.study_id;
