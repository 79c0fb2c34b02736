"""Trains a network to tell benign from malignant tumours and logs to Weights & Biases.

A script as its author would have written it for `wandb agent`. Bluefin tunes it by the same sweep.yaml,
with no account and no network:

    bluefin tune -f sweep.yaml --workers 2
"""

import torch
import wandb
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

defaults = {"lr": 1e-2, "batch_size": 32, "hidden": 32, "activation": "relu", "epochs": 10}


def main():
    with wandb.init(project="tumours", config=defaults) as run:
        config = run.config
        torch.manual_seed(1)
        x, y = load_breast_cancer(return_X_y=True)
        x, x_valid, y, y_valid = train_test_split(StandardScaler().fit_transform(x), y, test_size=0.3, random_state=1)
        x, x_valid = torch.tensor(x, dtype=torch.float32), torch.tensor(x_valid, dtype=torch.float32)
        y, y_valid = torch.tensor(y), torch.tensor(y_valid)
        activation = {"relu": nn.ReLU, "tanh": nn.Tanh}[config.activation]
        network = nn.Sequential(nn.Linear(30, config.hidden), activation(), nn.Linear(config.hidden, 2))
        optimizer = torch.optim.AdamW(network.parameters(), lr=config.lr)
        for epoch in range(config.epochs):
            network.train()
            for batch in torch.randperm(len(x)).split(config.batch_size):
                loss = nn.functional.cross_entropy(network(x[batch]), y[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            network.eval()
            with torch.no_grad():
                logits = network(x_valid)
            run.log({
                "epoch": epoch,
                "train_loss": loss.item(),
                "val_loss": nn.functional.cross_entropy(logits, y_valid).item(),
                "val_accuracy": (logits.argmax(-1) == y_valid).float().mean().item(),
            })


if __name__ == "__main__":
    main()
