"""A net as one C99 header: no allocation, no library but math.h, weights in read-only memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_c import Tensor, nn
from tinygrad_c.export import steps as s
from tinygrad_c.export.c_functions import FUNCTIONS, SHELL
from tinygrad_c.export.text import identifier, real, single

GOLDEN = 4  # rows in the self-test


@dataclass
class Header:
    """The text, and its costs: bytes of constants, bytes on the stack, multiplications for a row."""

    text: str
    name: str
    inputs: int  # numbers of a row
    outputs: int
    integers: bool  # whether the inputs are int, for an Embedding; else float
    rom: int
    ram: int
    operations: int
    expected: np.ndarray  # what the net answers for the example, [rows, outputs]


def header(net: nn.Module, example: Tensor, name: str = "net", int8: bool = False) -> Header:
    """The header of a net that takes rows like those of `example` [rows, ..]; ValueError for a layer that is not exported.

    NAME_run(x, y) answers a row, NAME_selftest() is 0 if the first rows of the example are answered as they were here. int8:
    weights of Linear and convolution layers in 8 bits, with a scale for each output.
    """
    steps, answers = s.steps_of(net, example)
    return _Writer(identifier(name, set()), int8).header(steps, example.numpy(), answers)


class _Writer:
    def __init__(self, name: str, int8: bool) -> None:
        self.name, self.int8 = name, int8
        self.data: list[str] = []
        self.lines: list[str] = []
        self.used: set[str] = set()
        self.rom = self.operations = 0

    def array(self, values: np.ndarray) -> str:
        name = f"{self.name}_{len(self.data)}"
        self.data.append(f"static const float {name}[{values.size}] = {{\n    {single(values)}}};")
        self.rom += 4 * values.size
        return name

    def weights(self, w: np.ndarray, output: int) -> str:
        """The names of the weights and, in 8 bits, of a scale for each entry of dimension `output`."""
        if not self.int8:
            return self.array(w)
        others = tuple(i for i in range(w.ndim) if i != output)
        scale = np.maximum(np.abs(w).max(axis=others, keepdims=True), 1e-12) / 127
        small = np.rint(w / scale).astype(int).ravel()
        name = f"{self.name}_{len(self.data)}"
        text = ",\n    ".join(", ".join(map(str, row)) for row in np.array_split(small, max(1, small.size // 24)))
        self.data.append(f"static const signed char {name}[{small.size}] = {{\n    {text}}};")
        self.rom += small.size
        return f"{name}, {self.array(scale)}"

    def call(self, function: str, *arguments: Any) -> None:
        self.used.add(function)
        self.lines.append(f"    {self.name}_{function}({', '.join(map(str, arguments))});")

    # The steps: each reads x and writes y, or changes x

    def linear(self, step: s.Step, x: str, y: str) -> None:
        m, n = step.what.weight.shape
        rows = math.prod(step.before) // m
        self.call("linear", y, x, rows, m, n, self.array(step.what.bias), self.weights(step.what.weight, 1))
        self.operations += rows * m * n

    def conv(self, step: s.Step, x: str, y: str) -> None:
        w, a = step.what.window, step.what.weight
        c, height, width = s.planes(step.before, w.dims)
        _, out_height, out_width = s.planes(step.after, w.dims)
        self.call(
            "conv",
            y,
            x,
            c,
            height,
            width,
            len(a),
            out_height,
            out_width,
            *w.kernel,
            *w.stride,
            w.pads[0][0],
            w.pads[1][0],
            *w.dilation,
            step.what.groups,
            self.array(step.what.bias),
            self.weights(a, 0),
        )
        self.operations += a.size * out_height * out_width

    def pool(self, step: s.Step, x: str, y: str) -> None:
        w = step.what.window
        c, height, width = s.planes(step.before, w.dims)
        _, out_height, out_width = s.planes(step.after, w.dims)
        more = [] if step.what.maximum else [int(step.what.count_pad)]
        self.call(
            "max_pool" if step.what.maximum else "avg_pool",
            y,
            x,
            c,
            height,
            width,
            out_height,
            out_width,
            *w.kernel,
            *w.stride,
            w.pads[0][0],
            w.pads[1][0],
            *w.dilation,
            *more,
        )

    def adaptive(self, step: s.Step, x: str, y: str) -> None:
        c, height, width = s.planes(step.before, step.what.dims)
        _, out_height, out_width = s.planes(step.after, step.what.dims)
        self.call("adaptive_max" if step.what.maximum else "adaptive_avg", y, x, c, height, width, out_height, out_width)

    def embedding(self, step: s.Step, x: str, y: str) -> None:
        count, width = step.what.weight.shape
        self.call("embedding", y, x, math.prod(step.before), count, width, self.array(step.what.weight))

    def per_channel(self, step: s.Step, x: str) -> None:
        n, inner = step.before[0], math.prod(step.before[1:])
        if step.what.shift is None:
            self.call("prelu", x, n, inner, self.array(step.what.scale))
        else:
            self.call("affine", x, n, inner, self.array(step.what.scale), self.array(step.what.shift))
            self.operations += n * inner

    def layer_norm(self, step: s.Step, x: str) -> None:
        n = step.what.weight.size
        self.call(
            "layer_norm",
            x,
            math.prod(step.before) // n,
            n,
            self.array(step.what.weight),
            self.array(step.what.bias),
            f"{real(step.what.eps)}f",
        )
        self.operations += 3 * math.prod(step.before)

    def softmax(self, step: s.Step, x: str) -> None:
        d = step.what.dim
        self.call(
            "log_softmax" if step.what.log else "softmax",
            x,
            math.prod(step.before[:d]),
            step.before[d],
            math.prod(step.before[d + 1 :]),
        )

    def pointwise(self, step: s.Step, x: str) -> None:
        n = math.prod(step.before)
        self.lines.append(f"    for (i = 0; i < {n}; i++) {{ float v = {x}[i]; {x}[i] = {expression(step.what)}; }}")

    # The whole

    def header(self, steps: list[s.Step], rows: np.ndarray, answers: np.ndarray) -> Header:
        n = self.name
        steps = [step for step in steps if not isinstance(step.what, s.Reshape)]
        integers = rows.dtype.kind in "iu"
        inputs, outputs = math.prod(rows.shape[1:]), math.prod(answers.shape[1:])
        if integers and not (steps and isinstance(steps[0].what, s.Embedding)):
            raise ValueError("a net of integers must begin with an Embedding")
        moving = [i for i, step in enumerate(steps) if type(step.what) in MOVING]
        sizes = {"a": 0, "b": 0}
        at = "x"  # where the numbers are: the input, a buffer, or the output
        if not moving:
            self.lines.append(f"    memcpy(y, x, {inputs} * sizeof(float));")
            at = "y"
        for i, step in enumerate(steps):
            if type(step.what) in MOVING:
                to = "y" if i == moving[-1] else "b" if at == "a" else "a"
                MOVING[type(step.what)](self, step, at, to)
                at = to
            else:
                if at == "x":
                    at = "a"
                    self.lines.append(f"    memcpy(a, x, {inputs} * sizeof(float));")
                INPLACE[type(step.what)](self, step, at)
            if at in sizes:
                sizes[at] = max(sizes[at], math.prod(step.before if type(step.what) in INPLACE else step.after))
        ram = 4 * sum(sizes.values())
        kind = "int" if integers else "float"
        golden = np.ascontiguousarray(rows[:GOLDEN].reshape(-1, inputs))
        expected = np.ascontiguousarray(answers[:GOLDEN].reshape(-1, outputs), dtype=np.float32)
        room = 0.1 * (float(np.abs(expected).max()) + 1e-6) if self.int8 else 1e-4
        words = {
            "NAME": n,
            "GUARD": f"{n.upper()}_H",
            "KIND": kind,
            "IN": inputs,
            "OUT": outputs,
            "SHAPE": " x ".join(map(str, rows.shape[1:])),
            "ANSWER": " x ".join(map(str, answers.shape[1:])),
            "ROM": f"{self.rom:,}",
            "RAM": f"{ram:,}",
            "OPERATIONS": f"{self.operations:,}",
            "UPPER": n.upper(),
            "WEIGHTS": "int8" if self.int8 else "float32",
            "DATA": "\n".join(self.data),
            "FUNCTIONS": "\n".join(_function(f, self.int8) for f in FUNCTIONS if f in self.used).replace("@NAME@", n),
            "BUFFERS": "".join(f"    float {b}[{size}];\n" for b, size in sizes.items() if size),
            "LINES": "\n".join(self.lines),
            "COUNT": len(golden),
            "ROWS": ", ".join(map(str, golden.ravel().tolist())) if integers else single(golden),
            "EXPECTED": single(expected),
            "ROOM": f"{real(room)}f",
        }
        text = SHELL
        for word, value in words.items():
            text = text.replace(f"@{word}@", str(value))
        return Header(text, n, inputs, outputs, integers, self.rom, ram, self.operations, answers.reshape(len(answers), -1))


MOVING: dict[type, Callable[..., None]] = {
    s.Linear: _Writer.linear,
    s.Conv: _Writer.conv,
    s.Pool: _Writer.pool,
    s.Adaptive: _Writer.adaptive,
    s.Embedding: _Writer.embedding,
}
INPLACE: dict[type, Callable[..., None]] = {
    s.PerChannel: _Writer.per_channel,
    s.LayerNorm: _Writer.layer_norm,
    s.Softmax: _Writer.softmax,
    s.Pointwise: _Writer.pointwise,
}


def _function(name: str, int8: bool) -> str:
    """The text of a function; int8: the weights are signed char, and each sum is multiplied by a scale."""
    words = (
        {"@TYPE@": "signed char", "@SCALE@": ", const float *s", "@TIMES@": " * s[o]"}
        if int8
        else {"@TYPE@": "float", "@SCALE@": "", "@TIMES@": ""}
    )
    text = FUNCTIONS[name]
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def expression(what: s.Pointwise) -> str:
    """A function of v, a float, in C."""
    if what.name == "GELU":
        return GELU[str(what.settings["approximate"])]
    text = EXPRESSIONS[what.name]
    for name, value in what.settings.items():
        text = text.replace(f"@{name}@", f"{real(float(value))}f".replace("-", "(-", 1) + ")" * (float(value) < 0))
    return text


GELU = {
    "none": "0.5f * v * (1.0f + erff(v * 0.70710678f))",
    "tanh": "0.5f * v * (1.0f + tanhf(0.79788456f * (v + 0.044715f * v * v * v)))",
}
EXPRESSIONS = {
    "ReLU": "v < 0.0f ? 0.0f : v",
    "ReLU6": "v < 0.0f ? 0.0f : v > 6.0f ? 6.0f : v",
    "LeakyReLU": "v < 0.0f ? @negative_slope@ * v : v",
    "ELU": "v > 0.0f ? v : @alpha@ * expm1f(v)",
    "CELU": "v > 0.0f ? v : @alpha@ * expm1f(v / @alpha@)",
    "SELU": "1.0507009873554805f * (v > 0.0f ? v : 1.6732632423543772f * expm1f(v))",
    "SiLU": "v / (1.0f + expf(-v))",
    "Mish": "v * tanhf(v > 20.0f ? v : log1pf(expf(v)))",
    "Sigmoid": "1.0f / (1.0f + expf(-v))",
    "LogSigmoid": "(v < 0.0f ? v : 0.0f) - log1pf(expf(-fabsf(v)))",
    "Tanh": "tanhf(v)",
    "Tanhshrink": "v - tanhf(v)",
    "Softplus": "v * @beta@ > @threshold@ ? v : log1pf(expf(v * @beta@)) / @beta@",
    "Softsign": "v / (1.0f + fabsf(v))",
    "Hardsigmoid": "v < -3.0f ? 0.0f : v > 3.0f ? 1.0f : v / 6.0f + 0.5f",
    "Hardswish": "v < -3.0f ? 0.0f : v > 3.0f ? v : v * (v / 6.0f + 0.5f)",
    "Hardtanh": "v < @min_val@ ? @min_val@ : v > @max_val@ ? @max_val@ : v",
    "Hardshrink": "v > @lambd@ || v < -@lambd@ ? v : 0.0f",
    "Softshrink": "v > @lambd@ ? v - @lambd@ : v < -@lambd@ ? v + @lambd@ : 0.0f",
    "Threshold": "v > @threshold@ ? v : @value@",
}
