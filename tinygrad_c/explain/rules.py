"""The formulas of the operations that are not rows of the table: value, and derivative by each input, as Python expressions.

`g` is the gradient that comes in, `y` the result, `n` the number of elements that a mean is over. In braces stands what each
call decides (`explain/arguments.py`): {dims} are the dimensions that are reduced, {open} gives `g` and `y` the dimensions of x
again. An expression is shown only if its value, computed from the numbers that are known, is the gradient that the engine
computed; where an operation has several forms under one name (a @ b and x @ w.T), that tells which it was. An expression with
`...` is for reading only: its numbers come from the engine's rule, by the chain rule (`explain/chain.py`).
"""
from __future__ import annotations

from typing import NamedTuple

ANY = -1            # of all outputs of a function


class Rule(NamedTuple):
    """The names of the inputs, the value, and the derivative by each input."""

    inputs: tuple[str, ...]
    y: str
    derivatives: tuple[str, ...]
    fits: int | None = None         # the number of inputs that the graph has, where one name serves several operations
    output: int = 0                 # of a function with several


def one(y: str, dx: str, output: int = 0) -> Rule:
    """The rule of an operation of one input."""
    return Rule(("x",), y, (dx,), output=output)


TAKE = one("x[...]", "zeros_like(x)[...] = g")
SAME = one("x", "g")
PUT = Rule(("x", "v"), "x[...] = v", ("g, but 0 where x was overwritten ...", "g[...]"))
CENTERED = "(x - x.mean({dims}, keepdim=True))"
NORMALIZED = ("(x - x.mean({norm}, keepdim=True)) / "
              "sqrt(((x - x.mean({norm}, keepdim=True)) ** 2).mean({norm}, keepdim=True) + eps)")
D_NORMALIZED = "(h - h.mean() - z * (h * z).mean()) / sqrt(var + eps), where h = {h} and z is x normalized ..."

