"""What cannot be meant, told to compiled functions below the public doors: each of these ended the process, or led out of memory.

tests/jobs/nonsense.py (make nonsense) tries everything that the compiled modules hold; a part of it runs here.
"""
from __future__ import annotations

import contextlib
import gc
import inspect
import os
import subprocess
import sys
import weakref

import pytest
from samples.paths import TESTS

import tinygrad_c
from tinygrad_c import ones, tensor, zeros
from tinygrad_c.core import tape
from tinygrad_c.kernels.runtime import dispatch
from tinygrad_c.ops.conv import unfold
from tinygrad_c.ops.create import create
from tinygrad_c.ops.elementwise import elementwise
from tinygrad_c.ops.indexing import index
from tinygrad_c.ops.norm import norm
from tinygrad_c.ops.optim_steps import update
from tinygrad_c.ops.shape import view

ERRORS = (TypeError, ValueError, RuntimeError, IndexError)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the job forks")
def test_a_part_of_the_job():
    job = TESTS / "jobs/nonsense.py"
    done = subprocess.run([sys.executable, "-W", "ignore", job, "--calls", "4000", "--seed", "2026"], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert " 0 faults" in done.stdout


def a_node():
    return (ones(2, requires_grad=True) * 2).grad_fn


@pytest.mark.parametrize("method", [
    tinygrad_c.Tensor.detach, tinygrad_c.Tensor.is_inference, tinygrad_c.Tensor.backward, tinygrad_c.Tensor.retain_grad,
    tinygrad_c.Tensor.__round__, tinygrad_c.Tensor.__format__, type(a_node()).name, type(a_node()).register_hook,
    tinygrad_c.Generator.manual_seed, type(tinygrad_c.float32).__reduce__])
@pytest.mark.parametrize("what", [5, None, (0, 0), "a", object()])
def test_a_method_of_something_else(method, what):
    for args in ((), (1,)):
        with pytest.raises(TypeError, match="doesn't apply to a"):
            method(what, *args)
    assert list(map(tinygrad_c.Tensor.detach, [ones(1)])) == [ones(1)]


def test_compiled_methods_have_signatures():
    assert str(inspect.signature(tinygrad_c.Tensor.backward)) == \
        "(self, /, gradient=None, retain_graph=None, create_graph=False, inputs=None)"
    assert str(inspect.signature(tinygrad_c.Generator.manual_seed)) == "(self, /, seed)"


class Numbers(list):
    """A list of another length than it says."""

    def __len__(self):
        return 7


REFUSED = [
    lambda: index.getitem(None, 0), lambda: index.setitem(None, 0, 1), lambda: ones(2).masked_fill(ones(2) > 0, None),
    lambda: index.add_slices_(None, 0, tensor([0]), ones(1)), lambda: index.add_slices_(ones(1), 0, tensor([0]), None),
    lambda: index.add_slices_(ones(3, 2), 0, tensor([0, 1]), ones(1)),
    lambda: index.add_slices_(tensor([1]), 0, tensor([0]), tensor([1])),
    lambda: index.add_slices_(ones(3), 0, tensor([0]), ones(1).double()),
    lambda: view.take_view(None, None), lambda: view.take_view(ones(1), ones(10_000_000)), lambda: view.take_view(ones(1), ones(1).double()),
    lambda: view.zero_pad(ones(2, 2), [1], [1]), lambda: view.zero_pad(ones(3), [-2], [0]),
    lambda: view.zero_pad(ones(3), Numbers(), [1]), lambda: create.sizes(None), lambda: elementwise.in_place(lambda x: None)(ones(1)),
    lambda: tape._tensor_at(None), lambda: tape._named(None, "x"), lambda: tape._named(ones(1, requires_grad=True) * 2, None),
    lambda: tape.with_history(None, None, 0), lambda: tape.with_history(ones(100_000), a_node(), 0),
    lambda: tape.node_number(None), lambda: tape._without_derivative(None, "x", ones(1, requires_grad=True)),
    lambda: tape.record_function(None, (None,), (None,), (None,)), lambda: tape.record_function(None, (1,), (ones(1),), ()),
    lambda: tape.backward((None,), (None,), False, False, None, 0), lambda: tape.grad((None,), (), (None,), False, False, 0),
    lambda: tape.grad((ones(1, requires_grad=True),), (None,), (None,), False, False, 0),
    lambda: tape._set_anomaly(-1), lambda: tape._set_anomaly(3),
    lambda: tape.register_tensor_class(int), lambda: tape.register_tensor_class(tinygrad_c.Tensor),
    lambda: tinygrad_c.slots.take_slots(int, float), lambda: tinygrad_c.slots.take_slots(None, None),
    lambda: tinygrad_c.Generator().set_state(None), lambda: update.zero_grad_([None], False),
    lambda: norm.normalised(ones(2, 3), None, None, 0.0, "layer", 0),
    lambda: norm.normalised(ones(2, 3), ones(1), None, 0.0, "layer", 3),
    lambda: norm.normalised(ones(2, 3), None, ones(3).double(), 0.0, "layer", 3),
    lambda: norm.normalised(ones(3), None, None, 0.0, "batch", 1),
    lambda: norm.normalised(ones(2, 3), None, None, 0.0, "group", 2),
    lambda: norm.normalised(tensor([[1]]), None, None, 0.0, "layer", 1),
    lambda: norm.normalised(ones(0, 3), None, None, 0.0, "batch", 1),
]


@pytest.mark.parametrize("call", REFUSED)
def test_nonsense_is_refused(call):
    with pytest.raises(ERRORS):
        call()


@pytest.mark.parametrize(("kernel", "groups", "bias"), [
    ((2, 2), 1, 4), ((3, 3), 0, 4), ((3, 3), 3, 4), ((3, 3), -1, 4), ((3, 3), 1, 5), ((300, 3), 1, 4)])
def test_convolution_of_what_does_not_fit(kernel, groups, bias):
    geometry = unfold.Geometry((5, 5), kernel, (1, 1), (0, 0), (1, 1), (3, 3))
    with pytest.raises(RuntimeError, match="does not fit"):
        unfold.convolution(ones(1, 2, 5, 5), ones(4, 2, 3, 3), ones(bias), geometry, groups)


def test_a_geometry_is_whole_and_stays():
    good = ((5, 5), (3, 3), (1, 1), (0, 0), (1, 1), (3, 3))
    geometry = unfold.Geometry(*good)
    for bad in ((), (*good[:5], (2**31, 1)), (*good[:5], (-1, 1)), (*good[:5], (1,)), (*good[:5], None), (*good[:5], (1.5, 1)),
                ((5, 5), (2**20, 2**20), *good[2:])):
        with pytest.raises(ERRORS):
            unfold.Geometry(*bad)
        with pytest.raises(ERRORS):
            unfold.Geometry.__new__(unfold.Geometry, *bad)
    with pytest.raises(AttributeError):
        geometry.size = (9, 9)


def test_which_kernels_run_is_not_python_s_to_change():
    assert not hasattr(dispatch, "load_kernels")
    assert dispatch.simd_level in dispatch.supported_levels()


# ---- Objects that change a tensor while they are asked for their number

class Asked:
    def __init__(self, act, answers):
        self.act, self.answers = act, list(answers)

    def __index__(self):
        self.act()
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    __int__ = __index__

    def __float__(self):
        return float(self.__index__())

    def __bool__(self):
        return self.__index__() > 0

    def __array__(self, *args, **kwargs):
        import numpy
        return numpy.full(3, float(self))

    def __lt__(self, other):
        return False

    __gt__ = __le__ = __eq__ = __lt__

    def __add__(self, other):
        return 0

    __radd__ = __add__


@pytest.mark.parametrize("change", [lambda x: x.resize_(1), lambda x: setattr(x, "data", ones(1)),
                                    lambda x: setattr(x, "data", ones(2, 2, 2)), lambda x: setattr(x, "data", ones(2, 300_000))])
@pytest.mark.parametrize("use", [
    lambda x, a: x.__setitem__(slice(50_000, 50_003), a), lambda x, a: x.__setitem__(tensor([90_000] * 3), a),
    lambda x, a: x[a:90_000], lambda x, a: x[a], lambda x, a: x[90_000:99_000:a], lambda x, a: x[a, 0],
    lambda x, a: x[None, a:, 0], lambda x, a: x.logsumexp(0, keepdim=a), lambda x, a: x.logsumexp(a), lambda x, a: x.softmax(a),
    lambda x, a: x.argmax(0, a), lambda x, a: x.argmax(a), lambda x, a: x.cummax(a), lambda x, a: x.sum((a,)),
    lambda x, a: x.narrow(0, 50_000, a), lambda x, a: x.select(0, a), lambda x, a: x.as_strided((90_000, a), (1, 0)),
    lambda x, a: x.split([90_000, a]), lambda x, a: x.unfold(0, 90_000, a), lambda x, a: x.diagonal(a),
    lambda x, a: x.add_(1, alpha=a), lambda x, a: x.fill_(a), lambda x, a: x.sum(a), lambda x, a: x.cumsum(a), lambda x, a: x.view(a, -1), lambda x, a: x.roll(a),
    lambda x, a: x.transpose(0, a), lambda x, a: x.clamp_(a, 1), lambda x, a: x.mul_(a),
    lambda x, a: x.index_fill_(0, tensor([90_000]), a)])
def test_a_number_that_changes_the_tensor_while_it_is_asked(use, change):
    x = zeros(100_000)
    asked = Asked(lambda: change(x), [1])
    try:
        y = use(x, asked)
    except ERRORS:
        pass
    else:
        for each in y if isinstance(y, tuple) else (y,):
            if isinstance(each, tinygrad_c.Tensor):
                each.sum().item()
    assert x.numel() in (1, 8, 100_000, 600_000)


@pytest.mark.parametrize("use", [
    lambda x, a: x.narrow(0, 0, a), lambda x, a: x.narrow(0, a, 1), lambda x, a: x.select(0, a), lambda x, a: x.split([a, 0]),
    lambda x, a: x.as_strided((a,), (1,)), lambda x, a: x.as_strided((3,), (a,)), lambda x, a: x.as_strided((1,), (1,), a),
    lambda x, a: x.unfold(0, a, 1), lambda x, a: x[a], lambda x, a: x[a:a], lambda x, a: x.expand(a, 3),
    lambda x, a: x.view(a)])
def test_a_number_that_is_another_when_it_is_asked_again(use):
    """A view of 10,000,000 elements of 3."""
    for far in (10_000_000, -10_000_000):
        x = ones(3)
        try:
            y = use(x, Asked(lambda: None, [1, far]))
        except ERRORS:
            continue
        for each in y if isinstance(y, tuple) else (y,):
            assert each.sum().item() <= each.numel() <= 30


class Lying(int):
    """An int that is never less or more than anything."""

    def __lt__(self, other):
        return False

    __gt__ = __le__ = __ge__ = __lt__

    def __add__(self, other):
        return 0

    __radd__ = __sub__ = __mod__ = __mul__ = __rmul__ = __add__


@pytest.mark.parametrize("number", [-10_000_000, 10_000_000])
@pytest.mark.parametrize("use", [
    lambda x, a: x.narrow(0, 0, a), lambda x, a: x.narrow(0, a, 1), lambda x, a: x.select(0, a), lambda x, a: x.split([a, 3]),
    lambda x, a: x.as_strided((a,), (1,)), lambda x, a: x.as_strided((3,), (a,)), lambda x, a: x.as_strided((1,), (1,), a),
    lambda x, a: x.unfold(0, a, 1), lambda x, a: x.unfold(0, 1, a), lambda x, a: x[a], lambda x, a: x.diagonal(a),
    lambda x, a: x.expand(a, 3)])
def test_an_int_that_lies(use, number):
    try:
        y = use(ones(3), Lying(number))
    except (*ERRORS, MemoryError):
        return
    for each in y if isinstance(y, tuple) else (y,):
        assert each.storage_offset() >= 0
        each.sum().item()


@pytest.mark.parametrize("change", [lambda s: s.__delitem__(slice(None)), lambda s: setattr(s[0], "data", zeros(1)),
                                    lambda s: s[0].resize_(1)])
def test_a_step_that_changes_the_optimizer_s_state_while_it_is_asked(change):
    p = ones(100_000, requires_grad=True)
    p.grad = ones(100_000)
    state = [zeros(100_000)]
    asked = Asked(lambda: change(state), [1])
    with pytest.raises(ERRORS):
        update.adagrad_([p], [p], state, [asked], 0.1, 0.0, 1e-8, 0.0, 0.0, False)
    assert p.sum().item() == 100_000
    state = [zeros(100_000)]
    with pytest.raises(ERRORS):
        update.adam_([p], [p], state, [zeros(100_000)], [], [asked], 0.1, 0.9, 0.99, 1e-8, 0.0, False, False, False)
    assert p.sum().item() == 100_000


# ---- Graphs

@pytest.mark.parametrize("leaf", [True, False])
def test_a_reference_among_the_hooks(leaf):
    """It is called as a hook: only the tape's own list of weak references says whose gradients are retained."""
    x = ones(2, requires_grad=True)
    y = x * 2
    y.retain_grad()
    handle = (x if leaf else y).register_hook(lambda g: None)
    handle.hooks.append(weakref.ref(type("Anything", (), {})))
    with pytest.raises(TypeError):
        y.sum().backward()
    assert x.grad is None
    handle.remove()


def test_a_function_whose_context_gives_too_few_gradients():
    class Context:
        def name(self):
            return "Context"

        def run(self, gradients, node, needed):
            return []

        def release(self):
            pass

    x, y = ones(2, requires_grad=True), ones(2)
    tape.record_function(Context(), (x,), (y,), ())
    with pytest.raises(IndexError):
        y.sum().backward()


INDEX = zeros(3, 4, dtype=tinygrad_c.int64)


@pytest.mark.parametrize("use", [lambda x: x[x > 0], lambda x: x.__setitem__(x > 0, 1.0), lambda x: x[:, [0, 1]], lambda x: x[0, 0],
                                 lambda x: x.gather(1, INDEX), lambda x: x.scatter_(1, INDEX, 1.0)])
def test_a_finaliser_that_changes_the_tensor_in_the_middle(use):
    """The collector may run at any allocation of Python's, those of an operation among them."""
    x = ones(3, 4)
    with finalisers_that_change(x) as left_behind:
        for n in range(300):
            left_behind(n % 8)
            with contextlib.suppress(*ERRORS):
                use(x)
    assert x.numel() in (1, 12, 1200)


@contextlib.contextmanager
def finalisers_that_change(x):
    """What this gives leaves an object to the collector, which now runs at each allocation; its __del__ changes x, and leaves
    the next, n times."""
    class Last:
        def __init__(self, more):
            self.me, self.more = self, more

        def __del__(self):
            numbers.append(len(numbers))
            x.data = tinygrad_c.full((1, 1) if x.numel() > 1 else (300, 4), float(len(numbers)))
            if self.more:
                Last(self.more - 1)

    numbers = []
    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        yield lambda n: Last(n) and None
    finally:
        gc.set_threshold(*before)


@pytest.mark.parametrize(("part", "size"), [(lambda x: x[x > 0], 1200), (lambda x: x.split(100)[0], 400)])
def test_a_finaliser_that_changes_the_tensor_while_its_shape_is_noted(part, size):
    """The gradient has the shape that x had when the places were found, or there is none."""
    found = 0
    for n in range(300):
        x = ones(300, 4, requires_grad=True)
        with finalisers_that_change(x) as left_behind:
            left_behind(n % 8)
            with contextlib.suppress(*ERRORS):
                y = part(x)
                g, = tinygrad_c.autograd.grad(y, x, ones(*y.shape))
                found += 1
                assert (y.numel(), g.numel()) in ((size, 1200), (1, 1))
    assert found > 0


def test_a_finaliser_that_changes_the_tensor_while_it_becomes_a_list():
    x = ones(300, 4)
    with finalisers_that_change(x) as left_behind:
        for n in range(300):
            left_behind(n % 8)
            assert len({value for row in x.tolist() for value in row}) == 1


def test_unpacking_a_value_that_changes_the_other():
    """x * w: while x is unpacked, w is given less memory."""
    w = ones(100_000, requires_grad=True)
    with tinygrad_c.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: setattr(w, "data", ones(1)) or x):
        x = ones(100_000, requires_grad=True) * 1
        y = x * w
    with pytest.raises(RuntimeError):
        y.sum().backward()
