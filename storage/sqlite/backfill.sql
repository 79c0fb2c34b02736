-- Fills bluefin_studies and bluefin_trials for the trials that are there. The
-- times tell in which order they finished, and how many had finished when
-- each of them began.
WITH
	finished AS (SELECT * FROM trials WHERE state IN ('COMPLETE', 'PRUNED', 'FAIL')),
	finishes AS (SELECT trial_id, row_number() OVER (PARTITION BY study_id ORDER BY datetime_complete, trial_id) AS finish FROM finished),
	events AS (
		SELECT study_id, trial_id, datetime_complete AS at, 1 AS ended FROM finished
		UNION ALL SELECT study_id, trial_id, datetime_start, 0 FROM trials),
	counts AS (
		SELECT trial_id, ended,
			sum(ended) OVER (PARTITION BY study_id ORDER BY at, ended DESC, trial_id ROWS UNBOUNDED PRECEDING) AS seen
		FROM events)
INSERT INTO bluefin_trials (trial_id, study_id, revision, finish, seen)
SELECT t.trial_id, t.study_id, row_number() OVER (PARTITION BY t.study_id ORDER BY t.trial_id), f.finish, c.seen
FROM trials t JOIN counts c ON c.trial_id = t.trial_id AND c.ended = 0 LEFT JOIN finishes f ON f.trial_id = t.trial_id;

INSERT INTO bluefin_studies (study_id, revision, begun, finished)
SELECT s.study_id, count(t.trial_id),
	count(CASE WHEN t.state <> 'WAITING' THEN 1 END),
	count(CASE WHEN t.state IN ('COMPLETE', 'PRUNED', 'FAIL') THEN 1 END)
FROM studies s LEFT JOIN trials t ON t.study_id = s.study_id
GROUP BY s.study_id;
