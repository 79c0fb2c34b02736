"""Run trials of a study beside other workers, with Optuna's own TPE.

worker.py HOST:PORT|URL STUDY SEED TRIALS [THREADS]; prints the seconds that the trials took.
"""
import sys
import time

import optuna

optuna.logging.set_verbosity(optuna.logging.WARNING)
storage = sys.argv[1]
if "://" not in storage:
    host, port = storage.rsplit(":", 1)
    storage = optuna.storages.GrpcStorageProxy(host=host, port=int(port))
study = optuna.load_study(study_name=sys.argv[2], storage=storage,
                          sampler=optuna.samplers.TPESampler(seed=int(sys.argv[3]), n_startup_trials=5))


def objective(trial):
    x = trial.suggest_float("x", -1, 1)
    k = trial.suggest_int("k", 0, 9)
    c = trial.suggest_categorical("c", ["a", "b", "c"])
    trial.set_user_attr("engine", "optuna")
    trial.report(x, 0)
    return (x - 0.3) ** 2 + (k - 4) ** 2 + (c != "b")


start = time.monotonic()
study.optimize(objective, n_trials=int(sys.argv[4]), n_jobs=int((sys.argv + ["1"])[5]))
print(time.monotonic() - start)
