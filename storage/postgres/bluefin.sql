-- Bluefin's own facts, in tables that Optuna ignores. The triggers of triggers.sql
-- keep them right, whoever writes. No id is reused: Optuna's sequences do not do it.

CREATE TABLE bluefin_version (version INTEGER NOT NULL);
INSERT INTO bluefin_version VALUES (1);

CREATE TABLE bluefin_studies (
	study_id INTEGER PRIMARY KEY,
	revision BIGINT NOT NULL, -- of the last change
	begun    INTEGER NOT NULL, -- how many trials are not WAITING
	finished INTEGER NOT NULL  -- how many trials are COMPLETE, PRUNED or FAIL
) WITH (fillfactor = 10); -- one row for each study, changed again and again: room beside it

CREATE TABLE bluefin_trials (
	trial_id      INTEGER PRIMARY KEY,
	study_id      INTEGER NOT NULL,
	revision      BIGINT NOT NULL,  -- the study's when the trial last changed
	finish        INTEGER,          -- its place in finishing order, from 1
	seen          INTEGER NOT NULL, -- how many trials had finished when it started
	lease_owner   TEXT,
	lease_process TEXT COLLATE "C", -- the lease ends with this process
	lease_until   DOUBLE PRECISION, -- seconds since 1970, on the clock of the database
	again         INTEGER NOT NULL DEFAULT 0 -- how often it was restarted since its checkpoint
);
CREATE UNIQUE INDEX bluefin_trials_revision ON bluefin_trials (study_id, revision);
CREATE INDEX bluefin_trials_lease ON bluefin_trials (study_id, lease_until) WHERE lease_owner IS NOT NULL;
CREATE INDEX bluefin_trials_process ON bluefin_trials (study_id, lease_process) WHERE lease_owner IS NOT NULL;

-- The state from which a trial can resume.
CREATE TABLE bluefin_checkpoints (
	trial_id INTEGER PRIMARY KEY,
	step     BIGINT NOT NULL,
	keep     BOOLEAN NOT NULL, -- also when the trial has finished
	marks    TEXT NOT NULL,    -- the system attributes that reports had led to, a JSON object of texts
	data     BYTEA NOT NULL
);
ALTER TABLE bluefin_checkpoints ALTER COLUMN data SET STORAGE EXTERNAL; -- weights do not compress

-- The last transaction of each writer, from which it learns whether a commit was
-- done whose answer it did not get.
CREATE TABLE bluefin_writers (
	writer TEXT PRIMARY KEY,
	last   BIGINT NOT NULL,
	at     TIMESTAMPTZ NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

CREATE INDEX bluefin_trials_running ON trials (study_id, number) WHERE state = 'RUNNING';
CREATE INDEX bluefin_trials_number ON trials (study_id, number);
CREATE INDEX bluefin_trials_waiting ON trials (study_id, number) WHERE state = 'WAITING';
