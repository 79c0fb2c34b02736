-- Keep the tables of bluefin.sql right, whoever writes. They run with the rights of
-- their owner, because programs that know only Optuna's tables may have none on ours.

CREATE FUNCTION bluefin_studies_insert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
	INSERT INTO bluefin_studies (study_id, revision, begun, finished) VALUES (NEW.study_id, 0, 0, 0);
	RETURN NULL;
END $$;
CREATE TRIGGER bluefin_studies_insert AFTER INSERT ON studies FOR EACH ROW EXECUTE FUNCTION bluefin_studies_insert();

CREATE FUNCTION bluefin_studies_delete() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
	DELETE FROM bluefin_studies WHERE study_id = OLD.study_id;
	RETURN NULL;
END $$;
CREATE TRIGGER bluefin_studies_delete AFTER DELETE ON studies FOR EACH ROW EXECUTE FUNCTION bluefin_studies_delete();

CREATE FUNCTION bluefin_trials_insert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
	ended   INTEGER := (NEW.state IN ('COMPLETE', 'PRUNED', 'FAIL'))::int;
	study   RECORD;
BEGIN
	UPDATE bluefin_studies SET
		revision = revision + 1,
		begun    = begun + (NEW.state <> 'WAITING')::int,
		finished = finished + ended
	WHERE study_id = NEW.study_id RETURNING * INTO study;
	IF FOUND THEN
		INSERT INTO bluefin_trials (trial_id, study_id, revision, finish, seen) VALUES (NEW.trial_id, NEW.study_id,
			study.revision, CASE WHEN ended = 1 THEN study.finished END, study.finished - ended);
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER bluefin_trials_insert AFTER INSERT ON trials FOR EACH ROW EXECUTE FUNCTION bluefin_trials_insert();

-- Optuna queues a trial by inserting it as RUNNING and making it WAITING.
CREATE FUNCTION bluefin_trials_update() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
	ended   BOOLEAN := NEW.state IN ('COMPLETE', 'PRUNED', 'FAIL');
	study   RECORD;
BEGIN
	UPDATE bluefin_studies SET
		revision = revision + 1,
		begun    = begun + (NEW.state <> 'WAITING')::int - (OLD.state <> 'WAITING')::int,
		finished = finished + (ended AND OLD.state NOT IN ('COMPLETE', 'PRUNED', 'FAIL'))::int
	WHERE study_id = NEW.study_id RETURNING * INTO study;
	UPDATE bluefin_trials SET
		revision = study.revision,
		finish = CASE WHEN finish IS NULL AND ended THEN study.finished ELSE finish END,
		seen = CASE WHEN NEW.state = 'RUNNING' AND OLD.state = 'WAITING' THEN study.finished ELSE seen END,
		lease_owner   = CASE WHEN NEW.state = 'RUNNING' THEN lease_owner END,
		lease_process = CASE WHEN NEW.state = 'RUNNING' THEN lease_process END,
		lease_until   = CASE WHEN NEW.state = 'RUNNING' THEN lease_until END
	WHERE trial_id = NEW.trial_id;
	IF ended THEN
		DELETE FROM bluefin_checkpoints WHERE trial_id = NEW.trial_id AND NOT keep;
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER bluefin_trials_update AFTER UPDATE ON trials FOR EACH ROW EXECUTE FUNCTION bluefin_trials_update();

CREATE FUNCTION bluefin_trials_delete() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
	DELETE FROM bluefin_trials WHERE trial_id = OLD.trial_id;
	DELETE FROM bluefin_checkpoints WHERE trial_id = OLD.trial_id;
	RETURN NULL;
END $$;
CREATE TRIGGER bluefin_trials_delete AFTER DELETE ON trials FOR EACH ROW EXECUTE FUNCTION bluefin_trials_delete();

-- A change to what belongs to a trial is a change of the trial. One statement is one change.
CREATE FUNCTION bluefin_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
	id INTEGER;
	next BIGINT;
BEGIN
	FOR id IN SELECT DISTINCT trial_id FROM changed ORDER BY trial_id LOOP
		UPDATE bluefin_studies s SET revision = s.revision + 1 FROM bluefin_trials b
		WHERE b.trial_id = id AND s.study_id = b.study_id RETURNING s.revision INTO next;
		UPDATE bluefin_trials SET revision = next WHERE trial_id = id;
	END LOOP;
	RETURN NULL;
END $$;
DO $$
DECLARE
	name TEXT;
BEGIN
	FOREACH name IN ARRAY ARRAY['trial_params', 'trial_values', 'trial_intermediate_values',
		'trial_user_attributes', 'trial_system_attributes'] LOOP
		EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON %I REFERENCING NEW TABLE AS changed
			FOR EACH STATEMENT EXECUTE FUNCTION bluefin_changed()', 'bluefin_' || name || '_insert', name);
		EXECUTE format('CREATE TRIGGER %I AFTER UPDATE ON %I REFERENCING NEW TABLE AS changed
			FOR EACH STATEMENT EXECUTE FUNCTION bluefin_changed()', 'bluefin_' || name || '_update', name);
		EXECUTE format('CREATE TRIGGER %I AFTER DELETE ON %I REFERENCING OLD TABLE AS changed
			FOR EACH STATEMENT EXECUTE FUNCTION bluefin_changed()', 'bluefin_' || name || '_delete', name);
	END LOOP;
END $$;
