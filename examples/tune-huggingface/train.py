"""Trains a small vision transformer on handwritten digits with the Hugging Face trainer.

A script as its author would have written it: it knows nothing of Bluefin. All arguments of the trainer
are its arguments.

    bluefin tune --metric eval_loss --trials 20 --workers 2 --pruner halving --resume hf \\
        learning_rate=1e-4..1e-1:log weight_decay=0..0.1 hidden_size=16,32,64 -- \\
        python train.py --output_dir {trial_dir} --num_train_epochs 8 \\
        --eval_strategy epoch --save_strategy epoch --learning_rate {learning_rate} \\
        --weight_decay {weight_decay} --hidden_size {hidden_size}
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from transformers import HfArgumentParser, Trainer, TrainingArguments, ViTConfig, ViTForImageClassification, set_seed


@dataclass
class ModelArguments:
    hidden_size: int = field(default=32, metadata={"help": "Width of the transformer, a multiple of 4."})
    num_hidden_layers: int = field(default=2, metadata={"help": "Number of its layers."})


class Digits(torch.utils.data.Dataset):
    """Images of 8×8 pixels and the digits they show."""

    def __init__(self, images, labels):
        self.images = torch.tensor(images / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
        self.labels = torch.tensor(labels)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return {"pixel_values": self.images[i], "labels": self.labels[i]}


def accuracy(prediction):
    return {"accuracy": float(np.mean(prediction.predictions.argmax(-1) == prediction.label_ids))}


def main():
    model_args, training_args = HfArgumentParser((ModelArguments, TrainingArguments)).parse_args_into_dataclasses()
    set_seed(training_args.seed)
    x, x_valid, y, y_valid = train_test_split(*load_digits(return_X_y=True), test_size=0.3, random_state=1)
    config = ViTConfig(
        image_size=8, patch_size=2, num_channels=1, num_labels=10, num_attention_heads=4,
        hidden_size=model_args.hidden_size, intermediate_size=2 * model_args.hidden_size,
        num_hidden_layers=model_args.num_hidden_layers,
    )
    trainer = Trainer(
        model=ViTForImageClassification(config), args=training_args, train_dataset=Digits(x, y),
        eval_dataset=Digits(x_valid, y_valid), compute_metrics=accuracy,
    )
    trainer.train(resume_from_checkpoint=training_args.resume_from_checkpoint)


if __name__ == "__main__":
    main()
