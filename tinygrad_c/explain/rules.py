"""The formulas of the operations that are not rows of the table: value, and derivative by each input, as Python expressions.

`g` is the gradient that comes in, `y` the result, `n` the number of elements that a mean is over. An expression is shown only
if its value, computed from the numbers that are known, is the gradient that the engine computed; where an operation has two
forms under one name (a @ b and x @ w.T), that tells which it was. An expression with `...` is for reading only.
"""
from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """The names of the inputs, the value, and the derivative by each input."""

    inputs: tuple[str, ...]
    y: str
    derivatives: tuple[str, ...]
    fits: int | None = None         # the number of inputs that the graph has, where one name serves several operations


RESHAPE = Rule(("x",), "x.reshape(y.shape)", ("g.reshape(x.shape)",))
TAKE = Rule(("x",), "x[...]", ("zeros_like(x)[...] = g",))
EXTREME = Rule(("x",), "x.max()", ("where(x == y, g, 0) / ...",))
SUM = Rule(("x",), "x.sum()", ("g.expand_as(x)",))
ALONG = Rule(("x",), "x.sum(...)", ("g.unsqueeze(...).expand_as(x)",))
MEAN = Rule(("x",), "x.mean()", ("g.expand_as(x) / n",))
L1 = Rule(("x", "t"), "abs(x - t).mean()", ("g * sign(x - t) / n", "-(g * sign(x - t) / n)"), 2)
CROSS_ENTROPY = Rule(("x", "t"), "-log(softmax(x, 1))[t].mean()", ("g * (softmax(x, 1) - one_hot(t)) / n",))

