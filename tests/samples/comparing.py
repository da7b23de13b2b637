"""Shared by the tests: torch if it is installed, conversions, tolerances, finite differences, threads."""
from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from samples.sampling import Names

import tinygrad_c
from tinygrad_c.ops.elementwise import elementwise
from tinygrad_c.ops.loss import loss
from tinygrad_c.ops.matmul import einsum, products
from tinygrad_c.ops.reduce import gradient

try:
    import torch
except ImportError:
    torch = None

with_torch = pytest.mark.skipif(torch is None, reason="torch is not installed")
# For a test that runs twice: its argument `torch` is this package, then torch.
both = pytest.mark.parametrize("torch", [tinygrad_c, pytest.param(torch, marks=with_torch)], ids=["here", "torch"])

OURS = Names(tinygrad_c, loss, products, elementwise, einsum, gradient)
# torch has an undocumented function of the same name as one of nn.functional's.
THEIRS = torch and Names(SimpleNamespace(**{name: getattr(torch.nn.functional, name) for name in (
    "binary_cross_entropy_with_logits", "gelu", "softplus")}), torch, torch.nn.functional)
# Per dtype: relative and absolute. Sums of up to some 40 terms of size 2; exp, log, ... within a few units in the last place.
TOLERANCE = {"float32": (4e-6, 4e-6), "float64": (1e-13, 1e-13)}


def ours(array: np.ndarray, requires_grad: bool = False):
    """A tensor that shares the array's memory and has its strides."""
    tensor = tinygrad_c.from_numpy(array)
    return tensor.requires_grad_() if requires_grad and tensor.is_floating_point() else tensor


def theirs(array: np.ndarray, requires_grad: bool = False):
    tensor = torch.from_numpy(np.array(array))
    return tensor.requires_grad_() if requires_grad and tensor.is_floating_point() else tensor


def array(tensor) -> np.ndarray:
    return tensor.detach().numpy()


def assert_close(actual, expected, dtype: str | None = None, words: str = "", scale: float = 1.0) -> None:
    """Assert that two arrays or tensors have the same shape, dtype and values, within the dtype's tolerance times `scale`; NaN equals NaN."""
    a, b = (x if isinstance(x, np.ndarray) else array(x) for x in (actual, expected))
    assert a.shape == b.shape, f"{words} shape {a.shape}, expected {b.shape}"
    assert a.dtype == b.dtype, f"{words} dtype {a.dtype}, expected {b.dtype}"
    if a.dtype.kind == "f":
        rtol, atol = TOLERANCE[dtype or a.dtype.name]
        np.testing.assert_allclose(a, b, rtol * scale, atol * scale, err_msg=words)
    else:
        np.testing.assert_array_equal(a, b, err_msg=words)


def weights(shape, dtype: str) -> np.ndarray:
    """Fixed weights for the elements of a result, all different and of size about 1, to reduce it to a scalar."""
    return np.asarray((1.5 + np.cos(np.arange(int(np.prod(shape))) * 1.7)).reshape(shape), dtype)


def weighed(results: list, make) -> object:
    """The scalar that is differentiated: the sum of the floating-point results times fixed weights."""
    total = None
    for out in results:
        if out.dtype in (tinygrad_c.float32, tinygrad_c.float64) or (torch and out.dtype in (torch.float32, torch.float64)):
            part = (out * make(weights(tuple(out.shape), str(out.dtype).removeprefix("torch.")))).sum()
            total = part if total is None else total + part
    return total


def gradients(m, make, op, i: int, arrays: list[np.ndarray], create_graph: bool = False) -> list:
    """The gradients of that scalar for each floating-point input; None for an input without one."""
    grad = tinygrad_c.autograd.grad if m is OURS else torch.autograd.grad
    inputs = [make(x, k in op.wanted(i)) for k, x in enumerate(arrays)]
    total = weighed(op.run(m, i, inputs), make)
    wanted = [inputs[k] for k in op.wanted(i)]
    if not total.requires_grad:
        return [None] * len(wanted)
    return list(grad(total, wanted, allow_unused=True, create_graph=create_graph))


def sliced(x: np.ndarray) -> np.ndarray:
    """The same numbers as a strided view: every second element of a larger tensor."""
    if x.ndim == 0:
        return x
    wide = np.zeros([2 * n + 1 for n in x.shape], x.dtype)
    view = wide[tuple(slice(1, 2 * n + 1, 2) for n in x.shape)]
    view[...] = x
    return view


LAYOUTS = {
    "transposed": lambda x: np.array(x, order="F"),
    "sliced": sliced,
    "negative step": lambda x: np.flip(np.array(np.flip(x), order="C")),
    "broadcast": lambda x: np.broadcast_to(x[:1], x.shape) if x.ndim and x.shape[0] else x,
    "broadcast last": lambda x: np.broadcast_to(x[..., :1], x.shape) if x.ndim and x.shape[-1] else x,
}


def squared(library, slope):
    """x * x as a subclass of the library's autograd.Function whose derivative is slope(x)."""
    class Square(library.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return slope(ctx.saved_tensors[0]) * g
    return Square.apply


def at_once(work, n: int = 4) -> list[Exception]:
    """Run work(k) in n threads at once; return what they raised."""
    errors = []

    def guarded(k):
        try:
            work(k)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(k,)) for k in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def numeric_gradient(function, arrays: list[np.ndarray], which: list[int], step: float = 1e-5) -> list[np.ndarray]:
    """Central differences of a function from float64 arrays to a float.

    The error is step^2 / 6 times the third derivative, some 1e-11 of values near 1, plus rounding, 1e-16 / step = 1e-11.
    """
    gradients = []
    for i in which:
        gradient = np.zeros_like(arrays[i])
        for at in np.ndindex(arrays[i].shape):
            kept = arrays[i][at]
            arrays[i][at] = kept + step
            above = function(arrays)
            arrays[i][at] = kept - step
            below = function(arrays)
            arrays[i][at] = kept
            gradient[at] = (above - below) / (2 * step)
        gradients.append(gradient)
    return gradients


def snapshot(folder) -> dict:
    """Every path below a folder, with the contents of the files."""
    return {path: (path.read_bytes() if path.is_file() else None) for path in folder.rglob("*")}
