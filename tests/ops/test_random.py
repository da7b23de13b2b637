"""The random generator: known answers of Philox, golden values (frozen: seeds are for ever), distributions, states."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest

import tinygrad_c as tg
from tinygrad_c.ops.random import random


def words(block: tuple) -> str:
    return " ".join(f"{w:08x}" for w in block)


def test_known_answers_of_philox():
    """Random123's test vectors for philox4x32-10 (Salmon et al. 2011)."""
    full = 2**64 - 1
    assert words(random._philox(0, 0, 0)) == "6627e8d5 e169c58d bc57ac4c 9b00dbd8"
    assert words(random._philox(full, full, full)) == "408f276d 41c83b0e a20bc7c6 6d5451fd"
    assert (
        words(random._philox(0x299F31D0A4093822, 0x85A308D3243F6A88, 0x0370734413198A2E))
        == "d16cfe09 94fdcceb 5001e420 24126ea1"
    )


def test_the_documented_stream():
    """rand's elements are the words of the blocks, in order; whatever the size of the request."""
    seed = 12345678901234567890
    stream = [w for block in range(300) for w in random._philox(seed, block, 0)]
    for n in (1, 5, 255, 256, 257, 1100):
        tg.manual_seed(seed)
        assert tg.rand(n).tolist() == [(w >> 8) * 2.0**-24 for w in stream[:n]]
    tg.manual_seed(seed)
    wide = [((stream[2 * i + 1] << 32 | stream[2 * i]) >> 11) * 2.0**-53 for i in range(500)]
    assert tg.rand(500, dtype=tg.float64).tolist() == wide
    tg.manual_seed(seed)
    tg.rand(5)  # takes two blocks whole
    assert tg.rand(1).item() == (stream[8] >> 8) * 2.0**-24


