"""Writes lightning/: the CSV and TensorBoard loggers of a Lightning run of three epochs.

lightning 2.6.6, torch 2.15.0, tensorboard 2.21.0
"""
import json, pathlib, shutil
import lightning, torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

out = pathlib.Path(__file__).parent / "lightning"
shutil.rmtree(out, ignore_errors=True)
lightning.seed_everything(7)


class Line(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)

    def training_step(self, batch, _):
        loss = self.layer(batch).square().mean()
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, _):
        self.log_dict({"val_loss": self.layer(batch).square().mean(), "val/abs": self.layer(batch).abs().mean()})

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)


class Wanted(lightning.Callback):
    points = {"val_loss": [], "val/abs": []}

    def on_validation_epoch_end(self, trainer, module):
        for name in self.points:
            self.points[name].append([trainer.global_step - 1, trainer.callback_metrics[name].item()])


data = torch.utils.data.DataLoader(torch.randn(12, 3), 2)
trainer = lightning.Trainer(max_epochs=3, log_every_n_steps=2, num_sanity_val_steps=0, enable_progress_bar=False,
                            enable_checkpointing=False, enable_model_summary=False, accelerator="cpu",
                            callbacks=[Wanted()], logger=[CSVLogger(out, "csv"), TensorBoardLogger(out, "tb")])
trainer.fit(Line(), data, data)
(out / "want.json").write_text(json.dumps(Wanted.points))
