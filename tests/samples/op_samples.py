"""The table of samples: one row for each op, used by every test in test_ops.py.

    Op("sum", S(X(3, 4)), S(X(3, 4), dim=1), ...)

`S(...)` is a call: each `X(*shape)` is replaced by a random tensor of that shape, other arguments are passed unchanged. The
rows of formulas.POINTWISE are generated from that table, so that a new row is tested without a line here. `call` is how to call
an op that is not a function of its own name; its first argument is the library, this package or torch.
"""
from __future__ import annotations

from functools import partial

import numpy as np
from samples import samples_matrix, samples_order, samples_pointwise, samples_rare, samples_shape
from samples.samples_pointwise import WHOLE
from samples.sampling import BAD_DIM, NARROW, E, Op, S, X, named, op

from tinygrad_c import Tensor, formulas
from tinygrad_c.ops.elementwise import elementwise

# ---- The rows of formulas.POINTWISE

# Rows whose name is not the name of a function: how to call them here and in torch.
SPELLING = {
    "add_number": lambda m, x, n: x + n,
    "mul_number": lambda m, x, n: x * n,
    "rsub_number": lambda m, x, n: n - x,
    "div_number": lambda m, x, n: x / n,
    "rdiv_number": lambda m, x, n: n / x,
    "pow_number": lambda m, x, n: x ** n,
    "rpow_number": lambda m, x, n: n ** x,
    "gelu_tanh": lambda m, x: m.gelu(x, approximate="tanh"),
    "softplus1": lambda m, x: m.softplus(x),
    "pow_whole": lambda m, a, b: m.pow(a, b),
    "polygamma_n": lambda m, x, n: m.polygamma(n, x),
    "round_half_even": lambda m, x: m.round(x),
    "div_floor": lambda m, a, b: m.div(a, b, rounding_mode="floor"),
    "div_trunc": lambda m, a, b: m.div(a, b, rounding_mode="trunc"),
    "cube": lambda m, x: x ** 3,
    "hardtanh": lambda m, x, low, high: m.nn.functional.hardtanh(x, low, high),
    "softshrink": lambda m, x, n: m.nn.functional.softshrink(x, n),
    "hardshrink": lambda m, x, n: m.nn.functional.hardshrink(x, n),
    "threshold": lambda m, x, limit, n: m.nn.functional.threshold(x, limit, n),
    "add_scaled": lambda m, a, b, n: m.add(a, b, alpha=n),
    "lerp_number": lambda m, a, b, n: m.lerp(a, b, n),
    "replace_nonfinite": lambda m, x, *numbers: m.nan_to_num(x, *numbers),
    "hardswish": lambda m, x: m.nn.functional.hardswish(x),
}
# Rows that torch does not have as a function: how to compute them in torch.
MADE_IN_TORCH = {
    "hardsigmoid": lambda m, x: m.nn.functional.relu6(x + 3) / 6,       # its own has a 1 / 6 of single precision
    "prelu": lambda m, a, b: m._prelu_kernel(a, b),
}


def spelled(name: str):
    """How to call a row, here and in torch."""
    if name not in MADE_IN_TORCH:
        return SPELLING.get(name, named(name))
    return lambda m, x, *more: (getattr(elementwise, name) if isinstance(x, Tensor) else partial(MADE_IN_TORCH[name], m))(x, *more)


# A method here or not, as it is.
FUNCTIONS_ONLY = {"leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus", "logsigmoid"}
NO_TWIN = {"maximum", "minimum", "logaddexp", "logaddexp2", "fmax", "fmin"}      # no in-place form, as in torch


