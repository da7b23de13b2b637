"""A net of nn.Sequential, from no table, as one C99 header: Linear, activations, BatchNorm1d, LayerNorm, Dropout, Flatten.

    text = net_header(net, inputs=64, name="digits")
    /* in C */  float y[10]; digits_run(x, y);
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygrad_c import Tensor, from_numpy, nn
from tinygrad_c.tables.errors import UserError
from tinygrad_c.tables.export.c import identifier, real, single
from tinygrad_c.utils import predict

# Of a value v, a float; in float functions of math.h.
ACTIVATIONS = {
    nn.ReLU: "v > 0.0f ? v : 0.0f",
    nn.Sigmoid: "1.0f / (1.0f + expf(-v))",
    nn.Tanh: "tanhf(v)",
    nn.SiLU: "v / (1.0f + expf(-v))",
    nn.SELU: "1.0507009873554805f * (v > 0.0f ? v : 1.6732632423543772f * expm1f(v))",
    nn.Mish: "v * tanhf(v > 20.0f ? v : log1pf(expf(v)))",
    nn.Softsign: "v / (1.0f + fabsf(v))",
}
NOTHING = (nn.Dropout, nn.Identity, nn.Flatten)


@dataclass
class NetHeader:
    """The text, and what it costs: bytes of constants, bytes on the stack, multiplications."""

    text: str
    name: str
    inputs: int
    outputs: int
    rom: int
    ram: int
    operations: int


def net_header(net: nn.Sequential, inputs: int, name: str = "net") -> NetHeader:
    """The header of a net that takes rows of `inputs` numbers. UserError for a layer that cannot be exported.

    `name`_run(x, y) writes the outputs, in evaluation mode, into y; `name`_selftest() is 0 if they are what they were here.
    """
    name = identifier(name, set())
    data: list[str] = []
    lines: list[str] = []
    width, widest, operations, rom, step = inputs, inputs, 0, 0, 0

    def array(values: np.ndarray) -> str:
        nonlocal rom
        array_name = f"{name}_{len(data)}"
        data.append(f"static const float {array_name}[{values.size}] = {{\n    {single(values)}}};")
        rom += 4 * values.size
        return array_name

    for layer in _flat(net):
        if isinstance(layer, NOTHING):
            continue
        if isinstance(layer, nn.Linear):
            w = _array(layer.weight)
            if w.shape[1] != width:
                raise UserError(f"{layer} takes {w.shape[1]} numbers, and {width} arrive there: give as many `inputs` as "
                                "the net takes")
            bias = np.zeros(len(w), np.float32) if layer.bias is None else _array(layer.bias)
            lines.append(f"    {name}_linear({_at(step + 1)}, {len(w)}, {_at(step)}, {width}, {array(w)}, {array(bias)});")
            operations += w.size
            width, step = len(w), step + 1
            widest = max(widest, width)
            continue
        a = _at(step)
        if isinstance(layer, nn.BatchNorm1d):
            scale = 1 / np.sqrt(_array(layer.running_var).astype(np.float64) + layer.eps)
            shift = -_array(layer.running_mean) * scale
            if layer.weight is not None:
                scale, shift = scale * _array(layer.weight), shift * _array(layer.weight) + _array(layer.bias)
            lines.append(f"    for (i = 0; i < {width}; i++) {a}[i] = {a}[i] * {array(scale)}[i] + {array(shift)}[i];")
        elif isinstance(layer, nn.LayerNorm):
            w = np.ones(width) if layer.weight is None else _array(layer.weight)
            b = np.zeros(width) if layer.bias is None else _array(layer.bias)
            lines.append(f"    {name}_layer_norm({a}, {width}, {array(w)}, {array(b)}, {real(layer.eps)}f);")
        elif isinstance(layer, nn.Softmax):
            lines.append(f"    {name}_softmax({a}, {width});")
        elif type(layer) in ACTIVATIONS:
            lines.append(f"    for (i = 0; i < {width}; i++) {{ float v = {a}[i]; {a}[i] = {ACTIVATIONS[type(layer)]}; }}")
        else:
            raise UserError(f"{type(layer).__name__} is not exported: there are Linear, BatchNorm1d, LayerNorm, Softmax, "
                            f"Dropout, Flatten, {', '.join(kind.__name__ for kind in ACTIVATIONS)}")
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(4, inputs)).astype(np.float32)
    expected = predict(net, from_numpy(rows)).numpy()
    text = TEMPLATE.replace("@DATA@", "\n".join(data)).replace("@LINES@", "\n".join(lines)).replace("@IN@", str(inputs)) \
        .replace("@OUT@", str(width)).replace("@WIDE@", str(widest)).replace("@LAST@", _at(step)) \
        .replace("@ROWS@", single(rows)) \
        .replace("@EXPECTED@", single(expected)).replace("NAME", name).replace("@GUARD@", f"{name.upper()}_H")
    return NetHeader(text, name, inputs, width, rom, 8 * widest, operations)


def _flat(net: nn.Module) -> list[nn.Module]:
    if isinstance(net, nn.Sequential):
        return [each for layer in net for each in _flat(layer)]
    return [net]


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().numpy().astype(np.float32)


def _at(step: int) -> str:
    return "ab"[step % 2]


TEMPLATE = """/* Made by tinygrad_c: a net of @IN@ inputs and @OUT@ outputs. C99, no allocation, no library but math.h. */
#ifndef @GUARD@
#define @GUARD@

#include <math.h>
#include <string.h>

@DATA@

static inline void NAME_linear(float *y, int n, const float *x, int m, const float *w, const float *bias) {
    int i, j;
    for (j = 0; j < n; j++) {
        float sum = bias[j];
        for (i = 0; i < m; i++) sum += x[i] * w[j * m + i];
        y[j] = sum;
    }
}

static inline void NAME_layer_norm(float *x, int n, const float *w, const float *b, float eps) {
    int i; float mean = 0.0f, spread = 0.0f;
    for (i = 0; i < n; i++) mean += x[i] / (float)n;
    for (i = 0; i < n; i++) spread += (x[i] - mean) * (x[i] - mean) / (float)n;
    for (i = 0; i < n; i++) x[i] = (x[i] - mean) / sqrtf(spread + eps) * w[i] + b[i];
}

static inline void NAME_softmax(float *x, int n) {
    int i; float top = x[0], sum = 0.0f;
    for (i = 1; i < n; i++) if (x[i] > top) top = x[i];
    for (i = 0; i < n; i++) { x[i] = expf(x[i] - top); sum += x[i]; }
    for (i = 0; i < n; i++) x[i] /= sum;
}

/* The outputs of a row x[@IN@], into y[@OUT@]. */
static inline void NAME_run(const float *x, float *y) {
    float a[@WIDE@], b[@WIDE@]; int i = 0;
    (void)i; (void)b;
    memcpy(a, x, @IN@ * sizeof(float));
@LINES@
    memcpy(y, @LAST@, @OUT@ * sizeof(float));
}

/* 0, or the number (from 1) of the first golden row whose outputs are not what they were here. */
static inline int NAME_selftest(void) {
    static const float rows[4 * @IN@] = {
    @ROWS@};
    static const float expected[4 * @OUT@] = {
    @EXPECTED@};
    float y[@OUT@]; int r, i;
    for (r = 0; r < 4; r++) {
        NAME_run(rows + r * @IN@, y);
        for (i = 0; i < @OUT@; i++)
            if (!(fabsf(y[i] - expected[r * @OUT@ + i]) <= 1e-4f * (1.0f + fabsf(expected[r * @OUT@ + i])))) return r + 1;
    }
    return 0;
}

#endif
"""
