"""Writes ultralytics/: results.csv of a YOLO detector trained for two epochs on six grey images.

ultralytics 8.4.190, torch 2.15.0
"""
import json, pathlib, shutil, tempfile
import numpy, ultralytics
from PIL import Image

out = pathlib.Path(__file__).parent.resolve() / "ultralytics"
shutil.rmtree(out, ignore_errors=True)
with tempfile.TemporaryDirectory() as d:
    for kind in ("images", "labels"):
        (pathlib.Path(d) / kind).mkdir()
    for i in range(6):
        pixels = numpy.random.default_rng(i).integers(0, 255, (64, 64, 3), dtype=numpy.uint8)
        Image.fromarray(pixels).save(f"{d}/images/{i}.png")
        pathlib.Path(f"{d}/labels/{i}.txt").write_text("0 0.5 0.5 0.4 0.4\n")
    pathlib.Path(f"{d}/data.yaml").write_text(f"path: {d}\ntrain: images\nval: images\nnames: [thing]\n")
    model = ultralytics.YOLO("yolo11n.yaml")
    points = {}  # the file has five or six digits

    def note(trainer):
        if "val/box_loss" in trainer.metrics:
            points[trainer.epoch + 1] = float(f"{trainer.metrics['val/box_loss']:.6g}")

    model.add_callback("on_fit_epoch_end", note)
    model.train(data=f"{d}/data.yaml", epochs=2, imgsz=64, batch=4, device="cpu", workers=0, amp=False, plots=False,
                project=str(out), name="train", val=True, save=False, seed=7)
for path in sorted(out.rglob("*"), reverse=True):
    if path.is_file() and path.name != "results.csv":
        path.unlink()
    elif path.is_dir() and not any(path.iterdir()):
        path.rmdir()
(out / "want.json").write_text(json.dumps({"val/box_loss": list(points.items())}))
