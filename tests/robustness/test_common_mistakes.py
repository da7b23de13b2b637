"""Errors that teach: every line of the table of traps, PyTorch's class and words beside PyTorch itself, and what is added.

The programs are in mistakes_autograd.py, mistakes_shapes.py, mistakes_nn.py and mistakes_everyday.py.
"""
from __future__ import annotations

import warnings

import pytest
from robustness import (
    mistakes_autograd,  # noqa: F401  (these four fill the lists)
    mistakes_everyday,  # noqa: F401
    mistakes_nn,  # noqa: F401
    mistakes_shapes,  # noqa: F401
)
from robustness.mistakes import FINE, MISTAKES, SAME, SILENT, heard, raised
from samples.comparing import torch

import tinygrad_c
from tinygrad_c._base import warn

ERRORS = [m for m in MISTAKES if not m.warns]
WARNINGS = [m for m in MISTAKES if m.warns]
LINES = [str(i) for i in range(1, 42)] + ["1b", "4b"]               # of the table of traps


@pytest.fixture(autouse=True)
def _heard_nothing_yet():
    warn.forget()


def test_every_line_of_the_table_has_a_program():
    assert sorted({m.number for m in MISTAKES} - {""}) == sorted(LINES)
    names = [m.program.__name__ for m in MISTAKES] + [f.__name__ for f in FINE]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("mistake", ERRORS, ids=repr)
def test_error(mistake):
    said, keep = raised(mistake.program, tinygrad_c, mistake.kind)
    for words in mistake.expected():
        assert words in said
    keep.check()


@pytest.mark.parametrize("mistake", WARNINGS, ids=repr)
def test_warning(mistake):
    """One warning, at the user's own line; of what is said once, nothing the second time."""
    record, keep = heard(mistake.program, tinygrad_c)
    assert [w.category for w in record] == [mistake.kind]
    assert (record[0].filename, record[0].lineno) == (mistake.program.__code__.co_filename, mistake.marks()["here"])
    for words in mistake.expected():
        assert words in str(record[0].message)
    keep.check()
    again, _ = heard(mistake.program, tinygrad_c)
    assert len(again) == (0 if mistake.once else 1)


@pytest.mark.parametrize("program", FINE, ids=lambda f: f.__name__)
def test_right_use_is_silent(program):
    assert heard(program, tinygrad_c)[0] == []


@pytest.mark.skipif(torch is None, reason="needs PyTorch")
@pytest.mark.parametrize("mistake", MISTAKES, ids=repr)
def test_pytorch_says_so(mistake):
    """The class and the words are PyTorch's; where ours are not, the row says what PyTorch's are."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        if mistake.torch is SILENT or mistake.warns:
            record, _ = heard(mistake.program, torch)
            texts = [str(w.message) for w in record if issubclass(w.category, mistake.kind)]
            if mistake.torch is SILENT:
                assert texts == []
            else:
                assert [text for text in texts if mistake.words in text]
        elif mistake.torch is SAME:
            assert mistake.words in raised(mistake.program, torch, mistake.kind)[0]
        else:
            raised(mistake.program, torch, mistake.torch)
    finally:
        torch.set_warn_always(before)


def test_warnings_are_not_errors_in_disguise():
    """With warnings as errors, what only warns raises before it has changed anything."""
    for mistake in WARNINGS:
        warn.forget()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(mistake.kind):
                mistake.program(tinygrad_c, lambda tensor: tensor)
