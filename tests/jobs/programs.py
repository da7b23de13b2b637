"""Random programs, here and in torch: graphs of up to 50 ops with views, writes in place, shared inputs and branches.

    python tests/jobs/programs.py [--programs 5000] [--seed 1] [--only NUMBER]

Values of every tensor that comes about, and the gradients of the inputs, must be torch's to 1e-9 (float64). Where torch refuses
a program (a value that backward needs was written over) and this package does not, its gradient must be the difference
quotient; where this package alone refuses, that is counted. One program in four also takes the gradient of the gradient.
"""
from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent.parent))
from jobs import batches

import tinygrad_c

UNARY = ["sin", "cos", "tanh", "sigmoid", "exp", "relu", "abs", "neg", "square", "erf", "clone", "softplus", "log1p_abs",
         "sqrt_abs", "reciprocal_1", "clamp", "pow3", "gelu", "silu", "expm1", "rsqrt_1", "elu", "leaky_relu", "mul_number",
         "rsub", "rdiv", "detach_half", "contiguous", "logsigmoid", "mish", "tan_s", "log2_1", "rpow", "selu"]
BINARY = ["add", "sub", "mul", "div_1", "maximum", "minimum", "where", "pow_1", "add_alpha", "lerp_by_hand"]
REDUCE = ["sum", "mean", "amax", "amin", "prod", "logsumexp", "var", "norm", "max_values", "softmax", "log_softmax", "cumsum",
          "std", "sum_all", "mean_all", "max_all"]
VIEW = ["select", "narrow", "step", "t", "permute", "reshape", "unsqueeze", "squeeze", "expand", "flatten", "split", "unbind",
        "chunk"]
INDEX = ["index", "index_rows", "mask", "gather", "index_select", "cat", "stack", "masked_fill", "scatter_add", "take"]
MATMUL = ["matmul", "matmul_t", "outer"]
INPLACE = ["mul_", "add_", "sin_", "zero_", "copy_", "set", "set_rows", "set_mask", "fill_", "exp_", "tanh_", "add_tensor_",
           "mul_tensor_", "masked_fill_", "clamp_", "sub_part_", "no_grad_add_", "div_", "relu_", "sigmoid_", "neg_"]
FAMILIES = [(UNARY, 0.22), (BINARY, 0.18), (REDUCE, 0.1), (VIEW, 0.2), (INDEX, 0.08), (MATMUL, 0.06), (INPLACE, 0.08)]
SHAPES = [(), (1,), (3,), (4, 3), (3, 4), (2, 1, 3), (1, 4), (5,), (0, 3), (2, 3, 4), (3, 1), (17, 5)]


def make(rng: np.random.Generator) -> tuple[list[np.ndarray], list[tuple]]:
    """The inputs, and the steps: (op, numbers to choose by)."""
    inputs = [rng.uniform(-1.5, 1.5, SHAPES[rng.integers(len(SHAPES))]) for _ in range(rng.integers(1, 4))]
    weights = np.array([w for _, w in FAMILIES])
    if rng.random() < 0.4:      # without writes
        weights[-1] = 0
    weights = weights / weights.sum()
    steps = []
    for _ in range(int(rng.integers(3, 51))):
        family = FAMILIES[rng.choice(len(FAMILIES), p=weights)][0]
        steps.append((family[rng.integers(len(family))], rng.random(8)))
    return inputs, steps


def unary(m, name, t, r):
    f = getattr(m.nn.functional, name, None) if name in ("relu", "softplus", "gelu", "silu", "elu", "leaky_relu", "logsigmoid",
                                                         "mish", "selu") else None
    if f is not None:
        return f(t)
    forms = {
        "log1p_abs": lambda: m.log1p(t.abs()), "sqrt_abs": lambda: m.sqrt(t.abs() + 0.5), "tan_s": lambda: m.tan(t * 0.1),
        "reciprocal_1": lambda: m.reciprocal(t.abs() + 1), "clamp": lambda: m.clamp(t, -0.7, 0.9), "pow3": lambda: t ** 3,
        "rsqrt_1": lambda: m.rsqrt(t * t + 1), "mul_number": lambda: t * (r[0] + 0.5), "rsub": lambda: r[0] - t,
        "rdiv": lambda: 2.0 / (t * t + 1), "detach_half": lambda: t * t.detach(), "contiguous": lambda: t.contiguous(),
        "log2_1": lambda: m.log2(t * t + 1), "rpow": lambda: 1.3 ** t,
    }
    return forms[name]() if name in forms else getattr(m, name)(t)


