"""Reports exact metrics to `bluefin tune`, and stops cleanly when the trial is pruned.

In a plain loop:    report(epoch, loss)    # or by name: report(epoch, loss=loss, accuracy=accuracy)
                    if should_stop(): break
Hugging Face:       Trainer(..., callbacks=[HFCallback()])
Lightning:          Trainer(..., callbacks=[LightningCallback()])

Outside of `bluefin tune` all of this does nothing. `bluefin python-hook` prints this file.
"""
import importlib.util, json, os, sys, warnings

_env = os.environ.get


def report(step, value=None, **metrics):
    """Reports the first --metric of tune, or metrics by name. With several ranks, only rank 0 reports."""
    _write(step, metrics if value is None else {_env("BLUEFIN_METRIC"): value, **metrics})


def should_stop():
    """Returns whether the trial is pruned. Calling it delays SIGTERM by --grace. Always False with several ranks."""
    try:
        if not _env("BLUEFIN_STOP") or int(_env("WORLD_SIZE") or 1) > 1:
            return False
        with open(_env("BLUEFIN_STOP"), "a") as f:  # its existence promises to stop
            return f.tell() > 0
    except OSError:
        return False


def _write(step, metrics, first=True):
    if first and _env("BLUEFIN_REPORTS") and (_env("RANK") or _env("LOCAL_RANK") or "0") == "0":
        try:  # a failed report must not end the training
            with open(_env("BLUEFIN_REPORTS"), "a", encoding="utf-8") as f:
                f.write(json.dumps({**{name: float(x) for name, x in metrics.items()}, "step": int(step)}) + "\n")
        except (OSError, TypeError, ValueError, RuntimeError) as e:
            warnings.warn(f"no report to bluefin at step {step}: {e}")


def _hugging_face(base):
    class HFCallback(base):
        def on_log(self, args, state, control, logs=None, **kwargs):
            numbers = {k: x for k, x in (logs or {}).items() if isinstance(x, (int, float)) or hasattr(x, "item")}
            _write(state.global_step, numbers, state.is_world_process_zero)

        def on_step_end(self, args, state, control, **kwargs):
            control.should_training_stop |= args.world_size == 1 and should_stop()
    return HFCallback


def _lightning(base):
    class LightningCallback(base):
        validated = frozenset()  # names of validation metrics; all others belong to training

        def on_validation_start(self, trainer, module):
            self.before = frozenset(trainer.callback_metrics)
        def on_validation_end(self, trainer, module):
            self.validated |= frozenset(trainer.callback_metrics) - self.before
            self.write(trainer, lambda name: name in self.validated and not trainer.sanity_checking)
        def on_train_epoch_end(self, trainer, module):
            self.write(trainer, lambda name: name not in self.validated)
        def on_train_batch_end(self, trainer, *args, **kwargs):
            trainer.should_stop |= trainer.world_size == 1 and should_stop()
        def write(self, trainer, wanted):
            metrics = {k: x for k, x in trainer.callback_metrics.items() if wanted(k)}
            _write(trainer.global_step, metrics, metrics and trainer.is_global_zero)
    return LightningCallback


def __getattr__(name):  # made on demand: importing this file imports no library
    if name == "HFCallback":
        made = _hugging_face(importlib.import_module("transformers").TrainerCallback)
    elif name == "LightningCallback":
        new = importlib.util.find_spec("lightning") and "pytorch_lightning" not in sys.modules
        made = _lightning(importlib.import_module("lightning.pytorch" if new else "pytorch_lightning").Callback)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made.__module__, made.__qualname__ = __name__, name  # for pickle
    return globals().setdefault(name, made)
