"""A Linear and its activation in one kernel, forward and backward: the bits of one after the other, and not where it is seen."""
from __future__ import annotations

import copy
import itertools
import pickle

import pytest

import tinygrad_c as T
from tinygrad_c import nn

ACTIVATIONS = [nn.ReLU, nn.Tanh, nn.Sigmoid, nn.GELU, lambda: nn.GELU("tanh"), nn.SiLU, nn.LeakyReLU, nn.ELU, nn.Softplus]
NAMES = ["relu", "tanh", "sigmoid", "gelu", "gelu_tanh", "silu", "leaky_relu", "elu", "softplus"]
every_activation = pytest.mark.parametrize("act", ACTIVATIONS, ids=NAMES)


def chain(act, widths, dtype=T.float32):
    T.manual_seed(0)
    layers = []
    for i, o in itertools.pairwise(widths):
        layers += [nn.Linear(i, o, dtype=dtype), act()]
    return nn.Sequential(*layers)


def apart(net, x):
    """The same, one module after the other, and the results of all: they are used elsewhere, so no kernel is shared."""
    found = []
    for module in net:
        x = module(x)
        x.retain_grad()
        found.append(x)
    return x, found


def bits(*tensors):
    return [t.detach().numpy().tobytes() for t in tensors]


@every_activation
@pytest.mark.parametrize(("rows", "widths"), [
    (32, (2, 16, 16, 2)), (1, (64, 64, 10)), (17, (29, 100, 50, 5)), (33, (3, 1, 7)), (300, (9, 130, 40)), (1, (3, 1, 1)),
    (40, (700, 9, 33))])
def test_the_bits_of_one_after_the_other(act, rows, widths):
    for dtype in (T.float32, T.float64):
        net = chain(act, widths, dtype)
        x = T.randn(rows, widths[0], dtype=dtype).requires_grad_()
        g = T.randn(rows, widths[-1], dtype=dtype)
        y = net(x)
        y.backward(g)
        expected = bits(y, x.grad, *(p.grad for p in net.parameters()))
        x.grad = None
        net.zero_grad()
        y, _ = apart(net, x)
        y.backward(g)
        assert bits(y, x.grad, *(p.grad for p in net.parameters())) == expected
        with T.no_grad():
            assert bits(net(x)) == expected[:1]


@every_activation
def test_the_same_on_several_threads(act):
    net, x = chain(act, (60, 400, 300)), T.randn(700, 60).requires_grad_()
    found, before = [], T.get_num_threads()
    try:
        for threads in (1, 2, 4):
            T.set_num_threads(threads)
            y = net(x)
            found.append(bits(y, *T.autograd.grad(y.sum(), [x, *net.parameters()])))
            y = net(x)
            y.sum().backward()
            found[-1] += bits(x.grad)
            x.grad = None
    finally:
        T.set_num_threads(before)
    assert found[0] == found[1] == found[2]


@every_activation
def test_gradients_of_gradients(act):
    net, x = chain(act, (3, 5, 4), T.float64), T.randn(6, 3, dtype=T.float64).requires_grad_()
    T.autograd.gradcheck(net, (x,))
    T.autograd.gradgradcheck(net, (x,))


def test_names_of_the_nodes():
    for act, name in [(nn.ReLU, "Relu"), (nn.Tanh, "Tanh"), (nn.Sigmoid, "Sigmoid"), (nn.GELU, "Gelu"), (nn.SiLU, "Silu")]:
        y = chain(act, (3, 4))(T.randn(2, 3))
        assert y.grad_fn.name() == f"{name}Backward0"
        assert y.grad_fn.next_functions[0][0].name() == "AddmmBackward0"


def test_a_value_that_is_used_twice_gets_both_gradients():
    net, x = chain(nn.Tanh, (4, 6, 6)), T.randn(5, 4)

    def gradients(loss_of):
        net.zero_grad()
        h = net[:2](x)
        loss_of(h, net[2:](h)).backward()
        return bits(*(p.grad for p in net.parameters()))
    assert gradients(lambda h, y: y.sum()) != gradients(lambda h, y: y.sum() + h.sum())
    both = gradients(lambda h, y: y.sum() + h.sum())
    net.zero_grad()
    y, found = apart(net, x)
    (y.sum() + found[1].sum()).backward()
    assert bits(*(p.grad for p in net.parameters())) == both


def test_hooks_and_kept_gradients_are_seen():
    net, x, seen = chain(nn.SiLU, (4, 6, 6)), T.randn(5, 4), []
    h = net[:2](x)
    h.register_hook(lambda g: seen.append(g.shape))
    net[2:](h).sum().backward()
    assert seen == [(5, 6)]
    h = net[:2](x)
    h.grad_fn.register_hook(lambda *args: seen.append("node"))
    net[2:](h).sum().backward()
    assert seen[1:] == ["node"]
    net[1].register_full_backward_hook(lambda *args: seen.append("module"))
    net(x).sum().backward()
    assert seen[2:] == ["module"]
    h = net[:2](x)
    h.retain_grad()
    net[2:](h).sum().backward()
    assert h.grad is not None


def test_the_graph_is_freed_or_kept():
    net, x = chain(nn.Tanh, (4, 6, 6)), T.randn(5, 4)
    y = net(x)
    y.sum().backward(retain_graph=True)
    once = bits(*(p.grad for p in net.parameters()))
    net.zero_grad()
    y.sum().backward()
    assert bits(*(p.grad for p in net.parameters())) == once
    h = net[:2](x)
    net[2:](h).sum().backward()
    with pytest.raises(RuntimeError, match="second time"):
        h.sum().backward()


def test_a_value_that_was_overwritten():
    net, x = chain(nn.Tanh, (4, 6, 6)), T.randn(5, 4)
    h = net[:2](x)
    y = net[2:](h)
    with T.no_grad():
        h.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_module_that_was_changed_is_called():
    net, x = chain(nn.GELU, (4, 6)), T.randn(5, 4)
    net[1].approximate = "tanh"
    assert bits(net(x)) == bits(apart(net, x)[0])
    net[1].approximate = "no"
    with pytest.raises(RuntimeError, match="approximate"):
        net(x)
    net[1].forward = lambda h: h * 0
    assert net(x).abs().max() == 0
    net = chain(nn.SiLU, (4, 6))
    net[1].inplace = True
    assert bits(net(x)) == bits(apart(net, x)[0])
    seen = []
    net[1].register_forward_hook(lambda *args: seen.append(1))
    net(x)
    assert seen == [1]


def test_other_shapes_and_dtypes():
    net = chain(nn.Tanh, (4, 6))
    for shape in ((4,), (0, 4), (2, 3, 4), (0, 2, 4)):
        x = T.randn(*shape)
        assert bits(net(x)) == bits(apart(net, x)[0])
    with pytest.raises(RuntimeError, match="mat1 and mat2 must have the same dtype"):
        net(T.randn(2, 4, dtype=T.float64))


@every_activation
def test_copies(act):
    net, x = chain(act, (4, 6, 2)), T.randn(5, 4)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)) if act in (nn.ReLU, nn.Tanh) else net):
        assert bits(other(x)) == bits(net(x))
