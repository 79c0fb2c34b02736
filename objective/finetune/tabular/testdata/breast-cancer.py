"""Writes breast-cancer.csv from the copy of the data in scikit-learn 1.9.1.

    python3 breast-cancer.py breast-cancer.csv
"""

import csv
import sys

from sklearn.datasets import load_breast_cancer

data = load_breast_cancer()
with open(sys.argv[1], "w", newline="") as f:
    out = csv.writer(f, lineterminator="\n")
    out.writerow([name.replace(" ", "_") for name in data.feature_names] + ["label"])
    for row, target in zip(data.data, data.target):
        out.writerow([f"{x:.6g}" for x in row] + [data.target_names[target]])
