-- Keep the tables of bluefin.sql right, whoever writes to the file. They run in
-- the SQLite of that program, so they use nothing newer than version 3.8.

CREATE TRIGGER bluefin_studies_insert AFTER INSERT ON studies BEGIN
	INSERT INTO bluefin_studies (study_id, revision, begun, finished) VALUES (NEW.study_id, 0, 0, 0);
END;

CREATE TRIGGER bluefin_studies_delete AFTER DELETE ON studies BEGIN
	DELETE FROM bluefin_studies WHERE study_id = OLD.study_id;
	UPDATE bluefin_deleted SET id = max(id, OLD.study_id) WHERE kind = 'study';
END;

CREATE TRIGGER bluefin_trials_insert AFTER INSERT ON trials BEGIN
	UPDATE bluefin_studies SET
		revision = revision + 1,
		begun    = begun + (NEW.state <> 'WAITING'),
		finished = finished + (NEW.state IN ('COMPLETE', 'PRUNED', 'FAIL'))
	WHERE study_id = NEW.study_id;
	INSERT INTO bluefin_trials (trial_id, study_id, revision, finish, seen)
	SELECT NEW.trial_id, study_id, revision, CASE WHEN NEW.state IN ('COMPLETE', 'PRUNED', 'FAIL') THEN finished END,
		finished - (NEW.state IN ('COMPLETE', 'PRUNED', 'FAIL'))
	FROM bluefin_studies WHERE study_id = NEW.study_id;
END;

-- Optuna queues a trial by inserting it as RUNNING and making it WAITING.
CREATE TRIGGER bluefin_trials_update AFTER UPDATE ON trials BEGIN
	UPDATE bluefin_studies SET
		revision = revision + 1,
		begun    = begun + (NEW.state <> 'WAITING') - (OLD.state <> 'WAITING'),
		finished = finished + (NEW.state IN ('COMPLETE', 'PRUNED', 'FAIL') AND OLD.state NOT IN ('COMPLETE', 'PRUNED', 'FAIL'))
	WHERE study_id = NEW.study_id;
	UPDATE bluefin_trials SET
		revision = (SELECT revision FROM bluefin_studies WHERE study_id = NEW.study_id),
		finish = CASE WHEN finish IS NULL AND NEW.state IN ('COMPLETE', 'PRUNED', 'FAIL')
			THEN (SELECT finished FROM bluefin_studies WHERE study_id = NEW.study_id) ELSE finish END,
		seen = CASE WHEN NEW.state = 'RUNNING' AND OLD.state = 'WAITING'
			THEN (SELECT finished FROM bluefin_studies WHERE study_id = NEW.study_id) ELSE seen END,
		lease_owner   = CASE WHEN NEW.state = 'RUNNING' THEN lease_owner END,
		lease_process = CASE WHEN NEW.state = 'RUNNING' THEN lease_process END,
		lease_until   = CASE WHEN NEW.state = 'RUNNING' THEN lease_until END
	WHERE trial_id = NEW.trial_id;
END;

CREATE TRIGGER bluefin_trials_finish AFTER UPDATE ON trials WHEN NEW.state IN ('COMPLETE', 'PRUNED', 'FAIL') BEGIN
	DELETE FROM bluefin_checkpoints WHERE trial_id = NEW.trial_id AND NOT keep;
END;

CREATE TRIGGER bluefin_trials_delete AFTER DELETE ON trials BEGIN
	DELETE FROM bluefin_trials WHERE trial_id = OLD.trial_id;
	DELETE FROM bluefin_checkpoints WHERE trial_id = OLD.trial_id;
	UPDATE bluefin_deleted SET id = max(id, OLD.trial_id) WHERE kind = 'trial';
END;

-- A change to what belongs to a trial is a change of the trial.

CREATE TRIGGER bluefin_trial_params_insert AFTER INSERT ON trial_params BEGIN
	UPDATE bluefin_studies SET revision = revision + 1
	WHERE study_id = (SELECT study_id FROM bluefin_trials WHERE trial_id = NEW.trial_id);
	UPDATE bluefin_trials SET revision = (SELECT revision FROM bluefin_studies s WHERE s.study_id = bluefin_trials.study_id)
	WHERE trial_id = NEW.trial_id;
END;

CREATE TRIGGER bluefin_trial_params_update AFTER UPDATE ON trial_params BEGIN
	UPDATE bluefin_studies SET revision = revision + 1
	WHERE study_id = (SELECT study_id FROM bluefin_trials WHERE trial_id = NEW.trial_id);
	UPDATE bluefin_trials SET revision = (SELECT revision FROM bluefin_studies s WHERE s.study_id = bluefin_trials.study_id)
	WHERE trial_id = NEW.trial_id;
END;

CREATE TRIGGER bluefin_trial_params_delete AFTER DELETE ON trial_params BEGIN
	UPDATE bluefin_studies SET revision = revision + 1
	WHERE study_id = (SELECT study_id FROM bluefin_trials WHERE trial_id = OLD.trial_id);
	UPDATE bluefin_trials SET revision = (SELECT revision FROM bluefin_studies s WHERE s.study_id = bluefin_trials.study_id)
	WHERE trial_id = OLD.trial_id;
END;

CREATE TRIGGER bluefin_trial_values_insert AFTER INSERT ON trial_values BEGIN
	UPDATE bluefin_studies SET revision = revision + 1
	WHERE study_id = (SELECT study_id FROM bluefin_trials WHERE trial_id = NEW.trial_id);
	UPDATE bluefin_trials SET revision = (SELECT revision FROM bluefin_studies s WHERE s.study_id = bluefin_trials.study_id)
	WHERE trial_id = NEW.trial_id;
