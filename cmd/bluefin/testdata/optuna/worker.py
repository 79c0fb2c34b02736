"""Run trials of a study beside other workers, with Optuna's own TPE."""
import sys
import time

import optuna

from storages import storage_of

optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.load_study(study_name=sys.argv[2], storage=storage_of(sys.argv[1]),
                          sampler=optuna.samplers.TPESampler(seed=int(sys.argv[3]), n_startup_trials=5))


def objective(trial):
    x = trial.suggest_float("x", -1, 1)
    k = trial.suggest_int("k", 0, 9)
    c = trial.suggest_categorical("c", ["a", "b", "c"])
    trial.set_user_attr("engine", "optuna")
    trial.report(x, 0)
    time.sleep(0.005)
    return (x - 0.3) ** 2 + (k - 4) ** 2 + (c != "b")


study.optimize(objective, n_trials=int(sys.argv[4]))
