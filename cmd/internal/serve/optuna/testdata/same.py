"""Compare every field of every trial, as a client of the service gets it, with RDBStorage on the database.

same.py HOST:PORT URL
"""
import math
import sys

import optuna
from optuna.storages import GrpcStorageProxy, RDBStorage


def same(a, b):
    """Equality, with NaN equal to NaN."""
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a):
        return math.isnan(b)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b or isinstance(a, (int, float)) and a == b


def compare(address, url, *clients):
    """Return how many studies and trials are the same for a new client, and for those that have seen some."""
    host, port = address.rsplit(":", 1)
    file, fresh = RDBStorage(url), GrpcStorageProxy(host=host, port=int(port))
    ours, theirs = fresh.get_all_studies(), file.get_all_studies()
    assert [s._study_id for s in ours] == [s._study_id for s in theirs]
    trials = 0
    for a, b in zip(ours, theirs):
        for field in "study_name", "directions", "user_attrs", "system_attrs":
            assert same(getattr(a, field), getattr(b, field)), (a.study_name, field, getattr(a, field), getattr(b, field))
        stored = file.get_all_trials(b._study_id)
        for client in fresh, *clients:
            served = client.get_all_trials(a._study_id)
            assert len(served) == len(stored)
            for t, u in zip(served, stored):
                trials += 1
                for field in ("number", "_trial_id", "state", "values", "datetime_start", "datetime_complete", "params",
                              "distributions", "user_attrs", "system_attrs", "intermediate_values", "constraints"):
                    v, w = getattr(t, field), getattr(u, field)
                    assert same(v, w), (a.study_name, t.number, field, v, w)
        summary = {s.study_name: s for s in optuna.get_all_study_summaries(fresh)}[a.study_name]
        assert summary.n_trials == len(stored)
        # So does one trial that is read alone.
        for u in stored[:3]:
            t = fresh.get_trial(u._trial_id)
            assert t == u or same(t.__dict__, u.__dict__), (t, u)
            assert fresh.get_trial_id_from_study_id_trial_number(a._study_id, u.number) == u._trial_id
    return len(ours), trials


if __name__ == "__main__":
    print("%d studies, %d trials are the same" % compare(sys.argv[1], sys.argv[2]))