def binary(m, name, a, b):
    forms = {"div_1": lambda: a / (b * b + 1), "where": lambda: m.where(a > b, a, b * 0.5),
             "pow_1": lambda: (a.abs() + 0.3) ** (b * 0.5), "add_alpha": lambda: m.add(a, b, alpha=0.75),
             "lerp_by_hand": lambda: a + 0.3 * (b - a)}
    return forms[name]() if name in forms else getattr(m, name)(a, b)


def dim_of(t, r) -> int:
    return int(r * t.ndim) - (t.ndim if r * 7 % 1 < 0.4 else 0)


def reduce(m, name, t, r):
    if name in ("sum_all", "mean_all", "max_all"):
        return getattr(t, name[:-4])()
    if not t.ndim:
        return t.sum()
    dim, keep = dim_of(t, r[0]), bool(r[1] < 0.4)
    if name == "max_values":
        return t.max(dim, keep)[0]
    if name in ("softmax", "log_softmax"):
        return getattr(m, name)(t, dim)
    if name == "cumsum":
        return m.cumsum(t, dim)
    if name in ("var", "std") and t.shape[dim] < 2:
        return t.sum(dim, keep)
    if name == "std":
        return (m.var(t, dim, keepdim=keep) + 0.1).sqrt()
    if name == "norm":
        return (t * t + 0.1).sqrt().norm(2, dim, keep)
    if name == "prod":
        return m.prod(t, dim, keepdim=keep)
    return getattr(m, name)(t, dim, keep)


def view(m, name, t, r):
    n = t.ndim
    if name == "reshape":
        sizes = [(-1,), (1, -1), (-1, 1)] if t.numel() else [tuple(t.shape)]
        if t.numel() and t.numel() % 2 == 0:
            sizes += [(2, -1), (-1, 2)]
        return t.reshape(sizes[int(r[0] * len(sizes))])
    if name == "unsqueeze":
        return t.unsqueeze(int(r[0] * (n + 1)))
    if name == "squeeze":
        return t.squeeze()
    if name == "flatten":
        return t.flatten()
    if name == "expand":
        return t.expand(2, *t.shape) if n < 4 else t
    if not n:
        return t.view(1)
    dim = dim_of(t, r[0])
    size = t.shape[dim]
    if name == "select" and size:
        return t.select(dim, int(r[1] * size))
    if name == "narrow" and size:
        start = int(r[1] * size)
        return t.narrow(dim, start, int(r[2] * (size - start + 1)))
    if name == "step":
        return t[..., int(r[1] * 2)::2]
    if name == "t":
        return t.transpose(dim, dim_of(t, r[1]))
    if name == "permute":
        return t.permute(*[int(i) for i in np.argsort(r[:n])])
    if name == "split" and size:
        parts = t.split(1 + int(r[1] * size), dim)
        return parts[int(r[2] * len(parts))] * 1.0      # torch refuses writes into views of which one call made several
    if name == "chunk" and size:
        parts = t.chunk(2, dim)
        return parts[int(r[2] * len(parts))] * 1.0
    if name == "unbind" and size:
        return t.unbind(dim)[int(r[1] * size)] * 1.0
    return t.view(t.shape)


def rows(m, t, r, count=3):
    return m.tensor([int(x * t.shape[0]) for x in r[:count]], dtype=m.int64)


def index(m, name, t, other, r):
    if name in ("cat", "stack"):
        pair = [t, other] if tuple(t.shape) == tuple(other.shape) else [t, t * 0.5]
        return getattr(m, name)(pair, dim_of(t, r[0])) if t.ndim else m.stack(pair)
    if name == "masked_fill":
        return t.masked_fill(t > 0.3, 0.25)
    if name == "mask":
        return t[t > -0.2]
    if not t.ndim or not t.shape[0]:
        return t * 1.0
    if name == "index":
        return t[[int(x * t.shape[0]) - (t.shape[0] if x < 0.3 else 0) for x in r[1:4]]]
    if name == "index_rows":
        return t[rows(m, t, r)]
    if name == "index_select":
        return m.index_select(t, 0, rows(m, t, r))
    if name == "take":
        return t.reshape(-1)[rows(m, t.reshape(-1), r, 5)] if t.numel() else t * 1.0
    if name == "gather":
        chosen = m.zeros(t.shape, dtype=m.int64) + int(r[0] * t.shape[0])
        return m.gather(t, 0, chosen)
    if name == "scatter_add":
        return m.scatter_add(t, 0, m.zeros(t.shape, dtype=m.int64) + int(r[0] * t.shape[0]), t * 0.5)
    raise AssertionError(name)