RULES: dict[str, list[Rule]] = {
    # Products
    "Mm": [Rule(("a", "b"), "a @ b", ("g @ b.T", "a.T @ g")), Rule(("x", "w"), "x @ w.T", ("g @ w", "g.T @ x"))],
    "Addmm": [Rule(("x", "w", "b"), "x @ w.T + b", ("g @ w", "g.T @ x", "g.sum(0)"))],
    "Bmm": [Rule(("a", "b"), "a @ b", ("g @ b.mT", "a.mT @ g"))],
    "Convolution": [Rule(("x", "w", "b"), "conv(x, w) + b", ("conv_transpose(g, w) ...", "correlate(x, g) ...",
                                                           "g.sum(...)"))],
    "LinalgInvEx": [Rule(("x",), "inverse(x) ...", ("-(y.mT @ g @ y.mT)",))],
    "LinalgDet": [Rule(("x",), "det(x) ...", ("g * y * inverse(x).mT ...",))],
    "LinalgSlogdet": [Rule(("x",), "log(abs(det(x))) ...", ("g * inverse(x).mT ...",))],
    "LinalgSolveEx": [Rule(("a", "b"), "inverse(a) @ b ...", ("-(inverse(a).mT @ g @ y.mT) ...", "inverse(a).mT @ g ..."))],
    # Sums and means
    "Sum": [SUM, ALONG, L1._replace(y="abs(x - t).sum()")], "Mean": [MEAN, L1],
    "Prod": [Rule(("x",), "x.prod()", ("g * y / x",))],
    "Expand": [Rule(("x",), "x.expand(y.shape)", ("g.sum_to_size(x.shape)",))],
    "Cumsum": [Rule(("x",), "cumsum(x, ...)", ("flip(cumsum(flip(g)))...",))],
    "Cumprod": [Rule(("x",), "cumprod(x, ...)", ("flip(cumsum(flip(g * y))) / x ...",))],
    "Var": [Rule(("x",), "x.var()", ("g * 2 * (x - x.mean(...)) / (n - 1)",))],
    "Std": [Rule(("x",), "x.std()", ("g * (x - x.mean(...)) / (n - 1) / y",))],
    "LinalgVectorNorm": [Rule(("x",), "sqrt((x * x).sum())", ("g * x / y",)),
                         Rule(("x",), "norm(x, ...)", ("... d norm / dx",))],
    # Windows of an image as columns, and back: each is the gradient of the other
    "Im2Col": [Rule(("x",), "unfold(x, ...)", ("fold(g, ...)",))],
    "Col2Im": [Rule(("x",), "fold(x, ...)", ("unfold(g, ...)",))],
    # Extremes: the gradient goes to where the extreme was
    "Max": [EXTREME], "Min": [EXTREME._replace(y="x.min()")], "Amax": [EXTREME], "Amin": [EXTREME._replace(y="x.min()")],
    "MaxPool2DWithIndices": [Rule(("x",), "max_pool(x)", ("zeros_like(x)[argmax of each window] = g ...",))],
    # Another shape of the same numbers
    "View": [RESHAPE], "UnsafeView": [RESHAPE], "Unsqueeze": [RESHAPE], "Squeeze": [RESHAPE], "Dot": [RESHAPE], "Mv": [RESHAPE],
    "Reshape": [RESHAPE], "T": [Rule(("x",), "x.T", ("g.T",))], "Unbind": [TAKE],
    "Transpose": [Rule(("x",), "x.T", ("g.T",)), Rule(("x",), "x.transpose(...)", ("g.transpose(...)",))],
    "Permute": [Rule(("x",), "x.T", ("g.T",)), Rule(("x",), "x.permute(...)", ("g.permute(...)",))],
    "Clone": [Rule(("x",), "x.clone()", ("g",))], "ToCopy": [Rule(("x",), "x.to(...)", ("g",))],
    "Alias": [Rule(("x",), "x", ("g",))], "Link": [Rule(("x", "a"), "x", ("g", "zeros_like(a)"))],
    "CopyBackwards": [Rule(("x",), "x", ("g",))],
    # Parts, and parts put together
    "Select": [RESHAPE, TAKE], "Slice": [TAKE], "Index": [TAKE], "Split": [TAKE], "SplitWithSizes": [TAKE], "AsStrided": [TAKE],
    "Diagonal": [TAKE], "Gather": [TAKE], "IndexSelect": [TAKE], "Embedding": [TAKE],
    "Cat": [Rule(("x",), "cat(...)", ("g[...]",))], "Stack": [Rule(("x",), "stack(...)", ("g[...]",))],
    # Softmax and losses
    "Softmax": [Rule(("x",), "softmax(x, -1)", ("y * (g - (g * y).sum(-1, keepdim=True))",)),
                Rule(("x",), "softmax(x, ...)", ("y * (g - (g * y).sum(...))",))],
    "LogSoftmax": [Rule(("x",), "log_softmax(x, -1)", ("g - exp(y) * g.sum(-1, keepdim=True)",)),
                   Rule(("x",), "log_softmax(x, ...)", ("g - exp(y) * g.sum(...)",))],
    "Logsumexp": [Rule(("x",), "log(exp(x).sum(...))", ("g * exp(x - y) ...",))],
    "NllLoss": [CROSS_ENTROPY], "NllLoss2D": [CROSS_ENTROPY],
    "MseLoss": [Rule(("x", "t"), "((x - t) ** 2).mean()", ("g * 2 * (x - t) / n", "-(g * 2 * (x - t) / n)"))],
    "L1Loss": [L1], "Abs": [L1],
    "SmoothL1Loss": [Rule(("x", "t"), "smooth_l1(x - t).mean()", ("g * clamp((x - t) / p, -1, 1) / n",
                                                                  "-(g * clamp((x - t) / p, -1, 1) / n)"))],
    "HuberLoss": [Rule(("x", "t"), "huber(x - t).mean()", ("g * clamp(x - t, -p, p) / n", "-(g * clamp(x - t, -p, p) / n)"))],
    "BinaryCrossEntropy": [Rule(("x", "t"), "-(t * log(x) + (1 - t) * log(1 - x)).mean()",
                                ("g * (x - t) / (x * (1 - x)) / n", "g * (log(1 - x) - log(x)) / n"))],
    "BinaryCrossEntropyWithLogits": [Rule(("x", "t"), "-(t * log(sigmoid(x)) + (1 - t) * log(1 - sigmoid(x))).mean()",
                                          ("g * (sigmoid(x) - t) / n", "-(g * x / n)"))],
    # Layers
    "Mul": [Rule(("x",), "dropout(x)", ("g * mask / (1 - p) ...",))],
    "Add": [CROSS_ENTROPY._replace(y="cross_entropy(x, t, label_smoothing=...)",
                                   derivatives=("g * (softmax(x, 1) - smoothed(t)) / n ...",))],
    "NativeLayerNorm": [Rule(("x", "w", "b"), "(x - mean) / sqrt(var + eps) * w + b",
                             ("layer_norm ...", "(g * (x - mean) / sqrt(var + eps)).sum(...)", "g.sum(...)"))],
    # Writing at places, and taking in another order: the gradient goes back the same way
    **{name: [Rule(("x", "v"), "x[...] = v", ("g, with 0 where x was written over ...", "g[...]"))]
       for name in ("Scatter", "IndexPut", "IndexCopy", "IndexFill", "Put", "MaskedScatter", "SliceScatter", "SelectScatter",
                    "DiagonalScatter", "AsStridedScatter")},
    **{name: [Rule(("x", "v"), "x[...] += v", ("g ...", "g[...]"))] for name in ("ScatterAdd", "IndexAdd", "ScatterReduce")},
    **{name: [TAKE] for name in ("Take", "MaskedSelect", "Sort", "Topk", "Kthvalue", "Median", "Nanmedian", "Mode", "Cummax",
                                 "Cummin", "Aminmax", "Unfold", "Trace")},
    "Flip": [Rule(("x",), "flip(x, ...)", ("flip(g, ...)",))], "Roll": [Rule(("x",), "roll(x, k)", ("roll(g, -k) ...",))],
    "Rot90": [Rule(("x",), "rot90(x, k)", ("rot90(g, -k) ...",))],
    "Repeat": [Rule(("x",), "x.repeat(...)", ("g.sum(...)  # of the copies",))],
    "Tril": [Rule(("x",), "tril(x, ...)", ("tril(g, ...)",))], "Triu": [Rule(("x",), "triu(x, ...)", ("triu(g, ...)",))],
    "DiagEmbed": [Rule(("x",), "diag(x) ...", ("diagonal(g) ...",))],
    "Nansum": [Rule(("x",), "x.nansum(...)", ("where(x == x, g.expand_as(x), 0) ...",))],
    "VarMean": [Rule(("x",), "x.var(...), x.mean(...)", ("g * 2 * (x - x.mean(...)) / (n - 1)",))],
    "StdMean": [Rule(("x",), "x.std(...), x.mean(...)", ("g * (x - x.mean(...)) / (n - 1) / y",))],
    "Logcumsumexp": [Rule(("x",), "log(cumsum(exp(x))) ...", ("exp(x) * flip(cumsum(flip(g * exp(-y)))) ...",))],
    "Dist": [Rule(("a", "b"), "norm(a - b, ...)", ("g * (a - b) / y ...", "g * (b - a) / y ..."))],
    "Cdist": [Rule(("a", "b"), "cdist(a, b)", ("sum of g * (a - b) / y ...", "sum of g * (b - a) / y ..."))],
    "CopySlices": [Rule(("x", "v"), "x[...] = v", ("g, with 0 where v was written ...", "g[...]"))],
}
RULES["NativeGroupNorm"] = RULES["NativeBatchNorm"] = RULES["NativeLayerNorm"]


def of(rule: str, own_rule: str, n_inputs: int) -> list[Rule]:
    """The rules that a node may be, by its name and by the name of its own rule: the first that gives the engine's numbers is
    what it is. A function composed of operations gives its name to the node of its last operation."""
    for name in (rule, own_rule):
        found = RULES.get(name.partition("Backward")[0] or name, RULES.get(name, []))
        exact = [each for each in found if each.fits == n_inputs]
        found = exact or [each for each in found if each.fits is None]
        if found:
            return found
    return []
