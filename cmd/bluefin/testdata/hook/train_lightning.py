# Trains a linear network, validates it every second epoch, and notes what it saw there.
import json
import os
import sys

import lightning.pytorch as L
import torch

from bluefin_hook import LightningCallback


class Network(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch, _):
        loss = self.layer(batch).pow(2).mean()
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, _):
        self.log("val_loss", self.layer(batch).pow(2).mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=float(sys.argv[1]))


class Note(L.Callback):
    seen = []

    def on_validation_end(self, trainer, module):
        if not trainer.sanity_checking:
            self.seen.append([trainer.global_step, "val_loss", float(trainer.callback_metrics["val_loss"])])

    def on_train_epoch_end(self, trainer, module):
        self.seen.append([trainer.global_step, "train_loss", float(trainer.callback_metrics["train_loss"])])


if __name__ == "__main__":
    torch.manual_seed(0)
    data = torch.utils.data.DataLoader(torch.randn(32, 4), batch_size=8, num_workers=int(sys.argv[3]))
    trainer = L.Trainer(
        max_epochs=int(sys.argv[2]), accelerator="cpu", check_val_every_n_epoch=2, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, callbacks=[LightningCallback(), Note()])
    trainer.fit(Network(), data, data)
    with open(os.path.join(os.environ["BLUEFIN_TRIAL_DIR"], "seen.json"), "w") as f:
        json.dump(Note.seen, f)
    print("ended after", trainer.global_step, "steps", file=sys.stderr)
