"""Writes hyperband_auto.json: studies of Optuna with HyperbandPruner(max_resource="auto").

    python hyperband_auto.py > hyperband_auto.json     # Optuna 5.0.0
"""

import json
import random

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
studies = []
for index in range(8):
    r = random.Random(index)
    low, factor, direction = r.choice([1, 2]), r.choice([2, 3, 4]), r.choice(["minimize", "maximize"])
    pruner = optuna.pruners.HyperbandPruner(min_resource=low, max_resource="auto", reduction_factor=factor)
    study = optuna.create_study(study_name=f"auto-{index}", direction=direction, pruner=pruner,
                                sampler=optuna.samplers.RandomSampler(seed=index))
    steps, trials = r.randint(8, 40), []
    for number in range(25):
        trial, reports, value = study.ask(), [], r.gauss(0, 1)
        # The first trial reports nothing, so it says nothing about the resource; later ones are of
        # different lengths, but only the first of them counts.
        last = 0 if number == 0 else steps if number == 1 else r.randint(steps // 2, 2 * steps)
        pruned = False
        for step in range(last):
            value += r.gauss(-0.05, 0.1)
            reports.append([step, round(value, 3), False])
            trial.report(round(value, 3), step)
            if trial.should_prune():
                pruned = True
                break
        known = pruner._n_brackets is not None
        frozen = study._storage.get_trial(trial._trial_id)
        trials.append({"number": number, "bracket": pruner._get_bracket_id(study, frozen) if known else -1,
                       "reports": reports, "pruned": pruned,
                       "rungs": {k: v for k, v in frozen.system_attrs.items() if k.startswith("completed_rung_")}})
        if pruned:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, value)
    studies.append({"direction": direction, "study_name": study.study_name, "min_resource": low,
                    "max_resource": "auto", "reduction_factor": factor, "n_brackets": pruner._n_brackets,
                    "budgets": pruner._trial_allocation_budgets, "trials": trials})
print(json.dumps({"hyperband": studies}, separators=(",", ":")).replace('{"number"', '\n{"number"'))
