"""A search by Optuna's TPE, of which another program has the objective.

The arguments are a seed, what becomes of a trial that runs out of memory (fail, pruned or
constraint), and the distributions as JSON, by name. For each trial a line with its parameters, in
internal form, goes to standard output, and a line of standard input answers: a value, or "oom".
"""

import json
import sys
import warnings

import optuna


def main():
    seed, how, space = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    dists = {name: optuna.distributions.json_to_distribution(text) for name, text in space.items()}
    options = {}
    if how == "constraint":
        options["constraints_func"] = lambda trial: trial.user_attrs["constraints"]
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, **options))
    while True:
        trial = study.ask(dists)
        values = {name: float(dists[name].to_internal_repr(v)) for name, v in trial.params.items()}
        print(json.dumps(values), flush=True)
        answer = sys.stdin.readline().strip()
        if not answer:
            return
        trial.set_user_attr("constraints", [1.0 if answer == "oom" else -1.0])
        if answer != "oom":
            study.tell(trial, float(answer))
        elif how == "fail":
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)


main()
