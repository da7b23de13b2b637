"""Convolutions and their gradients against sums over windows that NumPy lays out, at shapes that take each way through them."""
import numpy as np
import pytest

import tinygrad_c as tg
from tinygrad_c.nn import functional as F

SHAPES = {      # x, weight, and the settings
    "turned": ((3, 6, 5, 7), (4, 6, 3, 2), {"padding": 1}),
    "not_turned": ((3, 2, 5, 7), (8, 2, 3, 3), {"padding": 1}),
    "dilated": ((2, 4, 9, 8), (3, 4, 3, 3), {"padding": (2, 3), "dilation": (2, 3)}),
    "padded_beyond_the_window": ((2, 3, 4, 4), (2, 3, 2, 2), {"padding": 3}),
    "window_beyond_the_plane": ((2, 3, 2, 3), (2, 3, 5, 5), {"padding": 2}),
    "strided": ((2, 3, 8, 9), (4, 3, 3, 4), {"padding": 2, "stride": (2, 3)}),
    "same_size_strided_down": ((2, 3, 8, 6), (4, 3, 3, 3), {"padding": 1, "stride": (2, 1)}),
    "groups": ((2, 6, 5, 5), (4, 3, 3, 3), {"padding": 1, "groups": 2}),
    "by_channel": ((2, 5, 6, 6), (10, 1, 3, 3), {"padding": 1, "groups": 5}),
    "one_element": ((3, 5, 4, 4), (7, 5, 1, 1), {}),
    "one_element_turned": ((3, 7, 4, 4), (3, 7, 1, 1), {}),
    "one_element_groups": ((3, 6, 4, 4), (4, 3, 1, 1), {"groups": 2}),
    "sample_by_sample": ((5, 16, 40, 40), (4, 16, 3, 3), {"padding": 1}),
    "a_few_rows_at_a_time": ((2, 24, 40, 40), (3, 24, 3, 3), {"padding": 1}),
    "a_few_rows_at_a_time_strided": ((2, 24, 70, 50), (30, 24, 3, 3), {"padding": (1, 0), "stride": 2}),
    "a_few_rows_of_groups": ((2, 24, 40, 40), (6, 8, 3, 3), {"padding": 1, "groups": 3}),
    "a_large_weight": ((2, 60, 5, 5), (50, 60, 7, 7), {"padding": 3}),
    "a_large_weight_not_turned": ((2, 20, 5, 5), (140, 20, 7, 7), {"padding": 3}),
}


def windows(x: np.ndarray, kernel, stride, padding, dilation) -> np.ndarray:
    """(N, C, oh, ow, kh, kw)."""
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    seen = np.lib.stride_tricks.sliding_window_view(x, reach, (2, 3))
    return seen[:, :, ::stride[0], ::stride[1], ::dilation[0], ::dilation[1]]


def by_hand(x, w, b, g, groups=1, **settings):
    """y, and the gradients of x, w and b for a gradient g of y. That of x: what each of its elements adds to y . g."""
    pairs = [settings.get(name, default) for name, default in (("stride", 1), ("padding", 0), ("dilation", 1))]
    stride, padding, dilation = [(each, each) if isinstance(each, int) else each for each in pairs]
    n, o = len(x), len(w)
    seen = windows(x, w.shape[2:], stride, padding, dilation)
    seen = seen.reshape(n, groups, -1, *seen.shape[2:])
    of_group = w.reshape(groups, o // groups, *w.shape[1:])
    y = np.einsum("ngcrsij,gocij->ngors", seen, of_group).reshape(n, o, *seen.shape[3:5]) + b[:, None, None]
    by_group = g.reshape(n, groups, o // groups, *g.shape[2:])
    dw = np.einsum("ngcrsij,ngors->gocij", seen, by_group).reshape(w.shape)
    spread = np.einsum("ngors,gocij->ngcrsij", by_group, of_group).reshape(n, x.shape[1], *g.shape[2:], *w.shape[2:])
    dx = np.zeros((n, x.shape[1], *(size + 2 * p for size, p in zip(x.shape[2:], padding))))
    for r, s, i, j in np.ndindex(*spread.shape[2:]):
        dx[:, :, r * stride[0] + i * dilation[0], s * stride[1] + j * dilation[1]] += spread[:, :, r, s, i, j]
    dx = dx[:, :, padding[0]:padding[0] + x.shape[2], padding[1]:padding[1] + x.shape[3]]
    return y, dx, dw, g.sum((0, 2, 3))


@pytest.mark.parametrize("name", SHAPES)
def test_values_and_gradients(name):
    x_shape, w_shape, settings = SHAPES[name]
    r = np.random.default_rng(0)
    leaves = [tg.tensor(r.standard_normal(shape), requires_grad=True) for shape in (x_shape, w_shape, w_shape[:1])]
    y = F.conv2d(*leaves, **settings)
    g = tg.tensor(r.standard_normal(y.shape))
    wanted = by_hand(*[each.detach().numpy() for each in leaves], g.numpy(), **settings)
    recorded = tg.autograd.grad(y, leaves, g, create_graph=True)
    for found in (tg.autograd.grad(y, leaves, g, retain_graph=True), recorded):
        for ours, theirs in zip((y, *found), wanted):
            np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=1e-10, atol=1e-10)
    for k in range(3):      # alone: which columns are made depends on what is needed
        alone = [each.detach().requires_grad_(i == k) for i, each in enumerate(leaves)]
        F.conv2d(*alone, **settings).backward(g)
        np.testing.assert_allclose(alone[k].grad.numpy(), wanted[1 + k], rtol=1e-10, atol=1e-10)


def test_same_bits_for_any_number_of_threads():
    x, w = tg.randn(6, 16, 30, 30, requires_grad=True), tg.randn(24, 16, 3, 3, requires_grad=True)
    before, found = tg.get_num_threads(), []
    for n in (1, 2, 4):
        tg.set_num_threads(n)
        y = F.conv2d(x, w, padding=1)
        found.append([each.detach().numpy().tobytes() for each in (y, *tg.autograd.grad(y, (x, w), y.detach()))])
    tg.set_num_threads(before)
    assert found[0] == found[1] == found[2]
