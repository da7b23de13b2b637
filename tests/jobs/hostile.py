"""Random calls of everything public with hostile arguments: an answer or an exception, never a crash.

    python tests/jobs/hostile.py [--sequences 2000] [--seed 1] [--only NUMBER]

A sequence makes 30 calls, of which each may take what earlier ones gave: tensors of no elements, of one, of 2^31 and 2^40 by
expand, with large strides, of every dtype, with NaN and infinity, that need gradients or view others; numbers at the ends of
their types; and what is of no use at all. Each batch is a process of its own with 4 GB of address space.
"""
from __future__ import annotations

import faulthandler
import gc
import random
import resource
import signal
import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from jobs import batches
from samples.comparing import OURS, ours
from samples.op_samples import OPS
from samples.sampling import fill

import tinygrad_c

MEMORY = 4 << 30
HUGE = 1 << 26          # elements: what is larger goes to cheap ops only, so that a call takes seconds at most
SKIP = {"set_num_threads", "manual_seed", "seed", "show_config", "set_default_dtype", "set_printoptions", "save", "load",
        "register_hook", "share_memory_", "set_rng_state", "set_grad_enabled", "set_detect_anomaly", "compile", "cuda",
        "set_num_interop_threads", "fork", "breakpoint", "help"}
NUMBERS = [0, 1, -1, 2, 3, 7, -7, 63, 64, 255, 256, 2**31 - 1, 2**31, -2**31, 2**32, 2**62, 2**63 - 1, -2**63, 2**63, 2**64, 10**30]
FLOATS = [0.0, -0.0, 0.5, 1.0, -1.5, 1e-45, 1e38, 1e308, float("inf"), float("-inf"), float("nan")]
DTYPES = ["float32", "float64", "int64", "int32", "uint8", "bool"]


class Rude:
    """An object that raises at every question."""

    def __array__(self, *args, **kwargs):
        raise ValueError("no array")

    def __float__(self):
        raise ZeroDivisionError("no float")

    def __index__(self):
        raise KeyError("no index")

    def __len__(self):
        return 2**40

    def __iter__(self):
        raise OSError("no iteration")


def public() -> list[tuple[str, object]]:
    """Every function, and every method of Tensor, by name."""
    found = []
    for module in (tinygrad_c, tinygrad_c.nn.functional, tinygrad_c.autograd):
        for name in sorted(vars(module)):
            value = vars(module)[name]
            if not name.startswith("_") and callable(value) and not isinstance(value, type) and name not in SKIP:
                found.append((f"{module.__name__}.{name}", value))
    for name in sorted(dir(tinygrad_c.Tensor)):
        special = name.startswith("__") and name in (
            "__getitem__", "__setitem__", "__add__", "__mul__", "__matmul__", "__pow__", "__truediv__", "__floordiv__", "__mod__",
            "__radd__", "__rsub__", "__rpow__", "__rtruediv__", "__iadd__", "__isub__", "__imul__", "__itruediv__", "__and__",
            "__or__", "__xor__", "__lshift__", "__rshift__", "__invert__", "__neg__", "__abs__", "__lt__", "__eq__", "__len__",
            "__iter__", "__contains__", "__repr__", "__bool__", "__float__", "__int__", "__index__", "__array__",
            "__deepcopy__", "__reduce_ex__", "__format__", "__complex__", "__round__")
        if (special or not name.startswith("_")) and name not in SKIP:
            if callable(getattr(tinygrad_c.Tensor, name)):
                found.append((f"Tensor.{name}", getattr(tinygrad_c.Tensor, name)))
            else:
                found.append((f"Tensor.{name}", lambda x, name=name: getattr(x, name)))
    return found


