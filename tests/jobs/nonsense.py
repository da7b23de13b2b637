"""Nonsense for everything in the compiled modules, public or not: an answer or an exception, never a crash.

    python tests/jobs/nonsense.py [--calls 200000] [--seed 1] [--only NUMBER]

Every function, class, method and attribute (read, set, deleted) of every compiled module, called with what it cannot use:
objects that were never initialized, numbers out of range, tensors that were emptied, and objects that raise, lie or change the
tensors while they are asked. Most calls of functions start from arguments that the package itself had passed to them. Many calls
share a forked child; when one dies, the parent says of which call, and goes on behind it.
"""
from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import mmap
import os
import random
import resource
import signal
import struct
import sys
import time
import types
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from jobs import batches
from jobs.hostile import FLOATS, NUMBERS, a_tensor, an_array
from samples.comparing import OURS, ours
from samples.op_samples import OPS
from samples.sampling import fill

import tinygrad_c
from tinygrad_c import nn, ones, tensor
from tinygrad_c.kernels.runtime import dispatch

ROOT = Path(tinygrad_c.__file__).parent
MEMORY = 4 << 30
SECONDS = 20            # of computing that a call may take
BATCH = 500             # calls of a child
WORDS = ["name", "mean", "sum", "ij", "", "x" * 1000, "\ud800", "float32", b"\0", "_saved_self", "baseline"]


# ---- What is called

def modules() -> list[types.ModuleType]:
    found = []
    for file in sorted(ROOT.rglob("*.so")):
        name = ".".join(["tinygrad_c", *file.relative_to(ROOT).with_name(file.name.partition(".")[0]).parts])
        if ".isa." not in name or name.partition(".isa.")[2].partition("_")[0] in dispatch.supported_levels():
            found.append(importlib.import_module(name))
    return found


def is_ours(value: object) -> bool:
    return str(getattr(value, "__module__", None)).startswith("tinygrad_c") or type(value).__name__ == "cython_function_or_method"


def targets() -> tuple[list[tuple[str, object]], list[type]]:
    """(name, what is called with any arguments) of all that the compiled modules hold, functions often; and the classes."""
    found: dict[str, object] = {}
    classes = []
    often = []
    for module in modules():
        for name, value in vars(module).items():
            if callable(value) and is_ours(value):
                found[f"{module.__name__}.{name}"] = value
                if not isinstance(value, type):
                    often.append((f"{module.__name__}.{name}", value))
                elif value not in classes:
                    classes.append(value)
    for cls in classes:
        for name in sorted({name for base in cls.__mro__ for name in vars(base)}):
            whole = f"{cls.__module__}.{cls.__name__}.{name}"
            value = getattr(cls, name, None)
            if callable(value) and name not in ("__class__", "__subclasses__"):
                found[whole] = value
            found[f"{whole} got"] = lambda x, *rest, name=name: getattr(x, name)
            found[f"{whole} set"] = lambda x, value=None, *rest, name=name: setattr(x, name, value)
            found[f"{whole} deleted"] = lambda x, *rest, name=name: delattr(x, name)
    return sorted(found.items(), key=lambda item: item[0]) + 12 * often, classes


def recorded(functions: list[tuple[str, object]]) -> dict[str, list]:
    """Arguments that the package's Python files passed to compiled functions, while every sample of every op ran."""
    names = {id(function): name for name, function in functions}
    seen: dict[str, list] = {}
    changed = []

    def watched(function, calls):
        def call(*args, **kwargs):
            if len(calls) < 12:
                calls.append((args, kwargs))
            return function(*args, **kwargs)
        return call

    for module in [m for n, m in sys.modules.items() if n.startswith("tinygrad_c") and not str(m.__file__).endswith(".so")]:
        for name, value in list(vars(module).items()):
            if id(value) in names and not isinstance(value, type):
                changed.append((module, name, value))
                setattr(module, name, watched(value, seen.setdefault(names[id(value)], [])))
    with contextlib.suppress(Exception):
        a_training()
    for op in OPS.values():
        for i in range(len(op.samples)):
            with contextlib.suppress(Exception):
                inputs = [ours(x) for x in op.inputs(i, "float32")]
                for x in inputs:
                    x.requires_grad_(x.is_floating_point())
                out = op.call(OURS, *fill(op.samples[i].args, iter(inputs)), **op.samples[i].kwargs)
                out.sum().backward()
    for module, name, value in changed:
        setattr(module, name, value)
    return seen


