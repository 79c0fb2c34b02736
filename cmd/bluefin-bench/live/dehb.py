"""DEHB: differential evolution in the rungs of Hyperband."""

import importlib.metadata
import logging
import tempfile

import ConfigSpace
import dehb


class Dehb(Leveled):
    version = importlib.metadata.version("dehb")

    def __init__(self, task):
        super().__init__(task)
        space = ConfigSpace.ConfigurationSpace(seed=task["seed"])
        for dim in self.dims:
            if dim.kind == "cat":
                p = ConfigSpace.CategoricalHyperparameter(dim.name, list(range(dim.high + 1)))
            elif dim.low == dim.high:
                p = ConfigSpace.Constant(dim.name, dim.low)
            elif dim.kind == "int":
                p = ConfigSpace.UniformIntegerHyperparameter(dim.name, dim.low, dim.high, log=dim.log)
            else:
                p = ConfigSpace.UniformFloatHyperparameter(dim.name, dim.low, dim.high, log=dim.log)
            space.add(p)
        self.folder = tempfile.TemporaryDirectory()
        self.optimizer = dehb.DEHB(cs=space, min_fidelity=1, max_fidelity=task["epochs"], eta=3, n_workers=1,
                                   seed=task["seed"], save_freq="end", output_path=self.folder.name)

    def propose(self):
        job = self.optimizer.ask()
        return job, dict(job["config"]), job["fidelity"]

    def observe(self, job, value):
        self.optimizer.tell(job, {"fitness": value, "cost": job["fidelity"]})


serve(Dehb)
