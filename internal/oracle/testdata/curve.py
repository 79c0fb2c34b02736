"""Writes curve.json: posteriors of learning curves with missing parts, for package internal/curve.

latent_kronecker: BoTorch's LatentKroneckerGP with fixed hyperparameters, float64, exact solves: mean and variance of the
noiseless function at new settings and steps, and the log marginal likelihood of the values.
dense: NumPy with the full covariance, for what BoTorch's model lacks: a curve's own deviation.

pip install botorch==0.18.1; python curve.py > curve.json
"""

import json

import gpytorch
import numpy as np
import torch
from botorch.models.latent_kronecker_gp import LatentKroneckerGP
from gpytorch.kernels import ConstantKernel, MaternKernel, ScaleKernel

torch.set_default_dtype(torch.float64)


def matern(r2):
    r = np.sqrt(5 * r2)
    return (1 + r + r * r / 3) * np.exp(-r)


def axis(steps, most):
    """Steps as the model sees them: log(step) / log(most)."""
    return np.log(steps) / np.log(most)


def problem(rng, n, d, steps, complete):
    x = rng.uniform(size=(n, d))
    y = np.full((n, len(steps)), np.nan)
    for i in range(n):
        m = len(steps) if i < complete else rng.integers(1, len(steps) + 1)
        y[i, :m] = np.sin(4 * x[i, 0]) + x[i, 1] + np.exp(-steps[:m] / (3 + 5 * x[i, -1])) + 0.1 * rng.normal(size=m)
    return x, y


def latent(seed, n, d, steps, complete):
    rng = np.random.default_rng(seed)
    steps = np.array(steps, float)
    x, y = problem(rng, n, d, steps, complete)
    t = axis(steps, steps[-1])
    weights = rng.uniform(0.5, 6, size=d)
    h = dict(weights=weights.tolist(), constant=0.7, scale=0.4, length=0.6, noise=0.01)
    kx = MaternKernel(nu=2.5, ard_num_dims=d)
    kx.lengthscale = torch.tensor(weights**-0.5)
    kt = ScaleKernel(MaternKernel(nu=2.5))
    kt.outputscale, kt.base_kernel.lengthscale = h["scale"], h["length"]
    kc = ConstantKernel()
    kc.constant = torch.tensor(h["constant"])
    like = gpytorch.likelihoods.GaussianLikelihood()
    like.noise = h["noise"]
    tensor = torch.as_tensor
    model = LatentKroneckerGP(
        tensor(x), tensor(t)[:, None], tensor(y), likelihood=like, covar_module_X=kx, covar_module_T=kc + kt,
        outcome_transform=None)
    exact = dict(covar_root_decomposition=False, log_prob=False, solves=False)
    mll = gpytorch.mlls.ExactMarginalLogLikelihood(like, model)
    with torch.no_grad(), gpytorch.settings.fast_computations(**exact):
        model.train()
        loglik = mll(model(*model.train_inputs), model.train_targets).item() * model.train_targets.numel()
        model.eval()
        new = rng.uniform(size=(4, d))
        p = model.posterior(torch.cat([tensor(x[-3:]), tensor(new)]), tensor(t)[:, None])
        mean, var = p.mean.numpy(), p.variance.numpy()
    return dict(seed=seed, hyper=h, steps=steps.tolist(), x=x.tolist(), y=curves(y), at=np.vstack([x[-3:], new]).tolist(),
                mean=mean.reshape(7, -1).tolist(), variance=var.reshape(7, -1).tolist(), loglik=loglik)


def curves(y):
    return [[v for v in row if not np.isnan(v)] for row in y]


def dense(seed, n, d, steps, complete):
    rng = np.random.default_rng(seed)
    steps = np.array(steps, float)
    x, y = problem(rng, n, d, steps, complete)
    t = axis(steps, steps[-1])
    w = rng.uniform(0.5, 6, size=d)
    h = dict(weights=w.tolist(), shared=1.5, constant=0.7, scale=0.4, length=0.6, own=0.2, ownlength=0.8, noise=0.01)
    rows = [(i, k) for i in range(n) for k in range(len(steps)) if not np.isnan(y[i, k])]
    targets = [(i, k) for i in range(n - 3, n) for k in range(len(steps))]  # of the last three trials
    new = rng.uniform(size=(4, d))
    xs = np.vstack([x, new])
    targets += [(n + j, k) for j in range(4) for k in range(len(steps))]

    def cov(a, b):
        (i, k), (j, l) = a, b
        kx = h["shared"] + matern(np.sum(w * (xs[i] - xs[j]) ** 2))
        kt = h["constant"] + h["scale"] * matern(((t[k] - t[l]) / h["length"]) ** 2)
        own = h["own"] * matern(((t[k] - t[l]) / h["ownlength"]) ** 2) if i == j else 0
        return kx * kt + own

    def table(a, b):
        return np.array([[cov(p, q) for q in b] for p in a])

    k = table(rows, rows) + h["noise"] * np.eye(len(rows))
    values = np.array([y[r] for r in rows])
    low = np.linalg.cholesky(k)
    white = np.linalg.solve(low, values)
    cross = np.linalg.solve(low, table(rows, targets))
    mean = cross.T @ white
    var = np.array([cov(a, a) for a in targets]) - np.sum(cross * cross, axis=0)
    loglik = -0.5 * white @ white - np.log(np.diag(low)).sum() - 0.5 * len(rows) * np.log(2 * np.pi)
    return dict(seed=seed, hyper=h, steps=steps.tolist(), x=x.tolist(), y=curves(y), at=xs[-7:].tolist(),
                mean=mean.reshape(7, -1).tolist(), variance=var.reshape(7, -1).tolist(), loglik=float(loglik))


cases = [(1, 6, 2, range(1, 6), 3), (2, 15, 3, range(1, 11), 5), (3, 25, 5, [1, 2, 3, 5, 8, 12, 18, 27], 6)]
print(json.dumps(dict(latent_kronecker=[latent(*c) for c in cases], dense=[dense(*c) for c in cases])))
