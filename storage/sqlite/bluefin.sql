-- Bluefin's own facts, in tables that Optuna ignores. The triggers of
-- triggers.sql keep them right, whoever writes to the file.

CREATE TABLE bluefin_version (version INTEGER NOT NULL);
INSERT INTO bluefin_version VALUES (1);

-- The highest deleted id, so that no id is reused.
CREATE TABLE bluefin_deleted (kind TEXT PRIMARY KEY, id INTEGER NOT NULL);
INSERT INTO bluefin_deleted VALUES ('study', 0), ('trial', 0);

CREATE TABLE bluefin_studies (
	study_id INTEGER PRIMARY KEY,
	revision INTEGER NOT NULL, -- of the last change
	begun    INTEGER NOT NULL, -- how many trials are not WAITING
	finished INTEGER NOT NULL  -- how many trials are COMPLETE, PRUNED or FAIL
);

CREATE TABLE bluefin_trials (
	trial_id      INTEGER PRIMARY KEY,
	study_id      INTEGER NOT NULL,
	revision      INTEGER NOT NULL, -- the study's when the trial last changed
	finish        INTEGER,          -- its place in finishing order, from 1
	seen          INTEGER NOT NULL, -- how many trials had finished when it began
	lease_owner   TEXT,
	lease_process TEXT,             -- the lease ends with this process
	lease_until   REAL,             -- seconds since 1970, on the clock of the database
	again         INTEGER NOT NULL DEFAULT 0 -- how often it was begun again since its checkpoint
);
CREATE UNIQUE INDEX bluefin_trials_revision ON bluefin_trials (study_id, revision);
CREATE INDEX bluefin_trials_lease ON bluefin_trials (study_id, lease_until) WHERE lease_owner IS NOT NULL;
CREATE INDEX bluefin_trials_process ON bluefin_trials (study_id, lease_process) WHERE lease_owner IS NOT NULL;

-- The state from which a trial can resume.
CREATE TABLE bluefin_checkpoints (
	trial_id INTEGER PRIMARY KEY,
	step     INTEGER NOT NULL,
	keep     INTEGER NOT NULL, -- also when the trial has finished
	marks    TEXT NOT NULL,    -- the system attributes that reports had led to, a JSON object of texts
	data     BLOB NOT NULL
);

CREATE INDEX bluefin_trials_running ON trials (study_id, number) WHERE state = 'RUNNING';
CREATE INDEX bluefin_trials_number ON trials (study_id, number);
CREATE INDEX bluefin_trials_waiting ON trials (study_id, number) WHERE state = 'WAITING';
