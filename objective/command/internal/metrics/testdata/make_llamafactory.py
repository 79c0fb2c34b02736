"""Writes llamafactory/trainer_log.jsonl: what LLaMA-Factory's own callback logs of a Hugging Face trainer.

llamafactory 0.9.5, transformers 5.23.0, torch 2.15.0
"""
import json, pathlib, shutil, tempfile
import torch, transformers
from llamafactory.train.callbacks import LogCallback

out = pathlib.Path(__file__).parent / "llamafactory"
shutil.rmtree(out, ignore_errors=True)
out.mkdir()
transformers.set_seed(7)
config = transformers.LlamaConfig(vocab_size=50, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                                  intermediate_size=16)
rows = [{"input_ids": x, "labels": x} for x in torch.randint(0, 50, (24, 6))]
with tempfile.TemporaryDirectory() as d:
    args = transformers.TrainingArguments(
        d, num_train_epochs=2, per_device_train_batch_size=4, logging_steps=2, eval_strategy="epoch",
        save_strategy="no", report_to=[], use_cpu=True, learning_rate=1e-2, disable_tqdm=True)
    trainer = transformers.Trainer(transformers.LlamaForCausalLM(config), args, train_dataset=rows[:16],
                                   eval_dataset=rows[16:], callbacks=[LogCallback()])
    trainer.train()
    shutil.copy(pathlib.Path(d) / "trainer_log.jsonl", out)
history = trainer.state.log_history
(out / "want.json").write_text(json.dumps(
    {name: [[x["step"], x[name]] for x in history if name in x] for name in ("eval_loss", "loss")}))
