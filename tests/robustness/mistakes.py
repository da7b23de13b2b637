"""How a mistake is written down: a program that makes it, what PyTorch says of it, what is said here; see test_common_mistakes.py.

A program is a function of `torch`, the module under test, and `keep`: tensors that go through keep(...) must not be changed by
the mistake. A line that a message must name ends with a mark, `# <- name`; {name} among the words stands for it.
"""
from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

SAME = "the same class and words"
SILENT = "nothing"


@dataclass
class Mistake:
    number: str                     # the line of the table of traps; "" for others
    program: Callable
    kind: type[Exception]           # an exception, or the category of a warning
    words: str                      # PyTorch's, that people search for
    ours: tuple[str, ...]           # what is added
    torch: object                   # SAME, SILENT, or the class that PyTorch raises
    once: bool                      # said once in a process

    def __repr__(self) -> str:
        return f"{self.number} {self.program.__name__}".strip()

    @property
    def warns(self) -> bool:
        return issubclass(self.kind, Warning)

    def expected(self) -> list[str]:
        lines = {name: f"{Path(inspect.getsourcefile(self.program)).name}:{number}" for name, number in self.marks().items()}
        return [re.sub(r"\{(\w+)\}", lambda found: lines[found[1]], words) for words in (self.words, *self.ours)]

    def marks(self) -> dict[str, int]:
        source, first = inspect.getsourcelines(self.program)
        found = [(re.search(r"# <- (\w+)$", line), first + i) for i, line in enumerate(source)]
        return {mark[1]: number for mark, number in found if mark}


MISTAKES: list[Mistake] = []
FINE: list = []


def mistake(number: str, kind: type[Exception], words: str, *ours: str, torch: object = SAME, once: bool = False):
    """The function below makes mistake `number` of the table."""
    def add(program):
        MISTAKES.append(Mistake(number, program, kind, words, ours, torch, once))
        return program
    return add


def fine(program):
    """The function below is the right use beside a mistake: it raises nothing and warns of nothing."""
    FINE.append(program)
    return program


class Kept:
    """Tensors that a mistake must leave as they are."""

    def __init__(self):
        self.seen: list = []

    def __call__(self, tensor):
        self.seen.append((tensor, self.look(tensor)))
        return tensor

    @staticmethod
    def look(tensor):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")         # .grad of what is not a leaf
            grad = tensor.grad
        return (tensor.detach().numpy().copy().tolist(), tensor.dtype, tuple(tensor.shape), tensor.requires_grad,
                tensor._version, None if grad is None else grad.tolist())

    def check(self) -> None:
        for tensor, before in self.seen:
            assert repr(self.look(tensor)) == repr(before)      # NaN too is to stay


def heard(program, torch) -> tuple[list[warnings.WarningMessage], Kept]:
    keep = Kept()
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        program(torch, keep)
    return record, keep


def raised(program, torch, kind) -> tuple[str, Kept]:
    keep = Kept()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(kind) as error:
            program(torch, keep)
    assert error.type is kind, f"{error.type.__name__} and not just any {kind.__name__}"
    return str(error.value), keep
