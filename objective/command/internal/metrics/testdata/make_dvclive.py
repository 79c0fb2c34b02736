"""Writes dvclive/: metrics.json and the series of DVCLive.

dvclive 3.49.1
"""
import json, pathlib, shutil
from dvclive import Live

out = pathlib.Path(__file__).parent / "dvclive"
shutil.rmtree(out, ignore_errors=True)
values = [1 / (i + 3) for i in range(6)]
with Live(str(out / "dvclive"), save_dvc_exp=False, dvcyaml=None) as live:
    for x in values:
        live.log_metric("loss", x)
        live.log_metric("eval/loss", x / 3)
        live.next_step()
    live.log_metric("best", 0.1 + 0.2, plot=False)
(out / "want.json").write_text(json.dumps({
    "loss": list(enumerate(values)), "eval/loss": [[i, x / 3] for i, x in enumerate(values)],
    "best": [[5, 0.1 + 0.2]]}))
