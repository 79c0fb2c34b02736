"""Makes torch.json: what PyTorch computes for a small network and for AdamW.

    python3 make.py > torch.json

Made with PyTorch 1.13.0 on a CPU, in float32.
"""

import json
import torch

torch.manual_seed(1)
torch.set_num_threads(1)


def floats(t):
    return [float(x) for x in t.detach().reshape(-1)]


def network():
    """A 5-4-3 perceptron: gradients of the first step, then losses of ten
    AdamW steps on the same batch, weight decay on the weights only."""
    layers = [torch.nn.Linear(5, 4), torch.nn.Linear(4, 3)]
    net = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1])
    x = torch.randn(6, 5)
    labels = torch.tensor([0, 1, 2, 2, 1, 0])
    params = list(net.parameters())
    out = {"x": floats(x), "labels": labels.tolist(), "params": [floats(p) for p in params]}
    opt = torch.optim.AdamW(
        [
            {"params": [l.weight for l in layers], "weight_decay": 0.1},
            {"params": [l.bias for l in layers], "weight_decay": 0.0},
        ],
        lr=0.05,
    )
    out["losses"] = []
    for step in range(10):
        opt.zero_grad()
        logits = net(x)
        loss = torch.nn.functional.cross_entropy(logits, labels)
        loss.backward()
        if step == 0:
            out["logits"] = floats(logits)
            out["grads"] = [floats(p.grad) for p in params]
        out["losses"].append(float(loss))
        opt.step()
    out["params_after"] = [floats(p) for p in params]
    return out


def adamw():
    """AdamW on given gradients: large, small and zero ones, a changing
    learning rate, and constants other than the defaults."""
    cases = []
    for beta1, beta2, eps, decay in [(0.9, 0.999, 1e-8, 0.0), (0.9, 0.999, 1e-8, 0.5), (0.8, 0.95, 1e-3, 0.01)]:
        p = torch.nn.Parameter(torch.randn(8))
        case = {"beta1": beta1, "beta2": beta2, "epsilon": eps, "weight_decay": decay, "start": floats(p), "steps": []}
        opt = torch.optim.AdamW([p], betas=(beta1, beta2), eps=eps, weight_decay=decay)
        for step in range(12):
            grad = torch.randn(8) * torch.tensor([1e3, 1.0, 1.0, 1e-3, 1e-6, 1e-9, 0.0, 1.0])
            if step % 3 == 2:
                grad[1] = 0
            opt.param_groups[0]["lr"] = lr = 0.1 / (step + 1)
            p.grad = grad
            opt.step()
            case["steps"].append({"lr": lr, "grad": floats(grad), "value": floats(p)})
        cases.append(case)
    return cases


print(json.dumps({"network": network(), "adamw": adamw()}))