GOLDEN = {
    "rand": lambda: tg.rand(3),
    "rand64": lambda: tg.rand(3, dtype=tg.float64),
    "randn": lambda: tg.randn(6),
    "randn64": lambda: tg.randn(6, dtype=tg.float64),
    "randint": lambda: tg.randint(0, 1000, (6,)),
    "randint_wide": lambda: tg.randint(-(2**60), 2**60, (2,)),
    "randperm": lambda: tg.randperm(10),
    "bernoulli": lambda: tg.bernoulli(tg.full((8,), 0.5)),
    "dropout": lambda: random.dropout(tg.ones(8), 0.5),
    "multinomial": lambda: random.multinomial(tg.tensor([1.0, 2.0, 3.0]), 6, True),
}
FROZEN = {
    "rand": [0.3990464210510254, 0.8805201649665833, 0.7357127666473389],
    "rand64": [0.8805201978886142, 0.6054818538799213, 0.36209111566940344],
    "randn": [
        -0.2558159828186035,
        1.1775912046432495,
        0.6301836371421814,
        0.26756224036216736,
        1.9148032665252686,
        -0.35287490487098694,
    ],
    "randn64": [
        1.1775912390542727,
        0.26756224953309987,
        -0.35287489660161836,
        -1.785451191677237,
        -0.46924918026737256,
        -0.6075379383774321,
    ],
    "randint": [541, 453, 348, 760, 164, 499],
    "randint_wide": [-1051091826919348011, 792875258336488524],
    "randperm": [0, 2, 6, 3, 5, 7, 9, 4, 8, 1],
    "bernoulli": [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0],
    "dropout": [2.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 2.0],
    "multinomial": [2, 2, 1, 0, 1, 1],
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_values(name):
    tg.manual_seed(0)
    assert GOLDEN[name]().tolist() == FROZEN[name]


def test_inverse_normal():
    """Python's statistics has the same algorithm, AS 241, with the C library's log."""
    normal = statistics.NormalDist()
    for p in (1e-300, 1e-20, 1e-9, 0.01, 0.07, 0.075, 0.0750001, 0.3, 0.5, 0.7, 0.925, 0.999, 1 - 1e-12):
        assert random._inverse_normal(p) == pytest.approx(normal.inv_cdf(p), rel=1e-15, abs=1e-300)


@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
def test_distributions(dtype):
    tg.manual_seed(1)
    n = 400_000
    u = tg.rand(n, dtype=dtype).numpy().astype(np.float64)
    assert u.min() >= 0
    assert u.max() < 1
    assert abs(u.mean() - 1 / 2) < 4 * np.sqrt(1 / 12 / n)
    assert abs(u.var() - 1 / 12) < 1e-3
    z = tg.randn(n, dtype=dtype).numpy().astype(np.float64)
    moments = [z.mean(), (z**2).mean() - 1, (z**3).mean(), (z**4).mean() - 3]
    for moment, variance in zip(moments, (1, 2, 15, 96)):
        assert abs(moment) < 4.5 * np.sqrt(variance / n)
    assert abs(np.corrcoef(z[:-1], z[1:])[0, 1]) < 4.5 / np.sqrt(n)
    inside = np.histogram(z, [-3, -2, -1, 0, 1, 2, 3])[0] / n
    np.testing.assert_allclose(inside, [0.0214, 0.1359, 0.3413, 0.3413, 0.1359, 0.0214], atol=4e-3)


def test_integers_are_even_and_in_range():
    tg.manual_seed(2)
    counts = np.bincount(tg.randint(0, 7, (70_000,)).numpy(), minlength=7)
    assert counts.min() > 9600
    assert counts.max() < 10400
    assert len(counts) == 7
    assert set(tg.randint(-2, 1, (100,)).tolist()) == {-2, -1, 0}
    assert tg.randint(3, (2, 2)).dtype == tg.int64
    assert tg.randint(3, (2,), dtype=tg.uint8).dtype == tg.uint8
    wide = tg.randint(-(2**63), 2**63 - 1, (1000,)).numpy()
    assert wide.min() < -(2**61)
    assert wide.max() > 2**61
    with pytest.raises(RuntimeError, match="'from' to be less than 'to'"):
        tg.randint(3, 3, (1,))
    with pytest.raises(RuntimeError, match="do not fit the dtype"):
        tg.randint(0, 300, (1,), dtype=tg.uint8)


def test_permutations():
    tg.manual_seed(3)
    assert sorted(tg.randperm(1000).tolist()) == list(range(1000))
    assert tg.randperm(0).shape == (0,)
    firsts = np.bincount([tg.randperm(4)[0].item() for _ in range(8000)])
    assert firsts.min() > 1850
    assert firsts.max() < 2150
    with pytest.raises(RuntimeError, match="non-negative"):
        tg.randperm(-1)


def test_generators_are_independent_and_resume():
    g, h = tg.Generator().manual_seed(7), tg.Generator().manual_seed(7)
    assert tg.rand(5, generator=g).tolist() == tg.rand(5, generator=h).tolist()
    tg.manual_seed(7)
    assert tg.randn(3).tolist() != tg.rand(3, generator=g).tolist()
    state = g.get_state()
    drawn = [
        tg.randn(3, generator=g).tolist(),
        tg.randint(0, 99, (5,), generator=g).tolist(),
        tg.randperm(5, generator=g).tolist(),
    ]
    h.set_state(state)
    assert drawn == [
        tg.randn(3, generator=h).tolist(),
        tg.randint(0, 99, (5,), generator=h).tolist(),
        tg.randperm(5, generator=h).tolist(),
    ]
    assert g.initial_seed() == 7
    assert tg.manual_seed(-1).initial_seed() == 2**64 - 1
    assert tg.Generator().initial_seed() != tg.Generator().initial_seed()
    with pytest.raises(RuntimeError, match="RNG state is wrong size"):
        g.set_state(tg.zeros(3, dtype=tg.uint8))
    with pytest.raises(ValueError, match="Overflow"):
        g.manual_seed(2**64)
    with pytest.raises(TypeError):
        g.manual_seed(1.5)


def test_in_place():
    tg.manual_seed(4)
    x = tg.zeros(1000)
    before = x._version
    random.uniform_(x, -1, 3)
    assert x.min().item() >= -1
    assert x.max().item() < 3
    assert x._version == before + 1
    random.normal_(x, 5.0, 0.1)
    assert abs(x.mean().item() - 5) < 0.02
    random.bernoulli_(x, 0.25)
    assert set(x.tolist()) == {0, 1}
    assert abs(x.mean().item() - 0.25) < 0.06
    turned = tg.zeros(3, 4).T
    tg.manual_seed(4)
    random.normal_(turned)
    tg.manual_seed(4)
    assert turned.tolist() == tg.randn(4, 3).tolist()  # the strides do not matter
    assert random.random_(tg.zeros(50, dtype=tg.int64), 3).max().item() <= 2
    w = tg.zeros(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf Variable"):
        random.normal_(w)
    for bad in (
        lambda: random.uniform_(x, 1, 0),
        lambda: random.normal_(x, 0, -1),
        lambda: random.uniform_(tg.zeros(2, dtype=tg.int64)),
    ):
        with pytest.raises(RuntimeError):
            bad()


def test_bernoulli_and_multinomial():
    tg.manual_seed(5)
    p = tg.tensor([0.0, 1.0, 0.3]).expand(20000, 3)
    mean = tg.bernoulli(p).mean(0).tolist()
    assert mean[:2] == [0, 1]
    assert abs(mean[2] - 0.3) < 0.02
    with pytest.raises(RuntimeError, match="p_in >= 0"):
        tg.bernoulli(tg.tensor([1.5]))
    drawn = random.multinomial(tg.tensor([[1.0, 0.0, 3.0], [0.0, 2.0, 0.0]]), 20000, replacement=True).numpy()
    assert abs((drawn[0] == 2).mean() - 0.75) < 0.02
    assert (drawn[0] != 1).all()
    assert (drawn[1] == 1).all()
    assert sorted(random.multinomial(tg.tensor([1.0, 2.0, 3.0]), 3).tolist()) == [0, 1, 2]
    for bad, match in [
        ((tg.tensor([-1.0, 2.0]), 1), "element < 0"),
        ((tg.tensor([0.0, 0.0]), 1), "sum of probabilities"),
        ((tg.tensor([1.0, 0.0]), 2), "without replacement"),
    ]:
        with pytest.raises(RuntimeError, match=match):
            random.multinomial(*bad)


def test_normal_of_tensors():
    tg.manual_seed(6)
    out = random.normal(tg.tensor([0.0, 100.0]).expand(5000, 2), tg.tensor([1.0, 0.01])).numpy()
    np.testing.assert_allclose(out.mean(0), [0, 100], atol=0.06)
    np.testing.assert_allclose(out.std(0), [1, 0.01], rtol=0.05)
    assert random.normal(2.0, 0.0, (3,)).tolist() == [2, 2, 2]


def test_dropout():
    tg.manual_seed(7)
    x = tg.ones(100, 1000, requires_grad=True)
    y = random.dropout(x, 0.2)
    kept = y.numpy(force=True)
    assert abs((kept == 0).mean() - 0.2) < 0.005
    assert np.unique(kept).tolist() == [0, np.float32(1.25)]
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), kept)
    assert random.dropout(x, 0.5, training=False) is x
    assert random.dropout(x, 1.0).sum().item() == 0
    turned = random.dropout(tg.ones(4, 3).T, 0.5)
    assert turned.shape == (3, 4)
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1"):
        random.dropout(x, 1.5)
    # the gradient's gradient: y = mask * x^2
    x = tg.tensor([1.0, 2.0, 3.0, 4.0], dtype=tg.float64, requires_grad=True)
    (first,) = tg.autograd.grad(random.dropout(x * x, 0.5).sum(), x, create_graph=True)
    (second,) = tg.autograd.grad(first.sum(), x)
    np.testing.assert_allclose(second.numpy(), first.numpy(force=True) / x.numpy(force=True))


