"""Makes torch.json: what PyTorch computes for the layers of this package, for a
small network and for AdamW.

    OMP_NUM_THREADS=1 python3 make.py > torch.json

Made with PyTorch 2.15.0 on a CPU, in float32. Numbers have 9 digits, which
tell every float32.
"""

import json
import torch
from torch import nn

assert torch.__version__.startswith("2.15.0"), torch.__version__
torch.manual_seed(1)
torch.set_num_threads(1)


def floats(t):
    return [float(f"{x:.9g}") for x in t.detach().reshape(-1).tolist()]


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
        out["losses"].append(loss.item())
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


def rows(t):
    """A matrix with its numbers of rows and columns; images become rows of
    pixels with their channels side by side."""
    if t.dim() == 4:
        t = t.permute(0, 2, 3, 1).flatten(1)
    return {"rows": t.shape[0], "cols": t.shape[1], "data": floats(t)}


def case(forward, x, params, **more):
    """The result of forward at x and the gradients of sum(dy * y), for a random
    dy. A convolution's weights become out, height, width, in."""
    if x.is_floating_point():
        x.requires_grad_()
    y = forward(x)
    dy = torch.randn_like(y)
    y.backward(dy)

    def flat(t):
        return floats(t.permute(0, 2, 3, 1) if t.dim() == 4 else t)

    out = {"y": rows(y), "dy": rows(dy), "params": [flat(p) for p in params], "grads": [flat(p.grad) for p in params]}
    if x.is_floating_point():
        out |= {"x": rows(x), "dx": rows(x.grad)}
    return out | more


def randomized(module):
    for p in module.parameters():
        torch.nn.init.normal_(p)
    return module


def attention(lens, d, heads):
    """Attention on padded sequences with a padding mask. Rows of padding are
    left out of what is returned: their dy is 0, and their dx is, too."""
    m = randomized(nn.MultiheadAttention(d, heads, batch_first=True))
    longest = max(lens)
    valid = torch.tensor([[i < l for i in range(longest)] for l in lens])
    x = torch.randn(len(lens), longest, d, requires_grad=True)
    y, _ = m(x, x, x, key_padding_mask=~valid, need_weights=False)
    dy = torch.randn_like(y) * valid[:, :, None]
    y.backward(dy)
    assert not x.grad[~valid].any()

    def parts(weight, bias, out_weight, out_bias):
        w, b = weight.chunk(3), bias.chunk(3)
        return [floats(t) for pair in zip(w, b) for t in pair] + [floats(out_weight), floats(out_bias)]

    return {
        "lens": lens,
        "x": rows(x[valid]),
        "y": rows(y[valid]),
        "dy": rows(dy[valid]),
        "dx": rows(x.grad[valid]),
        "params": parts(m.in_proj_weight, m.in_proj_bias, m.out_proj.weight, m.out_proj.bias),
        "grads": parts(m.in_proj_weight.grad, m.in_proj_bias.grad, m.out_proj.weight.grad, m.out_proj.bias.grad),
    }


def embedding():
    """Tokens, positions and the first segment of two texts, one after the
    other."""
    tables = [randomized(nn.Embedding(n, 6)) for n in (11, 5, 2)]
    ids = torch.tensor([3, 10, 3, 0, 7, 3])
    positions = torch.tensor([0, 1, 2, 3, 0, 1])

    def forward(ids):
        return tables[0](ids) + tables[1](positions) + tables[2](torch.zeros_like(ids))

    return case(forward, ids, [t.weight for t in tables], ids=ids.tolist(), lens=[4, 2])


def lora():
    """A term of rank 2 with alpha 6, that is 3 times B A."""
    base = randomized(nn.Linear(7, 5))
    a, b = nn.Parameter(torch.randn(2, 7)), nn.Parameter(torch.randn(5, 2))
    return case(lambda x: base(x) + x @ a.T @ b.T * 3, torch.randn(4, 7), [base.weight, base.bias, a, b])


def batch_norm(train):
    m = randomized(nn.BatchNorm2d(3))
    m.running_mean.normal_()
    m.running_var.uniform_(0.5, 2)
    before = [floats(m.running_mean), floats(m.running_var)]
    m.train(train)
    out = case(m, torch.randn(3, 3, 4, 2), list(m.parameters()))
    out["params"] += before
    return out | {"running": [floats(m.running_mean), floats(m.running_var)]}


def layers():
    norm = randomized(nn.LayerNorm(10, eps=1e-5))
    image = lambda: torch.randn(2, 3, 6, 5)
    conv = randomized(nn.Conv2d(3, 4, 3, stride=2, padding=1))
    plain = randomized(nn.Conv2d(3, 4, 2, bias=False))
    return {
        "layer norm": case(norm, torch.randn(4, 10) * 3 + 2, list(norm.parameters())),
        "gelu": case(nn.GELU(), torch.randn(4, 20) * 3, []),
        "tanh": case(nn.Tanh(), torch.randn(4, 20), []),
        "attention": attention([4, 1, 3], 12, 3),
        "attention, one length": attention([3, 3], 8, 2),
        "embedding": embedding(),
        "lora": lora(),
        "convolution with stride": case(conv, image(), list(conv.parameters())),
        "convolution without bias": case(plain, image(), list(plain.parameters())),
        "max pool": case(nn.MaxPool2d(3, stride=2, padding=1), image(), []),
        "average pool": case(nn.AvgPool2d(3, stride=2, padding=1), image(), []),
        "global average pool": case(lambda x: nn.AdaptiveAvgPool2d(1)(x).flatten(1), image(), []),
        "batch norm in training": batch_norm(True),
        "batch norm in evaluation": batch_norm(False),
    }


def clipping():
    """clip_grad_norm_ of two parameters, above and below the limit."""
    cases = []
    for limit in (0.5, 1e3):
        params = [nn.Parameter(torch.zeros(n)) for n in (5, 3)]
        for p in params:
            p.grad = torch.randn_like(p)
        before = [floats(p.grad) for p in params]
        norm = torch.nn.utils.clip_grad_norm_(params, limit)
        cases.append({"limit": limit, "norm": norm.item(), "before": before, "after": [floats(p.grad) for p in params]})
    return cases


def losses():
    """Cross-entropies of five classes with and without label smoothing and class
    weights, one of which is 0, and a mean squared error."""
    labels = torch.tensor([0, 3, 4, 3, 1, 2])
    weights = torch.tensor([0.5, 2.0, 0.0, 1.5, 0.25])
    cases = []
    for smoothing, w in [(0.0, None), (0.1, None), (0.0, weights), (0.3, weights)]:
        x = torch.randn(6, 5) * 2
        criterion = nn.CrossEntropyLoss(weight=w, label_smoothing=smoothing)
        more = {"labels": labels.tolist(), "smoothing": smoothing, "weights": None if w is None else floats(w)}
        cases.append(loss(lambda y: criterion(y, labels), x) | more)
    targets = torch.randn(6, 2)
    cases.append(loss(lambda y: nn.functional.mse_loss(y, targets), torch.randn(6, 2)) | {"targets": floats(targets)})
    return cases


def loss(criterion, x):
    x.requires_grad_()
    value = criterion(x)
    value.backward()
    return {"x": rows(x), "loss": value.item(), "dx": rows(x.grad)}


print(json.dumps({"network": network(), "adamw": adamw(), "layers": layers(), "clipping": clipping(), "losses": losses()}))
