"""Writes transformers/: what the Hugging Face trainer leaves of a run of two epochs, with its TensorBoard files.

transformers 5.23.0, torch 2.15.0, tensorboard 2.21.0
"""
import json, pathlib, shutil, sys
import torch, transformers

out = pathlib.Path(__file__).parent / "transformers"
shutil.rmtree(out, ignore_errors=True)
transformers.set_seed(7)
config = transformers.BertConfig(vocab_size=50, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                                 intermediate_size=16, num_labels=2)
ids = torch.randint(0, 50, (24, 6))
rows = [{"input_ids": x, "attention_mask": torch.ones(6, dtype=torch.long), "labels": x[0] % 2} for x in ids]
args = transformers.TrainingArguments(
    str(out), num_train_epochs=2, per_device_train_batch_size=4, logging_steps=4, eval_strategy="epoch",
    save_strategy="epoch", report_to=["tensorboard"], use_cpu=True, learning_rate=1e-2, disable_tqdm=True)
trainer = transformers.Trainer(transformers.BertForSequenceClassification(config), args, train_dataset=rows[:16],
                               eval_dataset=rows[16:])
trainer.train()
trainer.save_state()
for path in sorted(out.rglob("*"), reverse=True):
    if path.is_file() and path.name != "trainer_state.json" and "tfevents" not in path.name:
        path.unlink()
    elif path.is_dir() and not any(path.iterdir()):
        path.rmdir()
(out / "want.json").write_text(json.dumps(
    {"eval_loss": [[x["step"], x["eval_loss"]] for x in trainer.state.log_history if "eval_loss" in x],
     "loss": [[x["step"], x["loss"]] for x in trainer.state.log_history if "loss" in x]}))
