"""Samplers of Optuna, which draw a parameter when it is asked for, and its pruners."""

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
        "nsga2": lambda: samplers.NSGAIISampler(seed=seed),
        "nsga3": lambda: samplers.NSGAIIISampler(seed=seed),
    }[name]()


def pruner_of(name, epochs):
    pruners = optuna.pruners
    return {
        "": pruners.NopPruner,
        "median": pruners.MedianPruner,
        "halving": lambda: pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
        "hyperband": lambda: pruners.HyperbandPruner(max_resource=epochs),
    }[name]()


class Optuna:
    version = optuna.__version__

    def __init__(self, task):
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler, _, pruner = task["sampler"].partition("+")
        self.study = optuna.create_study(
            directions=["minimize"] * max(task["objectives"], 1), sampler=sampler_of(sampler, task["seed"]),
            pruner=pruner_of(pruner, task["epochs"]))
        self.trials = {}
        if task["first"] is not None:
            dists = {d["name"]: optuna.distributions.json_to_distribution(d["dist"]) for d in task["space"]}
            self.study.enqueue_trial({k: dists[k].to_external_repr(x) for k, x in task["first"].items()})

    def ask(self):
        trial = self.study.ask()
        self.trials[trial.number] = trial
        return {"number": trial.number}

    def suggest(self, number, name, dist):
        trial, dist = self.trials[number], optuna.distributions.json_to_distribution(dist)
        if isinstance(dist, optuna.distributions.FloatDistribution):
            value = trial.suggest_float(name, dist.low, dist.high, step=dist.step, log=dist.log)
        elif isinstance(dist, optuna.distributions.IntDistribution):
            value = trial.suggest_int(name, dist.low, dist.high, step=dist.step, log=dist.log)
        else:
            value = trial.suggest_categorical(name, dist.choices)
        return float(dist.to_internal_repr(value))

    def report(self, number, epoch, value):
        self.trials[number].report(value, epoch)
        return bool(self.trials[number].should_prune())  # the median pruner returns one of numpy

    def tell(self, number, value, whole):
        trial = self.trials.pop(number)
        if whole:
            self.study.tell(trial, value)
        else:
            self.study.tell(trial, state=optuna.trial.TrialState.PRUNED)


serve(Optuna)