def matmul(m, name, a, b):
    if name == "outer":
        return a.reshape(-1, 1)[:6] @ b.reshape(1, -1)[:, :5]
    if name == "matmul_t":
        return (a @ a.transpose(-1, -2)) * 0.2 if a.ndim > 1 else a @ a if a.ndim else a * b
    if a.ndim and b.ndim and a.shape[-1] == (b.shape[-2] if b.ndim > 1 else b.shape[-1]):
        return (a @ b) * 0.3
    return m.nn.functional.linear(a, m.ones(3, a.shape[-1], dtype=a.dtype) * 0.2) if a.ndim else a * b


def write(m, name, t, other, r):
    """Into t, in place."""
    if name in ("sin_", "exp_", "tanh_", "relu_", "sigmoid_", "neg_"):
        if name == "exp_":
            t.mul_(0.2)
        getattr(t, name)()
    elif name == "zero_":
        t.zero_()
    elif name in ("mul_", "add_"):
        getattr(t, name)(float(r[0] + 0.4))
    elif name == "div_":
        t.div_(float(r[0] + 1))
    elif name == "copy_":
        t.copy_(other.mean() if other.numel() else other.sum())
    elif name == "fill_":
        t.fill_(float(r[0]))
    elif name == "add_tensor_":
        t.add_(other.sum() * 0.1)
    elif name == "mul_tensor_":
        t.mul_(other.detach().sum().tanh() + other.sum().tanh() * 0.5)
    elif name == "masked_fill_":
        t.masked_fill_(t > 0.4, 0.1)
    elif name == "clamp_":
        t.clamp_(-0.8, 0.8)
    elif name == "no_grad_add_":
        with m.no_grad():
            t.add_(0.125)
    elif name == "set_mask":
        t[t < -0.4] = 0.2
    elif t.ndim and t.shape[0]:
        i = int(r[0] * t.shape[0])
        if name == "set":
            t[i] = float(r[1])
        elif name == "set_rows":
            t[[i, 0] if i else [0]] = other.sum().tanh()
        elif name == "sub_part_":
            t[i:].sub_(0.3 * t[i:])


def step(m, made, name, r):
    t, other = made[int(r[6] * len(made))], made[int(r[7] * len(made))]
    if name in UNARY:
        return unary(m, name, t, r)
    if name in BINARY:
        return binary(m, name, t, other)
    if name in REDUCE:
        return reduce(m, name, t, r)
    if name in VIEW:
        return view(m, name, t, r)
    if name in INDEX:
        return index(m, name, t, other, r)
    if name in MATMUL:
        return matmul(m, name, t, other)
    write(m, name, t, other, r)
    return None


FORBIDDEN = "not to be compared"


def forward(m, leaves, steps):
    """Every tensor that comes about, and the scalar of them all. Steps that either library refuses are left out of `made`."""
    made = [x * 1.0 for x in leaves]
    refused, copied = [], []
    for name, r in steps:
        try:
            out = step(m, made, name, r)
        except (RuntimeError, IndexError, ValueError, TypeError) as error:
            refused.append((name, type(error).__name__, str(error)))
            continue
        if out is not None:
            # torch's elementwise ops keep the order of strides, ours are contiguous: it decides whether reshape copies.
            if name not in VIEW and not out.is_contiguous():
                copied.append(name)
                out = out.contiguous()
            # What has grown too large is brought back: both libraries see the same numbers.
            out = out if out.numel() <= 400 else out.sum()
            size = float(out.detach().abs().max()) if out.numel() else 0.0
            made.append(out if size < 30 else out * (1.0 / 64) if size < 1e4 else (out * 1e-3).tanh())
    total = None
    for i, t in enumerate(made):
        part = (t * t).sum() * (0.3 + 0.05 * (i % 7)) + t.sin().sum() * 0.2
        total = part if total is None else total + part
    return made, total, refused, copied


def run(m, inputs, steps, twice):
    """(values, gradients, second gradients, refused steps, steps whose results were copied, error)."""
    leaves = [m.tensor(x, dtype=m.float64, requires_grad=True) for x in inputs]
    made, total, refused, copied = forward(m, leaves, steps)
    values = [t.detach().numpy() for t in made]
    try:
        first = m.autograd.grad(total, leaves, create_graph=twice, allow_unused=True)
        second = ()
        if twice:
            again = sum((g.sin().sum() for g in first if g is not None), m.tensor(0.0, dtype=m.float64))
            if again.requires_grad:
                second = m.autograd.grad(again, leaves, allow_unused=True)
    except RuntimeError as error:
        return values, None, None, refused, copied, str(error)
    return values, [arrays(g, x) for g, x in zip(first, inputs)], [arrays(g, x) for g, x in zip(second, inputs)], refused, copied, ""


def arrays(g, x):
    return np.zeros_like(x) if g is None else g.detach().numpy()


