"""The table of samples, forward and backward, for valgrind (make valgrind): without pytest, which is slow there.

Arguments n and k: every n-th sample, from the k-th on.
"""
from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from samples.comparing import OURS, ours, weighed
from samples.op_samples import CASES, OPS

import tinygrad_c


def run(name: str, i: int, dtype: str) -> None:
    op = OPS[name]
    inputs = [ours(x, k in op.wanted(i)) for k, x in enumerate(op.inputs(i, dtype))]
    total = weighed(op.run(OURS, i, inputs), ours)
    if op.differentiable and total is not None and total.requires_grad:
        total.backward()


def main() -> None:
    done, failed = 0, []
    every, first = (int(text) for text in sys.argv[1:])
    for name, i in CASES[first::every]:
        for dtype in ("float32", "float64", "int64") if OPS[name].integers else ("float32", "float64"):
            try:
                run(name, i, dtype)
            except Exception as error:
                failed.append(f"{name}/{i} of {dtype}: {error!r}")
            done += 1
    for m, k, n in ((1, 1, 1), (3, 17, 33), (16, 64, 48), (33, 5, 100), (130, 70, 1)):
        for dtype in (tinygrad_c.float32, tinygrad_c.float64):
            a, b = tinygrad_c.randn(m, k, dtype=dtype).requires_grad_(), tinygrad_c.randn(k, n, dtype=dtype).requires_grad_()
            (a @ b).sum().backward()
            (b.t() @ a.t()).sum().backward()
            done += 2
    print(*failed, f"{done} samples, {len(failed)} failed", sep="\n")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
