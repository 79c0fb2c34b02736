"""Writes mlflow/: the file store and the SQLite store, which is the default since MLflow 3.7.

mlflow 3.17.2
"""
import json, os, pathlib, shutil, sqlite3

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
import mlflow

out = pathlib.Path(__file__).resolve().parent / "mlflow"
shutil.rmtree(out, ignore_errors=True)
for name in ("files", "sqlite"):
    (out / name).mkdir(parents=True)
values = [1 / (i + 3) for i in range(6)]
for uri in (f"file:{out}/files/mlruns", f"sqlite:///{out}/sqlite/mlflow.db"):
    mlflow.set_tracking_uri(uri)
    mlflow.create_experiment("e", artifact_location="file:/tmp/artifacts")
    mlflow.set_experiment("e")
    with mlflow.start_run():
        mlflow.log_param("lr", 0.1)
        for i, x in enumerate(values):
            mlflow.log_metric("val_loss", x, step=i * 10)
            mlflow.log_metrics({"val/accuracy": 1 - x}, step=i * 10)
        mlflow.log_metric("odd", float("nan"), step=1)
        mlflow.log_metric("odd", float("inf"), step=2)
        mlflow.log_metric("final", 0.1 + 0.2)
db = sqlite3.connect(out / "sqlite" / "mlflow.db")  # only for a smaller file: drop the other 60 tables
db.execute("PRAGMA foreign_keys = OFF")
for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
    if table not in ("metrics", "latest_metrics", "runs", "experiments"):
        db.execute(f"DROP TABLE {table}")
db.commit()
db.execute("VACUUM")
for path in sorted(out.rglob("*"), reverse=True):  # leave what names this machine
    if path.is_file() and "metrics" not in path.relative_to(out).parts and path.suffix != ".db":
        path.unlink()
    elif path.is_dir() and not any(path.iterdir()):
        path.rmdir()
(out / "want.json").write_text(json.dumps({
    "val_loss": [[i * 10, x] for i, x in enumerate(values)],
    "val/accuracy": [[i * 10, 1 - x] for i, x in enumerate(values)], "final": [[0, 0.1 + 0.2]]}))
