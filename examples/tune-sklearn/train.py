"""Trains a small network on handwritten digits and prints how good it is.

A script as its author would have written it: it knows nothing of Bluefin.

    bluefin tune --metric accuracy --trials 20 \\
        learning_rate=1e-4..1:log hidden=8..64 alpha=1e-6..1:log -- python train.py
"""

import argparse

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

parser = argparse.ArgumentParser()
parser.add_argument("--learning_rate", type=float, default=1e-3)
parser.add_argument("--hidden", type=int, default=32)
parser.add_argument("--alpha", type=float, default=1e-4)
parser.add_argument("--epochs", type=int, default=10)
args = parser.parse_args()

images, labels = load_digits(return_X_y=True)
x, x_valid, y, y_valid = train_test_split(images / 16, labels, test_size=0.3, random_state=1)
network = MLPClassifier(
    hidden_layer_sizes=(args.hidden,), learning_rate_init=args.learning_rate, alpha=args.alpha, random_state=1
)
for epoch in range(args.epochs):
    network.partial_fit(x, y, classes=range(10))
    print(f"epoch: {epoch + 1}, accuracy: {network.score(x_valid, y_valid):.4f}")
