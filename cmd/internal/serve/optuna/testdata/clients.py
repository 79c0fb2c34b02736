"""Use a served storage as Optuna's users do, then compare every field with RDBStorage on the database.

clients.py HOST:PORT URL
"""
import datetime
import math
import sys
import threading

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.storages import GrpcStorageProxy, RetryHeartbeatStaleTrialCallback
from optuna.trial import TrialState, create_trial

from same import compare

optuna.logging.set_verbosity(optuna.logging.ERROR)
host, port = sys.argv[1].rsplit(":", 1)


def connect():
    return GrpcStorageProxy(host=host, port=int(port))


def raises(exception, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except exception:
        return
    raise AssertionError(f"{call} {args} {kwargs} raised nothing, want {exception}")


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    k = trial.suggest_int("k", 1, 64, log=True)
    c = trial.suggest_categorical("c", ["a", None, 1.5, True])
    s = trial.suggest_float("s", 0, 1, step=0.25)
    trial.set_user_attr("note", {"x": x, "日本": [1, None, "é"]})
    for step in range(4):
        trial.report(x * x + 4 - step, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return x * x + math.log(k) + (c is None) + s


def two(trial):
    x = trial.suggest_float("x", 0, 5)
    y = trial.suggest_float("y", 0, 3)
    trial.set_constraint("memory", x + y - 6)
    return 4 * x * x + 4 * y * y, (x - 5) ** 2 + (y - 5) ** 2


storage = connect()

# TPE and a pruner, in two threads; a second client continues.
study = optuna.create_study(study_name="tpe", storage=storage, sampler=optuna.samplers.TPESampler(seed=1),
                            pruner=optuna.pruners.MedianPruner(n_startup_trials=3))
study.optimize(objective, n_trials=20, n_jobs=2)
again = optuna.load_study(study_name="tpe", storage=connect(), sampler=optuna.samplers.TPESampler(seed=2),
                          pruner=optuna.pruners.SuccessiveHalvingPruner())
again.enqueue_trial({"x": 0.5, "k": 3}, user_attrs={"queued": True})
again.optimize(objective, n_trials=10)
queued = [t for t in again.trials if t.user_attrs.get("queued")]
assert len(queued) == 1 and queued[0].params["x"] == 0.5 and queued[0].params["k"] == 3, queued
assert [t.number for t in study.trials] == list(range(30))
assert study.best_value == again.best_value == min(t.value for t in study.trials if t.state == TrialState.COMPLETE)
assert any(t.state == TrialState.PRUNED for t in study.trials)

# Failures, attributes of studies, ask and tell, a stopped study.
study.set_user_attr("owner", {"name": "Ünï", "nan": float("nan")})
study.set_metric_names(["loss"])
trial = study.ask({"x": FloatDistribution(-5, 5), "n": IntDistribution(0, 9)})
study.tell(trial, 3.5)
raises(ValueError, study.tell, trial.number, 4.5)
study.tell(trial, 4.5, skip_if_finished=True)
study.tell(study.ask(), state=TrialState.FAIL)
study.tell(study.ask(), float("inf"))
study.tell(study.ask(), float("nan"))  # which Optuna turns into a failure
trial = study.ask()
trial.report(float("nan"), 0)
trial.report(float("-inf"), 7)
study.tell(trial, state=TrialState.PRUNED)
raises(UpdateFinishedTrialError, storage.set_trial_user_attr, trial._trial_id, "k", 1)
raises(UpdateFinishedTrialError, storage.set_trial_state_values, trial._trial_id, TrialState.COMPLETE, [1.0])
raises(KeyError, storage.get_trial, 10**9)
raises(KeyError, storage.set_trial_intermediate_value, 10**9, 0, 1.0)
raises(KeyError, optuna.load_study, study_name="none", storage=storage)
raises(DuplicatedStudyError, optuna.create_study, study_name="tpe", storage=storage)
assert optuna.create_study(study_name="tpe", storage=storage, load_if_exists=True)._study_id == study._study_id
trial = study.ask()
raises(ValueError, trial.suggest_categorical, "c", ["another"])
raises(ValueError, trial.suggest_int, "x", 0, 1)
study.tell(trial, 1.0)
study.optimize(lambda trial: trial.study.stop() or trial.suggest_float("x", -5, 5), n_trials=5)

# Two objectives with constraints in both forms.
moo = optuna.create_study(study_name="nsga", storage=storage, directions=["minimize", "maximize"],
                          sampler=optuna.samplers.NSGAIISampler(
                              population_size=6, seed=1,
                              constraints_func=lambda t: (t.params["x"] - 4, 1 - t.params["y"])))
moo.optimize(two, n_trials=20)
assert moo.trials[0].constraints.keys() == {"0", "1", "memory"}, moo.trials[0].constraints
assert moo.best_trials
moo.add_trial(create_trial(state=TrialState.PRUNED, values=[1.0, 2.0]))

# Other samplers that keep state in attributes.
for sampler in (optuna.samplers.CmaEsSampler(seed=1, warn_independent_sampling=False),
                optuna.samplers.QMCSampler(seed=1), optuna.samplers.GridSampler({"x": [1, 2], "y": [0.5]})):
    s = optuna.create_study(study_name=type(sampler).__name__, storage=storage, sampler=sampler)
    s.optimize(lambda t: t.suggest_int("x", 0, 3) * 0.5 + t.suggest_float("y", 0, 1, step=0.5), n_trials=6)
# With one parameter: BruteForceSampler relies on their order, which Optuna's protocol loses.
brute = optuna.create_study(study_name="brute", storage=storage, sampler=optuna.samplers.BruteForceSampler())
brute.optimize(lambda t: t.suggest_int("x", 0, 3) ** 2)
assert [t.params["x"] for t in sorted(brute.trials, key=lambda t: t.value)] == [0, 1, 2, 3]

# Added trials, retries, copies.
past = create_trial(params={"x": 1, "c": "b"}, value=2.0, user_attrs={"k": None}, system_attrs={"s": [1, {}]},
                    distributions={"x": IntDistribution(0, 8, step=1), "c": CategoricalDistribution(["a", "b"])},
                    intermediate_values={0: 1.0, 9: float("inf")})
past._datetime_start = datetime.datetime(2022, 9, 1, 1, 2, 3, 4)
past.datetime_complete = datetime.datetime(2022, 9, 1, 1, 2, 4)
added = optuna.create_study(study_name="added", storage=storage)
added.add_trials([past, create_trial(state=TrialState.FAIL), create_trial(state=TrialState.WAITING)])
assert added.trials[0].datetime_start == past.datetime_start and added.trials[0].duration == past.duration
retry = RetryHeartbeatStaleTrialCallback(max_retry=2, inherit_intermediate_values=True)
for number in 0, 3, 4:
    retry(added, added.trials[number])
assert len(added.trials) == 5 and retry.retry_history(added.trials[4]) == [0, 3]
assert retry.retried_trial_number(added.trials[4]) == 0 and added.trials[4].intermediate_values[9] == math.inf
first = added.ask()
assert first.number == 2, first.number
optuna.copy_study(from_study_name="nsga", from_storage=storage, to_storage=storage, to_study_name="copied")

# One of many clients starts a waiting trial, and each other one a trial of its own.
waiting = optuna.create_study(study_name="waiting", storage=storage)
waiting.enqueue_trial({"x": 1})
clients = [optuna.load_study(study_name="waiting", storage=connect()) for _ in range(8)]
asked, threads = [], [threading.Thread(target=lambda s=s: asked.append(s.ask().number)) for s in clients]
for t in threads:
    t.start()
for t in threads:
    t.join()
assert sorted(asked) == list(range(8)), asked

# Deletion is seen by every client.
gone = optuna.create_study(study_name="gone", storage=storage)
gone.ask()
elsewhere = optuna.load_study(study_name="gone", storage=connect())
assert len(elsewhere.trials) == 1
optuna.delete_study(study_name="gone", storage=storage)
raises(KeyError, lambda: elsewhere.get_trials())
assert optuna.create_study(study_name="gone", storage=storage)._study_id != gone._study_id

# Every field is what the database holds.
studies, trials = compare(sys.argv[1], sys.argv[2], storage)
assert studies > 9 and trials > 200, (studies, trials)
