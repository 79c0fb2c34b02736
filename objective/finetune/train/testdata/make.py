"""Writes train.json: schedules of transformers, and losses and trainings of PyTorch.

Usage: make.py > train.json   (PyTorch 2.15.0, transformers 5.23.0, CPU)
"""

import json

import torch
import transformers
from transformers import get_scheduler

SCHEDULES = ["constant_with_warmup", "linear", "cosine", "polynomial", "inverse_sqrt"]


def optimizer(lr):
    return torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))], lr=lr)


def schedules():
    cases = []
    for name in SCHEDULES:
        for lr, total, warmup, extra in [
            (2e-3, 20, 0, {}),
            (2e-3, 20, 6, {}),
            (0.5, 7, 7, {}),
            (1e-4, 30, 4, {"lr_end": 2e-5, "power": 2.5} if name == "polynomial" else {}),
            (1e-4, 30, 4, {"timescale": 9} if name == "inverse_sqrt" else {}),
        ]:
            opt = optimizer(lr)
            s = get_scheduler(name, opt, num_warmup_steps=warmup, num_training_steps=total, scheduler_specific_kwargs=extra)
            rates = []
            for step in range(total):
                rates.append(s.get_last_lr()[0])
                opt.step()
                if step < total - 1:  # polynomial divides by 0 behind a warmup of all steps
                    s.step()
            cases.append({"schedule": name, "learning_rate": lr, "total": total, "warmup": warmup, "rates": rates} | extra)
    return cases


def losses():
    """Cross-entropies and squared errors with their gradients in the outputs."""
    g = torch.Generator().manual_seed(1)
    cases = []
    for weights in [None, [0.5, 2.0, 1.0, 0.0]]:
        for smoothing in [0.0, 0.1, 0.7]:
            z = torch.randn(5, 4, generator=g).mul(2).requires_grad_()
            labels = torch.tensor([0, 1, 2, 3, 1])
            w = None if weights is None else torch.tensor(weights)
            loss = torch.nn.functional.cross_entropy(z, labels, weight=w, label_smoothing=smoothing)
            loss.backward()
            cases.append({"outputs": z.flatten().tolist(), "labels": labels.tolist(), "weights": weights,
                          "smoothing": smoothing, "loss": loss.item(), "grad": z.grad.flatten().tolist()})
    z = torch.randn(5, 1, generator=g).requires_grad_()
    t = torch.randn(5, generator=g)
    loss = torch.nn.functional.mse_loss(z.squeeze(1), t)
    loss.backward()
    cases.append({"outputs": z.flatten().tolist(), "targets": t.tolist(), "loss": loss.item(), "grad": z.grad.flatten().tolist()})
    return cases


def training(name, total, clip, smoothing, weights, decay, layer_decay, warmup, extra, lr=0.02):
    """Steps on all of the examples at once, so that their order does not count."""
    torch.manual_seed(3)
    model = torch.nn.Sequential(torch.nn.Linear(3, 6), torch.nn.ReLU(), torch.nn.Linear(6, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
    x, labels = torch.randn(12, 3), torch.arange(12) % 3
    start = [p.detach().flatten().tolist() for p in model.parameters()]
    groups = []
    for depth, i in enumerate([4, 2, 0]):
        rate = lr * layer_decay**depth
        groups.append({"params": [model[i].weight], "lr": rate, "weight_decay": decay})
        groups.append({"params": [model[i].bias], "lr": rate, "weight_decay": 0.0})
    opt = torch.optim.AdamW(groups, lr=lr)
    s = get_scheduler(name, opt, num_warmup_steps=warmup, num_training_steps=total, scheduler_specific_kwargs=extra)
    loss_of = torch.nn.CrossEntropyLoss(weight=weights and torch.tensor(weights), label_smoothing=smoothing)
    for _ in range(total):
        opt.zero_grad()
        loss_of(model(x), labels).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        opt.step()
        s.step()
    return {"schedule": name, "epochs": total, "clip": clip, "smoothing": smoothing, "weights": weights, "decay": decay,
            "layer_decay": layer_decay, "warmup": warmup, "learning_rate": lr, "x": x.flatten().tolist(),
            "labels": labels.tolist(), "start": start, "end": [p.detach().flatten().tolist() for p in model.parameters()]} | extra


def main():
    torch.set_num_threads(1)
    print(json.dumps({
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "schedules": schedules(),
        "losses": losses(),
        "trainings": [
            training("linear", 10, 1.0, 0.0, None, 0.0, 1.0, 0, {}),
            training("polynomial", 12, 0.1, 0.1, None, 0.1, 0.8, 2, {"power": 2.0, "lr_end": 1e-4}),
            training("cosine", 9, 0.3, 0.2, [0.5, 2.0, 1.0], 0.05, 0.5, 3, {}),
        ],
    }))


main()
