"""A net of nn.Sequential as steps with known shapes: what the writers of C and ONNX translate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_c import Tensor, nn, no_grad
from tinygrad_c.nn.hooks import HookedForward

Shape = tuple[int, ...]  # of one row: without the batch
Pair = tuple[int, int]


@dataclass
class Reshape:
    """The same numbers in the same order."""


@dataclass
class Linear:
    """y = x W + b in the last dimension: weight [in, out], bias [out]."""

    weight: np.ndarray
    bias: np.ndarray


@dataclass
class Window:
    """A sliding window over (H, W); one dimension is H = 1. pads: above and below, then left and right."""

    dims: int
    kernel: Pair
    stride: Pair
    pads: tuple[Pair, Pair]
    dilation: Pair


@dataclass
class Conv:
    """weight [out, in / groups, height, width], bias [out]."""

    window: Window
    weight: np.ndarray
    bias: np.ndarray
    groups: int


@dataclass
class Pool:
    """The maximum, or the mean over the window (with padding: over all of it, or over what is not padding)."""

    window: Window
    maximum: bool
    ceil: bool = False
    count_pad: bool = True


@dataclass
class Adaptive:
    """The maximum or the mean of as many windows as the output has: window i is floor(i L / n) to ceil((i + 1) L / n)."""

    dims: int
    maximum: bool


@dataclass
class PerChannel:
    """x * scale + shift, or without shift PReLU's max(x, 0) + scale * min(x, 0): an entry for each of x.shape[0]."""

    scale: np.ndarray
    shift: np.ndarray | None


@dataclass
class LayerNorm:
    """(x - mean) / sqrt(variance + eps) * weight + bias over the last weight.ndim dimensions."""

    weight: np.ndarray
    bias: np.ndarray
    eps: float


@dataclass
class Embedding:
    """weight[x], x integers."""

    weight: np.ndarray


@dataclass
class Softmax:
    """Over dimension `dim` of a row; log: its logarithm."""

    dim: int
    log: bool


@dataclass
class Pointwise:
    """A function of each number, by its name in PyTorch's nn, and its settings."""

    name: str
    settings: dict[str, float | str]


@dataclass
class Step:
    """What is done, and the shapes of a row before and after it."""

    what: Any
    before: Shape
    after: Shape


# Activations, and the settings that they have.
POINTWISE = {
    "ReLU": (),
    "ReLU6": (),
    "LeakyReLU": ("negative_slope",),
    "ELU": ("alpha",),
    "CELU": ("alpha",),
    "SELU": (),
    "GELU": ("approximate",),
    "SiLU": (),
    "Mish": (),
    "Sigmoid": (),
    "LogSigmoid": (),
    "Tanh": (),
    "Tanhshrink": (),
    "Softplus": ("beta", "threshold"),
    "Softsign": (),
    "Hardsigmoid": (),
    "Hardswish": (),
    "Hardtanh": ("min_val", "max_val"),
    "Hardshrink": ("lambd",),
    "Softshrink": ("lambd",),
    "Threshold": ("threshold", "value"),
}


def steps_of(net: nn.Module, example: Tensor) -> tuple[list[Step], np.ndarray]:
    """The steps of a net of Sequentials, and what it answers, in evaluation mode, for the rows of the example [rows, ..].

    ValueError for a layer that cannot be exported.
    """
    if example.ndim < 2:
        raise ValueError(f"export needs an example input with a dimension of rows first, got shape {list(example.shape)}")
    training = [module for module in net.modules() if module.training]
    net.eval()
    try:
        with no_grad():
            steps, x = [], example.clone()  # for layers that write into their input
            for name, layer in _flat(net, ""):
                y = layer(x)
                if not isinstance(y, Tensor) or y.ndim < 1 or len(y) != len(example):
                    raise ValueError(f"layer '{name}', {layer}, does not give a row for each row")
                what = _what(name, layer, tuple(x.shape), tuple(y.shape))
                if what is not None:
                    steps.append(Step(what, tuple(x.shape[1:]), tuple(y.shape[1:])))
                x = y
    finally:
        for module in training:
            module.training = True
    return steps, x.numpy()


def _flat(module: nn.Module, name: str) -> list[tuple[str, nn.Module]]:
    if isinstance(module.__dict__.get("forward"), HookedForward):
        raise ValueError(f"{type(module).__name__} has forward hooks, which cannot be exported: remove them")
    if type(module) is nn.Sequential:
        return [each for child, layer in module.named_children() for each in _flat(layer, f"{name}.{child}".lstrip("."))]
    return [(name, module)]


def _what(name: str, layer: nn.Module, before: Shape, after: Shape) -> Any:
    """The step of a layer; None if it does nothing in evaluation mode."""
    kind = type(layer)
    if kind in NOTHING:
        return None
    if kind.__module__.startswith("tinygrad_c.nn.") and kind.__name__ in POINTWISE:
        return Pointwise(kind.__name__, {s: getattr(layer, s) for s in POINTWISE[kind.__name__]})
    if kind not in TRANSLATED:
        there = ", ".join(sorted(k.__name__ for k in [*NOTHING, *TRANSLATED]) + sorted(POINTWISE))
        raise ValueError(f"layer '{name}', {kind.__name__}, cannot be exported; these can: {there}")
    return TRANSLATED[kind](layer, before, after)


