"""The notation of samples: X an input tensor, S a call, E a call that must raise, Op a row; see op_samples.py."""
from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class X:
    """A tensor of uniform random numbers in [low, high), in the dtype under test or its own; `fixed`: without gradient."""

    shape: tuple[int, ...]
    low: float
    high: float
    dtype: str | None
    fixed: bool

    def __init__(self, *shape: int, low: float = -2.0, high: float = 2.0, dtype: str | None = None, fixed: bool = False):
        for name, value in (("shape", shape), ("low", low), ("high", high), ("dtype", dtype),
                            ("fixed", fixed or dtype is not None)):
            object.__setattr__(self, name, value)

    def draw(self, rng: np.random.Generator, dtype: str) -> np.ndarray:
        """Draw float64 numbers for both float dtypes, so that float32 gets the same ones, rounded."""
        numbers = np.asarray(rng.random(self.shape) * (self.high - self.low) + self.low)
        own = self.dtype or dtype
        if own == "bool":
            return np.asarray(numbers > (self.low + self.high) / 2)
        if own.startswith(("int", "uint")):
            return np.asarray(np.floor(np.maximum(numbers, 0) if own == "uint8" else numbers)).astype(own)
        return numbers.astype(own)


class S:
    """One call: its positional and keyword arguments."""

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs

    def __repr__(self) -> str:
        return f"S{self.args}{self.kwargs}"


@dataclass(frozen=True)
class E:
    """A call that must raise: the class, a part of the message, the call. With same_in_torch, torch raises that class too."""

    error: type[Exception]
    words: str
    call: Callable
    same_in_torch: bool = True


@dataclass
class Op:
    name: str
    samples: list[S]
    call: Callable
    differentiable: bool = True
    method: str | None = None           # the Tensor method that does the same, in the argument order of the function
    inplace: str | None = None          # the Tensor method that does it in place
    integers: bool = False              # works on integers as well
    in_torch: bool = True
    not_for: tuple[str, ...] = ()       # dtypes for which the result has another dtype than torch's, on purpose
    errors: list[E] = field(default_factory=list)

    def inputs(self, i: int, dtype: str) -> list[np.ndarray]:
        """The input arrays of sample i; the same on every machine."""
        rng = np.random.default_rng(zlib.crc32(f"{self.name}/{i}".encode()))
        return [x.draw(rng, dtype) for x in leaves(self.samples[i].args)]

    def wanted(self, i: int) -> list[int]:
        """Which inputs of sample i require grad."""
        return [k for k, x in enumerate(leaves(self.samples[i].args)) if not x.fixed]

    def run(self, m, i: int, tensors: list, method: str | None = None) -> list:
        """Call it with these tensors in place of the X; return the results that are tensors, as a list."""
        sample = self.samples[i]
        args = fill(sample.args, iter(tensors))
        if method is not None:
            out = getattr(args[0], method)(*args[1:], **sample.kwargs)
        else:
            out = self.call(m, *args, **sample.kwargs)
        return list(out) if isinstance(out, (tuple, list)) else [out]


def leaves(args) -> list[X]:
    """The X in the arguments, in order, including those in lists."""
    found = []
    for each in args:
        if isinstance(each, X):
            found.append(each)
        elif isinstance(each, (list, tuple)):
            found += leaves(each)
    return found


def fill(args, tensors) -> list:
    """The arguments, with each X replaced by a tensor."""
    return [next(tensors) if isinstance(each, X)
            else type(each)(fill(each, tensors)) if isinstance(each, (list, tuple)) else each for each in args]


class Names:
    """A library's functions, from several of its modules: m.exp, m.linear, m.cross_entropy."""

    def __init__(self, *modules):
        self.modules = modules

    def __getattr__(self, name: str):
        for module in self.modules:
            if name in vars(module):
                return vars(module)[name]
        for module in self.modules:         # names that are imported at first use
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(name)


def named(name: str) -> Callable:
    return lambda m, *args, **kwargs: getattr(m, name)(*args, **kwargs)


def op(name: str, *samples: S, **options) -> Op:
    return Op(name, list(samples), options.pop("call", None) or named(name), **{"method": name, **options})


NARROW = {"differentiable": False}
BAD_DIM = "Dimension out of range"
