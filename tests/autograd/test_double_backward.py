"""Gradients of gradients of layers, losses and the rarer operations, all beside torch's: first and second, by inputs and parameters.

The operations of op_samples.py are compared with finite differences in test_ops.py.
"""
from __future__ import annotations

import numpy as np
import pytest

import tinygrad_c

torch = pytest.importorskip("torch")


def weights(m, like, function):
    return m.tensor(function(1.0 + np.arange(like.numel())).reshape(tuple(like.shape)))


def derivatives(m, f, shapes) -> tuple[list, list]:
    """Of the weighed sum of f's results: the gradients, and those of the gradients' weighed sum; zeros for None."""
    rng = np.random.default_rng(0)
    inputs = [m.tensor(rng.normal(size=shape) * 0.7 + 0.1).requires_grad_() for shape in shapes]
    parameters: list = []
    out = f(m, inputs, parameters)
    out = [o for o in (out if isinstance(out, (tuple, list)) else (out,)) if getattr(o, "requires_grad", False)]
    total = sum((o * weights(m, o, np.cos)).sum() for o in out)
    leaves = inputs + parameters
    first = m.autograd.grad(total, leaves, create_graph=True, allow_unused=True)
    again = [g for g in first if g is not None and g.requires_grad]
    second = m.autograd.grad(sum((g * weights(m, g, np.sin)).sum() for g in again), leaves, allow_unused=True) if again else \
        [None] * len(leaves)
    return tuple([np.zeros(x.shape) if g is None else g.detach().numpy() + 0.0 for x, g in zip(leaves, found)]
                 for found in (first, second))


def module(make):
    """The function that is a module's, its parameters set to the same random numbers in both."""
    def f(m, inputs, parameters):
        net = make(m).double()
        rng = np.random.default_rng(1)
        with m.no_grad():
            for p in net.parameters():
                p.copy_(m.tensor(rng.normal(size=tuple(p.shape)) * 0.5))
        parameters += list(net.parameters())
        return net(*inputs)
    return f


def layer(name, *args, **kwargs):
    return module(lambda m: getattr(m.nn, name)(*args, **kwargs))


def functional(name, **kwargs):
    return lambda m, inputs, _: getattr(m.nn.functional, name)(*inputs, **kwargs)


def array(m, numbers):
    return m.tensor(np.asarray(numbers))


def eye(m):
    return m.eye(4, dtype=m.float64)


