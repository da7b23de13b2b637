"""tinygrad_c.distributions: every registered KL divergence and every transform, beside torch, recorded values and definitions."""
from __future__ import annotations

import copy
import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from samples.comparing import torch, with_torch
from samples.distribution_samples import CASES, EXAMPLES, TRANSFORMS

import tinygrad_c
from tinygrad_c import distributions as D

RECORDED = json.loads((Path(__file__).parents[1] / "golden" / "distributions.json").read_text())
PAIRS = sorted({(p.__name__, q.__name__) for p, q in D.kl._KL_REGISTRY})


def leaves_of(m, d, name: str, factor: float = 1.0):
    """An example of a class, with other parameters for another factor, and its leaves."""
    leaves = []

    def leaf(array):
        other = array if array.ndim == 2 and array.shape == (3, 3) and factor != 1 and not array[0, 1:].any() else array * factor
        if factor != 1 and array.max() < 1 and array.min() > 0:
            other = array[..., ::-1].copy()     # probabilities stay such
        leaves.append(m.tensor(other, requires_grad=True))
        return leaves[-1]
    return EXAMPLES[name](d, leaf), leaves


def same(ours, theirs, words: str) -> None:
    ours, theirs = (np.asarray(x.detach().numpy() if hasattr(x, "detach") else x) for x in (ours, theirs))
    assert ours.shape == theirs.shape, words
    np.testing.assert_allclose(ours, theirs, 1e-7, 1e-8, err_msg=words)


@with_torch
def test_the_registered_pairs_are_torchs():
    theirs = {(p.__name__, q.__name__) for p, q in torch.distributions.kl._KL_REGISTRY}
    assert set(PAIRS) - theirs == {("LogNormal", "LogNormal")}
    assert theirs <= set(PAIRS)


@with_torch
@pytest.mark.parametrize("names", PAIRS, ids="-".join)
def test_divergence_beside_torch(names):
    found = []
    for m, d in ((tinygrad_c, D), (torch, torch.distributions)):
        (p, ours), (q, others) = leaves_of(m, d, names[0]), leaves_of(m, d, names[1], 1.25)
        out = d.kl_divergence(p, q)
        finite = out[out.isfinite()]
        if finite.requires_grad and finite.numel():
            finite.sum().backward()
        found.append([out, *[leaf.grad if leaf.grad is not None else leaf.detach() * 0 for leaf in ours + others]])
    for k, (g, h) in enumerate(zip(*found, strict=True)):
        if k and (not np.isfinite(h.numpy()).all() or names[0] == "ExponentialFamily"):
            continue        # torch's gradient of a masked element; and it has none in p for exponential families
        if k and h.dim() >= 2 and h.shape[-1] == h.shape[-2]:
            g, h = g.tril(), h.tril()
        same(g, h, f"{names} {k}")


@pytest.mark.parametrize("names", [n for n in PAIRS if "TransformedDistribution" not in n], ids="-".join)
def test_divergence_is_the_mean_of_the_difference(names):
    """E_p[log p - log q], from 40,000 samples within five standard errors; infinite exactly if a sample has no density in q."""
    tinygrad_c.manual_seed(7)
    p, q = leaves_of(tinygrad_c, D, names[0])[0], leaves_of(tinygrad_c, D, names[1], 1.25)[0]
    with tinygrad_c.no_grad():
        found = D.kl_divergence(p, q).numpy()
        x = p.sample((1000 if "ExponentialFamily" in names else 40000,))
        if np.isinf(found).all():
            assert not bool(q.support.check(x).all())
            return
        for each in (q, *vars(q).values()):
            if isinstance(each, D.Distribution):
                each._validate_args = False
        each = (p.log_prob(x) - q.log_prob(x)).numpy()
    for index in np.ndindex(found.shape):
        if np.isinf(found[index]):
            assert not bool(q.support.check(x).all()), index
        elif np.isfinite(found[index]):
            at = each[(slice(None), *index)]
            assert abs(at.mean() - found[index]) < 5 * at.std() / math.sqrt(len(at)) + 1e-9, index


def test_gradient_of_exponential_families_in_p():
    """Of the general formula, with p and q Normal: that of the formula for normal distributions."""
    p = [tinygrad_c.tensor(x, dtype=tinygrad_c.float64, requires_grad=True) for x in (0.3, 1.5)]
    q = D.Normal(tinygrad_c.tensor(-1.0, dtype=tinygrad_c.float64), tinygrad_c.tensor(2.0, dtype=tinygrad_c.float64))
    general = D.kl._KL_REGISTRY[D.ExponentialFamily, D.ExponentialFamily]
    for formula in (general, D.kl_divergence):
        out = formula(D.Normal(*p), q)
        found = [out, *tinygrad_c.autograd.grad(out, p)]
        if formula is general:
            first = found
    for a, b in zip(first, found, strict=True):
        same(a, b, "general formula")


