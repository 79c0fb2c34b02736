"""Makes reference.safetensors and half.safetensors with the reference
implementation.

    python3 make.py reference.safetensors half.safetensors

Made with safetensors 0.8.0 and PyTorch 2.15.0.
"""

import sys
import numpy
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

save_file(
    {
        "b": numpy.arange(6, dtype=numpy.float32).reshape(2, 3) / 4,
        "a.weight": numpy.array([-1.5, 1e-45, 3e38], dtype=numpy.float32),
        "scalar": numpy.array(7, dtype=numpy.float32),
        "empty": numpy.zeros((0, 2), dtype=numpy.float32),
    },
    sys.argv[1],
    metadata={"made by": "the reference implementation"},
)

numbers = [0.0, -0.0, 1.0, -1.5, 0.333333, 65504.0, 6e-8, 6.104e-5, float("inf"), float("-inf")]
save_torch(
    {
        "f16": torch.tensor(numbers, dtype=torch.float16),
        "bf16": torch.tensor(numbers + [3e38, 1e-40], dtype=torch.bfloat16),
        "f32": torch.tensor([[1.0], [2.0]]),
        "position_ids": torch.arange(3),
    },
    sys.argv[2],
    metadata={"format": "pt"},
)
