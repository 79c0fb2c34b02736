"""NGOpt of Nevergrad, which chooses an optimizer by the space and the budget."""

import nevergrad as ng
import numpy as np


class NGOpt(Whole):
    version = ng.__version__

    def __init__(self, task):
        super().__init__(task)
        space = ng.p.Dict(**{d.name: self.parameter(d) for d in self.dims})
        space.random_state = np.random.RandomState(task["seed"])
        self.optimizer = ng.optimizers.NGOpt(space, budget=task["trials"] or 100, num_workers=task["workers"])

    def parameter(self, dim):
        if dim.kind == "cat":
            return ng.p.Choice(list(range(dim.high + 1)))
        if dim.log:
            p = ng.p.Log(lower=dim.low, upper=dim.high)
        else:
            p = ng.p.Scalar(lower=dim.low, upper=dim.high)
        # An integer on a log scale is rounded when it is used.
        return p.set_integer_casting() if dim.kind == "int" and not dim.log else p

    def propose(self):
        candidate = self.optimizer.ask()
        return candidate, candidate.value

    def given(self, point):
        return self.optimizer.parametrization.spawn_child(new_value=point)

    def observe(self, candidate, value):
        self.optimizer.tell(candidate, value)


serve(NGOpt)