@pytest.mark.parametrize("case", TRANSFORMS)
def test_transform(case):
    """The inverse inverts, and the logarithm of the derivative is that of the Jacobian's determinant."""
    make, values, bijective = TRANSFORMS[case]
    t, x = make(D, tinygrad_c.tensor), tinygrad_c.tensor(values)
    y = t(x)
    assert t.bijective == bijective
    assert t.inv.inv is t
    assert tuple(t.forward_shape(x.shape)) == tuple(y.shape)
    assert tuple(t.inverse_shape(y.shape)) == tuple(x.shape)
    same(t(t.inv(y)), y, "t(t.inv(y))")
    if not bijective:
        return
    same(t.inv(y), x, "t.inv(y)")
    found = t.log_abs_det_jacobian(x, y)
    same(t.inv.log_abs_det_jacobian(y, x), -found, "of the inverse")
    dim = t.domain.event_dim
    assert tuple(found.shape) == tuple(x.shape[:x.dim() - dim])
    flat = x.reshape(-1)
    jacobian = tinygrad_c.func.jacrev(lambda z: t(z.reshape(x.shape)).reshape(-1))(flat).numpy()
    if jacobian.shape[0] != jacobian.shape[1]:      # a redundant output: the rows that are functions of x alone
        n = y.shape[-1]
        free = np.tril(np.ones((n, n)), -1) if y.dim() >= x.dim() + 1 else np.arange(n) < n - 1
        keep = np.broadcast_to(free > 0, tuple(y.shape)).reshape(-1)
        jacobian = jacobian[keep]
    same(np.linalg.slogdet(jacobian)[1], found.sum(), "det")


@with_torch
@pytest.mark.parametrize("case", TRANSFORMS)
def test_transform_beside_torch(case):
    make, values, bijective = TRANSFORMS[case]
    found = []
    for m, d in ((tinygrad_c, D), (torch, torch.distributions)):
        t, x = make(d, m.tensor), m.tensor(values, requires_grad=True)
        y = t(x)
        out = [y, t.inv(y.detach())]
        if bijective:
            out.append(t.log_abs_det_jacobian(x, y))
        sum((o * o).sum() for o in out if o.requires_grad).backward()
        found.append([*out, x.grad])
        for constraint, value in ((t.domain, x), (t.codomain, y)) if case != "cat of events" else ():     # both raise
            found[-1].append(np.asarray(constraint.check(value.detach())))
        events = [getattr(t, of).event_dim for of in ("domain", "codomain")]
        try:
            events.append(t.sign)
        except NotImplementedError:
            events.append(None)
        found[-1].append(np.array([float(np.mean(np.asarray(e))) if e is not None else -9 for e in events]))
    for k, (a, b) in enumerate(zip(*found, strict=True)):
        same(a, b, f"{case} {k}")


@pytest.mark.parametrize("case", TRANSFORMS)
def test_transforms_are_copied_and_cached(case):
    make, values, _ = TRANSFORMS[case]
    t, x = make(D, tinygrad_c.tensor), tinygrad_c.tensor(values)
    for other in (pickle.loads(pickle.dumps(t)), copy.deepcopy(t)):
        same(other(x), t(x), "copy")
    if case != "inverse":
        cached = t.with_cache()
        y = cached(x)
        assert cached(x) is y or case == "identity" or "composed" in case
        if case not in ("composed",):
            assert cached.inv(y) is x


REGISTRY = [D.constraints.real, D.constraints.positive, D.constraints.nonnegative, D.constraints.greater_than(2.0),
            D.constraints.greater_than_eq(-1.0), D.constraints.less_than(-1.0), D.constraints.interval(-1.0, 3.0),
            D.constraints.unit_interval, D.constraints.half_open_interval(0.0, 2.0), D.constraints.real_vector,
            D.constraints.independent(D.constraints.positive, 1), D.constraints.simplex, D.constraints.lower_cholesky,
            D.constraints.positive_definite, D.constraints.positive_semidefinite, D.constraints.corr_cholesky,
            D.constraints.cat([D.constraints.real, D.constraints.positive], -1, [1, 2]),
            D.constraints.stack([D.constraints.real, D.constraints.positive, D.constraints.unit_interval], -1)]


@pytest.mark.parametrize("constraint", REGISTRY, ids=repr)
def test_a_transform_to_each_constraint(constraint):
    tinygrad_c.manual_seed(1)
    x = tinygrad_c.randn(4, 3, 3, dtype=tinygrad_c.float64)
    to = D.transform_to(constraint)
    assert bool(constraint.check(to(x)).all())
    try:
        bijection = D.biject_to(constraint)
    except NotImplementedError:
        assert constraint.event_dim == 2
        return
    assert bijection.bijective
    y = bijection(x)
    assert bool(constraint.check(y).all())
    same(bijection.inv(y), x, "inverse")


def test_a_constraint_without_a_transform():
    with pytest.raises(NotImplementedError, match="Cannot transform _Boolean constraints"):
        D.biject_to(D.constraints.boolean)
    with pytest.raises(TypeError, match="Expected constraint to be either a Constraint subclass or instance, but got 3"):
        D.biject_to.register(3)


