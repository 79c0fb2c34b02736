"""Makes reference.safetensors with the reference implementation.

    python3 make.py reference.safetensors

Made with safetensors 0.8.0.
"""

import sys
import numpy
from safetensors.numpy import save_file

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
