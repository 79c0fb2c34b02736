"""Syne Tune: ASHA, which stops trials, with random search or the model of BOHB."""

import datetime
import importlib.metadata
import logging

from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import choice, lograndint, loguniform, randint, uniform
from syne_tune.optimizer import baselines


class Syne(Whole):
    version = importlib.metadata.version("syne-tune")

    def __init__(self, task):
        super().__init__(task)
        first, task["first"] = task["first"], None
        kinds = {("float", False): uniform, ("float", True): loguniform, ("int", False): randint, ("int", True): lograndint}
        space = {d.name: choice(list(range(d.high + 1))) if d.kind == "cat" else kinds[d.kind, d.log](d.low, d.high)
                 for d in self.dims if d.low != d.high}
        self.fixed = {d.name: d.low for d in self.dims if d.low == d.high}
        point = {d.name: d.external(first.get(d.name, d.low)) for d in self.dims if d.name in space}
        logging.disable(logging.WARNING)
        make = {"asha": baselines.ASHA, "bohb": baselines.BOHB}[task["sampler"]]
        self.scheduler = make(space, metric="loss", time_attr="epoch", max_t=task["epochs"], random_seed=task["seed"],
                              points_to_evaluate=[point])

    def propose(self):
        suggestion = self.scheduler.suggest()
        trial = Trial(self.asked - 1, suggestion.config, datetime.datetime.now())
        self.scheduler.on_trial_add(trial)
        return trial, dict(suggestion.config, **self.fixed)

    def report(self, number, epoch, value):
        trial = self.running[number][0]
        self.last = {"epoch": epoch, "loss": value}
        return self.scheduler.on_trial_result(trial, self.last) == "STOP"

    def tell(self, number, value, whole):
        self.running.pop(number)


serve(Syne)
