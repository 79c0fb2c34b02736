"""Makes mixed.csv and mixed.json: the features that scikit-learn makes of a
table with missing values, fitted on some of its rows.

    python3 make.py .

Made with scikit-learn 1.9.1.
"""

import csv
import json
import math
import os
import random
import sys

import numpy
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

draw = random.Random(3)
gap = lambda text, p: draw.choice(["", "NA", "?", "nan"]) if draw.random() < p else text
columns = ["id", "age", "income", "constant", "colour", "yes, or no", "label"]
rows = []
for i in range(40):
    rows.append([
        f"row {i}\nof 40", gap(str(draw.randint(18, 80)), 0.2), f"{draw.lognormvariate(10, 2):.6g}", "7",
        gap(draw.choice(["red", "green", "blue"]), 0.1), draw.choice(["yes", "no"]), draw.choice(["a", "b"]),
    ])
train = [i for i in range(40) if i % 3 != 0]
with open(os.path.join(sys.argv[1], "mixed.csv"), "w", newline="") as f:
    csv.writer(f).writerows([columns] + rows)


def number(text):
    return math.nan if text in ("", "NA", "?", "nan") else float(text)


def column(name, of):
    return numpy.array([[of(r[columns.index(name)])] for r in rows])


parts, names = [], []
for name in ("age", "income"):
    x = column(name, number)
    impute = SimpleImputer(strategy="median").fit(x[train])
    scale = StandardScaler().fit(impute.transform(x[train]))
    parts.append(scale.transform(impute.transform(x)))
    names.append(name)
    if numpy.isnan(x[train]).any():
        parts.append(MissingIndicator().fit(x[train]).transform(x).astype(float))
        names.append(name + " is missing")
for name in ("colour", "yes, or no"):
    x = column(name, lambda text: "" if text in ("", "NA", "?", "nan") else text)
    encode = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(x[train])
    parts.append(encode.transform(x))
    names += [name + "=" + c if c else name + " is missing" for c in encode.categories_[0]]
with open(os.path.join(sys.argv[1], "mixed.json"), "w") as f:
    json.dump({"train": train, "names": names, "features": numpy.hstack(parts).tolist()}, f)