class Twice(tinygrad_c.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * 2


def a_training() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2, 3), nn.BatchNorm1d(3),
                        nn.Dropout())
    for kind in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad"):
        optimizer = getattr(tinygrad_c.optim, kind)(net.parameters(), 0.1)
        for _ in range(2):
            nn.functional.cross_entropy(Twice.apply(net(ones(4, 1, 4, 4))), tensor([0, 1, 2, 0])).backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)
    data = tinygrad_c.utils.data
    list(data.DataLoader(data.TensorDataset(ones(5, 2), ones(5)), 2, shuffle=True))
    tinygrad_c.autograd.grad((ones(2, requires_grad=True) * 2).sum(), ())


# ---- What with

class Asked:
    """Whatever is asked of it, it first does something to a tensor, and then gives an answer, which may be a lie, or raises."""

    def __init__(self, draw: random.Random, tensors: list):
        self.tensors, self.draw = tensors, draw

    def answer(self, *values):
        x = self.draw.choice(self.tensors)
        with contextlib.suppress(Exception), tinygrad_c.no_grad():
            what = self.draw.randrange(7)
            if what == 0:
                x.data = ones(self.draw.choice([0, 1, 3, 70_000]))
            elif what == 1:
                x.resize_(self.draw.choice([0, 1, 100_000]))
            elif what == 2:
                x.t_()
            elif what == 3:
                x.grad = None
            elif what == 4:
                x.data = tinygrad_c.zeros(x.shape, dtype=getattr(tinygrad_c, self.draw.choice(["uint8", "float64", "int64"])))
            elif what == 5:
                gc.collect()
            tinygrad_c.empty_cache()
        if not values or self.draw.random() < 0.2:
            raise self.draw.choice([ValueError, KeyError, StopIteration, MemoryError, KeyboardInterrupt])("asked")
        return self.draw.choice(values)

    def __index__(self):
        return self.answer(0, 1, 2, -1, 2**31, 2**62, -2**63, 2**64)

    def __int__(self):
        return self.answer(0, 1, -1, 2**31, 2**63)

    def __float__(self):
        return self.answer(0.0, 0.5, float("nan"), 1e308)

    def __len__(self):
        return self.answer(0, 1, 2, 3, 2**40)

    def __bool__(self):
        return self.answer(True, False)

    def __getitem__(self, key):
        return self.answer(0, 1, 0.5, None, "a", ones(2), (1, 2))

    def __iter__(self):
        for _ in range(self.draw.randrange(4)):
            yield self.answer(0, 1, 0.5, None, ones(2))

    def __array__(self, *args, **kwargs):
        return self.answer(np.ones(3), np.ones((2, 2), object), None)

    def __eq__(self, other):
        return self.answer(True, False)

    def __hash__(self):
        return self.answer(0, 1)

    def __lt__(self, other):
        return self.answer(True, False)

    __le__ = __gt__ = __ge__ = __ne__ = __lt__

    def __add__(self, other):
        return self.answer(0, 1, -1, 2**40, other)

    __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = __floordiv__ = __truediv__ = __add__
    __neg__ = __abs__ = __round__ = __index__

    def __call__(self, *args, **kwargs):
        return self.answer(None, ones(2), ones(3, requires_grad=True), (), 1, *args[:1])


def _kinds():
    kinds = {}
    for base in (list, tuple, int, float, str, dict):
        names = [n for n in vars(Asked) if n.startswith("__") and callable(vars(Asked)[n]) and (hasattr(base, n) or base in (
            int, float)) and n not in ("__init__", "__hash__", "__call__")]
        kinds[base] = type(f"Asked{base.__name__}", (base,), {n: vars(Asked)[n] for n in names} | {"answer": Asked.answer})
    return kinds


KINDS = _kinds()


class Subclass(tinygrad_c.Tensor):
    """A subclass with attributes, and a name of its own for what others are asked for."""

    shape = property(lambda self: (7, 7))


