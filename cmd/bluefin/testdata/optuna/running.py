"""Leave a trial running whose joint draw is published and not yet suggested in full."""
import sys

import optuna

optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.load_study(study_name=sys.argv[2], storage="sqlite:///" + sys.argv[1], sampler=optuna.samplers.TPESampler(seed=1, n_startup_trials=2))
trial = study.ask()
trial.suggest_float("x", -1, 1)
print(trial.number, trial.relative_params["k"])
