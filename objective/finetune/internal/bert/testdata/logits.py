"""Answers the outputs for texts of folders that were saved.

    python3 logits.py < questions.json > logits.json

Each question is {"folder", "texts", "kind"}: with kind cls the folder is read by
transformers, with kind mean by sentence-transformers and, once more, by
transformers and the file of the dense layer.
"""

import json
import os
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer



def answer(folder, texts, kind):
    config = AutoConfig.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(texts, truncation=True, padding=True, return_tensors="pt")
    found = {"labels": [config.id2label[i] for i in range(len(config.id2label))], "problem": config.problem_type}
    auto = AutoModelForSequenceClassification if kind == "cls" else AutoModel
    model, info = auto.from_pretrained(folder, output_loading_info=True)
    found["missing"], found["unexpected"] = sorted(info["missing_keys"]), sorted(info["unexpected_keys"])
    out = model.eval()(**batch)
    if kind == "cls":
        return found | {"logits": out.logits.tolist()}
    from sentence_transformers import SentenceTransformer

    mask = batch["attention_mask"][..., None].float()
    dense = load_file(os.path.join(folder, "2_Dense", "model.safetensors"))
    pooled = (out.last_hidden_state * mask).sum(1) / mask.sum(1)
    found["logits"] = (pooled @ dense["linear.weight"].T + dense["linear.bias"]).tolist()
    return found | {"sentence": SentenceTransformer(folder, device="cpu").encode(texts).tolist()}


with torch.no_grad():
    json.dump([answer(**q) for q in json.load(sys.stdin)], sys.stdout)
