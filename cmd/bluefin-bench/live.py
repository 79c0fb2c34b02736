"""Searches with a sampler of Optuna, of which another program has the objective.

The only argument is JSON: sampler and seed. Each line of standard input is a
request, each answered by a line of standard output, all of them JSON:

    {"ask": true}                               -> {"number": 0}
    {"number": 0, "name": "x", "dist": "{...}"} -> {"value": 0.3}, in internal form
    {"number": 0, "tell": 1.5}                  -> {}

The first line that is written says which Optuna it is.
"""

import json
import sys
import warnings

import optuna


def sampler_of(name, seed):
    samplers = optuna.samplers
    return {
        "tpe": lambda: samplers.TPESampler(seed=seed),
        "tpe-independent": lambda: samplers.TPESampler(seed=seed, multivariate=False, constant_liar=False),
        "tpe-groups": lambda: samplers.TPESampler(seed=seed, multivariate=True, group=True),
        "gp": lambda: samplers.GPSampler(seed=seed),
        "random": lambda: samplers.RandomSampler(seed=seed),
        "qmc": lambda: samplers.QMCSampler(seed=seed, scramble=True),
        "cmaes": lambda: samplers.CmaEsSampler(seed=seed),
        "cmaes-margin": lambda: samplers.CmaEsSampler(seed=seed, with_margin=True),
        "cmaes-separable": lambda: samplers.CmaEsSampler(seed=seed, use_separable_cma=True),
    }[name]()


def suggest(trial, name, dist):
    if isinstance(dist, optuna.distributions.FloatDistribution):
        value = trial.suggest_float(name, dist.low, dist.high, step=dist.step, log=dist.log)
    elif isinstance(dist, optuna.distributions.IntDistribution):
        value = trial.suggest_int(name, dist.low, dist.high, step=dist.step, log=dist.log)
    else:
        value = trial.suggest_categorical(name, dist.choices)
    return float(dist.to_internal_repr(value))


def main():
    task = json.loads(sys.argv[1])
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=sampler_of(task["sampler"], task["seed"]))
    trials = {}
    answer = {"version": optuna.__version__}
    while True:
        print(json.dumps(answer), flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        request = json.loads(line)
        if "ask" in request:
            trial = study.ask()
            trials[trial.number] = trial
            answer = {"number": trial.number}
        elif "name" in request:
            dist = optuna.distributions.json_to_distribution(request["dist"])
            answer = {"value": suggest(trials[request["number"]], request["name"], dist)}
        else:
            study.tell(trials.pop(request["number"]), request["tell"])
            answer = {}


main()
