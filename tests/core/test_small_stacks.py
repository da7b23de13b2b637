"""Chains of operations are made, differentiated and let go of on stacks of 256 and 128 KB (musl's threads), whatever the Python."""
import gc
import threading
import weakref

import pytest

import tinygrad_c as torch

N = 10_000


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * 2


def chain(step, start=lambda a: a, n=N):
    a = torch.ones(3, requires_grad=True)
    h = start(a)
    for _ in range(n):
        h = step(h, a)
    return h


def tree(depth=12):
    return torch.ones(1, requires_grad=True) if depth == 0 else tree(depth - 1) + tree(depth - 1)


def in_a_cycle():
    held = [chain(lambda h, a: h + a)]
    held.append(held)
    del held
    gc.collect()


def gradient_of_a_gradient():
    a = torch.ones(3, requires_grad=True)
    h = a
    for _ in range(3000):
        h = h * a
    g, = torch.autograd.grad(h.sum(), a, create_graph=True)
    del h
    return g


CHAINS = {
    "additions": lambda: chain(lambda h, a: h + a),
    "with saved tensors": lambda: chain(lambda h, a: (h * a).tanh()),
    "of Functions": lambda: chain(lambda h, a: Double.apply(h), n=3000),
    "of views": lambda: chain(lambda h, a: h.view(3), lambda a: a * 1),
    "in place": lambda: chain(lambda h, a: h.add_(1), lambda a: a * 1),
    "of lists": lambda: chain(lambda h, a: torch.cat([h[1:], a[:1]])),
    "a tree": tree,
    "backward": lambda: chain(lambda h, a: h + a).sum().backward(),
    "gradient of a gradient": gradient_of_a_gradient,
    "in a cycle that the collector frees": in_a_cycle,
    "with retained gradients": lambda: chain(lambda h, a: (h.retain_grad(), h + a)[1], lambda a: a * 1),
}


@pytest.mark.parametrize("kilobytes", [256, 128])
@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_is_let_go_of(name, kilobytes):
    done = []

    def run():
        result = CHAINS[name]()
        held = None if result is None else weakref.ref(result)
        del result
        done.append(held is None or held() is None)
    before = threading.stack_size(kilobytes * 1024)
    try:
        thread = threading.Thread(target=run)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert done == [True]


def test_all_is_freed_when_the_last_reference_goes():
    """Also what waits its turn: nothing is left for later."""
    first = []

    def begin(a):
        first.append(weakref.ref(a))
        return a
    h = chain(lambda h, a: h + a, begin, 100)
    assert first[0]() is not None
    del h
    assert first[0]() is None


def test_let_go_of_within_letting_go():
    """A callback that runs while a chain is freed frees another one."""
    other = [chain(lambda h, a: h * a, n=1000)]
    gone = []
    a = torch.ones(3, requires_grad=True)
    watch = weakref.ref(a, lambda _: (other.clear(), gone.append(True)))
    h = a
    for _ in range(1000):
        h = h + a
    del a
    del h
    assert gone == [True]
    assert watch() is None
    assert not other