def quotient(inputs, steps, direction, h=1e-6):
    """The derivative along a direction, by differences; None where the program is not smooth there."""
    def value(shift):
        with tinygrad_c.no_grad():
            return forward(tinygrad_c, [tinygrad_c.tensor(x + shift * d) for x, d in zip(inputs, direction)], steps)[1].item()
    wide, narrow = ((value(s) - value(-s)) / (2 * s) for s in (h, h / 4))
    return narrow if abs(wide - narrow) < 1e-5 * (1 + abs(narrow)) else None


def differs(a, b) -> bool:
    return a.shape != b.shape or not np.allclose(a, b, 1e-9, 1e-9, equal_nan=True)


def check(inputs, steps, twice, counts) -> str:
    """What is wrong with the program here, or nothing."""
    values, first, second, refused, _, error = run(tinygrad_c, inputs, steps, twice)
    expected, first_expected, second_expected, refused_expected, copied, error_expected = run(torch, inputs, steps, twice)
    if any("more than one element of the written-to tensor" in r[2] for r in refused):
        counts["refused here only"] += 1        # torch lets fill_ and its like write to what expand() made
        return ""
    if [r[0] for r in refused] != [r[0] for r in refused_expected]:
        return f"refused steps {refused}, torch {refused_expected}"
    for i, (a, b) in enumerate(zip(values, expected)):
        if differs(a, b):
            return f"tensor {i} {a.shape} {b.shape}: {a.ravel()[:6]} torch {b.ravel()[:6]}"
    if first is None or first_expected is None:
        counts["refused by both"] += first is None and first_expected is None
        if first is None and first_expected is not None:
            counts["refused here only"] += 1
            # Of what was copied in torch, the copy was written over and not what the rule needs; its matmul of a matrix and a
            # batch of them copies the batch, too.
            copies = copied or "needed by BmmBackward0" in error
            return "" if copies and "modified by an inplace operation" in error else f"refused here only: {error}"
        if first is None:
            return ""
        # torch refuses, and this package has an answer: it must be right.
        if not any("inplace operation" in error_expected or "no_grad" in r[0] for r in [("",), *steps]):
            return f"torch raises {error_expected}"
        if any(s[0] in ("no_grad_add_", "detach_half", "mul_tensor_") for s in steps):
            return ""           # not what the tape differentiates
        direction = [np.cos(np.arange(x.size).reshape(x.shape) + 1.0) for x in inputs]
        expected_slope = quotient(inputs, steps, direction)
        if expected_slope is None:
            return ""
        slope = sum(float((g * d).sum()) for g, d in zip(first, direction))
        counts["refused by torch only, right here"] += 1
        return "" if abs(slope - expected_slope) < 1e-4 * (1 + abs(slope)) else f"slope {slope}, by differences {expected_slope}"
    counts["compared"] += 1
    counts["ops"] += len(steps) - len(refused)
    for kind, mine, theirs in (("gradient", first, first_expected), ("second gradient", second, second_expected or [])):
        for i, (a, b) in enumerate(zip(mine, theirs)):
            if differs(a, b):
                return f"{kind} {i}: {a.ravel()[:6]} torch {b.ravel()[:6]}"
    counts["second"] += twice
    return ""


def shrink(inputs, steps, twice):
    """A shorter program with a fault."""
    counts = dict.fromkeys(COUNTS, 0)
    i = 0
    while i < len(steps):
        fewer = steps[:i] + steps[i + 1:]
        if check(inputs, fewer, twice, counts):
            steps = fewer
        else:
            i += 1
    return steps


COUNTS = ("compared", "ops", "second", "refused by both", "refused here only", "refused by torch only, right here")


def work(seed: int, numbers) -> None:
    counts = dict.fromkeys(COUNTS, 0)
    for k in numbers:
        rng = np.random.default_rng([seed, k])
        inputs, steps = make(rng)
        twice = bool(rng.random() < 0.25)
        try:
            what = check(inputs, steps, twice, counts)
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
        if what:
            try:
                steps = shrink(inputs, steps, twice)
                what = check(inputs, steps, twice, counts)
            except Exception as error:
                what += f" (while shrinking: {error})"
            shapes = [x.shape for x in inputs]
            print(f"FAULT {k}: {what}; inputs {shapes}; {'twice; ' if twice else ''}"
                  f"{[(name, np.round(r, 3).tolist()) for name, r in steps]}".replace("\n", " "))
    for name, number in counts.items():
        print(f"{name}: {number}")


def main(argv: list[str] | None = None) -> None:
    torch.set_num_threads(1)
    batches.main(argv, __doc__, __file__, work, COUNTS, 500, programs=5000)


if __name__ == "__main__":
    main()
