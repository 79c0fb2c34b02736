"""Makes the folder tiny, a random BERT of two layers, and what PyTorch computes
with it: cls.safetensors and mean.safetensors.

    python3 tiny.py .

Made with transformers 5.23.0 and PyTorch 2.15.0 on a CPU, in float32. Rows of
padding are left out of the hidden states.
"""

import os
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer, BertConfig, BertModel

torch.manual_seed(1)
torch.set_num_threads(1)
here = sys.argv[1]
tiny = os.path.join(here, "tiny")

words = "[PAD] [UNK] [CLS] [SEP] [MASK] the a parcel came late early is it broken fine was refund thanks ! . , ##s ##ly not very".split()
config = BertConfig(
    vocab_size=len(words) + 3, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
    max_position_embeddings=20, type_vocab_size=2, hidden_act="gelu", classifier_dropout=0.25,
)
model = BertModel(config).eval()
with torch.no_grad():
    for name, p in model.named_parameters():
        p.normal_(1 if "LayerNorm.weight" in name else 0, 0.3)
model.save_pretrained(tiny)
with open(os.path.join(tiny, "vocab.txt"), "w") as f:
    f.write("\n".join(words) + "\n")
with open(os.path.join(tiny, "tokenizer_config.json"), "w") as f:
    f.write('{"do_lower_case": true, "tokenizer_class": "BertTokenizer"}\n')

texts = ["The parcel came late.", "Fine, thanks!", "", "it was broken, very very broken and not fine. " * 3, "a Refund"]
tokenizer = AutoTokenizer.from_pretrained(tiny)
batch = tokenizer(texts, truncation=True, max_length=20, padding=True, return_tensors="pt")
mask = batch["attention_mask"].bool()


def case(name, pooling, activation, outputs, loss_of):
    model = BertModel.from_pretrained(tiny, hidden_act=activation, attn_implementation="eager").eval()
    classifier = torch.nn.Linear(32, outputs)
    with torch.no_grad():
        classifier.weight.normal_(0, 0.3)
        classifier.bias.normal_(0, 0.3)
    out = model(**batch, output_hidden_states=True)
    if pooling == "cls":
        pooled = out.pooler_output
    else:
        m = mask[..., None].float()
        pooled = (out.last_hidden_state * m).sum(1) / m.sum(1)
    logits = classifier(pooled)
    loss = loss_of(logits)
    loss.backward()
    saved = {"logits": logits, "loss": loss, "classifier.weight": classifier.weight, "classifier.bias": classifier.bias}
    for i, h in enumerate(out.hidden_states):
        saved[f"hidden.{i}"] = h[mask]
    for n, p in list(model.named_parameters()) + [("classifier." + n, p) for n, p in classifier.named_parameters()]:
        if p.grad is not None:
            saved["grad." + n] = p.grad
    saved = {n: t.detach().contiguous().clone() for n, t in saved.items()}
    path = os.path.join(here, name)
    save_file(saved, path)
    os.chmod(path, 0o644)


labels = torch.tensor([2, 0, 1, 2, 0])
case("cls.safetensors", "cls", "gelu", 3, lambda y: torch.nn.functional.cross_entropy(y, labels))
targets = torch.tensor([[0.5], [-1.0], [2.0], [0.0], [1.5]])
case("mean.safetensors", "mean", "gelu_new", 1, lambda y: torch.nn.functional.mse_loss(y, targets))