END;

CREATE TRIGGER bluefin_trial_values_update AFTER UPDATE ON trial_values BEGIN
	UPDATE bluefin_studies SET revision = revision + 1
	WHERE study_id = (SELECT study_id FROM bluefin_trials WHERE trial_id = NEW.trial_id);
	UPDATE bluefin_trials SET revision = (SELECT revision FROM bluefin_studies s WHERE s.study_id = bluefin_trials.study_id)
	WHERE trial_id = NEW.trial_id;
END;

CREATE TRIGGER bluefin_trial_values_delete AFTER DELETE ON trial_values BEGIN
	UPDATE bluefin_studies SET revision = revision + 1
	WHERE study_id = (SELECT study_id FROM bluefin_trials WHERE trial_id = OLD.trial_id);
	UPDATE bluefin_trials SET revision = (SELECT revision FROM bluefin_studies s WHERE s.study_id = bluefin_trials.study_id)
	WHERE trial_id = OLD.trial_id;
END;

CREATE TRIGGER bluefin_trial_intermediate_values_insert AFTER INSERT ON trial_intermediate_values BEGIN
	UPDATE bluefin_studies SET revision = revision + 1
	WHERE study_id = (SELECT study_id FROM bluefin_trials WHERE trial_id = NEW.trial_id);
	UPDATE bluefin_trials SET revision = (SELECT revision FROM bluefin_studies s WHERE s.study_id = bluefin_trials.study_id)
	WHERE trial_id = NEW.trial_id;
END;

CREATE TRIGGER bluefin_trial_intermediate_values_update AFTER UPDATE ON trial_intermediate_values BEGIN
	UPDATE bluefin_studies SET revision = revision + 1
	WHERE study_id = (SELECT study_id FROM bluefin_trials WHERE trial_id = NEW.trial_id);
	UPDATE bluefin_trials SET revision = (SELECT revision FROM bluefin_studies s WHERE s.study_id = bluefin_trials.study_id)
	WHERE trial_id = NEW.trial_id;
END;

CREATE TRIGGER bluefin_trial_intermediate_values_delete AFTER DELETE ON trial_intermediate_values BEGIN
	UPDATE bluefin_studies SET revision = revision + 1
	WHERE study_id = (SELECT study_id FROM bluefin_trials WHERE trial_id = OLD.trial_id);
	UPDATE bluefin_trials SET revision = (SELECT revision FROM bluefin_studies s WHERE s.study_id = bluefin_trials.study_id)
	WHERE trial_id = OLD.trial_id;
END;

CREATE TRIGGER bluefin_trial_user_attributes_insert AFTER INSERT ON trial_user_attributes BEGIN
	UPDATE bluefin_studies SET revision = revision + 1
	WHERE study_id = (SELECT study_id FROM bluefin_trials WHERE trial_id = NEW.trial_id);
	UPDATE bluefin_trials SET revision = (SELECT revision FROM bluefin_studies s WHERE s.study_id = bluefin_trials.study_id)
	WHERE trial_id = NEW.trial_id;
END;

CREATE TRIGGER bluefin_trial_user_attributes_update AFTER UPDATE ON trial_user_attributes BEGIN
	UPDATE bluefin_studies SET revision = revision + 1
	WHERE study_id = (SELECT study_id FROM bluefin_trials WHERE trial_id = NEW.trial_id);
	UPDATE bluefin_trials SET revision = (SELECT revision FROM bluefin_studies s WHERE s.study_id = bluefin_trials.study_id)
	WHERE trial_id = NEW.trial_id;
END;

CREATE TRIGGER bluefin_trial_user_attributes_delete AFTER DELETE ON trial_user_attributes BEGIN
	UPDATE bluefin_studies SET revision = revision + 1
	WHERE study_id = (SELECT study_id FROM bluefin_trials WHERE trial_id = OLD.trial_id);
	UPDATE bluefin_trials SET revision = (SELECT revision FROM bluefin_studies s WHERE s.study_id = bluefin_trials.study_id)
	WHERE trial_id = OLD.trial_id;
END;

CREATE TRIGGER bluefin_trial_system_attributes_insert AFTER INSERT ON trial_system_attributes BEGIN
	UPDATE bluefin_studies SET revision = revision + 1
	WHERE study_id = (SELECT study_id FROM bluefin_trials WHERE trial_id = NEW.trial_id);
	UPDATE bluefin_trials SET revision = (SELECT revision FROM bluefin_studies s WHERE s.study_id = bluefin_trials.study_id)
	WHERE trial_id = NEW.trial_id;
END;

CREATE TRIGGER bluefin_trial_system_attributes_update AFTER UPDATE ON trial_system_attributes BEGIN
	UPDATE bluefin_studies SET revision = revision + 1
	WHERE study_id = (SELECT study_id FROM bluefin_trials WHERE trial_id = NEW.trial_id);
	UPDATE bluefin_trials SET revision = (SELECT revision FROM bluefin_studies s WHERE s.study_id = bluefin_trials.study_id)
	WHERE trial_id = NEW.trial_id;
END;

CREATE TRIGGER bluefin_trial_system_attributes_delete AFTER DELETE ON trial_system_attributes BEGIN
	UPDATE bluefin_studies SET revision = revision + 1
	WHERE study_id = (SELECT study_id FROM bluefin_trials WHERE trial_id = OLD.trial_id);
	UPDATE bluefin_trials SET revision = (SELECT revision FROM bluefin_studies s WHERE s.study_id = bluefin_trials.study_id)
	WHERE trial_id = OLD.trial_id;
END;
