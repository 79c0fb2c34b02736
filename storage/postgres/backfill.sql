-- What bluefin_trials and bluefin_studies say of the trials that are there. The times tell in
-- which order they finished, and how many had finished when each of them started.
found_trials AS (
	WITH
		finished AS (SELECT * FROM trials WHERE state IN ('COMPLETE', 'PRUNED', 'FAIL')),
		finishes AS (SELECT trial_id, row_number() OVER (
			PARTITION BY study_id ORDER BY datetime_complete NULLS FIRST, trial_id) AS finish FROM finished),
		events AS (
			SELECT study_id, trial_id, datetime_complete AS at, 1 AS ended FROM finished
			UNION ALL SELECT study_id, trial_id, datetime_start, 0 FROM trials),
		counts AS (
			SELECT trial_id, ended, sum(ended) OVER (
				PARTITION BY study_id ORDER BY at NULLS FIRST, ended DESC, trial_id ROWS UNBOUNDED PRECEDING) AS seen
			FROM events)
	SELECT t.trial_id, t.study_id, row_number() OVER (PARTITION BY t.study_id ORDER BY t.trial_id) AS revision,
		f.finish::int AS finish, c.seen::int AS seen, NULL::text AS lease_owner, NULL::text AS lease_process,
		NULL::float8 AS lease_until, 0 AS again
	FROM trials t JOIN counts c ON c.trial_id = t.trial_id AND c.ended = 0 LEFT JOIN finishes f ON f.trial_id = t.trial_id
	WHERE t.study_id IS NOT NULL),
found_studies AS (
	SELECT s.study_id, count(t.trial_id) AS revision,
		count(CASE WHEN t.state <> 'WAITING' THEN 1 END)::int AS begun,
		count(CASE WHEN t.state IN ('COMPLETE', 'PRUNED', 'FAIL') THEN 1 END)::int AS finished
	FROM studies s LEFT JOIN trials t ON t.study_id = s.study_id
	GROUP BY s.study_id)
