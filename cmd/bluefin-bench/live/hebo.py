"""HEBO: a Gaussian process with warped inputs and outputs and several acquisitions at once."""

import importlib.metadata

import numpy as np
import pandas as pd
import torch
from hebo.design_space.design_space import DesignSpace
from hebo.optimizers.hebo import HEBO


class Hebo(Whole):
    version = importlib.metadata.version("HEBO")

    def __init__(self, task):
        super().__init__(task)
        np.random.seed(task["seed"])
        torch.manual_seed(task["seed"])
        torch.set_num_threads(1)
        self.optimizer = HEBO(DesignSpace().parse([self.parameter(d) for d in self.dims]), scramble_seed=task["seed"])

    def parameter(self, dim):
        if dim.kind == "cat":
            return {"name": dim.name, "type": "cat", "categories": list(range(dim.high + 1))}
        kind = {("float", False): "num", ("float", True): "pow", ("int", False): "int", ("int", True): "pow_int"}
        return {"name": dim.name, "type": kind[dim.kind, dim.log], "lb": dim.low, "ub": dim.high, "base": 10}

    def propose(self):
        frame = self.optimizer.suggest(n_suggestions=1)
        return frame, frame.iloc[0].to_dict()

    def given(self, point):
        return pd.DataFrame([point])

    def observe(self, frame, value):
        self.optimizer.observe(frame, np.array([[value]]))


serve(Hebo)
