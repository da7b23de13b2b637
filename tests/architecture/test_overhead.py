"""Limits on the calls and allocations of a small operation: counts, not times, so that the machine's load does not matter."""
from __future__ import annotations

import resource
import sys

import pytest

import tinygrad_c as torch
import tinygrad_c.nn as nn
import tinygrad_c.nn.functional as F
import tinygrad_c.optim as optim


def calls(f) -> list[str]:
    """The Python and C functions that are called during f(), as seen by sys.setprofile."""
    seen = []

    def note(frame, event, arg):
        if event == "call":
            seen.append(frame.f_code.co_name)
        elif event == "c_call":
            seen.append(getattr(arg, "__name__", str(arg)))

    f()                 # the first call may import and initialise
    sys.setprofile(note)
    try:
        f()
    finally:
        sys.setprofile(None)
    return [name for name in seen if name not in ("<lambda>", "f", "setprofile")]


A = torch.ones(4, requires_grad=True)
B = torch.ones(4, requires_grad=True)
M = torch.ones(4, 4, requires_grad=True)


@pytest.mark.parametrize("f", [lambda: A + B, lambda: A - B, lambda: A * B, lambda: A / B, lambda: 2 * A, lambda: A * 2,
                               lambda: A + 1, lambda: 1 - A, lambda: A ** 2, lambda: -A, lambda: M @ M],
                         ids=["a+b", "a-b", "a*b", "a/b", "2*a", "a*2", "a+1", "1-a", "a**2", "-a", "m@m"])
def test_an_operator_calls_nothing_in_python(f):
    assert calls(f) == []


@pytest.mark.parametrize("f", [lambda: torch.tanh(A), lambda: A.tanh(), lambda: A.sum(), lambda: A.detach(), lambda: M.t()],
                         ids=["tanh(a)", "a.tanh()", "a.sum()", "a.detach()", "m.t()"])
def test_functions_and_methods_are_one_call_at_most(f):
    assert len(calls(f)) <= 1


def test_calls_are_seen():
    assert {"numel", "len"} <= set(calls(lambda: str(A)))


def objects(f) -> float:
    """The number of Python memory blocks that each result of f() takes."""
    n = 2000
    kept = [f() for _ in range(n)]      # more than the free lists hold
    extra = [None] * n
    before = sys.getallocatedblocks()
    for i in range(n):
        extra[i] = f()
    taken = sys.getallocatedblocks() - before
    assert len(kept) == len(extra)
    return taken / n


def test_objects_of_an_operation():
    """A tensor and its storage, and a node if it is recorded. Nothing for each element or dimension."""
    small, large = torch.ones(2), torch.ones(3, 4, 5, 6)
    assert objects(lambda: small + small) <= 2.1
    assert objects(lambda: large + large) <= 2.1
    assert objects(lambda: A * B) <= 3.1
    deep = torch.ones(3, 4, 5, 6, requires_grad=True)
    assert objects(lambda: deep * 2) <= 3.1


def step_of(net, x, y, optimizer):
    def step():
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
    return step


def test_calls_of_a_training_step():
    """Three layers, the loss, backward and the optimizer step make at most 20 calls."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
    x, y = torch.randn(32, 2), torch.randint(0, 2, (32,))
    for optimizer in (optim.SGD(net.parameters(), lr=0.1), optim.Adam(net.parameters())):
        seen = calls(step_of(net, x, y, optimizer))
        assert len(seen) <= 20, seen


def test_a_step_allocates_no_memory_from_the_system():
    """In steady state: no page faults, and no growth of the allocator's cache."""
    net = nn.Sequential(nn.Linear(256, 512), nn.Tanh(), nn.Linear(512, 10))
    x, y = torch.randn(512, 256), torch.randint(0, 10, (512,))
    step = step_of(net, x, y, optim.Adam(net.parameters()))
    for _ in range(20):
        step()
    cached = torch.memory_stats()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        step()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 20         # 100 steps of 1 MB of temporaries
    assert torch.memory_stats() == cached
