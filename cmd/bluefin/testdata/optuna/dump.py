"""Print every trial of a study as Optuna sees it, one JSON object a line."""
import json
import sys

import optuna

from storages import storage_of

study = optuna.load_study(study_name=sys.argv[2], storage=storage_of(sys.argv[1]))
for t in study.get_trials():
    print(json.dumps({
        "number": t.number,
        "state": t.state.name,
        "values": None if t.values is None else [repr(v) for v in t.values],
        "params": {k: repr(v) for k, v in t.params.items()},
        "distributions": {k: optuna.distributions.distribution_to_json(d) for k, d in t.distributions.items()},
        "reports": {str(k): repr(v) for k, v in t.intermediate_values.items()},
        "user_attrs": {k: json.dumps(v) for k, v in t.user_attrs.items()},
        "constraints": {k: repr(v) for k, v in t.constraints.items()},
        "start": t.datetime_start is not None,
        "complete": t.datetime_complete is not None,
    }))