@with_torch
@pytest.mark.parametrize("name", [n for n in D.constraints.__all__ if isinstance(getattr(D.constraints, n), D.constraints.Constraint)
                                  and not D.constraints.is_dependent(getattr(D.constraints, n))])
def test_constraint_beside_torch(name):
    ours, theirs = getattr(D.constraints, name), getattr(torch.distributions.constraints, name)
    assert repr(ours) == repr(theirs)
    assert (ours.event_dim, ours.is_discrete) == (theirs.event_dim, theirs.is_discrete)
    matrices = [np.eye(3), np.ones((3, 3)), np.tril(np.ones((3, 3))), -np.eye(3), np.full((3, 3), math.nan), np.eye(3)[::-1] * 1.0,
                np.full((3, 3), 0.5), np.full((3, 3), 1 / 3), np.zeros((3, 3)), np.diag([1.0, 2, -3])]
    value = np.stack(matrices)
    if name == "positive_definite":         # 0.5 or 1/3 everywhere: singular, and rounding decides
        value = value[[0, 1, 2, 3, 4, 5, 8, 9]]
    if name == "positive_semidefinite":
        value = value[np.isfinite(value).all((1, 2))][[0, 1, 3, 8]]
    for each in value:
        np.testing.assert_array_equal(ours.check(tinygrad_c.tensor(each.copy())).numpy(), theirs.check(torch.tensor(each.copy())).numpy())


def test_mode_of_kumaraswamy_has_the_highest_density():
    dist = D.Kumaraswamy(tinygrad_c.tensor([1.5, 3.0]), tinygrad_c.tensor([2.0, 1.5]))
    best = dist.log_prob(dist.mode)
    for step in (-1e-2, 1e-2):
        assert bool((dist.log_prob(dist.mode + step) < best).all())


def test_relaxations_of_low_temperature_choose_as_often_as_the_probabilities():
    tinygrad_c.manual_seed(2)
    cold, probs = tinygrad_c.tensor(0.01), tinygrad_c.tensor([0.2, 0.5, 0.3])
    for dist in (D.RelaxedBernoulli(cold, probs), D.RelaxedOneHotCategorical(cold, probs)):
        x = dist.rsample((20000,)).round()
        np.testing.assert_allclose(x.mean(0).numpy(), probs.numpy(), atol=5 * 0.5 / math.sqrt(20000))
        probs.requires_grad_()
        assert tinygrad_c.autograd.grad(type(dist)(cold + 1, probs).rsample().sum(), probs)[0].isfinite().all()
        probs = probs.detach()


def test_samples_of_angles_and_correlations():
    tinygrad_c.manual_seed(4)
    dist = D.VonMises(tinygrad_c.tensor([3.0, -1.0]), tinygrad_c.tensor([2.0, 0.5]))
    x = dist.sample((20000,))
    assert bool((x.abs() <= math.pi).all())
    length = (x - dist.loc).cos().mean(0)           # its mean is I1 / I0 = 1 - variance
    np.testing.assert_allclose(length.numpy(), 1 - dist.variance.numpy(), atol=5 / math.sqrt(20000))
    assert dist.sample((2, 0)).shape == (2, 0, 2)
    n, eta = 4, 1.5
    factors = D.LKJCholesky(n, eta).sample((20000,))
    assert bool(D.constraints.corr_cholesky.check(factors).all())
    correlations = (factors @ factors.mT)[:, 1, 0].numpy()      # a symmetric Beta on (-1, 1) with a = eta + n / 2 - 1
    a = eta + n / 2 - 1
    assert abs(correlations.mean()) < 5 * correlations.std() / math.sqrt(20000)
    assert abs(correlations.var() - 1 / (2 * a + 1)) < 5 * np.square(correlations).std() / math.sqrt(20000)
    others = (factors @ factors.mT)[:, 3, 2].numpy()
    assert abs(others.var() - 1 / (2 * a + 1)) < 5 * np.square(others).std() / math.sqrt(20000)


@pytest.mark.parametrize("key", RECORDED)
def test_recorded_values(key):
    """What torch 2.13 gave in float64 (tests/golden/record.py)."""
    kind, _, rest = key.partition("/")
    name, _, what = rest.partition("/")
    expected = RECORDED[key]
    if kind == "divergence":
        found = D.kl_divergence(leaves_of(tinygrad_c, D, name)[0], leaves_of(tinygrad_c, D, what, 1.25)[0])
    elif kind == "transform":
        make, values, _ = TRANSFORMS[name]
        t, x = make(D, tinygrad_c.tensor), tinygrad_c.tensor(values)
        found = t(x) if what == "y" else t.log_abs_det_jacobian(x, t(x))
    else:
        make, arrays, values = CASES[name]
        dist = make(D, *[tinygrad_c.tensor(a) for a in arrays])
        found = getattr(dist, what)
        found = found(tinygrad_c.tensor(values)) if what in ("log_prob", "cdf") else found() if callable(found) else found
    digits = 1e-5 if "numbers" in key or "von mises" in key else 1e-7
    np.testing.assert_allclose(found.detach().numpy(), np.array(expected, dtype=float), digits, digits)