def half_built(classes: list) -> list:
    """Of every class what __new__ alone gives, and what the package makes."""
    y = (ones(2, 2, requires_grad=True) * 2)
    two = tinygrad_c.ones(3, 2, requires_grad=True).max(0)
    found = [y, y.grad_fn, two[0].grad_fn, Twice.apply(y).grad_fn, y.register_hook(lambda g: None), y.sum().grad_fn,
             y.grad_fn.next_functions[0][0], tinygrad_c.Generator(), ones(1).storage_offset, nn.Linear(2, 2)]
    for cls in [*classes, Subclass, nn.Parameter, nn.Linear, nn.Sequential, Twice]:
        with contextlib.suppress(Exception):
            found.append(cls.__new__(cls))
        with contextlib.suppress(Exception):
            found.append(cls())
        with contextlib.suppress(Exception):
            found.append(object.__new__(cls))
    return found


def an_argument(draw: random.Random, made: list, classes: list, asked: float = 0):
    kind = draw.random()
    if draw.random() < asked:
        kind = 0.6
    if kind < 0.25:
        return a_tensor(draw)
    if kind < 0.32 and made:
        return draw.choice(made)
    if kind < 0.45:
        return draw.choice([0, 1, 2, -1, 0.5, None, None, None, True, (0,), (2, 3), (0, 0), [1]])
    if kind < 0.52:
        return draw.choice(NUMBERS)
    if kind < 0.56:
        return draw.choice(FLOATS)
    if kind < 0.66:
        return Asked(draw, [x for x in made if isinstance(x, tinygrad_c.Tensor)] or [ones(2)])
    if kind < 0.70:
        asked = KINDS[draw.choice(list(KINDS))]()
        with contextlib.suppress(Exception):
            asked.draw, asked.tensors = draw, [x for x in made if isinstance(x, tinygrad_c.Tensor)] or [ones(2)]
        return asked
    if kind < 0.78:
        return tuple(an_argument(draw, made, classes) for _ in range(draw.randrange(4)))
    if kind < 0.82:
        return [an_argument(draw, made, classes) for _ in range(draw.randrange(4))]
    if kind < 0.86:
        return draw.choice(half_built(classes))
    if kind < 0.89:
        x = a_tensor(draw).detach()
        with contextlib.suppress(Exception):
            x.data = ones(0) if draw.random() < 0.5 else ones(3).as_subclass(Subclass)
        return x
    if kind < 0.92:
        return draw.choice([*WORDS, *(getattr(tinygrad_c, d) for d in ("float32", "float64", "int64", "bool", "uint8"))])
    if kind < 0.94:
        return an_array(draw)
    return draw.choice([object(), {}, {"a": 1}, lambda *a, **k: a[0] if a else None, 1j, int, slice(None, None, 2), ...,
                        (x for x in [1]), draw.choice(classes), NotImplemented, range(3), {1}, memoryview(b"abc"), types.SimpleNamespace(), sys])


