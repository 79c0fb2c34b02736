"""Write a journal file with all operations, or compare its studies with those
of an SQLite file into which they were imported."""
import math
import sys

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

optuna.logging.set_verbosity(optuna.logging.ERROR)
storage = JournalStorage(JournalFileBackend(sys.argv[2]))


def objective(t):
    x = t.suggest_float("x", 0, 1)
    t.suggest_categorical("c", ["a", None, "日本", 2.5])
    t.suggest_int("n", 1, 64, log=True)
    t.report(math.nan if t.number == 1 else x, 0)
    t.report(math.inf, 3)
    t.set_user_attr("k", [1, math.inf, "ü"])
    if t.number == 2:
        raise optuna.TrialPruned()
    return math.nan if t.number == 3 else x


def write():
    s = optuna.create_study(storage=storage, study_name="größe 日本", direction="maximize")
    s.set_user_attr("note", {"x": math.nan})
    s.enqueue_trial({"x": 0.25})
    s.optimize(objective, n_trials=6)
    s.add_trial(optuna.trial.create_trial(
        value=3.5, params={"x": 0.5}, distributions={"x": optuna.distributions.FloatDistribution(0, 1)},
        intermediate_values={1: 2.0}, user_attrs={"z": 1}))
    s.enqueue_trial({"x": 0.75})
    gone = optuna.create_study(storage=storage, study_name="gone")
    gone.ask()
    optuna.delete_study(study_name="gone", storage=storage)
    two = optuna.create_study(storage=storage, study_name="two", directions=["minimize", "maximize"])
    two.optimize(lambda t: (t.suggest_float("x", 0, 1), -math.inf), n_trials=2)


def seen(study):
    def items(d):
        return sorted((k, repr(v)) for k, v in d.items())
    return repr(study.directions), items(study.user_attrs), [
        (t.number, t.state, repr(t.values), items(t.params), items(t.distributions), items(t.intermediate_values),
         items(t.user_attrs), items(t.system_attrs), t.datetime_start, t.datetime_complete) for t in study.trials]


def compare():
    for name in optuna.get_all_study_names(storage):
        ours = seen(optuna.load_study(study_name=name, storage="sqlite:///" + sys.argv[3]))
        theirs = seen(optuna.load_study(study_name=name, storage=storage))
        if ours != theirs:
            sys.exit(f"{name}: imported {ours}\nwant {theirs}")


{"write": write, "compare": compare}[sys.argv[1]]()
