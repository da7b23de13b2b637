"""A net as an ONNX file: one input `x` [rows, ..], float or int64, and one output `y` [rows, ..], float."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_c import Tensor, nn
from tinygrad_c.export import steps as s
from tinygrad_c.export.onnx_graph import Graph


def onnx_bytes(net: nn.Module, example: Tensor) -> tuple[bytes, np.ndarray]:
    """The file of a net that takes rows like those of `example` [rows, ..], and what the net answers for these.

    ValueError for a layer that is not exported, ImportError where the package onnx is not there.
    """
    steps, answers = s.steps_of(net, example)
    integers = example.numpy().dtype.kind in "iu"
    graph = _Graph()
    graph.input("x", "INT64" if integers else "FLOAT", ["rows", *example.shape[1:]])
    at = "x"
    for step in steps:
        at = WRITERS[type(step.what)](graph, step, at)
    graph.output(at, "y", "FLOAT", ["rows", *answers.shape[1:]])
    return graph.made(), answers


class _Graph(Graph):
    def floats(self, values: Any) -> str:
        return self.constant(values, np.float32)

    def integers(self, values: Any) -> str:
        return self.constant(values, np.int64)

    def number(self, kind: str, x: str, value: float) -> str:
        return self.op(kind, x, self.floats(value))

    # The steps

    def reshape(self, step: s.Step, x: str) -> str:
        return self.op("Reshape", x, self.integers([-1, *step.after]))

    def linear(self, step: s.Step, x: str) -> str:
        what = step.what
        if len(step.before) == 1:
            return self.op("Gemm", x, self.floats(what.weight), self.floats(what.bias))
        return self.op("Add", self.op("MatMul", x, self.floats(what.weight)), self.floats(what.bias))

    def window(self, w: s.Window) -> dict[str, list[int]]:
        first = 2 - w.dims
        pads = w.pads[first:]
        return {
            "kernel_shape": list(w.kernel[first:]),
            "strides": list(w.stride[first:]),
            "dilations": list(w.dilation[first:]),
            "pads": [p[0] for p in pads] + [p[1] for p in pads],
        }

    def conv(self, step: s.Step, x: str) -> str:
        what = step.what
        weight = what.weight if what.window.dims == 2 else what.weight[:, :, 0]
        return self.op("Conv", x, self.floats(weight), self.floats(what.bias), group=what.groups, **self.window(what.window))

    def pool(self, step: s.Step, x: str) -> str:
        what = step.what
        settings = self.window(what.window)
        if what.maximum:
            return self.op("MaxPool", x, ceil_mode=int(what.ceil), **settings)
        del settings["dilations"]
        return self.op("AveragePool", x, count_include_pad=int(what.count_pad), **settings)

    def adaptive(self, step: s.Step, x: str) -> str:
        """Windows of equal size where the sizes divide; else the mean or maximum of each window by itself."""
        dims, word = step.what.dims, "Max" if step.what.maximum else "Mean"
        for d in range(len(step.before) - dims, len(step.before)):
            size, count = step.before[d], step.after[d]
            if size == count:
                continue
            axis = self.integers([d + 1])
            parts = []
            for i in range(count):
                begin, end = i * size // count, -(-(i + 1) * size // count)
                part = self.op("Slice", x, self.integers([begin]), self.integers([end]), axis)
                parts.append(self.op(f"Reduce{word}", part, axis, keepdims=1))
            x = self.op("Concat", *parts, axis=d + 1) if count > 1 else parts[0]
        return x

    def per_channel(self, step: s.Step, x: str) -> str:
        shape = (-1, *(1,) * (len(step.before) - 1))
        scale = self.floats(step.what.scale.reshape(shape))
        if step.what.shift is None:
            return self.op("PRelu", x, scale)
        return self.op("Add", self.op("Mul", x, scale), self.floats(step.what.shift.reshape(shape)))

    def layer_norm(self, step: s.Step, x: str) -> str:
        what = step.what
        return self.op(
            "LayerNormalization", x, self.floats(what.weight), self.floats(what.bias), axis=-what.weight.ndim, epsilon=what.eps
        )

    def embedding(self, step: s.Step, x: str) -> str:
        return self.op("Gather", self.floats(step.what.weight), x)

    def softmax(self, step: s.Step, x: str) -> str:
        return self.op("LogSoftmax" if step.what.log else "Softmax", x, axis=step.what.dim + 1)

    def pointwise(self, step: s.Step, x: str) -> str:
        return POINTWISE[step.what.name](self, x, **step.what.settings)

    def clip(self, x: str, low: float, high: float) -> str:
        return self.op("Clip", x, self.floats(low), self.floats(high))

    def gelu(self, x: str, approximate: str) -> str:
        """x times the normal distribution's share below x, or its approximation by tanh."""
        if approximate == "none":
            share = self.op("Erf", self.number("Mul", x, math.sqrt(0.5)))
        else:
            cube = self.op("Mul", self.op("Mul", x, x), self.number("Mul", x, 0.044715))
            share = self.op("Tanh", self.number("Mul", self.op("Add", x, cube), math.sqrt(2 / math.pi)))
        return self.op("Mul", self.number("Mul", x, 0.5), self.number("Add", share, 1.0))

    def softplus(self, x: str, beta: float, threshold: float) -> str:
        inner = self.number("Mul", x, beta)
        found = self.number("Div", self.op("Softplus", inner), beta)
        return self.op("Where", self.number("Greater", inner, threshold), x, found)