def pointwise_op(name: str, row: formulas.Row) -> Op:
    low, high = row.domain
    if isinstance(row, formulas.Unary):
        shapes = [((3, 5),), ((), ), ((0,),), ((2, 0, 3),), ((37,),), ((2, 3, 2, 2),)]
    else:
        shapes = [((3, 5), (3, 5)), ((3, 5), (5,)), ((4, 1), (1, 3)), ((2, 1, 3), (4, 1)), ((), (3,)), ((0, 3), (1, 3)),
                  ((), ())]
    low_b, high_b = getattr(row, "domain_b", None) or row.domain
    samples = []
    for shape in shapes:
        whole = WHOLE[len(samples) % (3 if name in ("gcd", "lcm", "pow_whole") or "shift" in name else 4)]
        xs = [X(*s, low=lo, high=hi, dtype=whole if row.kind == formulas.INTEGERS else None)
              for s, (lo, hi) in zip(shape, ((low, high), (low_b, high_b)))]
        if isinstance(row, formulas.Ternary):
            xs.insert(0, X(*shape[-1], dtype="bool"))
        samples.append(S(*xs, *row.sample))
    plain = name not in SPELLING and not isinstance(row, formulas.Ternary)
    method = plain and (name not in {*FUNCTIONS_ONLY, *MADE_IN_TORCH} or hasattr(Tensor, name))
    twin = method and name not in NO_TWIN and row.kind != formulas.BOOLS
    errors = []
    if isinstance(row, formulas.Binary):
        errors = [E(RuntimeError, "must match the size", lambda m: spelled(name)(
            m, *[m.ones(*s, dtype=m.int64 if row.kind == formulas.INTEGERS else m.float32) for s in ((2, 3), (4,))], *row.sample))]
    elif plain and not row.params and name not in MADE_IN_TORCH:
        errors = [E(TypeError, "must be Tensor", lambda m: getattr(m, name)([1.0, 2.0]))]
    return Op(name, samples, spelled(name),
              differentiable=any(d is not None for d in row.derivatives),
              method=name if method else None, inplace=name + "_" if twin else None,
              integers=row.kind in (formulas.NUMBERS, formulas.BOOLS), errors=errors)


# ---- Everything else

def reduction(name: str, **options) -> Op:
    return op(name, S(X(3, 4)), S(X(2, 3, 4), 1), S(X(2, 3, 4), -1, True), S(X(2, 3, 4), dim=(0, 2)), S(X(7), 0), S(X(1, 3), 0),
              S(X(2, 3, 4), dim=(0, 1), keepdim=True), S(X()), **options)


def loss(name: str, *pairs: tuple[X, X], **options) -> Op:
    samples = [S(a, b, reduction=r) for a, b in pairs for r in ("mean", "sum", "none")]
    return op(name, *samples, method=None, **options)


def pairs(lo: float = -2.0, hi: float = 2.0, target_lo: float = -2.0, target_hi: float = 2.0) -> list[tuple[X, X]]:
    return [(X(*s, low=lo, high=hi), X(*s, low=target_lo, high=target_hi)) for s in ((5,), (3, 4), ())]


def assign(x, key, value):
    x[key] = value
    return x


