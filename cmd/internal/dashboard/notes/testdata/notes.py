"""notes.py write|read FILE: writes or reads the notes of study s with optuna-dashboard itself."""
import json
import sys

import optuna
from optuna_dashboard import get_note, save_note

optuna.logging.set_verbosity(optuna.logging.ERROR)
mode, path = sys.argv[1:]
texts = json.load(sys.stdin)
storage = "sqlite:///" + path
if mode == "write":
    study = optuna.create_study(storage=storage, study_name="s")
    for text in texts:
        trial = study.ask()
        save_note(trial, "x" * 10000)
        save_note(trial, text)
        save_note(study, text)
        study.tell(trial, 1.0)
else:
    from optuna_dashboard._note import get_note_from_system_attrs

    study = optuna.load_study(storage=storage, study_name="s")
    attrs = study._storage.get_study_system_attrs(study._study_id)
    answer = {
        "study": get_note(study),
        "trials": [get_note_from_system_attrs(attrs, t._trial_id)["body"] for t in study.trials],
    }
    save_note(study, "again")
    answer["again"] = get_note(study)
    attrs = study._storage.get_study_system_attrs(study._study_id)
    answer["ver"] = get_note_from_system_attrs(attrs, None)["version"]
    print(json.dumps(answer))
