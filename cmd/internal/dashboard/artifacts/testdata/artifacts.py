"""artifacts.py write|read FILE FOLDER: attaches or reads artifacts with Optuna itself."""
import json
import os
import sys
import tempfile

import optuna
from optuna.artifacts import FileSystemArtifactStore, download_artifact, upload_artifact

optuna.logging.set_verbosity(optuna.logging.ERROR)
mode, path, folder = sys.argv[1:]
storage = optuna.storages.RDBStorage("sqlite:///" + path)
store = FileSystemArtifactStore(folder)
with tempfile.TemporaryDirectory() as temp:

    def upload(target, name, data):
        file = os.path.join(temp, name)
        with open(file, "wb") as f:
            f.write(data)
        return upload_artifact(artifact_store=store, file_path=file, study_or_trial=target, storage=storage)

    if mode == "write":
        study = optuna.create_study(storage=storage, study_name="s")
        trial = study.ask()
        upload(study, "study.txt", b"of the study")
        upload(trial, 'ü "x".png', b"\x89PNG")
        upload(trial, "tar.tar.gz", b"\x1f\x8b")
        # Deleted by the dashboard: the attribute stays.
        storage.set_trial_system_attr(trial._trial_id, "artifacts:" + upload(trial, "gone", b""), json.dumps(None))
        # Of an early version of the dashboard.
        old = {"artifact_id": "0-1", "filename": "old.txt", "mimetype": "text/plain", "encoding": None}
        storage.set_study_system_attr(study._study_id, f"dashboard:artifacts:{trial._trial_id}:0-1", json.dumps(old))
    else:
        study = optuna.load_study(storage=storage, study_name="s")
        answer = []
        from optuna_dashboard.artifact._backend import list_study_artifacts, list_trial_artifacts

        study_attrs = storage.get_study_system_attrs(study._study_id)
        trial = study.trials[0]
        trial_attrs = storage.get_trial_system_attrs(trial._trial_id)
        for m in list_study_artifacts(study_attrs) + list_trial_artifacts(study_attrs, trial_attrs, trial):
            file = os.path.join(temp, m["artifact_id"])
            data = ""
            if os.path.exists(os.path.join(folder, m["artifact_id"])):
                download_artifact(artifact_store=store, artifact_id=m["artifact_id"], file_path=file)
                data = open(file, errors="replace").read()
                os.remove(file)
            answer.append([m["filename"], m["mimetype"], data])
        print(json.dumps(answer))