def test_bits_do_not_depend_on_threads():
    if not hasattr(tg, "set_num_threads"):
        pytest.skip("threads are not there yet")
    before, results = tg.get_num_threads(), []
    for n in (1, 2, 3):
        tg.set_num_threads(n)
        tg.manual_seed(8)
        results.append((tg.randn(300_001).numpy().copy(), tg.rand(300_001).numpy().copy()))
    tg.set_num_threads(before)
    for a, b in results[1:]:
        np.testing.assert_array_equal(a, results[0][0])
        np.testing.assert_array_equal(b, results[0][1])


def test_arguments():
    assert tg.rand().shape == ()
    assert tg.rand(2, 3).shape == tg.rand((2, 3)).shape == (2, 3)
    assert tg.randn(2, dtype=tg.float64, requires_grad=True).requires_grad
    assert tg.rand_like(tg.zeros(2, 3, dtype=tg.float64)).dtype == tg.float64
    assert tg.randn_like(tg.zeros(3)).shape == (3,)
    with pytest.raises(NotImplementedError, match="not implemented for 'Long'"):
        tg.rand(2, dtype=tg.int64)
    with pytest.raises(RuntimeError, match="negative dimension"):
        tg.rand(-1)


@pytest.mark.parametrize(("draw", "below"), [       # (x, and the distribution's probability of being <= x)
    (lambda x: x.exponential_(2.0), lambda v: 1 - np.exp(-2 * v)),
    (lambda x: x.geometric_(0.3), lambda v: 1 - 0.7 ** np.floor(v)),
    (lambda x: x.cauchy_(1.0, 2.0), lambda v: 0.5 + np.arctan((v - 1) / 2) / np.pi),
    (lambda x: x.log_normal_(0.5, 1.0), lambda v: np.array([0.5 * (1 + math.erf((math.log(u) - 0.5) / 2 ** 0.5)) for u in v])),
])
@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
def test_distributions_of_methods(draw, below, dtype):
    """The largest distance between the two distribution functions is under 1.95 / sqrt(n), 999 times in 1,000."""
    tg.manual_seed(5)
    x = tg.empty(20000, dtype=dtype)
    assert draw(x) is x
    values, counts = np.unique(x.numpy().astype(float), return_counts=True)
    assert np.isfinite(values).all()
    assert np.abs(np.cumsum(counts) / 20000 - below(values)).max() < 1.95 / np.sqrt(20000)


