"""Values and gradients of every sample in samples/op_samples.py, as PyTorch 2.13 gives them in float64.

    python tests/golden/record.py       writes ops.npz beside this file (needs: pip install torch==2.13.0)

The inputs are drawn again from a seed by whoever reads: only results are kept.
"""
from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "ops.npz"


def load() -> tuple[dict[str, list], np.ndarray]:
    """Per sample, the shapes of its values and of its gradients; all the numbers in a row."""
    if not FILE.exists():
        return {}, np.zeros(0)
    with np.load(FILE) as file:
        return json.loads(bytes(file["index"]).decode()), file["numbers"]


GOLDEN, NUMBERS = load()


def recorded(key: str) -> tuple[list, list]:
    """The values and the gradients of a sample; None for an input without a gradient."""
    start, values, gradients = GOLDEN[key]

    def take(shape):
        nonlocal start
        if shape is None:
            return None
        n = math.prod(shape)
        start += n
        return NUMBERS[start - n:start].reshape(shape)

    return [take(s) for s in values], [take(s) for s in gradients]


def main() -> None:
    sys.path.insert(0, str(FILE.parent.parent))
    import torch
    from samples.comparing import THEIRS, array, gradients, theirs
    from samples.op_samples import CASES, OPS
    assert torch.__version__.startswith("2.13"), torch.__version__
    index, numbers, n = {}, [], 0
    for name, i in CASES:
        op = OPS[name]
        if not op.in_torch:
            continue
        arrays = op.inputs(i, "float64")
        values = [array(x) for x in op.run(THEIRS, i, [theirs(x) for x in arrays])]
        found = [g if g is None else array(g) for g in gradients(THEIRS, theirs, op, i, arrays)] if op.differentiable else []
        index[f"{name}/{i}"] = [n, [v.shape for v in values], [g if g is None else g.shape for g in found]]
        for each in (*values, *found):
            if each is not None:
                numbers.append(each.astype(np.float64).ravel())
                n += each.size
    np.savez_compressed(FILE, index=np.frombuffer(json.dumps(index).encode(), np.uint8), numbers=np.concatenate(numbers))
    print(f"{len(index)} samples, {n} numbers, {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