STRUCTURAL = [
    # Reductions.
    reduction("sum", integers=True, errors=[
        E(IndexError, BAD_DIM, lambda m: m.sum(m.ones(2), 1)), E(IndexError, BAD_DIM, lambda m: m.sum(m.ones(2), -2)),
        E(RuntimeError, "appears multiple times in the list of dims", lambda m: m.sum(m.ones(2, 2), (0, -2)))]),
    *[op(f"{name}_as_int32", S(X(3, 4), 1), method=None, call=lambda m, x, d, name=name: [
        getattr(m, name)(x, d, dtype=each) for each in (m.int32, m.int64)], integers=True, **NARROW)
      for name in ("sum", "prod", "cumsum", "cumprod")],
    reduction("mean", errors=[
        E(RuntimeError, "mean(): could not infer output dtype", lambda m: m.mean(m.tensor([1, 2])))]),
    reduction("amax", integers=True, errors=[E(IndexError, "", lambda m: m.amax(m.ones(0), 0))]),
    reduction("amin", integers=True),
    op("var", S(X(3, 4)), S(X(3, 4), 1), S(X(2, 3, 4), (0, 2)), S(X(3, 4), 1, unbiased=False), S(X(3, 4), dim=0, correction=0),
       S(X(3, 4), 0, keepdim=True), errors=[E(RuntimeError, "", lambda m: m.var(m.tensor([1, 2])))]),
    op("std", S(X(3, 4)), S(X(3, 4), 1), S(X(2, 3, 4), (0, 2)), S(X(3, 4), 1, unbiased=False), S(X(3, 4), dim=0, correction=0),
       S(X(3, 4), 0, keepdim=True)),
    op("prod_of_a_zero", S(X(4, 4, low=1, high=1)), S(X(3, 4, low=1, high=1), 1), S(X(3, 4, low=1, high=1), 0), method=None,
       call=lambda m, x, *dim: m.prod(x - m.eye(*x.shape, dtype=x.dtype), *dim)),
    op("prod", S(X(3, 4)), S(X(2, 3, 4), 1), S(X(2, 3, 4), -1, True), S(X()), integers=True),
    op("norm", S(X(3, 4)), S(X(3, 4), 2, 1), S(X(3, 4), 1), S(X(3, 4), 3.0, 0), S(X(3, 4), 0.5, 0), S(X(3, 4), -1.5, 0), S(X(3, 4), float("inf")),
       S(X(3, 4), 2, 1, True)),
    op("max", S(X(3, 4)), S(X(3, 4), 1), S(X(3, 4), 0, True), S(X(5), -1), S(X()), S(X(3), X(3)), integers=True, errors=[
        E(RuntimeError, "Expected reduction dim to be specified", lambda m: m.max(m.ones(0))),
        E(IndexError, "", lambda m: m.max(m.ones(0, 3), 0)),
        E(IndexError, "non-zero size", lambda m: m.max(m.ones(0, 0), 0))]),
    op("min", S(X(3, 4)), S(X(3, 4), 1), S(X(3, 4), 0, True), S(X(5), -1), S(X()), S(X(3), X(3)), integers=True, errors=[
        E(RuntimeError, "Expected reduction dim to be specified", lambda m: m.min(m.ones(0)))]),
    op("argmax", S(X(3, 4)), S(X(3, 4), 1), S(X(2, 3, 4), 0, True), S(X(2, 3, 4), -1), S(X()), integers=True, errors=[
        E(IndexError, "Expected reduction dim", lambda m: m.argmax(m.ones(0)))], **NARROW),
    op("argmin", S(X(3, 4)), S(X(3, 4), 1), S(X(2, 3, 4), 0, True), S(X(2, 3, 4), -1), S(X()), integers=True, **NARROW),
    op("all", S(X(3, 4)), S(X(3, 4), 1), S(X(3, 4, dtype="bool"), 0, True), S(X(0, 3), 0), S(X()), integers=True,
       not_for=("uint8",), **NARROW),
    op("any", S(X(3, 4)), S(X(3, 4), 1), S(X(3, 4, dtype="bool"), 0, True), S(X(0, 3), 0), S(X()), integers=True,
       not_for=("uint8",), **NARROW),
    op("cumsum", S(X(5), 0), S(X(2, 3, 4), 1), S(X(2, 3), -1), S(X(), 0), integers=True),
    op("softmax", S(X(3, 4), 1), S(X(3, 4), 0), S(X(2, 3, 4), 1), S(X(5), -1), S(X(0, 3), 1), S(X(), 0)),
    op("log_softmax", S(X(3, 4), 1), S(X(3, 4), 0), S(X(2, 3, 4), 1), S(X(5), -1), S(X(0, 3), 1), S(X(), 0)),
    op("logsumexp", S(X(3, 4), 1), S(X(3, 4), 0, True), S(X(2, 3, 4), (0, 2)), S(X(5), -1)),
    # Losses.
    loss("mse_loss", *pairs()),
    loss("l1_loss", *pairs(1.0, 2.0, -2.0, -1.0)),
    loss("smooth_l1_loss", *pairs()),
    loss("huber_loss", *pairs()),
    loss("binary_cross_entropy", *pairs(0.1, 0.9, 0.1, 0.9)),
    loss("binary_cross_entropy_with_logits", *pairs(-2.0, 2.0, 0.1, 0.9)),
    op("cross_entropy", *[S(X(4, 5), X(4, low=0, high=5, dtype="int64"), reduction=r) for r in ("mean", "sum", "none")],
       S(X(5), X(low=0, high=5, dtype="int64")), S(X(4, 5), X(4, low=0, high=5, dtype="int64"), label_smoothing=0.1),
       S(X(6, 3), X(6, low=0, high=3, dtype="int64"), ignore_index=1),
       S(X(4, 5), X(4, low=0, high=5, dtype="int64"), X(5, low=0.5, high=2.0, fixed=True)),
       S(X(4, 5), X(4, low=0, high=5, dtype="int64"), X(5, low=0.5, high=2.0, fixed=True), reduction="sum",
         label_smoothing=0.2),
       method=None, errors=[
           E(IndexError, "Target 3 is out of bounds", lambda m: m.cross_entropy(m.ones(1, 3), m.tensor([3]))),
           E(RuntimeError, "0D or 1D target tensor expected", lambda m: m.cross_entropy(m.ones(2, 3), m.tensor([[1], [2]]))),
           E(ValueError, "Expected input batch_size (5) to match target batch_size (4)",
             lambda m: m.cross_entropy(m.ones(5, 3), m.tensor([0, 1, 2, 0])))]),
    op("nll_loss", *[S(X(4, 5), X(4, low=0, high=5, dtype="int64"), reduction=r) for r in ("mean", "sum", "none")],
       S(X(6, 3), X(6, low=0, high=3, dtype="int64"), ignore_index=1),
       S(X(4, 5), X(4, low=0, high=5, dtype="int64"), X(5, low=0.5, high=2.0, fixed=True)), method=None),
    # Shape.
    op("reshape", S(X(3, 4), (2, 6)), S(X(3, 4), (-1,)), S(X(3, 4), (2, -1, 3)), S(X(1), ()), S(X(0, 3), (3, 0)), integers=True,
       errors=[E(RuntimeError, "shape '[4, 2]' is invalid for input of size 6", lambda m: m.reshape(m.ones(6), (4, 2))),
               E(RuntimeError, "only one dimension can be inferred", lambda m: m.reshape(m.ones(6), (-1, -1))),
               E(RuntimeError, "invalid", lambda m: m.reshape(m.ones(6), (-1, 4))),
               E(RuntimeError, "invalid", lambda m: m.reshape(m.ones(6), (-2, -3))),
               E(RuntimeError, "ambiguous", lambda m: m.reshape(m.ones(0), (0, -1))),
               E(RuntimeError, "invalid", lambda m: m.reshape(m.ones(0), (2 ** 40, 2 ** 40)))]),
    op("view", S(X(3, 4), (2, 6)), S(X(3, 4), 4, -1), call=lambda m, x, *shape: x.view(*shape), integers=True, errors=[
        E(RuntimeError, "view size is not compatible with input tensor's size and stride",
          lambda m: m.ones(2, 3).t().view(6))]),
    op("flatten", S(X(2, 3, 4)), S(X(2, 3, 4), 1), S(X(2, 3, 4), 0, 1), S(X()), S(X(0, 3)), integers=True, errors=[
        E(RuntimeError, "start_dim cannot come after end_dim", lambda m: m.flatten(m.ones(2, 3), 1, 0)),
        E(IndexError, BAD_DIM, lambda m: m.flatten(m.ones(2, 3), 2))]),
    op("squeeze", S(X(1, 3, 1)), S(X(1, 3, 1), 0), S(X(1, 3, 1), 1), S(X(1, 3, 1), (0, -1)), S(X()), integers=True, errors=[
        E(IndexError, BAD_DIM, lambda m: m.squeeze(m.ones(2, 3), 2))]),
    op("unsqueeze", S(X(3), 0), S(X(3), -1), S(X(2, 3), 1), S(X(), 0), integers=True, errors=[
        E(IndexError, BAD_DIM, lambda m: m.unsqueeze(m.ones(2), 2))]),
    op("transpose", S(X(2, 3), 0, 1), S(X(2, 3, 4), -1, 0), S(X(2, 3, 4), 1, 1), S(X(), 0, -1), integers=True, errors=[
        E(IndexError, BAD_DIM, lambda m: m.transpose(m.ones(2, 3), 0, 2))]),
    op("t", S(X(2, 3)), S(X(3)), S(X()), integers=True, errors=[
        E(RuntimeError, "t() expects a tensor with <= 2 dimensions", lambda m: m.t(m.ones(1, 2, 3)))]),
    op("permute", S(X(2, 3, 4), (2, 0, 1)), S(X(2, 3), (-1, 0)), S(X(), ()), integers=True, errors=[
        E(RuntimeError, "number of dimensions in the tensor input does not match", lambda m: m.permute(m.ones(2, 3), (0,))),
        E(RuntimeError, "duplicate dims are not allowed", lambda m: m.permute(m.ones(2, 3), (0, 0)))]),
    op("expand", S(X(3, 1), 3, 4), S(X(3), (2, 3)), S(X(1, 3), -1, 3), S(X(), (2, 2)), S(X(1), (0,)), integers=True,
       call=lambda m, x, *sizes: x.expand(*sizes), errors=[
           E(RuntimeError, "must match the existing size", lambda m: m.ones(2, 3).expand(4, 3)),
           E(RuntimeError, "number of sizes provided", lambda m: m.ones(2, 3).expand(3)),
           E(RuntimeError, "isn't allowed", lambda m: m.ones(3).expand(-1, 3))]),
    op("cat", S([X(2, 3), X(4, 3)]), S([X(2, 3), X(2, 1)], 1), S([X(2), X(0, fixed=True), X(3)], -1),
       S([X(1, 2), X(1, 2), X(1, 2), X(1, 2)], 0),
       S([X(0, fixed=True), X(2, 3)]), method=None, integers=True, errors=[
           E(RuntimeError, "Sizes of tensors must match except in dimension 0", lambda m: m.cat([m.ones(2, 3), m.ones(2, 4)])),
           E(RuntimeError, "Tensors must have same number of dimensions", lambda m: m.cat([m.ones(2, 3), m.ones(3)])),
           E(RuntimeError, "zero-dimensional tensor", lambda m: m.cat([m.tensor(1.), m.tensor(2.)])),
           E(IndexError, BAD_DIM, lambda m: m.cat([m.ones(2), m.ones(2)], 1)),
           E(TypeError, "must be tuple of Tensors", lambda m: m.cat(m.ones(2, 3))),
           E(ValueError, "non-empty list", lambda m: m.cat([])),
           E(TypeError, "", lambda m: m.cat([1.0, 2.0]))]),
    op("stack", S([X(2, 3), X(2, 3)]), S([X(2, 3), X(2, 3), X(2, 3)], 1), S([X(2), X(2)], -1), S([X(), X()]), method=None,
       integers=True, errors=[
           E(RuntimeError, "stack expects each tensor to be equal size", lambda m: m.stack([m.ones(2), m.ones(3)])),
           E(RuntimeError, "non-empty TensorList", lambda m: m.stack([]))]),
    op("split", S(X(5, 2), 2), S(X(2, 5), [1, 4], 1), S(X(5), 5), S(X(4), [0, 4]), integers=True, errors=[
        E(RuntimeError, "split_with_sizes expects split_sizes", lambda m: m.split(m.ones(5), [2, 2])),
        E(RuntimeError, "non-negative", lambda m: m.split(m.ones(5), -1)),
        E(RuntimeError, "negative", lambda m: m.split(m.ones(5), [6, -1]))]),
    op("chunk", S(X(5, 2), 2), S(X(2, 5), 3, 1), S(X(2), 5), integers=True, errors=[
        E(RuntimeError, "chunk expects `chunks` to be greater than 0", lambda m: m.chunk(m.ones(5), 0))]),
    op("unbind", S(X(3, 2)), S(X(2, 3), 1), integers=True, errors=[
        E(IndexError, "no dimensions", lambda m: m.unbind(m.tensor(1.)))]),
    op("narrow", S(X(5, 2), 0, 1, 3), S(X(2, 5), -1, -2, 2), S(X(5), 0, 2, 0), integers=True, errors=[
        E(RuntimeError, "exceeds dimension size", lambda m: m.narrow(m.ones(5), 0, 3, 3)),
        E(IndexError, "start out of range", lambda m: m.narrow(m.ones(5), 0, 6, 0)),
        E(IndexError, "start out of range", lambda m: m.narrow(m.ones(5), 0, -6, 1)),
        E(RuntimeError, "length must be non-negative", lambda m: m.narrow(m.ones(5), 0, 1, -1))]),
    op("select", S(X(3, 4), 0, 1), S(X(3, 4), 1, -1), S(X(3), 0, 2), integers=True, errors=[
        E(IndexError, "select(): index 3 out of range", lambda m: m.select(m.ones(3), 0, 3)),
        E(IndexError, "cannot be applied to a 0-dim tensor", lambda m: m.select(m.tensor(1.), 0, 0))]),
    op("clone", S(X(2, 3)), S(X()), S(X(0)), integers=True),
    # Elementwise ops that are written with the table's rows.
    op("masked_fill", S(X(3, 4), X(3, 4, dtype="bool"), 0.1), S(X(3, 4), X(4, dtype="bool"), -1), inplace="masked_fill_",
       call=lambda m, x, mask, value: x.masked_fill(mask, value)),
    op("clamp_low", S(X(3, 4), 0.25), method=None, call=lambda m, x, low: m.clamp(x, min=low)),
    op("clamp_high", S(X(3, 4), 0.25), method=None, call=lambda m, x, high: m.clamp(x, max=high)),
    op("clamp_tensors", S(X(3, 4), X(4, low=-2, high=-1), X(3, 1, low=1, high=2)), method=None,
       call=lambda m, x, low, high: m.clamp(x, low, high)),
    op("add_alpha", S(X(3, 4), X(4), alpha=2.5), method="add", inplace="add_",
       call=lambda m, a, b, alpha: m.add(a, b, alpha=alpha)),
    op("sub_alpha", S(X(3, 4), X(4), alpha=2.5), method="sub", inplace="sub_",
       call=lambda m, a, b, alpha: m.sub(a, b, alpha=alpha)),
    op("logical", S(X(3, 4, dtype="bool"), X(3, 4, dtype="bool")), method=None,
       call=lambda m, a, b: [a & b, a | b, a ^ b, ~a], **NARROW),
    op("T", S(X(2, 3)), S(X(2, 2)), method=None, call=lambda m, x: x.T, integers=True),
    op("mT", S(X(2, 3)), S(X(2, 3, 4)), method=None, call=lambda m, x: x.mT, integers=True),
    # Indexing.
    op("getitem", *[S(X(4, 5, 3), key) for key in (
        1, -1, slice(1, 3), slice(None, None, 2), (slice(None), 2), (0, 1, 2), (..., 1), (None, 0), (slice(0, 0),),
        (1, ..., None),
        ([0, 2, 2],), ([0, -1], slice(1, 4), [2, 0]), (slice(None), [[0, 1], [4, 4]]), ([3, 1], [0, 4], [2, 2]),
        (slice(3, 1),))],
       S(X(4, 5), X(4, low=-4, high=4, dtype="int64")), S(X(4, 5), X(4, 5, dtype="bool")), S(X(4, 5), X(4, dtype="bool")),
       S(X(), None), S(X(), ...), method=None, integers=True, call=lambda m, x, key: x[key], errors=[
           E(IndexError, "index 3 is out of bounds for dimension 0 with size 3", lambda m: m.ones(3)[3]),
           E(IndexError, "too many indices", lambda m: m.ones(3)[0, 0]),
           E(IndexError, "", lambda m: m.ones(3)[m.tensor([1.0])]),
           E(IndexError, "", lambda m: m.ones(3)[m.tensor([3])]),
           E(IndexError, "", lambda m: m.ones(3)[m.tensor([-4])]),
           E(IndexError, "", lambda m: m.ones(3)[m.tensor([True, False])]),
           E(TypeError, "", lambda m: m.ones(3)["a"], False),
           E(IndexError, "", lambda m: m.tensor(1.)[0])]),
    op("setitem", *[S(X(4, 5), key, value) for key, value in (
        (1, 0.1), (slice(1, 3), X(5)), ((slice(None), 2), X(4)), ([0, 2], X(2, 5)), ((..., slice(None, None, 2)), X(1, 3)),
        (([0, 1, 2], [4, 3, 2]), X(3)), (slice(0, 0), 3.0))], S(X(4, 5), X(4, 5, dtype="bool"), 0.1),
       S(X(4, 5), X(4, dtype="bool"), X(5)), method=None, call=lambda m, x, key, value: assign(x.clone(), key, value), errors=[
           E(IndexError, "out of bounds", lambda m: assign(m.ones(3), 3, 1.0)),
           E(RuntimeError, "", lambda m: assign(m.ones(3), slice(0, 2), m.ones(3))),
           E(RuntimeError, "shape mismatch", lambda m: assign(m.ones(3), [0, 1], m.ones(3)))]),
    op("gather", S(X(3, 4), 0, X(2, 4, low=0, high=3, dtype="int64")), S(X(3, 4), 1, X(3, 6, low=0, high=4, dtype="int64")),
       S(X(5), -1, X(3, low=0, high=5, dtype="int64")), integers=True, errors=[
           E(RuntimeError, "out of bounds", lambda m: m.gather(m.ones(3), 0, m.tensor([3]))),
           E(RuntimeError, "", lambda m: m.gather(m.ones(3), 0, m.tensor([0.0])))]),
    op("take_along_dim", S(X(3, 4), X(2, 4, low=0, high=3, dtype="int64"), 0), S(X(3, 4), X(6, low=0, high=12, dtype="int64")),
       integers=True),
    op("index_select_of_a_number", S(X(), 0, X(1, low=0, high=1, dtype="int64")), method="index_select",
       call=lambda m, x, d, i: m.index_select(x, d, i), integers=True),
    op("index_select", S(X(3, 4), 0, X(5, low=0, high=3, dtype="int64")), S(X(3, 4), 1, X(2, low=0, high=4, dtype="int64")),
       integers=True, errors=[E(IndexError, "out of bounds", lambda m: m.index_select(m.ones(3), 0, m.tensor([3])), False)]),
    op("scatter", S(X(3, 4), 0, X(1, 4, low=0, high=3, dtype="int64"), X(1, 4)), inplace="scatter_"),
    op("scatter_add", S(X(3, 4), 0, X(2, 4, low=0, high=3, dtype="int64"), X(2, 4)),
       S(X(3, 4), 1, X(3, 2, low=0, high=4, dtype="int64"), X(3, 2)), inplace="scatter_add_", errors=[
           E(RuntimeError, "out of bounds", lambda m: m.scatter_add(m.ones(3), 0, m.tensor([3]), m.ones(1)))]),
    op("masked_select", S(X(3, 4), X(3, 4, dtype="bool")), S(X(3, 4), X(4, dtype="bool")), integers=True),
    op("nonzero", S(X(3, 4)), S(X(3, 4, dtype="bool")), S(X(3, 4), as_tuple=True), S(X(0, 2)), integers=True, **NARROW),
    # Creation.
    *[op(name, S(), method=None, call=call, **NARROW) for name, call in {
        "zeros": lambda m: [m.zeros(2, 3), m.zeros((2, 3), dtype=m.int32), m.zeros(()), m.zeros(0, 2),
                            m.zeros([2], dtype=m.bool)],
        "ones": lambda m: [m.ones(2, 3), m.ones((2, 3), dtype=m.float64), m.ones(0), m.ones(2, dtype=m.uint8)],
        "full": lambda m: [m.full((2, 3), 0.1), m.full((2,), 0.1, dtype=m.float64), m.full((2,), 7), m.full((), True),
                           m.full((2,), 2.7, dtype=m.int64), m.full((2,), -1, dtype=m.uint8)],
        "eye": lambda m: [m.eye(3), m.eye(2, 4), m.eye(4, 2, dtype=m.int64), m.eye(0)],
        "arange": lambda m: [m.arange(5), m.arange(2, 5), m.arange(5.0), m.arange(0, 1, 0.1), m.arange(5, 0, -2),
                             m.arange(1, 2, 0.25),
                             m.arange(3, dtype=m.float64), m.arange(0), m.arange(0.5, 5, 1.5, dtype=m.float64)],
        "linspace": lambda m: [m.linspace(0, 1, 5), m.linspace(-1, 2, 7, dtype=m.float64), m.linspace(3, 3, 1),
                               m.linspace(0, 1, 0),
                               m.linspace(1, 0, 100)],
        "zeros_like": lambda m: [m.zeros_like(m.ones(2, 3)), m.zeros_like(m.ones(2), dtype=m.int64)],
        "ones_like": lambda m: [m.ones_like(m.zeros(2, 3)), m.ones_like(m.zeros(2, 3).t())],
        "full_like": lambda m: [m.full_like(m.zeros(2, 3), 0.1), m.full_like(m.zeros(2, dtype=m.int64), 3)],
        "tensor": lambda m: [m.tensor(1.5), m.tensor([1, 2]), m.tensor([[1.0, 2], [3, 4]]), m.tensor([True, False]),
                             m.tensor([]),
                             m.tensor([[]]), m.tensor([1, 2.5]), m.tensor([True, 2]), m.tensor(3, dtype=m.float64),
                             m.tensor([0.1, 0.2], dtype=m.float64), m.tensor(2.7, dtype=m.int64),
                             m.tensor(np.arange(6).reshape(2, 3)),
                             m.tensor(np.float32(0.1)), m.tensor([np.float64(0.1)]), m.tensor(-1, dtype=m.uint8),
                             m.tensor(np.arange(6)[::-2].copy())],
        "as_tensor": lambda m: [m.as_tensor([1.0, 2.0]), m.as_tensor(np.arange(3)), m.as_tensor(1, dtype=m.float64)],
        "from_numpy": lambda m: [m.from_numpy(np.arange(6.0).reshape(2, 3)), m.from_numpy(np.array(1.5))],
    }.items()],
    *samples_matrix.ROWS,
    *samples_pointwise.ROWS,
    *samples_order.ROWS,
    *samples_rare.ROWS,
    *samples_shape.ROWS,
]

OPS = {name: pointwise_op(name, row) for name, row in formulas.POINTWISE.items() if not isinstance(row, formulas.Mixed)} | {each.name: each for each in STRUCTURAL}
CASES = [(each.name, i) for each in OPS.values() for i in range(len(each.samples))]
