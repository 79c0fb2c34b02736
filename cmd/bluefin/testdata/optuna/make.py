"""Make a study file with everything that Optuna can put into one."""
import math
import sys

import optuna

storage = "sqlite:///" + sys.argv[1]
study = optuna.create_study(study_name="größe 日本", storage=storage, direction="maximize",
                            sampler=optuna.samplers.TPESampler(seed=1, n_startup_trials=4),
                            pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2))
study.set_user_attr("note", {"text": "naïve", "n": [1, None, math.nan]})
study.set_metric_names(["accuracy"])
study.enqueue_trial({"f": 0.5, "i": 3, "c": "b"})


def objective(trial):
    trial.suggest_float("f", 0, 1)
    trial.suggest_float("lr", 1e-5, 1e-1, log=True)
    trial.suggest_float("step", 0.1, 0.95, step=0.25)
    trial.suggest_int("i", 1, 10)
    trial.suggest_int("batch", 8, 128, log=True)
    trial.suggest_int("width", 0, 100, step=7)
    trial.suggest_categorical("c", ["a", "b", "日本"])
    trial.suggest_categorical("mixed", [None, True, 2, 2.5, "x", math.inf])
    trial.set_user_attr("größe", [1, {"a": None}])
    trial.set_constraint("memory", trial.number - 6.0)
    n = trial.number
    if n == 2:
        raise ValueError("broken")
    if n == 3:
        return math.nan
    if n == 4:
        return -math.inf
    for step, value in [(1, n), (2, math.nan if n == 5 else -n), (4, math.inf if n == 6 else n), (8, 1)]:
        trial.report(value, step)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return float(n)


study.optimize(objective, n_trials=12, catch=(ValueError,))
study.enqueue_trial({"f": 0.25, "c": "日本", "mixed": None}, user_attrs={"queued": True})
two = optuna.create_study(study_name="two", storage=storage, directions=["minimize", "maximize"])
two.optimize(lambda t: (t.suggest_float("x", 0, 1), 1 - t.params["x"]), n_trials=3)