RULES: dict[str, list[Rule]] = {
    # Products
    "Mm": [Rule(("a", "b"), "a @ b", ("g @ b.T", "a.T @ g")), Rule(("x", "w"), "x @ w.T", ("g @ w", "g.T @ x"))],
    "Addmm": [Rule(("x", "w", "b"), "x @ w.T + b", ("g @ w", "g.T @ x", "g.sum(0)"))],
    "Bmm": [Rule(("a", "b"), "a @ b", ("g @ b.mT", "a.mT @ g"))],
    "Baddbmm": [Rule(("x", "w", "b"), "x @ w.mT + b", ("g @ w", "g.mT @ x", "g.sum(1)"))],
    "Convolution": [
        Rule(("x", "w"), "conv(x, w) ...", ("conv_transpose(g, w) ...", "correlate(x, g) ..."), 2),
        Rule(("x", "w", "b"), "conv(x, w) + b ...", ("conv_transpose(g, w) ...", "correlate(x, g) ...", "g.sum((0, 2, 3))"),
             3)],
    # Sums, means, moments
    "Sum": [one("x.sum({dims}{keep})", "g{open}.expand_as(x)")],
    "Mean": [one("x.mean({dims}{keep})", "g{open}.expand_as(x) / n")],
    "Prod": [one("x.prod({dims}{keep})", "g{open} * y{open} / x")],
    "Cumsum": [one("x.cumsum({dim})", "g.flip({dim}).cumsum({dim}).flip({dim})"),
               one("x.flip({dim}).cumsum({dim}).flip({dim})", "g.cumsum({dim})")],
    "Cumprod": [one("x.cumprod({dim})", "(g * y).flip({dim}).cumsum({dim}).flip({dim}) / x")],
    "Var": [one(f"{{sqrt}}(({CENTERED} ** 2).sum({{dims}}{{keep}}) / freedom)",
                f"g{{open}} * {{two}}{CENTERED} / freedom{{over_y}}")],
    "LinalgVectorNorm": [one("sqrt((x * x).sum({dims}{keep}))", "g{open} * x / y{open}")],
    # Extremes: the gradient goes to where the extreme was
    **{name: [one(f"x.{y}({{dims}}{{keep}})", "where(x == y{open}, g{open}, 0)" + ties)
              for y in (name.lower().strip("1"), name.lower().strip("1").replace("max", "min"))
              for ties in ("", " / (x == y{open}).sum({dims}, keepdim=True)")] for name in ("Amax", "Max1")},
    "Max": [*(one(f"x.{y}({{dim}}{{keep}})[0]", "where(x == y{open_dim}, g{open_dim}, 0)") for y in ("max", "min")), TAKE],
    "MaxPool2DWithIndices": [one("max_pool(x) ...", "zeros_like(x)[argmax of each window] = g ...")],
    # Softmax and losses
    "Softmax": [one("softmax(x, {dim})", "y * (g - (g * y).sum({dim}, keepdim=True))")],
    "LogSoftmax": [one("log_softmax(x, {dim})", "g - exp(y) * g.sum({dim}, keepdim=True)")],
    "Logsumexp": [one("log(exp(x).sum({dims}{keep}))", "g{open} * exp(x - y{open})")],
    "NllLoss": [
        Rule(("x", "t"), "(-log(softmax(x, 1)[range(rows), t])).mean()", ("g * (softmax(x, 1) - one_hot(t)) / n",)),
        Rule(("x", "t"), "(-log(softmax(x, 1)[range(rows), t])).sum()", ("g * (softmax(x, 1) - one_hot(t))",)),
        Rule(("x", "t"), "-log(softmax(x, 1)[range(rows), t])", ("g.unsqueeze(1) * (softmax(x, 1) - one_hot(t))",)),
        Rule(("x", "t"), "cross_entropy(x, t, ...)",
             ("g * w[t] * (softmax(x, 1) - smoothed(one_hot(t))) / total weight ...",))],
    "MseLoss": [Rule(("x", "t"), "((x - t) ** 2){reduced}", ("g * 2 * (x - t) / n", "-(g * 2 * (x - t) / n)"))],
    "L1Loss": [Rule(("x", "t"), "abs(x - t){reduced}", ("g * sign(x - t) / n", "-(g * sign(x - t) / n)"))],
    "SmoothL1Loss": [Rule(("x", "t"), "where(abs(x - t) < p, 0.5 * (x - t) ** 2 / p, abs(x - t) - 0.5 * p){reduced}",
                          ("g * clamp((x - t) / p, -1, 1) / n", "-(g * clamp((x - t) / p, -1, 1) / n)"))],
    "HuberLoss": [Rule(("x", "t"), "where(abs(x - t) <= p, 0.5 * (x - t) ** 2, p * (abs(x - t) - 0.5 * p)){reduced}",
                       ("g * clamp(x - t, -p, p) / n", "-(g * clamp(x - t, -p, p) / n)"))],
    "BinaryCrossEntropy": [Rule(("x", "t"), "(-(t * log(x) + (1 - t) * log(1 - x))){reduced}",
                                ("g * (x - t) / (x * (1 - x)) / n", "g * (log(1 - x) - log(x)) / n"))],
    "BinaryCrossEntropyWithLogits": [Rule(("x", "t"), "(-(t * log(sigmoid(x)) + (1 - t) * log(1 - sigmoid(x)))){reduced}",
                                          ("g * (sigmoid(x) - t) / n", "-(g * x / n)"))],
    # Layers
    "Mul": [one("dropout(x) ...", "g * mask / (1 - p) ...")],
    "NativeLayerNorm": [Rule(("x", "w", "b"), f"{NORMALIZED} * w + b", (
        D_NORMALIZED.format(h="g * w"), f"(g * {NORMALIZED}).sum({{others}})", "g.sum({others})")),
        one(NORMALIZED, D_NORMALIZED.format(h="g"))],
    **{f"Native{name}Norm": [Rule(("x", "w", "b"), f"{name.lower()}_norm(x) * w + b ...", (
        D_NORMALIZED.format(h="g * w"), "(g * z).sum(...), where z is x normalized", "g.sum(...)")),
        one(f"{name.lower()}_norm(x) ...", D_NORMALIZED.format(h="g"))] for name in ("Group", "Batch")},
    # Windows of an image as columns, and back: each is the gradient of the other
    "Im2Col": [one("unfold(x, ...)", "fold(g, ...)")], "Col2Im": [one("fold(x, ...)", "unfold(g, ...)")],
    # Another shape of the same numbers
    "View": [one("x.reshape({shape})", "g.reshape({x_shape})")],
    "Transpose": [one("x.T", "g.T"), one("x.transpose({dim0}, {dim1})", "g.transpose({dim0}, {dim1})")],
    "Permute": [one("x.T", "g.T"), one("x.permute({axes})", "g.permute({axes_back})")],
    "Expand": [one("x.expand({shape})", "g.sum_to_size({x_shape})")],
    "ToCopy": [one("x.{to}()", "g.{back}()")], "Clone": [one("x.clone()", "g")],
    "Alias": [SAME], "Link": [Rule(("x", "a"), "x", ("g", "zeros_like(a)"))],
    "Copy": [Rule(("x", "v"), "v", ("0 * g", "g"), fits=2),
             Rule(("x",), "x.copy_(...) ...", ("0 * g",), fits=1)],         # of a constant
    # Parts, and parts put together
    "Slice": [TAKE], "Index": [TAKE], "AsStrided": [TAKE], "AsStridedScatter": [one("zeros[...] = x", "g[...]")],
    "Cat": [one("cat(...)", "g[...]")], "Stack": [one("stack(...)", "g[...]")],
    "IndexPut": [PUT], "CopySlices": [PUT], "ScatterAdd": [Rule(("x", "v"), "x[...] += v", ("g", "g[...]"))],
    "Tril": [one("x.{triangle}({diagonal})", "g.{triangle}({diagonal})")],
    "CompiledFunction": [one("module(x)", "backward of module(x)", ANY)],
}

