"""Makes studies in an Optuna file and prints the data of Optuna's own figures of them as JSON.

usage: figures.py FILE

Each study holds what real ones do: parameters of every kind, some of which only some trials have,
trials of every state, infinite values, violated constraints, and reports that are NaN or infinite.
The output is {study: {"figure/argument/...": [trace, ...]}} with plotly's traces; a number after
the figure's name is the objective. The key "ranks/..." holds the ranks that color the rank plot.
"""

import base64
import datetime
import itertools
import json
import math
import random
import sys
import warnings

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial
from optuna.visualization._rank import _get_order_with_same_order_averaging

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)

storage = optuna.storages.RDBStorage("sqlite:///" + sys.argv[1])
start = datetime.datetime(2026, 1, 2, 3, 4, 5)

SPACE = {
    "x": FloatDistribution(-2, 2),
    "rate": FloatDistribution(1e-5, 1, log=True),
    "n": IntDistribution(1, 9),
    "width": IntDistribution(1, 500, log=True),
    "drop": FloatDistribution(0, 1, step=0.25),
    "batch": IntDistribution(5, 50, step=5),
    "kind": CategoricalDistribution(["line", "tree", "none"]),
    "units": CategoricalDistribution([128, 32, 64]),
    "flag": CategoricalDistribution([True, False]),
    "maybe": CategoricalDistribution(["b", None, "a", 2.5]),
}
TREE = {"depth": IntDistribution(1, 200, log=True)}  # only if kind is "tree"


def draw(rng, d):
    if isinstance(d, CategoricalDistribution):
        return rng.choice(d.choices)
    if d.log:
        value = math.exp(rng.uniform(math.log(d.low), math.log(d.high)))
        return int(value) if isinstance(d, IntDistribution) else min(max(value, d.low), d.high)
    if d.step:
        return d.low + d.step * rng.randint(0, int((d.high - d.low) / d.step))
    return rng.uniform(d.low, d.high)


def fill(name, directions, trials, space=SPACE, tree=TREE, constrained=True, seed=0, dynamic=False):
    study = optuna.create_study(study_name=name, storage=storage, directions=directions)
    rng = random.Random(f"{name} {seed}")
    clock = start
    for number in range(trials):
        distributions = dict(space)
        if dynamic:
            high = 2 + number % 5
            distributions = {"x": FloatDistribution(-high, high), "n": IntDistribution(1, 9 + number)}
        if number == 3:  # a trial of another program may lack anything
            distributions = dict(list(distributions.items())[:2])
        params = {key: draw(rng, d) for key, d in distributions.items()}
        if params.get("kind") == "tree":
            distributions.update(tree)
            params.update({key: draw(rng, d) for key, d in tree.items()})
        x = params.get("x", 0.0)
        values = [(x - 0.5) ** 2 + round(rng.random(), 1), -x + round(rng.random(), 2), rng.gauss(0, 1)]
        values = values[: len(directions)]
        state = TrialState.COMPLETE
        roll = rng.random()
        if roll < 0.08:
            state, values = TrialState.FAIL, None
        elif roll < 0.2:
            state, values = TrialState.PRUNED, values if len(directions) == 1 else None
        elif roll < 0.26:
            state, values = TrialState.RUNNING, None
        elif roll < 0.28:
            state, values = TrialState.WAITING, None
        elif roll < 0.34:
            values[0] = rng.choice([math.inf, -math.inf]) if number > trials / 2 else math.inf
        reports = {}
        if len(directions) == 1 and number % 4:
            for step in range(rng.randint(1, 6)):
                reports[3 * step + number % 2] = rng.choice([x + 1 / (step + 1)] * 20 + [math.nan, math.inf, -math.inf])
        constraints = None
        if constrained and number % 3:
            constraints = {"memory": rng.uniform(-3, 1), "time": rng.choice([0.0, -1.0])}
        trial = create_trial(
            state=state, values=values, params=params, distributions=distributions,
            intermediate_values=reports, constraints=constraints, user_attrs={}, system_attrs={},
        )
        if state == TrialState.WAITING:
            trial._datetime_start = trial.datetime_complete = None
        else:
            clock += datetime.timedelta(seconds=rng.uniform(0, 40))
            trial._datetime_start = clock
            seconds = rng.choice([0.25, 30.5, rng.uniform(0, 100)])
            trial.datetime_complete = clock + datetime.timedelta(seconds=seconds) if state.is_finished() else None
        study.add_trial(trial)
    return study


