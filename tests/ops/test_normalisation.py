"""Layer, batch, group and instance norm against their definition in NumPy, at shapes and offsets that take each way through them."""
import numpy as np
import pytest

import tinygrad_c as tg
from tinygrad_c.nn import functional as F

AXES = {"layer": ((6, 37), (1,), lambda x, w, b: F.layer_norm(x, (37,), w, b)),
        "layer_long": ((3, 5003), (1,), lambda x, w, b: F.layer_norm(x, (5003,), w, b)),
        "layer_many": ((700, 20), (1,), lambda x, w, b: F.layer_norm(x, (20,), w, b)),
        "batch": ((4, 3, 5, 7), (0, 2), lambda x, w, b: F.batch_norm(x, None, None, w, b, True)),
        "batch_large": ((2, 3, 70, 65), (0, 2), lambda x, w, b: F.batch_norm(x, None, None, w, b, True)),
        "group": ((4, 6, 3, 5), (2, 3), lambda x, w, b: F.group_norm(x, 2, w, b)),
        "instance": ((4, 3, 33), (2,), lambda x, w, b: F.instance_norm(x, None, None, w, b))}


def by_hand(name, x, w, b, g):
    """y and the gradients of x, w and b, for a gradient g of y."""
    shape, axes = x.shape, AXES[name][1]
    if name == "group":
        grouped = (shape[0], 2, 3, 15)
        x, g, w, b = x.reshape(grouped), g.reshape(grouped), w.reshape(2, 3, 1), b.reshape(2, 3, 1)
        spare = (0, 3)
    elif not name.startswith("layer"):
        x, g = [each.reshape(*shape[:2], -1) for each in (x, g)]
        w, b, spare = w[:, None], b[:, None], (0, 2)
    else:
        spare = (0,)
    root = np.sqrt(x.var(axes, keepdims=True) + 1e-5)
    h = (x - x.mean(axes, keepdims=True)) / root
    gw = g * w
    dx = (gw - gw.mean(axes, keepdims=True) - h * (gw * h).mean(axes, keepdims=True)) / root
    return (h * w + b).reshape(shape), dx.reshape(shape), (g * h).sum(spare).reshape(-1), g.sum(spare).reshape(-1)


@pytest.mark.parametrize("offset", [0.0, 100.0])
@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
@pytest.mark.parametrize("name", AXES)
def test_values_and_gradients(name, dtype, offset):
    shape, _, norm = AXES[name]
    r = np.random.default_rng(0)
    affine = shape[1]
    x, w, b, g = [tg.tensor(r.standard_normal(s), dtype=dtype) for s in (shape, affine, affine, shape)]
    x = x + offset
    leaves = [each.requires_grad_() for each in (x, w, b)]
    wanted = by_hand(name, *[each.detach().double().numpy() for each in (*leaves, g)])
    y = norm(*leaves)
    close = {"rtol": 1e-9, "atol": 1e-9} if dtype == tg.float64 else {"rtol": 2e-5, "atol": 2e-5 * (1 + offset / 4)}
    if shape == (3, 5003) or "large" in name:
        close["atol"] *= 20     # sums of thousands
    for recorded in (False, True):
        found = tg.autograd.grad(y, leaves, g, retain_graph=True, create_graph=recorded)
        for ours, theirs in zip((y, *found), wanted):
            np.testing.assert_allclose(ours.detach().numpy(), theirs, **close)
    for k in range(3):      # alone, and without weight or bias
        alone = [each.detach().requires_grad_(i == k) for i, each in enumerate(leaves)]
        norm(*alone).backward(g)
        np.testing.assert_allclose(alone[k].grad.numpy(), wanted[1 + k], **close)
    assert norm(x, w, None).equal(norm(x, w, b * 0))
    plain = by_hand(name, x.detach().double().numpy(), np.ones(affine), np.zeros(affine), g.double().numpy())
    (dx,) = tg.autograd.grad(norm(x, None, None), x, g)
    np.testing.assert_allclose(dx.numpy(), plain[1], **close)


@pytest.mark.parametrize("name", ["layer_many", "batch_large", "group"])
def test_second_gradients(name):
    norm = AXES[name][2]
    small = {"layer_many": (3, 20), "batch_large": (2, 3, 4, 4), "group": (2, 6, 3, 5)}[name]
    r = np.random.default_rng(1)
    x, w, b = [tg.tensor(r.standard_normal(s), requires_grad=True) for s in (small, small[1], small[1])]
    assert tg.autograd.gradgradcheck(norm, (x, w, b))


def test_same_bits_for_any_number_of_threads():
    before = tg.get_num_threads()
    for name, (shape, _, norm) in AXES.items():
        x, w, b = [tg.randn(s, requires_grad=True) for s in ((shape[0] * 8, *shape[1:]), shape[1], shape[1])]
        found = []
        for n in (1, 2, 4):
            tg.set_num_threads(n)
            y = norm(x, w, b)
            found.append([each.detach().numpy().tobytes() for each in (y, *tg.autograd.grad(y, (x, w, b), y.detach()))])
        tg.set_num_threads(before)
        assert found[0] == found[1] == found[2], name


def test_running_statistics_and_constant_rows():
    x = tg.randn(8, 3, 5, 5) * 2 + 1
    mean, var = tg.zeros(3), tg.ones(3)
    F.batch_norm(x, mean, var, training=True, momentum=0.25)
    planes = x.numpy().transpose(1, 0, 2, 3).reshape(3, -1)
    np.testing.assert_allclose(mean.numpy(), planes.mean(1) * 0.25, rtol=1e-5)
    np.testing.assert_allclose(var.numpy(), planes.var(1, ddof=1) * 0.25 + 0.75, rtol=1e-5)
    same = tg.full((4, 9), 7.25, requires_grad=True)
    y = F.layer_norm(same, (9,))
    y.sum().backward()
    assert y.abs().max() == 0
    assert same.grad.abs().max() < 1e-3