# The Functions of this package, by the name of the class or of grad_fn.
FUNCTIONS: dict[str, list[Rule]] = {
    "Inverse": [one("inv(x)", "-(y.mT @ g @ y.mT)")],
    "Solution": [Rule(("a", "b"), "solve(a, b)", ("-(solve(a.mT, g) @ y.mT)", "solve(a.mT, g)"))],
    "TriangularSolution": [Rule(("a", "b"), "inv(a) @ b", ("-(inv(a).mT @ g @ y.mT), its triangle", "inv(a).mT @ g"))],
    "Determinant": [one("det(x)", "g * y * inv(x).mT")],
    "LogDeterminant": [one("slogdet(x)[0]", "0 * x", 0), one("slogdet(x)[1]", "g * inv(x).mT", 1)],
    "PseudoInverse": [one("pinv(x)",
                          "-(y.mT @ g @ y.mT) + (g.mT - x @ y @ g.mT) @ y @ y.mT + y.mT @ y @ (g.mT - g.mT @ y @ x)")],
    "Cholesky": [one("cholesky(x)",
                     "inv(y).mT @ m @ inv(y), symmetrized, where m = (y.mT @ g).tril() with half the diagonal ...")],
    "Qr": [one("qr(x)[0]", "(g - y @ (m.tril() + m.tril(-1).mT)) @ inv(R).mT, where m = g.mT @ y ...", 0),
           one("qr(x)[1]", "Q @ (m.tril() + m.tril(-1).mT) @ inv(y).mT, where m = y @ g.mT ...", 1)],
    "Eigh": [one("eigh(x)[0]", "V @ g.diag_embed() @ V.mT ...", 0),
             one("eigh(x)[1]", "y @ ((y.mT @ g) / (w[j] - w[i])) @ y.mT, symmetrized; 0 on the diagonal ...", 1)],
    "Svd": [one("svd(x)[0]", "U @ (k * s) @ Vh + ((g - U @ U.mT @ g) / s) @ Vh, where "
                             "k = (U.mT @ g - g.mT @ U) / (s[j]**2 - s[i]**2) ...", 0),
            one("svd(x)[1]", "U @ g.diag_embed() @ Vh ...", 1),
            one("svd(x)[2]", "U @ (s.unsqueeze(-1) * k) @ Vh + U @ ((g - g @ Vh.mT @ Vh) / s), where "
                             "k = (Vh @ g.mT - g @ Vh.mT) / (s[j]**2 - s[i]**2) ...", 2)],
    "Factors": [one("lu(x)[1]", "inv(L).mT @ (L.mT @ g).tril(-1) @ inv(U).mT ...", 0),
                one("lu(x)[2]", "inv(L).mT @ (g @ U.mT).triu() @ inv(U).mT ...", 1)],
    "Bessel": [one("i0(x)", "g * i1(x)"), one("i1(x)", "g * (i0(x) - i1(x) / x)"),
               one("i0e(x)", "g * (i1e(x) - sign(x) * i0e(x))"),
               one("i1e(x)", "g * (i0e(x) - i1e(x) / x - sign(x) * i1e(x))")],
    "IncompleteGamma": [Rule(("a", "x"), "gammainc(a, x)", ("", "g * exp((a - 1) * log(x) - x - lgamma(a))")),
                        Rule(("a", "x"), "gammaincc(a, x)", ("", "-g * exp((a - 1) * log(x) - x - lgamma(a))"))],
    "CheckpointFunction": [one("function(x) ...", "backward of function(x), which is run again ...", ANY)],
    "BackwardHookFunction": [one("x", "g", ANY)],
    "_SplitGates": [one("x.split(...)", "cat(gradients of all parts) ...", ANY)],
}

