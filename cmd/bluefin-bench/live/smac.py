"""SMAC3: a random forest, and its facades for whole trainings or, as hyperband, for levels of them."""

import importlib.metadata
import logging
import tempfile
from pathlib import Path

import ConfigSpace
import smac
from smac.runhistory.dataclasses import TrialInfo, TrialValue


def parameter(dim):
    if dim.kind == "cat":
        return ConfigSpace.CategoricalHyperparameter(dim.name, list(range(dim.high + 1)))
    if dim.low == dim.high:
        return ConfigSpace.Constant(dim.name, dim.low)
    kind = {"float": ConfigSpace.UniformFloatHyperparameter, "int": ConfigSpace.UniformIntegerHyperparameter}
    return kind[dim.kind](dim.name, lower=dim.low, upper=dim.high, log=dim.log)


def facade_of(engine, task, facade, **budgets):
    space = ConfigSpace.ConfigurationSpace(seed=task["seed"])
    space.add([parameter(d) for d in engine.dims])
    engine.space, engine.folder = space, tempfile.TemporaryDirectory()
    scenario = smac.Scenario(space, deterministic=True, n_trials=task["trials"] or 1000, seed=task["seed"],
                             output_directory=Path(engine.folder.name), **budgets)
    return facade(scenario, lambda config, seed, budget=None: 0.0, logging_level=logging.ERROR, overwrite=True)


class Smac(Whole):
    version = importlib.metadata.version("smac")

    def __init__(self, task):
        super().__init__(task)
        self.facade = facade_of(self, task, smac.HyperparameterOptimizationFacade)

    def propose(self):
        info = self.facade.ask()
        return info, dict(info.config)

    def given(self, point):
        return TrialInfo(ConfigSpace.Configuration(self.space, values=point), seed=0)

    def observe(self, info, value):
        self.facade.tell(info, TrialValue(cost=value))


class Hyperband(Leveled):
    version = importlib.metadata.version("smac")

    def __init__(self, task):
        super().__init__(task)
        self.facade = facade_of(self, task, smac.MultiFidelityFacade, min_budget=1, max_budget=task["epochs"])

    def propose(self):
        info = self.facade.ask()
        return info, dict(info.config), info.budget

    def observe(self, info, value):
        self.facade.tell(info, TrialValue(cost=value))


serve(Hyperband if json.loads(sys.argv[1])["sampler"] == "hyperband" else Smac)
