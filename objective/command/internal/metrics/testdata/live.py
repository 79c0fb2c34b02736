"""Logs 60 losses by a library, slowly, and prints each before: python live.py LIBRARY FOLDER."""
import math, os, pathlib, sys, time

sys.path.pop(0)  # the folders of files here are named like the libraries
library, folder = sys.argv[1], pathlib.Path(sys.argv[2])
os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_X_TRANSACTION_LOG_FLUSH_INTERVAL="1",
                  MLFLOW_ALLOW_FILE_STORE="true", WANDB_DIR=str(folder))
if library == "tensorboard":
    from torch.utils.tensorboard import SummaryWriter
    writer = SummaryWriter(str(folder / "runs"), flush_secs=0)
    log = lambda step, x: (writer.add_scalar("loss", x, step), writer.flush())
    close = writer.close
elif library == "lightning":
    from lightning.pytorch.loggers import CSVLogger
    logger = CSVLogger(folder, flush_logs_every_n_steps=1)

    def log(step, x):  # a new name now and then has the file written again
        logger.log_metrics({"loss": x, **({f"a{step}": 1.0} if step % 7 == 0 else {})}, step)
        logger.save()
    close = lambda: logger.finalize("success")
elif library == "wandb":
    import wandb
    run = wandb.init(project="p")
    log = lambda step, x: run.log({"loss": x, "text": "x" * 5000}, step=step)
    close = lambda: (run.finish(), wandb.teardown())
elif library.startswith("mlflow"):
    import mlflow
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db" if library == "mlflow-sqlite" else f"file:{folder}/mlruns")
    mlflow.start_run()
    log = lambda step, x: mlflow.log_metric("loss", x, step=step)
    close = mlflow.end_run
elif library == "dvclive":
    from dvclive import Live
    live = Live(str(folder / "dvclive"), save_dvc_exp=False, dvcyaml=None)
    log = lambda step, x: (live.log_metric("loss", x), live.next_step())
    close = live.end
for step in range(60):
    x = math.exp(-step / 7)
    if library == "tensorboard":
        import numpy
        x = float(numpy.float32(x))
    print(step, repr(x), flush=True)
    log(step, x)
    time.sleep(0.02)
close()
