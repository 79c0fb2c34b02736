"""Writes what PyTorch computes with a folder for the network of a mean and a
dense layer: hidden states and logits of all texts, row by row without padding,
and the gradients of the mean cross-entropy of the first texts, as many as there
are labels.

    python3 step.py FOLDER CLASSIFIER.safetensors OUT.safetensors < question.json

A question is {"texts", "labels"}.
"""

import json
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer

folder, head, out = sys.argv[1:]
question = json.load(sys.stdin)
model = AutoModel.from_pretrained(folder).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
classifier = load_file(head)
for p in classifier.values():
    p.requires_grad_(True)


def forward(texts):
    batch = tokenizer(texts, truncation=True, max_length=256, padding=True, return_tensors="pt")
    states = model(**batch, output_hidden_states=True).hidden_states
    mask = batch["attention_mask"]
    m = mask[..., None].float()
    pooled = (states[-1] * m).sum(1) / m.sum(1)
    return [h[mask.bool()] for h in states], pooled @ classifier["classifier.weight"].T + classifier["classifier.bias"]


saved = {}
with torch.no_grad():
    parts = [forward(question["texts"][i : i + 10]) for i in range(0, len(question["texts"]), 10)]
for i in range(len(parts[0][0])):
    saved[f"hidden.{i}"] = torch.cat([states[i] for states, _ in parts])
saved["all"] = torch.cat([logits for _, logits in parts])
labels = torch.tensor(question["labels"])
states, logits = forward(question["texts"][: len(labels)])
torch.nn.functional.cross_entropy(logits, labels).backward()
saved["logits"] = logits
for name, p in list(model.named_parameters()) + list(classifier.items()):
    if p.grad is not None:
        saved["grad." + name] = p.grad
save_file({n: t.detach().contiguous() for n, t in saved.items()}, out)
json.dump(True, sys.stdout)