def test_methods_that_draw():
    tg.manual_seed(0)
    x = tg.tensor([0.0, 1.0, 1.0, 0.0])
    assert x.bernoulli().tolist() == x.tolist()
    assert set(tg.zeros(100).bernoulli(0.5).tolist()) == {0.0, 1.0}
    assert sorted(x.multinomial(2).tolist()) == [1, 2]
    with pytest.raises(RuntimeError, match="in \\(0, 1\\)"):
        x.geometric_(1.0)


def test_poisson_and_binomial():
    """Beside the moments of test_distributions.py: dtypes, shapes, the generator, and what is refused."""
    rates = tg.tensor([[0.0, 4.0], [100.0, 1e6]], dtype=tg.float64)
    first = tg.poisson(rates, generator=tg.Generator().manual_seed(1))
    assert first.dtype == tg.float64
    assert first.shape == (2, 2)
    assert first[0, 0].item() == 0
    assert first.tolist() == tg.poisson(rates, generator=tg.Generator().manual_seed(1)).tolist()
    assert first.tolist() != tg.poisson(rates, generator=tg.Generator().manual_seed(2)).tolist()
    with pytest.raises(RuntimeError, match="invalid Poisson rate, expected rate to be non-negative"):
        tg.poisson(-rates)
    drawn = tg.binomial(tg.tensor([[5.0], [0.0]]), tg.tensor([0.0, 0.5, 1.0]))
    assert drawn.shape == (2, 3)
    assert drawn[1].tolist() == [0, 0, 0]
    assert drawn[0, ::2].tolist() == [0, 5]
    with pytest.raises(RuntimeError, match="probabilities"):
        tg.binomial(tg.tensor(3.0), tg.tensor(1.5))


@pytest.mark.parametrize("draw", [lambda t, dtype: t.rand(2, dtype=dtype), lambda t, dtype: t.randn(2, dtype=dtype),
                                  lambda t, dtype: t.rand_like(t.ones(2), dtype=dtype), lambda t, dtype: t.randn_like(t.ones(2, dtype=dtype))])
@pytest.mark.parametrize(("dtype", "words"), [("float16", "'Half': give dtype=float32 and convert"), ("bfloat16", "'BFloat16'"),
                                          ("int64", "'Long': give dtype=float32 or float64, or use randint"), ("bool", "'Bool'")])
def test_dtypes_that_are_not_drawn(draw, dtype, words):
    with pytest.raises(NotImplementedError, match="not implemented for " + words):
        draw(tg, getattr(tg, dtype))