def _array(tensor: Tensor) -> np.ndarray:
    array = tensor.detach().numpy().astype(np.float32)
    if not np.isfinite(array).all():
        raise ValueError(f"a parameter of shape {list(array.shape)} holds numbers that are not finite (in float32)")
    return array


def _or(tensor: Tensor | None, shape: Any, value: float) -> np.ndarray:
    return np.full(shape, value, np.float32) if tensor is None else _array(tensor)


def _pair(value: Any, dims: int, missing: int) -> Pair:
    """A setting of one or two dimensions, an int or a tuple, as (height, width)."""
    values = (value,) * dims if isinstance(value, int) else tuple(value)
    values = values * dims if len(values) == 1 else values
    return (missing, *values) if dims == 1 else values  # type: ignore[return-value]


def _dims(layer: nn.Module) -> int:
    return int(type(layer).__name__[-2])


def _window(layer: Any, padding: Any, dilation: Any) -> Window:
    dims = _dims(layer)
    kernel, dilation = _pair(layer.kernel_size, dims, 1), _pair(dilation, dims, 1)
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(dilation, kernel)]
        pads = tuple((t // 2, t - t // 2) for t in total)
    else:
        pads = tuple((p, p) for p in _pair(0 if padding == "valid" else padding, dims, 0))
    return Window(dims, kernel, _pair(layer.stride, dims, 1), pads, dilation)  # type: ignore[arg-type]


def _linear(layer: Any, before: Shape, after: Shape) -> Linear:
    return Linear(np.ascontiguousarray(_array(layer.weight).T), _or(layer.bias, after[-1], 0))


def _conv(layer: Any, before: Shape, after: Shape) -> Conv:
    if layer.padding_mode != "zeros":
        raise ValueError(f"{layer} cannot be exported: padding_mode must be 'zeros'")
    weight = _array(layer.weight)
    if weight.ndim == 3:
        weight = weight[:, :, None]
    return Conv(_window(layer, layer.padding, layer.dilation), weight, _or(layer.bias, len(weight), 0), layer.groups)


def _max_pool(layer: Any, before: Shape, after: Shape) -> Pool:
    return Pool(_window(layer, layer.padding, layer.dilation), True, layer.ceil_mode)


def _avg_pool(layer: Any, before: Shape, after: Shape) -> Pool:
    if layer.ceil_mode or getattr(layer, "divisor_override", None):
        raise ValueError(f"{layer} cannot be exported with ceil_mode or divisor_override")
    return Pool(_window(layer, layer.padding, 1), False, False, layer.count_include_pad)


def _adaptive(layer: Any, before: Shape, after: Shape) -> Adaptive:
    return Adaptive(_dims(layer), "Max" in type(layer).__name__)


def _batch_norm(layer: Any, before: Shape, after: Shape) -> PerChannel:
    if layer.running_var is None:
        raise ValueError(f"{layer} has no running statistics, so that its output depends on the whole batch")
    scale = 1 / np.sqrt(_array(layer.running_var).astype(np.float64) + layer.eps)
    scale = scale * _or(layer.weight, len(scale), 1)
    shift = _or(layer.bias, len(scale), 0) - _array(layer.running_mean) * scale
    return PerChannel(scale.astype(np.float32), shift.astype(np.float32))


def _layer_norm(layer: Any, before: Shape, after: Shape) -> LayerNorm:
    shape = layer.normalized_shape
    return LayerNorm(_or(layer.weight, shape, 1), _or(layer.bias, shape, 0), layer.eps)


def _embedding(layer: Any, before: Shape, after: Shape) -> Embedding:
    return Embedding(_array(layer.weight))


def _softmax(layer: Any, before: Shape, after: Shape) -> Softmax:
    dim = layer.dim if layer.dim is not None else 1
    dim = dim + len(before) if dim < 0 else dim
    if dim == 0:
        raise ValueError(f"{layer} is over the rows, so that a row cannot be answered alone")
    return Softmax(dim - 1, isinstance(layer, nn.LogSoftmax))


def _prelu(layer: Any, before: Shape, after: Shape) -> PerChannel:
    weight = _array(layer.weight)
    return PerChannel(np.repeat(weight, before[1]) if len(weight) == 1 else weight, None)


def _reshape(layer: Any, before: Shape, after: Shape) -> Reshape:
    return Reshape()


NOTHING = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout)
TRANSLATED: dict[type, Callable[[Any, Shape, Shape], Any]] = {
    nn.Linear: _linear,
    nn.Conv1d: _conv,
    nn.Conv2d: _conv,
    nn.MaxPool1d: _max_pool,
    nn.MaxPool2d: _max_pool,
    nn.AvgPool1d: _avg_pool,
    nn.AvgPool2d: _avg_pool,
    nn.AdaptiveAvgPool1d: _adaptive,
    nn.AdaptiveAvgPool2d: _adaptive,
    nn.AdaptiveMaxPool1d: _adaptive,
    nn.AdaptiveMaxPool2d: _adaptive,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.LayerNorm: _layer_norm,
    nn.Embedding: _embedding,
    nn.Softmax: _softmax,
    nn.LogSoftmax: _softmax,
    nn.PReLU: _prelu,
    nn.Flatten: _reshape,
    nn.Unflatten: _reshape,
}


def planes(shape: Shape, dims: int) -> tuple[int, int, int]:
    """(C, H, W) of a row whose last `dims` dimensions are slid over."""
    c, h, w = math.prod(shape[:-dims]), *((1, *shape[-1:]) if dims == 1 else shape[-2:])
    return c, h, w
