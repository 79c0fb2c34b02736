"""Prints what a script has logged in its own files, as JSON: by trial, its logs with steps and values.

    python metrics.py FOLDER METRIC

It shares nothing with Bluefin's readers. Files of W&B are decoded by wandb's own message classes. A
trial that was restarted has several logs, the newest last.
"""

import csv
import glob
import json
import os
import sys


def hugging_face(folder, metric):
    def step(path):
        return int(os.path.dirname(path).rsplit("-", 1)[1])

    for path in sorted(glob.glob(folder + "/**/checkpoint-*/trainer_state.json", recursive=True), key=step):
        with open(path) as f:
            yield [[r["step"], r[metric]] for r in json.load(f)["log_history"] if metric in r]


def lightning(folder, metric):
    def version(path):
        return int(os.path.dirname(path).rsplit("_", 1)[1])

    for path in sorted(glob.glob(folder + "/**/version_*/metrics.csv", recursive=True), key=version):
        with open(path) as f:
            yield [[int(r["step"]), float(r[metric])] for r in csv.DictReader(f) if r.get(metric)]


def records(path):
    """Yields the records of a W&B run: blocks of 32 KiB with pieces of checksum, length and kind."""
    with open(path, "rb") as f:
        data = f.read()
    at, record = 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        piece = data[at + 7 : at + 7 + length]
        if kind == 0 or len(piece) < length:
            break  # the rest was not written
        at += 7 + length
        record = piece if kind in (1, 2) else record + piece
        if kind in (1, 4):
            yield record


def wandb(folder, metric):
    paths = {os.path.realpath(path) for path in glob.glob(folder + "/**/run-*.wandb", recursive=True)}
    if paths:
        from wandb.proto import wandb_internal_pb2
    for path in sorted(paths, key=lambda path: os.stat(path).st_mtime):
        points = []
        for data in records(path):
            row = wandb_internal_pb2.Record.FromString(data).history.item
            values = {item.key or ".".join(item.nested_key): item.value_json for item in row}
            if metric in values:
                points.append([int(values["_step"]), float(values[metric])])
        yield points


root, metric = sys.argv[1:]
print(json.dumps({
    name: [log for read in (hugging_face, lightning, wandb) for log in read(path, metric) if log]
    for name in os.listdir(root) if os.path.isdir(path := os.path.join(root, name))
}))
