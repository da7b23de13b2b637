"""Calls under func.vmap beside a loop over the batch, and beside torch.func.vmap; used by tests/autograd/test_vmap.py and jobs/vmap.py."""
from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from samples.comparing import OURS, THEIRS, array, ours, theirs, torch
from samples.nn_samples import CALLS
from samples.op_samples import OPS
from samples.sampling import X

import tinygrad_c
from tinygrad_c._base.warn import forget

SIZE = 3
# What a vmap cannot do: the shape of the result, or the control flow, depends on values. torch raises as well.
DYNAMIC = ("dynamic shape", "data-dependent control flow", "differently shaped", "is not possible because there exists a Tensor",
           "one_hot needs num_classes")
# In torch, factors make the result of a vmap over integers a float, but not that of the call itself.
TORCH_DIFFERS = ("addmv_of_integers",)
TORCH_LOOPS = ("argwhere",)         # torch stacks the results if their shapes happen to be the same


class Case(NamedTuple):
    """A call: function(library, tensors) returns a list of tensors."""

    name: str
    function: Callable
    inputs: list[np.ndarray]
    wanted: list[int]                   # the inputs that have a gradient
    ours_alone: bool


def op_cases(names: Any = None) -> Iterator[Case]:
    """The samples of tests/samples/op_samples.py."""
    for name, op in OPS.items():
        for i in range(len(op.samples)):
            inputs = op.inputs(i, "float64")
            if inputs and (names is None or name in names):
                yield Case(f"{name}/{i}", lambda m, tensors, op=op, i=i: op.run(OURS if m is tinygrad_c else THEIRS, i, list(tensors)),
                           inputs, op.wanted(i) if op.differentiable else [], not op.in_torch)


def nn_cases() -> Iterator[Case]:
    """The calls of nn.functional in tests/samples/nn_samples.py, without random ones."""
    for call in CALLS:
        if "rrelu" in call.text or "max_norm" in call.text or "nn.utils.rnn" in call.text:
            continue

        def run(m: Any, tensors: Any, call: Any = call) -> list:
            names = dict(zip(call.inputs, tensors))
            out = eval(call.text, {"F": m.nn.functional, "torch": m, "nn": m.nn, **names})
            return [each for each in (out if isinstance(out, (tuple, list)) else [out]) if hasattr(each, "detach")]

        arrays = list(call.arrays("float64").values())
        wanted = [] if call.once and "max" in call.text else [k for k, x in enumerate(call.inputs.values()) if isinstance(x, X) and not x.fixed]
        yield Case(call.text, run, arrays, wanted, False)


def batches(case: Case, which: tuple[int, ...], size: int = SIZE) -> tuple[list[np.ndarray], tuple]:
    """The inputs, those in `which` with a first dimension of `size`: itself and permutations; and in_dims."""
    rng = np.random.default_rng(1)
    made = [np.stack([x, *(rng.permutation(x.reshape(-1)).reshape(x.shape) for _ in range(size - 1))]) if k in which else x
            for k, x in enumerate(case.inputs)]
    return made, tuple(0 if k in which else None for k in range(len(made)))


def choices(case: Case) -> list[tuple[int, ...]]:
    """Which inputs to batch: all, and each alone."""
    n = len(case.inputs)
    return [tuple(range(n)), *([(k,) for k in range(n)] if n > 1 else [])]


def one(arrays: list[np.ndarray], dims: tuple, i: int) -> list[np.ndarray]:
    return [x if dim is None else x[i] for x, dim in zip(arrays, dims)]


def looped(case: Case, arrays: list[np.ndarray], dims: tuple) -> list[np.ndarray] | None:
    """The call for each element, stacked; None if it fails, or if the shapes differ."""
    try:
        rows = [[array(x) for x in case.function(tinygrad_c, [ours(x) for x in one(arrays, dims, i)])] for i in range(SIZE)]
    except (RuntimeError, ValueError, IndexError, TypeError):
        return None
    if len({tuple(x.shape for x in row) for row in rows}) > 1:
        return None
    return [np.stack(column) for column in zip(*rows)]


def mapped(m: Any, make: Callable, case: Case, arrays: list[np.ndarray], dims: tuple) -> list:
    return list(m.func.vmap(lambda *tensors: tuple(case.function(m, list(tensors))), in_dims=dims)(*[make(x) for x in arrays]))


def compare(case: Case, which: tuple[int, ...], beside_torch: bool) -> tuple[str, list[str]]:
    """(what was compared with what, the operations that looped). Raises AssertionError if they differ; "refused" if no vmap can."""
    arrays, dims = batches(case, which)
    expected = looped(case, arrays, dims)
    if expected is None:
        return "no reference", []
    forget()
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        try:
            actual = mapped(tinygrad_c, ours, case, arrays, dims)
        except RuntimeError as error:
            if not any(words in str(error) for words in DYNAMIC):
                raise
            if beside_torch and torch is not None and not case.ours_alone and not case.name.startswith(TORCH_LOOPS):
                also_refused(case, arrays, dims)
            return "refused", []
    loops = [str(w.message).split("rule for ")[1].split(":")[0] for w in shown if "batching rule for" in str(w.message)]
    same(actual, expected)
    kind = "loop"
    if beside_torch and torch is not None and not case.ours_alone and not case.name.startswith(TORCH_DIFFERS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                theirs_ = mapped(torch, theirs, case, arrays, dims)
            except Exception:       # what torch cannot vmap
                return kind, loops
        same(actual, [array(x) for x in theirs_])
        kind = "torch"
    return kind, loops


def also_refused(case: Case, arrays: list[np.ndarray], dims: tuple) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            mapped(torch, theirs, case, arrays, dims)
        except Exception:       # of whatever class
            return
    raise AssertionError("torch can vmap it")


def same(actual: list, expected: list) -> None:
    assert len(actual) == len(expected)
    for a, b in zip(actual, expected):
        a = array(a)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)


def gradients(case: Case, which: tuple[int, ...]) -> bool:
    """The gradient of each element's outputs, vmap(grad), beside that of each call. False if there is none."""
    arrays, dims = batches(case, which)

    def loss(*tensors: Any) -> Any:
        total = tinygrad_c.zeros((), dtype=tinygrad_c.float64)
        for x in case.function(tinygrad_c, list(tensors)):
            if x.is_floating_point():
                total = total + (x * tinygrad_c.arange(1.0, x.numel() + 1, dtype=x.dtype).reshape(x.shape).cos()).sum()
        return total

    slope = tinygrad_c.func.grad(loss, argnums=tuple(case.wanted))
    try:
        expected = [slope(*[ours(x) for x in one(arrays, dims, i)]) for i in range(SIZE)]
    except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            actual = tinygrad_c.func.vmap(slope, in_dims=dims)(*[ours(x) for x in arrays])
        except RuntimeError as error:
            if any(words in str(error) for words in DYNAMIC):
                return False
            raise
    same(actual, [np.stack([array(x) for x in column]) for column in zip(*expected)])
    return True
