"""What autograd.grad(create_graph=True) gives for a sample: which gradients have a graph, which second gradients are None.

    PYTHONPATH=tests python tests/samples/second_graph.py       records it (needs: pip install torch==2.13.0)
"""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from samples.comparing import OURS, THEIRS, ours, theirs, torch
from samples.nn_samples import CALLS, LAYERS
from samples.op_samples import OPS

import tinygrad_c

WORDS = Path(__file__).parent.parent / "golden" / "second_graphs.json"
FEW = 4             # up to so many leaves, each gradient is differentiated by itself, and each leaf alone requires grad


def _tensors(m, arrays, fixed):
    make = ours if m is tinygrad_c else theirs
    return [make(np.array(a, order="C"), not f) for a, f in zip(arrays, fixed)]


def of_call(m, i: int):
    call = CALLS[i]
    arrays = call.arrays("float64")
    inputs = dict(zip(arrays, _tensors(m, arrays.values(), [x.fixed for x in call.inputs.values()])))
    leaves = [x for x in inputs.values() if x.requires_grad]
    return leaves, lambda: eval(call.text, {"torch": m, "nn": m.nn, "F": m.nn.functional, "np": np, **inputs})


def of_layer(m, i: int):
    sample = LAYERS[i]
    m.manual_seed(0)
    layer = eval(sample.text, {"torch": m, "nn": m.nn}).double()
    rng = np.random.default_rng(3)
    with m.no_grad():
        for p in layer.parameters():
            p.copy_(m.tensor(rng.normal(size=tuple(p.shape)) * 0.5))
    inputs = _tensors(m, sample.arrays("float64").values(), [x.fixed for x in sample.inputs.values()])
    leaves = [x for x in (*inputs, *layer.parameters()) if x.requires_grad]
    return leaves, lambda: eval(sample.call, {"torch": m, "nn": m.nn, "layer": layer, "inputs": inputs})


def of_op(m, name: str, i: int):
    op = OPS[name]
    arrays = op.inputs(i, "float64")
    inputs = _tensors(m, arrays, [k not in op.wanted(i) for k in range(len(arrays))])
    leaves = [x for x in inputs if x.requires_grad]
    return leaves, lambda: op.run(OURS if m is tinygrad_c else THEIRS, i, inputs)


# Samples by their name: (the function that makes them, its arguments).
SAMPLES = {f"{call.text} {i}": (of_call, i) for i, call in enumerate(CALLS)}
SAMPLES |= {f"{layer.text} {i}": (of_layer, i) for i, layer in enumerate(LAYERS)}
SAMPLES |= {f"{name} {i}": (of_op, name, i) for name, op in OPS.items() if op.differentiable and op.in_torch
            for i in range(len(op.samples))}


def _flat(out):
    return [each for part in out for each in _flat(part)] if isinstance(out, (tuple, list)) else [out]


def _cosines(m, like):
    return m.tensor(np.cos(1.0 + np.arange(like.numel())).reshape(tuple(like.shape)))


def second(m, make, *arguments) -> tuple[str, list]:
    """A word for each choice of leaves that require grad, and the second gradients.

    The word: for each gradient 0 (None), - (no graph), or + (a graph) and, for each leaf, 0 or 1: its second gradient is None
    or a tensor; ! if torch refuses. The choices: all leaves, all and the incoming gradient, each leaf alone."""
    leaves, run = make(m, *arguments)
    choices = [leaves, leaves, *([[x] for x in leaves] if 1 < len(leaves) <= FEW else [])]
    words, values = [], []
    for k, chosen in enumerate(choices):
        for x in leaves:
            x.requires_grad_(any(x is each for each in chosen))
        try:
            out = [o for o in _flat(run()) if isinstance(o, m.Tensor) and o.requires_grad and o.dtype is m.float64]
            incoming = [_cosines(m, o) for o in out]
            if k == 1:
                incoming = [g.requires_grad_() for g in incoming]
                chosen = [*chosen, *incoming]
            if not out:
                continue
            first = m.autograd.grad(out, chosen[:len(leaves)], incoming, create_graph=True, allow_unused=True)
        except (RuntimeError, NotImplementedError):
            words.append("!")
            continue
        word = "".join("0" if g is None else "-+"[g.requires_grad] for g in first)
        graphs = [g for g in first if g is not None and g.requires_grad]
        for group in [[g] for g in graphs] if len(leaves) <= FEW else [graphs] if graphs else []:
            try:
                again = m.autograd.grad(group, chosen, [_cosines(m, g) for g in group], retain_graph=True, allow_unused=True)
            except (RuntimeError, NotImplementedError):
                word += " !"
                continue
            word += " " + "".join("01"[h is not None] for h in again)
            values += [(h + 0.).detach().numpy() for h in again if h is not None]
        words.append(word)
    return ", ".join(words), values


def record() -> None:
    """Write golden/second_graphs.json: PyTorch's word, and the names of the samples that have it. At most two samples of an
    operation, and no large net."""
    words: dict[str, list[str]] = {}
    for name, sample in SAMPLES.items():
        if (sample[0] is of_op and sample[2] > 1) or "Transformer" in name:
            continue
        words.setdefault(second(torch, *sample)[0], []).append(name)
    WORDS.write_text(json.dumps(words, indent=0) + "\n")


if __name__ == "__main__":
    record()