def a_tensor(draw: random.Random):
    shape = draw.choice([(), (0,), (1,), (3,), (2, 3), (3, 2), (4, 4), (0, 3), (3, 0), (1, 1, 1), (2, 0, 3), (2, 3, 4), (5, 5),
                         (1, 3), (3, 1), (17,), (33, 31), (2, 2, 2, 2), (1,) * 8, (70_000,)])
    kind = draw.random()
    if kind < 0.03:
        return tinygrad_c.zeros(1).expand(draw.choice([2**31, 2**31 - 1, 2**31 + 1, 2**40, 2**62]))
    if kind < 0.06:
        return tinygrad_c.zeros(1, 1).expand(draw.choice([2**16, 2**31, 2**33]), draw.choice([2**16, 2, 2**27]))
    if kind < 0.09:
        return tinygrad_c.ones(2, 3).expand(draw.choice([0, 2**20, 2**57]), 2, 3)
    dtype = getattr(tinygrad_c, draw.choice(DTYPES))
    n = int(np.prod(shape))
    values = [draw.choice(FLOATS) if draw.random() < 0.1 else draw.uniform(-3, 3) for _ in range(min(n, 50))]
    array = np.resize(np.array(values or [0.0]), shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x = tinygrad_c.from_numpy(array.copy()).to(dtype)
    if draw.random() < 0.2 and x.ndim:
        x = x[..., ::draw.choice([2, 3, 2**40])]
    if draw.random() < 0.2 and x.ndim > 1:
        x = x.transpose(0, -1)
    if draw.random() < 0.1 and x.numel() < 2000:
        x = x.expand(3, *x.shape)
    if draw.random() < 0.3 and x.is_floating_point():
        x = x.detach().requires_grad_()
        if draw.random() < 0.5:
            x = x * 1
    return x


def an_array(draw: random.Random):
    array = np.arange(6.0).reshape(2, 3)
    kind = draw.randrange(8)
    if kind == 0:
        return array.astype(">f8")
    if kind == 1:
        array.flags.writeable = False
        return array
    if kind == 2:
        return np.lib.stride_tricks.as_strided(array, (4, 2), (8, 8))
    return [array[::-1], array.astype("f2"), array.astype(object), array.astype(complex), np.array("text")][kind - 3]


def an_argument(draw: random.Random, made: list):
    if draw.random() < 0.5:         # what makes sense more often
        return draw.choice([0, 1, -1, 2, 0.5, (0,), (2, 3), a_tensor(draw), *made])
    kind = draw.random()
    if kind < 0.3 and made:
        return draw.choice(made)
    if kind < 0.5:
        return a_tensor(draw)
    if kind < 0.68:
        return draw.choice(NUMBERS)
    if kind < 0.75:
        return draw.choice(FLOATS)
    if kind < 0.83:
        return tuple(draw.choice(NUMBERS[:9]) for _ in range(draw.randrange(4)))
    if kind < 0.88:
        return slice(*(draw.choice([None, 0, 1, -1, 2, 2**63 - 1, -2**63, 2**70]) for _ in range(3)))
    if kind < 0.92:
        return draw.choice([None, True, False, ..., "mean", "sum", "none", "", "x" * 1000, b"\0", tinygrad_c.float64, tinygrad_c.bool,
                            "ij,jk->ik", "tanh"])
    if kind < 0.95:
        return an_array(draw)
    if kind < 0.98:
        return [draw.choice(made) if made else 1.0 for _ in range(draw.randrange(4))]
    return draw.choice([Rude(), object(), {}, lambda *a: None, 1j, int, [[1], [2, 3]], [[]] * 3, range(3), {"a": 1}])


KEYWORDS = ["dim", "keepdim", "dtype", "out", "reduction", "alpha", "value", "generator", "correction", "size_average", "weight"]


def size(x) -> int:
    if isinstance(x, tinygrad_c.Tensor):
        return x.numel()
    if isinstance(x, (list, tuple)):
        return max([0, *map(size, x)])
    return 0


CHEAP = {"size", "numel", "dim", "ndim", "shape", "stride", "view", "reshape", "expand", "expand_as", "t", "transpose", "permute",
         "squeeze", "unsqueeze", "detach", "is_contiguous", "select", "narrow", "__getitem__", "unbind", "split", "chunk",
         "requires_grad_", "data_ptr", "element_size", "flatten", "movedim", "swapaxes", "broadcast_to", "diagonal", "dtype",
         "is_floating_point", "T", "mT", "nelement", "storage_offset", "unfold", "as_strided", "view_as", "contiguous", "clone",
         "zeros_like", "empty_like", "tolist", "numpy", "__len__"}


def one_sequence(draw: random.Random, functions: list, counts: dict) -> None:
    made: list = []
    for _ in range(30):
        name, function = draw.choice(functions)
        args = [an_argument(draw, made) for _ in range(draw.choice([0, 1, 1, 1, 2, 2, 2, 3, 4]))]
        if draw.random() < 0.4:
            args = [a_tensor(draw) for _ in args]
        if name.startswith("Tensor."):
            args.insert(0, draw.choice(made) if made and draw.random() < 0.6 else a_tensor(draw))
        kwargs = {draw.choice(KEYWORDS): an_argument(draw, made)} if draw.random() < 0.15 else {}
        if draw.random() < 0.5:
            name, function, args, kwargs = a_sample(draw, made)
        short = name.rpartition(".")[2]
        large = max([0, *map(size, args), *map(size, kwargs.values())])
        if large > HUGE and (short not in CHEAP or short in ("tolist",)) and large > draw.choice([0, 2**33]):
            continue        # only now and then: it takes seconds
        if short in ("__iter__", "unbind", "split", "chunk", "tolist", "__repr__", "__contains__", "tensor_split", "vsplit", "hsplit",
                     "dsplit", "meshgrid", "cartesian_prod", "combinations") and large > 10**5:
            continue
        if name.startswith(("Tensor.", "tinygrad_c.")) and any(size(a) > 10**6 for a in args[1:]) and short not in OPS:
            continue        # a tensor of 2^31 elements in place of a shape is walked element by element: minutes, and an exception
        counts["calls"] += 1
        try:
            out = function(*args, **kwargs)
        except MemoryError:
            counts["no memory"] += 1
            continue
        except Exception:
            counts["exceptions"] += 1
            continue
        counts["answers"] += 1
        for each in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(each, tinygrad_c.Tensor):
                made.append(each)
                if each.requires_grad and each.is_floating_point() and each.numel() < 10**6 and draw.random() < 0.5:
                    try:
                        each.sum().backward(retain_graph=draw.random() < 0.5)
                    except Exception:
                        counts["exceptions"] += 1
        del made[:-12]


def a_sample(draw: random.Random, made: list):
    """A call that makes sense, of the table of samples, with one or two of its arguments exchanged."""
    op = draw.choice(list(OPS.values()))
    i = draw.randrange(len(op.samples))
    tensors = [ours(x) for x in op.inputs(i, draw.choice(DTYPES))]
    args = fill(op.samples[i].args, iter(tensors))
    kwargs = dict(op.samples[i].kwargs)
    for _ in range(draw.choice([1, 1, 2])):
        k = draw.randrange(len(args) + len(kwargs)) if args or kwargs else None
        new = draw.choice([a_tensor(draw), draw.choice(made) if made else 1, an_argument(draw, made)])
        if k is None:
            args.append(new)
        elif k < len(args):
            args[k] = new
        else:
            kwargs[list(kwargs)[k - len(args)]] = new
    form = draw.choice([None, op.method, op.inplace])
    if form is not None and args:
        return f"Tensor.{form}", lambda *a, **k: getattr(a[0], form)(*a[1:], **k), args, kwargs
    return op.name, lambda *a, **k: op.call(OURS, *a, **k), args, kwargs


COUNTS = ("calls", "answers", "exceptions", "no memory")


def work(seed: int, numbers) -> None:
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    functions = public()
    counts = dict.fromkeys(COUNTS, 0)
    for k in numbers:
        print(f"sequence {k}", file=sys.stderr, flush=True)
        faulthandler.dump_traceback_later(60, exit=True)
        draw = random.Random(f"{seed}/{k}")
        one_sequence(draw, functions, counts)
        tinygrad_c.set_grad_enabled(True)
        tinygrad_c.set_default_dtype(tinygrad_c.float32)
        gc.collect()
        # What follows still works: nothing was overwritten that is not its own.
        x = tinygrad_c.full((5, 7), 0.5, requires_grad=True)
        (x @ x.t()).tanh().sum().backward()
        if abs(float(x.grad.sum()) - 5 * 7 * 5 * (1 - np.tanh(1.75) ** 2)) > 1e-3:
            print(f"FAULT {k}: a product and its gradient are wrong afterwards: {float(x.grad.sum())}")
    faulthandler.cancel_dump_traceback_later()
    for name, number in counts.items():
        print(f"{name}: {number}")


def main(argv: list[str] | None = None) -> None:
    sys.set_int_max_str_digits(10_000)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    batches.main(argv, __doc__, __file__, work, COUNTS, 50, sequences=2000)


if __name__ == "__main__":
    main()
