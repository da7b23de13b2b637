"""The table of samples, forward and backward, for valgrind (make valgrind): without pytest, which is slow there.

An argument n takes every n-th sample.
"""
from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from comparing import OURS, ours, weighed
from op_samples import CASES, OPS

import tinygrad_c


def main() -> None:
    done = 0
    every = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    for name, i in CASES[::every]:
        op = OPS[name]
        for dtype in ("float32", "float64", "int64") if op.integers else ("float32", "float64"):
            inputs = [ours(x, k in op.wanted(i)) for k, x in enumerate(op.inputs(i, dtype))]
            total = weighed(op.run(OURS, i, inputs), ours)
            if total is not None and total.requires_grad:
                total.backward()
            done += 1
    for m, k, n in ((1, 1, 1), (3, 17, 33), (16, 64, 48), (33, 5, 100), (130, 70, 1)):
        for dtype in (tinygrad_c.float32, tinygrad_c.float64):
            a, b = tinygrad_c.randn(m, k, dtype=dtype).requires_grad_(), tinygrad_c.randn(k, n, dtype=dtype).requires_grad_()
            (a @ b).sum().backward()
            (b.t() @ a.t()).sum().backward()
            done += 2
    print(f"{done} samples")


if __name__ == "__main__":
    main()