def plain(value):
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict) and "bdata" in value:
        array = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
        return array.reshape([int(n) for n in value.get("shape", "-1").split(",")]).tolist()
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def figures(study):
    vis = optuna.visualization
    names = sorted({name for t in study.get_trials(states=(TrialState.COMPLETE,)) for name in t.params})
    out = {"intermediate": vis.plot_intermediate_values(study), "timeline": vis.plot_timeline(study)}
    for k in range(len(study.directions)):
        how = {}
        if len(study.directions) > 1:
            how = {"target": lambda t, k=k: t.values[k], "target_name": f"values_{k}"}
        out[f"history/{k}"] = vis.plot_optimization_history(study, **how)
        out[f"parallel/{k}"] = vis.plot_parallel_coordinate(study, **how)
        out[f"edf/{k}"] = vis.plot_edf(study, **how)
        if len(study.get_trials(states=(TrialState.COMPLETE,))) > 1:
            lower = dict(how)  # with a target, PED-ANOVA takes lower values for better
            if how and study.directions[k] == StudyDirection.MAXIMIZE:
                lower["target"] = lambda t, k=k: -t.values[k]
            out[f"importances/{k}"] = vis.plot_param_importances(study, **lower)
        for name in names:
            out[f"slice/{k}/{name}"] = vis.plot_slice(study, [name], **how)
        pairs = list(itertools.combinations(names, 2))
        random.Random(k).shuffle(pairs)
        for a, b in pairs[:6]:
            out[f"contour/{k}/{a}/{b}"] = vis.plot_contour(study, [a, b], **how)
            out[f"rank/{k}/{a}/{b}"] = vis.plot_rank(study, [a, b], **how)
    if len(study.directions) > 1:
        out["pareto"] = vis.plot_pareto_front(study)
        for reference in ([2, 2, 2], [0.5, -0.5, 3], [5.0, -4.0, -1]):
            reference = reference[: len(study.directions)]
            key = "/".join(map(str, ["hypervolume", 0, *reference]))
            out[key] = vis.plot_hypervolume_history(study, reference)
    return {key: plain(figure.to_plotly_json()["data"]) for key, figure in out.items()}


def ranks(study, k):
    values = np.array([t.values[k] for t in study.get_trials(states=(TrialState.COMPLETE,))])
    return (_get_order_with_same_order_averaging(values) / (len(values) - 1)).tolist() if len(values) > 1 else [0.5] * len(values)


studies = [
    fill("minimize", ["minimize"], 64),
    fill("maximize", ["maximize"], 40, constrained=False),
    fill("two", ["minimize", "maximize"], 48),
    fill("three", ["minimize", "minimize", "maximize"], 30, space={"x": SPACE["x"], "n": SPACE["n"]}, constrained=False),
    fill("dynamic", ["minimize"], 30, dynamic=True),
    fill("flat", ["minimize"], 20, space={"kind": SPACE["kind"], "units": SPACE["units"]}, tree={}),
    fill("one", ["minimize"], 1, space={"x": SPACE["x"], "n": SPACE["n"]}, seed=0),
    fill("empty", ["minimize"], 0),
]
result = {}
for study in studies:
    result[study.study_name] = figures(study)
    for k in range(len(study.directions)):
        result[study.study_name][f"ranks/{k}"] = ranks(study, k)
several = [study for study in studies if len(study.directions) == 1]
figure = optuna.visualization.plot_edf(several).to_plotly_json()["data"]
result["minimize"]["/".join(["edf", "0", *(study.study_name for study in several)])] = plain(figure)
json.dump(result, sys.stdout)
