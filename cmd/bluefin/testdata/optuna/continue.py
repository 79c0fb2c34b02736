"""Go on with a study of `bluefin finetune` with Optuna's own TPE."""
import sys

import optuna

study = optuna.load_study(
    study_name=sys.argv[2], storage="sqlite:///" + sys.argv[1],
    sampler=optuna.samplers.TPESampler(seed=1), pruner=optuna.pruners.MedianPruner())
distributions = study.trials[0].distributions
assert len(distributions) == 8, distributions


def objective(trial):
    # All parameters as Bluefin has stored them, so that TPE draws them jointly.
    for name, d in distributions.items():
        if isinstance(d, optuna.distributions.FloatDistribution):
            trial.suggest_float(name, d.low, d.high, log=d.log, step=d.step)
        elif isinstance(d, optuna.distributions.IntDistribution):
            trial.suggest_int(name, d.low, d.high, log=d.log, step=d.step)
        else:
            trial.suggest_categorical(name, d.choices)
    for epoch in range(1, 4):
        trial.report(1.0 / epoch, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return 0.3 + trial.params["learning_rate"]


study.optimize(objective, n_trials=int(sys.argv[3]))
