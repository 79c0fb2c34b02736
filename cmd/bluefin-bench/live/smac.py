"""SMAC3 with its facade for hyperparameters: a random forest, and Sobol points at first."""

import importlib.metadata
import logging
import tempfile
from pathlib import Path

import ConfigSpace
import smac
from smac.runhistory.dataclasses import TrialInfo, TrialValue


class Smac(Whole):
    version = importlib.metadata.version("smac")

    def __init__(self, task):
        super().__init__(task)
        space = ConfigSpace.ConfigurationSpace(seed=task["seed"])
        space.add([self.parameter(d) for d in self.dims])
        self.space = space
        self.folder = tempfile.TemporaryDirectory()
        scenario = smac.Scenario(space, deterministic=True, n_trials=task["trials"] or 100, seed=task["seed"],
                                 output_directory=Path(self.folder.name))
        self.facade = smac.HyperparameterOptimizationFacade(
            scenario, lambda config, seed: 0.0, logging_level=logging.ERROR, overwrite=True)

    def parameter(self, dim):
        if dim.kind == "cat":
            return ConfigSpace.CategoricalHyperparameter(dim.name, list(range(dim.high + 1)))
        if dim.low == dim.high:
            return ConfigSpace.Constant(dim.name, dim.low)
        kind = {"float": ConfigSpace.UniformFloatHyperparameter, "int": ConfigSpace.UniformIntegerHyperparameter}
        return kind[dim.kind](dim.name, lower=dim.low, upper=dim.high, log=dim.log)

    def propose(self):
        info = self.facade.ask()
        return info, dict(info.config)

    def given(self, point):
        return TrialInfo(ConfigSpace.Configuration(self.space, values=point), seed=0)

    def observe(self, info, value):
        self.facade.tell(info, TrialValue(cost=value))


serve(Smac)