LAYERS = {
    "Linear": (layer("Linear", 3, 4), [(5, 3)]),
    "Bilinear": (layer("Bilinear", 3, 2, 4), [(5, 3), (5, 2)]),
    "Conv1d": (layer("Conv1d", 2, 3, 3, padding=1), [(2, 2, 6)]),
    "Conv2d": (layer("Conv2d", 2, 3, 3, stride=2, padding=1), [(2, 2, 5, 5)]),
    "Conv2d groups": (layer("Conv2d", 4, 4, 3, groups=2, dilation=2), [(1, 4, 6, 6)]),
    "Conv3d": (layer("Conv3d", 1, 2, 2), [(1, 1, 3, 3, 3)]),
    "ConvTranspose1d": (layer("ConvTranspose1d", 2, 3, 3), [(1, 2, 4)]),
    "ConvTranspose2d": (layer("ConvTranspose2d", 2, 3, 3, stride=2, padding=1, output_padding=1), [(1, 2, 4, 4)]),
    "MaxPool1d": (layer("MaxPool1d", 2, 1), [(1, 2, 6)]),
    "MaxPool2d": (layer("MaxPool2d", 2), [(1, 2, 4, 4)]),
    "AvgPool2d": (layer("AvgPool2d", 2), [(1, 2, 4, 4)]),
    "AdaptiveAvgPool2d": (layer("AdaptiveAvgPool2d", 2), [(1, 2, 5, 5)]),
    "AdaptiveMaxPool2d": (layer("AdaptiveMaxPool2d", 2), [(1, 2, 5, 5)]),
    "LPPool2d": (layer("LPPool2d", 2, 2), [(1, 2, 4, 4)]),
    "BatchNorm1d": (layer("BatchNorm1d", 3), [(6, 3)]),
    "BatchNorm2d": (layer("BatchNorm2d", 3), [(4, 3, 2, 2)]),
    "BatchNorm1d eval": (module(lambda m: m.nn.BatchNorm1d(3).eval()), [(6, 3)]),
    "LayerNorm": (layer("LayerNorm", (5,)), [(3, 5)]),
    "GroupNorm": (layer("GroupNorm", 2, 4), [(3, 4, 5)]),
    "InstanceNorm2d": (layer("InstanceNorm2d", 3, affine=True), [(2, 3, 4, 4)]),
    "RMSNorm": (layer("RMSNorm", 5), [(3, 5)]),
    "LocalResponseNorm": (layer("LocalResponseNorm", 2), [(2, 4, 3, 3)]),
    "RNN": (layer("RNN", 3, 4), [(5, 2, 3)]),
    "LSTM": (layer("LSTM", 3, 4, num_layers=2, bidirectional=True), [(4, 2, 3)]),
    "GRU": (layer("GRU", 3, 4), [(5, 2, 3)]),
    "LSTMCell": (layer("LSTMCell", 3, 4), [(2, 3)]),
    "GRUCell": (layer("GRUCell", 3, 4), [(2, 3)]),
    "MultiheadAttention": (layer("MultiheadAttention", 4, 2, batch_first=True), [(2, 3, 4)] * 3),
    "PReLU": (layer("PReLU"), [(3, 4)]),
    "Upsample": (layer("Upsample", scale_factor=2, mode="bilinear"), [(1, 1, 3, 3)]),
    "PixelShuffle": (layer("PixelShuffle", 2), [(1, 4, 2, 2)]),
    "Unfold": (layer("Unfold", 2), [(1, 2, 4, 4)]),
    "Fold": (layer("Fold", (4, 4), 2), [(1, 8, 9)]),
    "gelu tanh": (functional("gelu", approximate="tanh"), [(4, 6)]),
    **{name: (functional(name), [(4, 6)]) for name in (
        "relu", "relu6", "elu", "selu", "celu", "leaky_relu", "gelu", "silu", "mish", "softplus", "softsign", "tanhshrink", "hardswish",
        "hardtanh", "softshrink", "hardshrink", "logsigmoid", "sigmoid", "tanh", "glu")},
    **{name: (functional(name, dim=-1), [(3, 5)]) for name in ("softmax", "log_softmax", "softmin")},
}
PAIRS = {       # functions of (module, F, x, y), of shape (3, 5)
    "mse": lambda m, F, x, y: F.mse_loss(x, y),
    "smooth_l1": lambda m, F, x, y: F.smooth_l1_loss(x, y),
    "huber": lambda m, F, x, y: F.huber_loss(x, y, delta=0.5),
    "kl_div": lambda m, F, x, y: F.kl_div(x.log_softmax(1), y.softmax(1), reduction="batchmean"),
    "bce": lambda m, F, x, y: F.binary_cross_entropy(x.sigmoid(), y.sigmoid()),
    "bce_with_logits": lambda m, F, x, y: F.binary_cross_entropy_with_logits(x, y.sigmoid()),
    "cosine_similarity": lambda m, F, x, y: F.cosine_similarity(x, y),
    "pairwise_distance": lambda m, F, x, y: F.pairwise_distance(x, y),
    "normalize": lambda m, F, x, y: F.normalize(x),
    "gaussian_nll": lambda m, F, x, y: F.gaussian_nll_loss(x, y, x.exp()),
    "poisson_nll": lambda m, F, x, y: F.poisson_nll_loss(x, y),
    "attention": lambda m, F, x, y: F.scaled_dot_product_attention(x[None], y[None], y[None]),
    "cosine_embedding": lambda m, F, x, y: F.cosine_embedding_loss(x, y, array(m, [1.0, -1.0, 1.0])),
    "triplet_margin": lambda m, F, x, y: F.triplet_margin_loss(x, y, x * y),
    "cross_entropy": lambda m, F, x, y: F.cross_entropy(x, array(m, [0, 2, 4]), label_smoothing=0.1,
                                                        weight=array(m, [1.0, 2, 3, 1, 1])),
    "cross_entropy probabilities": lambda m, F, x, y: F.cross_entropy(x, y.softmax(1)),
    "nll": lambda m, F, x, y: F.nll_loss(x.log_softmax(1), array(m, [0, 2, 4])),
    "embedding": lambda m, F, x, y: F.embedding(array(m, [[0, 2], [1, 1]]), x).tanh(),
}
SQUARE = {      # functions of (module, x), of shape (4, 4)
    "inv": lambda m, x: m.linalg.inv(x+3*eye(m)),
    "det": lambda m, x: m.linalg.det(x),
    "slogdet": lambda m, x: m.linalg.slogdet(x@x.t()+eye(m))[1],
    "solve": lambda m, x: m.linalg.solve(x+3*eye(m), x[:, :2]),
    "chol": lambda m, x: m.linalg.cholesky(x@x.t()+eye(m)),
    "qr": lambda m, x: m.linalg.qr(x),
    "eigh": lambda m, x: m.linalg.eigh(x+x.t())[0],
    "svdvals": lambda m, x: m.linalg.svd(x)[1],
    "norm": lambda m, x: m.linalg.norm(x),
    "nuc": lambda m, x: m.linalg.norm(x, ord="nuc"),
    "matnorm2": lambda m, x: m.linalg.norm(x, ord=2),
    "pinv": lambda m, x: m.linalg.pinv(x),
    "mexp": lambda m, x: m.linalg.matrix_exp(x),
    "mpow": lambda m, x: m.linalg.matrix_power(x, 3),
    "einsum": lambda m, x: m.einsum("ij, jk, kl->il", x, x, x),
    "cumprod": lambda m, x: x.cumprod(0),
    "logcumsumexp": lambda m, x: m.logcumsumexp(x, 0),
    "prod": lambda m, x: x.prod(1),
    "std": lambda m, x: x.std(1),
    "var": lambda m, x: x.var(0),
    "normd": lambda m, x: x.norm(dim=1),
    "norm3": lambda m, x: x.norm(3, dim=0),
    "lse": lambda m, x: x.logsumexp(0),
    "max": lambda m, x: x.max(1)[0]**2,
    "sort": lambda m, x: x.sort(0)[0]**3,
    "topk": lambda m, x: x.topk(2)[0]**3,
    "gather": lambda m, x: x.gather(0, array(m, [[0, 1, 2, 3]]))**3,
    "scatter_add": lambda m, x: m.zeros(4, 4, dtype=m.float64).scatter_add(0, array(m, [[0, 1, 2, 3]]), x[:1])**3,
    "index": lambda m, x: x[[0, 0, 2]]**3,
    "mask": lambda m, x: x[x>0]**3,
    "where": lambda m, x: m.where(x>0, x**3, x**2),
    "cat": lambda m, x: m.cat([x, x**2])**2,
    "roll": lambda m, x: x.roll(1, 0)**3,
    "lerp": lambda m, x: m.lerp(x, x**2, x.sin()),
    "atan2": lambda m, x: m.atan2(x, x**2+1),
    "pow": lambda m, x: (x.abs()+1)**x,
    "clamp": lambda m, x: x.clamp(-.5, .5)**3,
    "xlogy": lambda m, x: m.xlogy(x.abs(), x.abs()+1),
    "hypot": lambda m, x: m.hypot(x, x+1),
    "logaddexp": lambda m, x: m.logaddexp(x, x**2),
    "erfinv": lambda m, x: m.erfinv(x.tanh()*.9),
    "lgamma": lambda m, x: m.lgamma(x.abs()+1),
    "digamma": lambda m, x: m.digamma(x.abs()+1),
    "sinc": lambda m, x: m.sinc(x),
    "renorm": lambda m, x: m.renorm(x, 2, 0, 1.),
    "quantile": lambda m, x: m.quantile(x, .3, dim=0)**3,
    "median": lambda m, x: x.median(0)[0]**3,
    "kron": lambda m, x: m.kron(x, x),
    "cross": lambda m, x: m.linalg.cross(x[:, :3], x[:, 1:]**2),
    "trapz": lambda m, x: m.trapezoid(x**3),
    "cov": lambda m, x: m.cov(x),
    "nansum": lambda m, x: m.nansum(x**3),
    "amax": lambda m, x: x.amax(0)**3,
    "cummax": lambda m, x: x.cummax(0)[0]**3,
    "baddbmm": lambda m, x: m.baddbmm(x[None], x[None], x[None]),
    "scatter_reduce": lambda m, x: x.scatter_reduce(0, array(m, [[0, 1, 1, 0]]), x[:1]**2, "prod"),
    "index_add": lambda m, x: x.index_add(0, array(m, [0, 1]), x[:2]**2)**2,
    "as_strided": lambda m, x: x.as_strided((3, 3), (1, 2))**3,
    "lstsq": lambda m, x: m.linalg.lstsq(x, x[:, :1]**2)[0],
    "eigvals": lambda m, x: m.linalg.eigvalsh(x+x.t()),
    "multi_dot": lambda m, x: m.linalg.multi_dot([x, x, x]),
    "tri": lambda m, x: m.linalg.solve_triangular(x.tril()+3*eye(m), x, upper=False),
}


def check(f, shapes) -> None:
    for ours, theirs in zip(derivatives(tinygrad_c, f, shapes), derivatives(torch, f, shapes), strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, 1e-7, 1e-9)


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name):
    check(*LAYERS[name])


@pytest.mark.parametrize("name", PAIRS)
def test_loss(name):
    check(lambda m, inputs, _: PAIRS[name](m, m.nn.functional, *inputs), [(3, 5), (3, 5)])


@pytest.mark.parametrize("name", SQUARE)
def test_operation(name):
    check(lambda m, inputs, _: SQUARE[name](m, *inputs), [(4, 4)])
