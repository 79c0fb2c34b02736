"""Writes tensorboard/: event files of torch's SummaryWriter, tensorboardX and tensorboard's own Writer.

torch 2.15.0, tensorboard 2.21.0, tensorboardX 2.6.5
"""
import json, math, pathlib, shutil
import numpy, tensorboardX, torch
from tensorboard.summary import Writer
from torch.utils.tensorboard import SummaryWriter

out = pathlib.Path(__file__).parent / "tensorboard"
shutil.rmtree(out, ignore_errors=True)


def f32(x):
    return float(numpy.float32(x))


values = [[i * 10, f32(1 / (i + 3))] for i in range(8)]
want = {"eval/loss": values}

with SummaryWriter(str(out / "torch" / "runs" / "Nov30_host")) as w:
    w.add_text("note", "α text " * 20)
    w.add_histogram("weights", numpy.arange(50), 0)
    for step, x in values:
        w.add_scalar("eval/loss", x, step)
    w.add_scalar("odd", math.nan, 1)
    w.add_scalar("odd", math.inf, 2)
    w.add_scalars("split", {"train": 1.5, "val": 2.5}, 3)
    w.add_hparams({"lr": 0.1}, {"hparam/accuracy": 0.75})
with SummaryWriter(str(out / "new_style")) as w:  # scalars as tensors
    for step, x in values:
        w.add_scalar("eval/loss", x, step, new_style=True)
    w.add_scalar("double", x, 1, new_style=True, double_precision=True)
with tensorboardX.SummaryWriter(str(out / "tensorboardx")) as w:
    for step, x in values:
        w.add_scalar("eval/loss", x, step)
writer = Writer(str(out / "writer"))
for step, x in values:
    writer.add_scalar("eval/loss", x, step)
writer.close()
(out / "want.json").write_text(json.dumps(want))
