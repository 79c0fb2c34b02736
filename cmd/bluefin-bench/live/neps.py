"""PriorBand of NePS: Hyperband whose settings come from a belief, the incumbent and at random."""

import importlib.metadata
import random

import botorch.models.gp_regression
import numpy as np
import torch
from botorch.models.transforms.outcome import Log

# NePS 0.17 imports it from where newer versions of BoTorch do not have it.
botorch.models.gp_regression.Log = Log

import neps
from neps import algorithms
from neps.optimizers.ask_and_tell import AskAndTell


class PriorBand(Leveled):
    version = importlib.metadata.version("neural-pipeline-search")

    def __init__(self, task):
        super().__init__(task)
        # Its first trial is the centre of the belief, trained to the end.
        task["first"], first = None, task["first"]
        random.seed(task["seed"])
        np.random.seed(task["seed"])
        torch.manual_seed(task["seed"])
        confidence = "high" if task["spread"] <= 0.1 else "medium" if task["spread"] <= 0.2 else "low"

        def prior(dim):
            x = dim.external(first.get(dim.name, dim.low))
            return {"prior": x, "prior_confidence": confidence}

        space = {}
        for dim in self.dims:
            if dim.kind == "cat":
                space[dim.name] = neps.HPOCategorical(list(range(dim.high + 1)), **prior(dim))
            elif dim.low == dim.high:
                space[dim.name] = neps.HPOConstant(dim.low)
            else:
                kind = {"int": neps.HPOInteger, "float": neps.HPOFloat}[dim.kind]
                space[dim.name] = kind(dim.low, dim.high, log=dim.log, **prior(dim))
        space["epochs"] = neps.HPOInteger(1, task["epochs"], is_fidelity=True)
        self.optimizer = AskAndTell(
            algorithms.priorband(neps.SearchSpace(space), sample_prior_first="highest_fidelity"))

    def propose(self):
        trial = self.optimizer.ask()
        point = dict(trial.config)
        return trial, point, point.pop("epochs")

    def observe(self, trial, value):
        self.optimizer.tell(trial, value)


serve(PriorBand)