PRODUCTS = ("Mm", "Bmm", "Addmm", "Convolution")         # linear in either factor

# Operations whose value is linear in these inputs together: the value follows from the rule of the gradient (explain/chain.py).
LINEAR: dict[str, tuple[int, ...]] = {
    **{name: (0,) for name in ("Sum", "Mean", "Cumsum", "View", "Transpose", "Permute", "Expand", "ToCopy", "Slice", "Index",
                               "AsStrided", "AsStridedScatter", "Im2Col", "Col2Im", "Tril", "Mul", "MaxPool2DWithIndices",
                               "Max", "Amax", "Max1")},
    **{name: (0, 1) for name in ("IndexPut", "CopySlices", "ScatterAdd")},
    "Mm": (0,), "Bmm": (0,), "Addmm": (0, 2), "Convolution": (0, 2), "NativeLayerNorm": (1, 2), "Copy": (1,),
    "_SplitGates": (0,), "Cat": (), "Stack": (),        # (): all of them
}


LABELLED = ("NativeLayerNormBackward0", "PairLoss", "ToCopyBackward0")     # rules whose form is the name of grad_fn


def of(rule: str, own_rule: str, function: str | None = None, output: int = 0, n_inputs: int = 1) -> list[Rule]:
    """The rules that a node may be: by the name of its own rule, of the Function of this package, or of the loss. The first
    whose formulas give the engine's numbers is what it is. The name of grad_fn alone would not do: a function composed of
    operations gives its name to its last operation."""
    if own_rule in ("Function", "FunctionOutput"):
        return [each for each in FUNCTIONS.get(function or "", []) if each.output in (output, ANY)]
    if own_rule == "PairLoss" and base(rule) in ("Abs", "Mean", "Sum"):
        rule = "L1Loss"
    for name in (rule, own_rule) if own_rule in LABELLED else (own_rule, rule):
        found = RULES.get(base(name), [])
        exact = [each for each in found if each.fits == n_inputs]
        found = exact or [each for each in found if each.fits is None] or found
        if found:
            return found
    return []


def base(name: str) -> str:
    """"Max" of "MaxBackward0", "Max1" of "MaxBackward1", which is over all elements."""
    stem, _, form = name.partition("Backward")
    return stem + form if stem + form in RULES else stem
