"""Predicts how a patient's diabetes progresses, with a network trained by Lightning.

A script as its author would have written it: it knows nothing of Bluefin, which reads the metrics.csv
of Lightning's CSVLogger.

    bluefin tune --metric val_loss --trials 30 --workers 2 --pruner halving --resume lightning \\
        lr=1e-4..1e-1:log width=8..128:log dropout=0..0.5 -- python train.py --output {trial_dir} \\
        --lr {lr} --width {width} --dropout {dropout}
"""

import argparse

import lightning as L
import torch
from lightning.pytorch.loggers import CSVLogger
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Regression(L.LightningModule):
    def __init__(self, lr, width, dropout):
        super().__init__()
        self.save_hyperparameters()
        self.network = nn.Sequential(
            nn.Linear(10, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
        )

    def loss(self, batch):
        x, y = batch
        return nn.functional.mse_loss(self.network(x).squeeze(-1), y)

    def training_step(self, batch, _):
        loss = self.loss(batch)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, _):
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=self.hparams.lr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", default=".", help="folder for logs and checkpoints")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--ckpt_path", help="checkpoint to resume from")
    args = parser.parse_args()

    L.seed_everything(1)
    x, y = load_diabetes(return_X_y=True)
    x, y = torch.tensor(x * 21, dtype=torch.float32), torch.tensor((y - 152) / 77, dtype=torch.float32)
    x, x_valid, y, y_valid = train_test_split(x, y, test_size=0.3, random_state=1)
    trainer = L.Trainer(
        max_epochs=args.epochs, logger=CSVLogger(args.output, name="logs"), default_root_dir=args.output, log_every_n_steps=5
    )
    trainer.fit(
        Regression(args.lr, args.width, args.dropout),
        DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True),
        DataLoader(TensorDataset(x_valid, y_valid), batch_size=128),
        ckpt_path=args.ckpt_path,
    )


if __name__ == "__main__":
    main()
