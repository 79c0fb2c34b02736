"""Measures what a trial costs in Optuna and, if it is installed, in Rustuna.

The only argument is JSON: samplers, params, trials, and whole. The rules are
those of the caller's own measurement, in speed.go. A JSON list goes to standard
output, versions to standard error.
"""

import gc
import importlib.metadata
import json
import resource
import sys
import warnings

import optuna

try:
    import rustuna
except ImportError:
    rustuna = None

ENOUGH = 0.2  # seconds of processor time in all windows of a figure


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def objective(trial, params):
    total = 0.0
    for i in range(params):
        x = trial.suggest_float("x%d" % i, 0.0, 1.0)
        total += (x - 0.3) * (x - 0.3)
    return total


class Constant:
    """A trial whose suggestions cost next to nothing."""

    def suggest_float(self, name, low, high):
        return 0.7


def study_of(engine, sampler, seed):
    if engine == "rustuna":
        kinds = {"tpe": rustuna.samplers.TPESampler, "random": rustuna.samplers.RandomSampler}
        return rustuna.create_study(sampler=kinds[sampler](seed=seed))
    kinds = {
        "tpe": optuna.samplers.TPESampler,
        "random": optuna.samplers.RandomSampler,
        "cmaes": optuna.samplers.CmaEsSampler,
    }
    return optuna.create_study(sampler=kinds[sampler](seed=seed))


def once(engine, sampler, params, first, last, seed):
    """Returns the processor time of the trials from first to last - 1."""
    study = study_of(engine, sampler, seed)
    tell = (lambda t, v: study.tell(t.number, v)) if engine == "rustuna" else study.tell
    start = cpu()
    for n in range(last):
        if n == first:
            start = cpu()
        trial = study.ask()
        tell(trial, objective(trial, params))
    return cpu() - start


def objective_cost(params):
    trial, n = Constant(), 20000
    start = cpu()
    for _ in range(n):
        objective(trial, params)
    return (cpu() - start) / n


def measure(engine, sampler, params, trials, whole):
    window = max(trials // 10, 10)
    first, last = (0, trials) if whole else (max(trials - window, 0), trials + window)
    once(engine, sampler, params, 0, 20, 0)  # what is done once for all
    total, runs = 0.0, 0
    while runs == 0 or (total < ENOUGH and runs < 50):
        gc.collect()
        total += once(engine, sampler, params, first, last, 1 + runs)
        runs += 1
    return total / runs / (last - first) - objective_cost(params)


def main():
    task = json.loads(sys.argv[1])
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    engines = ["optuna"] + (["rustuna"] if rustuna else [])
    for name in engines + ["cmaes"]:
        try:
            print(name, importlib.metadata.version(name), file=sys.stderr)
        except importlib.metadata.PackageNotFoundError:
            print(name, "is not installed", file=sys.stderr)
    rows = []
    for engine in engines:
        for sampler in task["samplers"]:
            if sampler not in (["tpe", "random"] if engine == "rustuna" else ["tpe", "random", "cmaes"]):
                continue
            for trials in task["trials"]:
                seconds = measure(engine, sampler, task["params"], trials, task["whole"])
                rows.append({"engine": engine, "sampler": sampler, "params": task["params"], "trials": trials, "us_per_trial": 1e6 * seconds})
    json.dump(rows, sys.stdout)


main()
