"""Writes wandb/: offline runs of Weights & Biases, one of several blocks of 32 KiB.

wandb 0.31.0
"""
import json, os, pathlib, random, shutil, tempfile

os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_X_DISABLE_STATS="true", WANDB_DISABLE_CODE="true",
                  WANDB_DISABLE_GIT="true")
import wandb

here = pathlib.Path(__file__).parent / "wandb"
shutil.rmtree(here, ignore_errors=True)
here.mkdir()
draw = random.Random(7)


def run(name, f):
    with tempfile.TemporaryDirectory() as d:
        r = wandb.init(dir=d, project="p", config={"lr": 0.1})
        want = f(r)
        r.finish()
        wandb.teardown()  # the file is complete when the service has ended
        [file] = pathlib.Path(d).rglob("run-*.wandb")
        (here / name).mkdir()
        shutil.copy(file, here / name / "run-20261130_105500-abcdefgh.wandb")
        return want


def many(r):
    points = []
    for i in range(120):
        x = draw.random()
        r.log({"loss": x, "eval": {"loss": x / 3}, "note": "x" * draw.randrange(1000)})
        points.append([i, x])
    return {"loss": points, "eval.loss": [[i, x / 3] for i, x in points]}


def few(r):
    r.log({"val/loss": 0.5, "epoch": 1}, step=10)
    r.log({"val/loss": float("nan")}, step=20)
    r.log({"val/loss": float("inf"), "h": wandb.Histogram([1, 2, 3])}, step=30)
    r.log({"val/loss": 0.1 + 0.2, "big": "y" * 70000}, step=40)  # a record of three blocks
    r.summary["best"] = 0.25
    return {"val/loss": [[10, 0.5], [20, "NaN"], [30, "Infinity"], [40, 0.1 + 0.2]], "best": [[0, 0.25]]}


want = {"many": run("many", many), "few": run("few", few)}
(here / "want.json").write_text(json.dumps(want))