def one_call(seed: int, number: int, functions: list, classes: list, seen: dict) -> str:
    """Makes call `number`; gives its name and what came of it."""
    draw = random.Random(f"{seed}/{number}")
    name, function = draw.choice(functions)
    made: list = [a_tensor(draw) for _ in range(2)]
    calls = seen.get(name)
    kwargs: dict = {}
    if calls and draw.random() < 0.7:
        known = draw.choice(calls)
        args, kwargs = list(known[0]), dict(known[1])
        made += [x for x in args if isinstance(x, tinygrad_c.Tensor)]
        asked = draw.choice([0, 0.8])
        for _ in range(draw.choice([1, 1, 2, 3])):
            k = draw.randrange(len(args) + len(kwargs) + 1)
            if k < len(args):
                args[k] = an_argument(draw, made, classes, asked)
            elif k < len(args) + len(kwargs):
                kwargs[list(kwargs)[k - len(args)]] = an_argument(draw, made, classes, asked)
            elif args and draw.random() < 0.3:
                args.pop()
    else:
        args = [an_argument(draw, made, classes) for _ in range(draw.choice([0, 1, 1, 2, 2, 3, 4, 5, draw.randrange(14)]))]
        if draw.random() < 0.5:
            owner = next((c for c in classes if name.startswith(f"{c.__module__}.{c.__name__}.")), None)
            same = [x for x in half_built(classes) if owner is not None and isinstance(x, owner)]
            if same:
                args[:1] = [draw.choice(same)]
        if draw.random() < 0.1:
            kwargs[draw.choice(["out", "dim", "dtype", "input", "value", "hooks"])] = an_argument(draw, made, classes)
    if max((x.numel() for x in made + args if isinstance(x, tinygrad_c.Tensor)), default=0) > 1 << 20:
        return f"{name}: too large"
    try:
        out = function(*args, **kwargs)
    except BaseException as error:
        out, said = None, type(error).__name__
    else:
        said = "answer"
    # What it gave, and what it was given, can still be used.
    for x in [out, *(out if type(out) in (tuple, list) else ()), *args, *made][:12]:
        if isinstance(x, (tinygrad_c.Tensor, tinygrad_c.core.tape.TensorBase)):
            with contextlib.suppress(BaseException):
                if x.numel() <= 1 << 20:
                    x.sum().backward()
                    repr(x)
        elif is_ours(x) and not isinstance(x, type):
            with contextlib.suppress(BaseException):
                repr(x)
    return f"{name}: {said}"


# ---- Children

def work(seed: int, first: int, last: int, at: mmap.mmap, everything: tuple) -> None:
    """The calls first .. last - 1, in this process: the number of each is noted before it is made."""
    if "asan" not in os.environ.get("LD_PRELOAD", ""):      # that reserves terabytes
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    sys.set_int_max_str_digits(10_000)
    for number in range(first, last):
        at[:8] = struct.pack("q", number)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)       # or it is ended by a signal
        one_call(seed, number, *everything)
        tinygrad_c.core.tape._set_grad_enabled(True)
        tinygrad_c.core.tape._set_inference(False)
        tinygrad_c.set_default_dtype(tinygrad_c.float32)
    gc.collect()
    x = tinygrad_c.tensor([0.5, 1.5], requires_grad=True)
    (x * x).sum().backward()


def in_child(task) -> int:
    """The status of a forked child that ran the task: 0 if it came to its end, negative for a signal."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            devnull = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(devnull, stream)
            task()
        os._exit(0)
    end = time.monotonic() + 200
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return -signal.SIGALRM
        time.sleep(0.005)


def run(seed: int, first: int, last: int, everything: tuple) -> list[str]:
    """All calls first .. last - 1; what was found, a line each."""
    at = mmap.mmap(-1, 8)
    faults = []
    while first < last:
        stop = min(first + BATCH, last)
        status = in_child(lambda first=first, stop=stop: work(seed, first, stop, at, everything))
        number, = struct.unpack("q", at[:8])
        if status:
            name = random.Random(f"{seed}/{number}").choice(everything[0])[0]
            alone = in_child(lambda number=number: work(seed, number, number + 1, at, everything))
            begin = number
            while not alone and begin > first:       # not by itself: behind which call before it?
                begin = max(first, number - 2 * (number - begin) - 1)
                if in_child(lambda begin=begin, number=number: work(seed, begin, number + 1, at, everything)):
                    break
            what = "HANG" if status in (-signal.SIGPROF, -signal.SIGALRM) else f"CRASH ({status})"
            faults.append(f"{what} seed {seed}, call {number}, {name}" + ("" if begin == number else f", behind {begin}"))
            print(faults[-1], flush=True)
            stop = number + 1
        first = stop
    return faults


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", type=int, help="one call, in this process: to look into what was found")
    args = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    began = time.monotonic()
    functions, classes = targets()
    everything = functions, classes, recorded(functions)
    if args.only is not None:
        print(one_call(args.seed, args.only, *everything))
        return
    faults = run(args.seed, args.first, args.first + args.calls, everything)
    print(f"{args.calls} calls of {len(dict(functions))} functions, methods and attributes of {len(modules())} modules: "
          f"{len(faults)} faults; {time.monotonic() - began:.0f} s")
    batches.finish(faults)


if __name__ == "__main__":
    main()
