"""Every float32 through every function of one: the largest error of each, in ulps, and where. By hand, not by pytest.

    TINYGRAD_C_SIMD=avx2 python tests/kernels/exhaustive_math.py [exp tanh ...]

Two to four minutes a function. The reference is the same function in float64, which test_math.py holds against Decimal.
"""
from __future__ import annotations

import sys

import numpy as np
from test_math import BOUNDS, flushed, ulps32

import tinygrad_c as tg

CHUNK = 1 << 22


def worst(name: str) -> tuple[float, float]:
    f = getattr(tg, name)
    largest, at = 0.0, 0.0
    for start in range(0, 2**32, CHUNK):
        x = np.arange(start, start + CHUNK, dtype=np.uint32).view(np.float32)
        x = flushed(x[~np.isnan(x)])
        if x.size:
            error = ulps32(f(tg.from_numpy(x)).numpy(), f(tg.from_numpy(x.astype(np.float64))).numpy())
            i = int(np.argmax(error))
            if error[i] > largest:
                largest, at = float(error[i]), float(x[i])
    return largest, at


if __name__ == "__main__":
    print(tg.show_config())
    for name in sys.argv[1:] or BOUNDS:
        error, at = worst(name)
        print(f"{name:8} {error:.3f} ulp at {at!r}, of {BOUNDS[name]} promised", flush=True)
