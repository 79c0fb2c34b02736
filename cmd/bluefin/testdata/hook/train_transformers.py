# Trains a small encoder until it is pruned or has done all its epochs.
import sys

import torch
from transformers import BertConfig, BertForSequenceClassification, HfArgumentParser, Trainer, TrainingArguments

from bluefin_hook import HFCallback

(args,) = HfArgumentParser(TrainingArguments).parse_args_into_dataclasses()
torch.manual_seed(0)
model = BertForSequenceClassification(BertConfig(
    vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
    max_position_embeddings=16))
data = [{"input_ids": torch.randint(0, 50, (8,)), "labels": i % 2} for i in range(64)]
trainer = Trainer(model=model, args=args, train_dataset=data, eval_dataset=data[:16], callbacks=[HFCallback()])
trainer.train()
trainer.save_state()
print("ended after", trainer.state.global_step, "steps", file=sys.stderr)
