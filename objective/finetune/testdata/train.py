"""Trains the networks of train_models.go in PyTorch.

A line of standard input is JSON: a duty, to build a network for, or how many
times to do the last one. Each is answered with a line of JSON; the first one,
which nobody asks for, says the versions.
"""

import gc
import json
import resource
import sys

import torch
from torch import nn

torch.set_num_threads(1)
torch.set_num_interop_threads(1)

DROPOUT = 0.1


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Encoder(nn.Module):
    """The embeddings and layers of BertModel as blocks."""

    def __init__(self, folder):
        super().__init__()
        from transformers import BertConfig, BertModel

        # Of the ways that there are to compute attention, "eager" is the
        # fastest here: with dropout the others have no better one.
        options = {
            "hidden_dropout_prob": DROPOUT,
            "attention_probs_dropout_prob": DROPOUT,
            "attn_implementation": "eager",
        }
        if folder:
            config = BertConfig.from_pretrained(folder, **options)
            self.bert = BertModel.from_pretrained(folder, config=config, add_pooling_layer=False)
        else:
            config = BertConfig(
                hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, vocab_size=30522, **options
            )
            self.bert = BertModel(config, add_pooling_layer=False)
        self.head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(config.hidden_size, 2))
        self.blocks = [self.bert.embeddings, *self.bert.encoder.layer]
        self.vocabulary = config.vocab_size

    def forward(self, ids):
        mask = torch.ones_like(ids)
        x = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        weight = mask.unsqueeze(-1).to(x.dtype)
        return self.head((x * weight).sum(1) / weight.sum(1))


class Stack(nn.Module):
    def __init__(self, blocks, head):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.head = head

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def convolutional():
    blocks, channels = [], [1, 16, 32, 64]
    for a, b in zip(channels, channels[1:]):
        blocks.append(nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(DROPOUT)))
    blocks.append(nn.Sequential(nn.Flatten(), nn.Linear(64 * 3 * 3, 64), nn.ReLU(), nn.Dropout(DROPOUT)))
    return Stack(blocks, nn.Linear(64, 5))


def perceptron():
    blocks = [nn.Sequential(nn.Linear(n, 64), nn.ReLU(), nn.Dropout(DROPOUT)) for n in (30, 64)]
    return Stack(blocks, nn.Linear(64, 2))


class Duty:
    def __init__(self, d):
        batch = d["batch"]
        if d["model"] == "fashion":
            self.net, self.x, classes = convolutional(), torch.rand(batch, 1, 28, 28), 5
        elif d["model"] == "table":
            self.net, self.x, classes = perceptron(), torch.rand(batch, 30), 2
        else:
            self.net, classes = Encoder(d["folder"]), 2
            self.x = torch.randint(0, self.net.vocabulary, (batch, d["length"]))
        self.y = torch.randint(0, classes, (batch,))
        self.step = d["op"] == "step"
        self.net.train(self.step)
        for block in self.net.blocks[: d["frozen"]]:
            block.eval()
            block.requires_grad_(False)
        self.params = [p for p in self.net.parameters() if p.requires_grad]
        training = sum(p.numel() for p in self.params)
        if training != d["training"]:
            sys.exit("%s trains %d numbers with %d blocks frozen, want %d" % (d["model"], training, d["frozen"], d["training"]))
        groups = [
            {"params": [p for p in self.params if p.dim() > 1], "weight_decay": 0.01},
            {"params": [p for p in self.params if p.dim() == 1], "weight_decay": 0.0},
        ]
        # The fused one is the fastest, and what transformers' Trainer takes.
        self.optimizer = torch.optim.AdamW(groups, lr=1e-5, fused=True)

    def do(self):
        if not self.step:
            with torch.inference_mode():
                self.net(self.x)
            return
        self.optimizer.zero_grad()
        loss = nn.functional.cross_entropy(self.net(self.x), self.y)
        loss.backward()
        nn.utils.clip_grad_norm_(self.params, 1.0)
        self.optimizer.step()


def versions():
    names = ["PyTorch " + torch.__version__]
    try:
        import transformers

        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        names.append("transformers " + transformers.__version__)
    except ImportError:
        pass
    return ", ".join(names)


def answer(**what):
    print(json.dumps(what), flush=True)


def main():
    answer(version=versions())
    duty = None
    for line in sys.stdin:
        request = json.loads(line)
        if "times" not in request:
            duty = None
            gc.collect()
            torch.manual_seed(1)
            duty = Duty(request)
            answer()
            continue
        start = cpu()
        for _ in range(request["times"]):
            duty.do()
        answer(seconds=cpu() - start)


main()
