"""Writes probe.json: what NumPy computes for the probes, plainly.

Usage: make.py > probe.json   (NumPy; made with the version in the file)
"""

import json

import numpy as np


def evidence(f, y):
    """LogME of one target: You et al. 2021, equations 2 to 4, with the dense
    matrix A = alpha I + beta F'F at each step of the fixed-point iteration."""
    n, d = f.shape
    gram = f.T @ f
    eigen = np.maximum(np.linalg.eigvalsh(gram), 0)
    alpha = beta = 1.0
    for _ in range(1000):
        t = alpha / beta
        a = alpha * np.eye(d) + beta * gram
        m = beta * np.linalg.solve(a, f.T @ y)
        gamma = np.sum(beta * eigen / (alpha + beta * eigen))
        residual = np.sum((f @ m - y) ** 2)
        alpha = gamma / (m @ m + 1e-5)
        beta = (n - gamma) / (residual + 1e-5)
        if abs(alpha / beta - t) <= 1e-8 * t:
            break
    _, logdet = np.linalg.slogdet(alpha * np.eye(d) + beta * gram)
    e = n / 2 * np.log(beta) + d / 2 * np.log(alpha) - n / 2 * np.log(2 * np.pi)
    e += -beta / 2 * residual - alpha / 2 * (m @ m) - logdet / 2
    return e / n


def logme(f, labels):
    return float(np.mean([evidence(f, (labels == c).astype(float)) for c in np.unique(labels)]))


def softmax(z):
    z = np.exp(z - z.max(1, keepdims=True))
    return z / z.sum(1, keepdims=True)


def logistic(x, labels, k, l2):
    """Multinomial logistic regression with an intercept, by Newton's method."""
    n, d = x.shape
    x = np.hstack([x, np.ones((n, 1))])
    penalty = np.tile(np.append(np.full(d, l2), 0.0), k)
    onehot = np.eye(k)[labels]
    w = np.zeros(k * (d + 1))
    for _ in range(50):
        p = softmax(x @ w.reshape(k, -1).T)
        g = ((p - onehot).T @ x / n).ravel() + penalty * w
        h = np.diag(penalty)
        for i in range(n):
            h += np.kron(np.diag(p[i]) - np.outer(p[i], p[i]), np.outer(x[i], x[i])) / n
        w = w - np.linalg.lstsq(h, g, rcond=1e-13)[0]
    assert np.abs(g).max() < 1e-10
    return w.reshape(k, -1)


def main():
    rng = np.random.default_rng(1)
    out = {"numpy": np.__version__, "logme": [], "linear": []}
    for n, d, k, signal in [(40, 5, 3, 1.0), (40, 5, 3, 0.0), (12, 30, 2, 1.0), (60, 60, 4, 0.5), (50, 6, 2, 3.0)]:
        labels = np.arange(n) % k
        f = rng.standard_normal((n, d))
        f[:, 0] += signal * labels
        if d == 6:
            f[:, 5] = f[:, 4]  # rank d-1
        f = f.astype(np.float32)
        y = (f[:, 1] - 2 * f[:, 0] + 0.5 * rng.standard_normal(n)).astype(np.float32)
        wide = f.astype(float)
        out["logme"].append({
            "d": d, "features": f.ravel().tolist(), "labels": labels.tolist(), "targets": y.tolist(),
            "classification": logme(wide, labels), "regression": float(evidence(wide, y.astype(float))),
        })
    for n, d, k in [(60, 4, 3), (30, 8, 2)]:
        f = rng.standard_normal((2 * n, d))
        labels = np.arange(2 * n) % k
        f[:, 0] += labels
        f[:, 1] = 100 + 50 * f[:, 1]
        f = f.astype(np.float32)
        wide = f.astype(float)
        mean, sd = wide[:n].mean(0), wide[:n].std(0)
        train, valid = (wide[:n] - mean) / sd, (wide[n:] - mean) / sd
        case = {"d": d, "features": f.ravel().tolist(), "labels": labels.tolist(), "losses": [], "accuracies": []}
        for l2 in [1, 0.1, 0.01, 0.001, 0.0001]:
            w = logistic(train, labels[:n], k, l2)
            p = softmax(np.hstack([valid, np.ones((n, 1))]) @ w.T)
            case["losses"].append(float(-np.log(p[np.arange(n), labels[n:]]).mean()))
            case["accuracies"].append(float((p.argmax(1) == labels[n:]).mean()))
        out["linear"].append(case)
    print(json.dumps(out))


main()
