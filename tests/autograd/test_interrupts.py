"""The grad mode after an exception or an interrupt, wherever it falls: what it was before the block."""
import contextlib
import signal
import sys
import threading

import pytest

import tinygrad_c as torch
from tinygrad_c.autograd import Function

needs_alarm = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no SIGALRM here")


@pytest.fixture(autouse=True)
def _recording():
    """A test that fails does not make the next one fail."""
    torch.set_grad_enabled(True)
    yield
    torch.set_grad_enabled(True)


class Interrupted(BaseException):
    pass


class Slow(Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        with torch.enable_grad():
            (g * 2).sum()
        return g * 2


@torch.no_grad()
def decorated(net, x):
    return net(x)


@torch.inference_mode()
def inferred(net, x):
    return net(x)


@torch.no_grad()
def generated(net, x):
    yield net(x)
    yield net(x)


def in_block(mode):
    def run(net, x):
        with mode():
            net(x)
    return run


def train(net, x):
    net.zero_grad()
    net(x).sum().backward()
    torch.optim.SGD(net.parameters(), lr=0.1).step()


PROGRAMS = {
    "no_grad": in_block(torch.no_grad),
    "enable_grad": in_block(torch.enable_grad),
    "inference_mode": in_block(torch.inference_mode),
    "set_grad_enabled": in_block(lambda: torch.set_grad_enabled(False)),
    "decorated": decorated,
    "decorated, inference": inferred,
    "generator": lambda net, x: list(generated(net, x)),
    "Function": lambda net, x: Slow.apply(net(x)).sum().backward(),
    "training": train,
    "state": lambda net, x: net.load_state_dict(net.state_dict()),
    "conversion": lambda net, x: net.double().float(),
    "grad of grad": lambda net, x: torch.autograd.grad(
        torch.autograd.grad((net(x) ** 2).sum(), net.weight, create_graph=True)[0].sum(), net.weight),
    "checkpoint": lambda net, x: torch.utils.checkpoint.checkpoint(net, x.requires_grad_(), use_reentrant=False).sum().backward(),
}


@needs_alarm
@pytest.mark.parametrize("name", PROGRAMS)
def test_interrupts_at_any_time(name):
    """A timer's signal raises in the middle of the program, 300 times, each time a little later."""
    program, net, x = PROGRAMS[name], torch.nn.Linear(3, 3), torch.ones(2, 3)
    armed = []

    def handler(*_):
        if armed:
            armed.clear()
            raise Interrupted

    def until_interrupted():        # a function: CPython 3.13.0 does not catch what is raised as a loop in the same block jumps back
        while armed:
            program(net, x)
    before = signal.signal(signal.SIGALRM, handler)
    try:
        for k in range(300):
            armed.append(True)
            with contextlib.suppress(Interrupted):
                signal.setitimer(signal.ITIMER_REAL, 1e-6 + 1e-6 * k)
                until_interrupted()
            assert not armed
            assert torch.is_grad_enabled(), f"after interrupt {k}"
            assert not torch.is_inference_mode_enabled(), f"after interrupt {k}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_exception_at_each_call(name):
    """A trace function raises as the n-th Python function of the program begins, for each n: there, too, a signal may fall."""
    program, net, x = PROGRAMS[name], torch.nn.Linear(3, 3), torch.ones(2, 3)
    program(net, x)
    left = 0

    def trace(frame, event, arg):
        nonlocal left
        left -= 1
        if left == 0:
            raise Interrupted
    n = 0
    while left <= 0:
        n += 1
        left = n
        sys.settrace(trace)
        try:
            program(net, x)
        except Interrupted:
            pass
        finally:
            sys.settrace(None)
        assert torch.is_grad_enabled(), f"after call {n}"
        assert not torch.is_inference_mode_enabled(), f"after call {n}"
    assert n > 1


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, lambda: torch.set_grad_enabled(False)])
def test_exceptions_inside(mode):
    seen = []
    with contextlib.suppress(KeyError), mode(), torch.enable_grad(), mode():
        seen.append(torch.is_grad_enabled())
        raise KeyError
    assert seen == [False]
    assert torch.is_grad_enabled()

    @mode()
    def fails():
        assert not torch.is_grad_enabled()
        raise KeyError
    for _ in range(2):
        with pytest.raises(KeyError):
            fails()
        assert torch.is_grad_enabled()


def test_set_grad_enabled_stays_unless_interrupted():
    try:
        torch.set_grad_enabled(False)
        assert not torch.is_grad_enabled()
        try:
            raise KeyError
        except KeyError:
            torch.set_grad_enabled(True)
            torch.set_grad_enabled(False)
        assert not torch.is_grad_enabled()
    finally:
        torch.set_grad_enabled(True)


def test_a_failed_operation_leaves_the_mode():
    a = torch.ones(2, 2, requires_grad=True)
    for wrong in (lambda: torch.cat([a, torch.ones(3)]), lambda: torch.matmul(torch.ones(2, 3, 4), torch.ones(3, 4, 5)),
                  lambda: torch.stack([a, torch.ones(3)]), lambda: a.backward(torch.ones(3))):
        with pytest.raises(RuntimeError):
            wrong()
        assert torch.is_grad_enabled()


def test_each_thread_has_its_own():
    seen = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_decorated_functions_keep_name_and_bind():
    class Model:
        @torch.no_grad()
        def predict(self, x):
            """Predict."""
            return torch.is_grad_enabled(), x

    assert Model.predict.__name__ == "predict"
    assert Model.predict.__doc__ == "Predict."
    assert Model().predict(1) == (False, 1)
    assert Model.predict(Model(), 2) == (False, 2)