WRITERS: dict[type, Callable[[_Graph, s.Step, str], str]] = {
    s.Reshape: _Graph.reshape,
    s.Linear: _Graph.linear,
    s.Conv: _Graph.conv,
    s.Pool: _Graph.pool,
    s.Adaptive: _Graph.adaptive,
    s.PerChannel: _Graph.per_channel,
    s.LayerNorm: _Graph.layer_norm,
    s.Embedding: _Graph.embedding,
    s.Softmax: _Graph.softmax,
    s.Pointwise: _Graph.pointwise,
}
POINTWISE: dict[str, Callable[..., str]] = {
    "ReLU": lambda g, x: g.op("Relu", x),
    "ReLU6": lambda g, x: g.clip(x, 0, 6),
    "LeakyReLU": lambda g, x, negative_slope: g.op("LeakyRelu", x, alpha=float(negative_slope)),
    "ELU": lambda g, x, alpha: g.op("Elu", x, alpha=float(alpha)),
    "CELU": lambda g, x, alpha: g.op("Celu", x, alpha=float(alpha)),
    "SELU": lambda g, x: g.op("Selu", x, alpha=1.6732632423543772, gamma=1.0507009873554805),
    "GELU": _Graph.gelu,
    "SiLU": lambda g, x: g.op("Mul", x, g.op("Sigmoid", x)),
    "Mish": lambda g, x: g.op("Mul", x, g.op("Tanh", g.op("Softplus", x))),
    "Sigmoid": lambda g, x: g.op("Sigmoid", x),
    "LogSigmoid": lambda g, x: g.op("Neg", g.op("Softplus", g.op("Neg", x))),
    "Tanh": lambda g, x: g.op("Tanh", x),
    "Tanhshrink": lambda g, x: g.op("Sub", x, g.op("Tanh", x)),
    "Softplus": _Graph.softplus,
    "Softsign": lambda g, x: g.op("Softsign", x),
    "Hardsigmoid": lambda g, x: g.op("HardSigmoid", x, alpha=1 / 6, beta=0.5),
    "Hardswish": lambda g, x: g.op("HardSwish", x),
    "Hardtanh": lambda g, x, min_val, max_val: g.clip(x, min_val, max_val),
    "Hardshrink": lambda g, x, lambd: g.op("Shrink", x, lambd=float(lambd), bias=0.0),
    "Softshrink": lambda g, x, lambd: g.op("Shrink", x, lambd=float(lambd), bias=float(lambd)),
    "Threshold": lambda g, x, threshold, value: g.op("Where", g.number("Greater", x, threshold), x, g.floats(value)),
}
