"""tinygrad_c.distributions: densities, moments, entropies and divergences beside torch, and samples against their own cdf."""
from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from samples.comparing import torch, with_torch
from samples.distribution_samples import CASES

import tinygrad_c
from tinygrad_c import distributions as D


def both(case: str, dtype: str = "float64"):
    """(module, distribution, its leaves, values) of ours and torch's."""
    make, arrays, values = CASES[case]
    for m, d in ((tinygrad_c, D), (torch, torch.distributions)):
        leaves = [m.tensor(a.astype(dtype), requires_grad=True) for a in arrays]
        value = m.tensor(values if values.dtype.kind == "i" else values.astype(dtype if arrays else "float32"))
        yield m, make(d, *leaves), leaves, value


def compare(results: list, words: str, digits: float) -> None:
    (ours, theirs) = results
    assert tuple(ours.shape) == tuple(theirs.shape), words
    assert str(ours.dtype) == str(theirs.dtype), words
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), digits, digits, err_msg=words)


# What torch 2.13 gets wrong or raises for: its mode of Kumaraswamy is NaN, and GeneralizedPareto takes float32 alone.
WRONG_IN_TORCH = {("kumaraswamy", "mode"), *(("generalized pareto", what) for what in ("log_prob", "cdf"))}


@with_torch
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", CASES)
def test_beside_torch(case, dtype):
    digits = 2e-5 if dtype == "float32" or "numbers" in case else 1e-7 if case in ("multinomial", "von mises") else 1e-8
    (_, mine, _, _), (_, other, _, _) = both(case, dtype)
    for attribute in ("batch_shape", "event_shape", "has_rsample", "has_enumerate_support"):
        assert getattr(mine, attribute) == getattr(other, attribute), attribute
    if not case.startswith("mixture"):
        if "()" not in repr(other):         # torch shows no parameters of those that wrap another distribution
            assert repr(mine) == repr(other)
        assert repr(mine.support)[:8] == repr(other.support)[:8]
    for what in ("log_prob", "cdf", "entropy", "perplexity", "mean", "variance", "stddev", "mode", "enumerate_support"):
        found = []
        if (case, what) in WRONG_IN_TORCH and not (case == "generalized pareto" and dtype == "float32"):
            continue
        for _, dist, leaves, value in both(case, dtype):
            try:
                out = getattr(dist, what)
                out = out(value) if what in ("log_prob", "cdf") else out() if callable(out) else out
            except NotImplementedError:
                out = None
            gradients = [None] * len(leaves)
            if out is not None and out.requires_grad and what != "cdf":
                (out * (out.detach() * 0 + 1.3).cumsum(-1) if out.dim() else out).sum().backward()
                gradients = [leaf.grad for leaf in leaves]
            found.append((out, gradients))
        (ours, own), (theirs, expected) = found
        if theirs is None:
            continue
        assert ours is not None, f"{what} is not there"
        compare([ours, theirs], what, digits)
        for g, h in zip(own, expected, strict=True):
            if h is not None and not np.isnan(h.numpy()).any():
                if case == "wishart of tril" and h.dim() == 2:
                    h = h.tril()        # torch's gradient has values above the diagonal too, which is not read
                g = g if g is not None else h * 0
                if case == "wishart of tril" and h.dim() == 2:
                    g, h = g.tril(), h.tril()       # above the diagonal, which is 0, the two are not alike
                compare([g, h], what + "'s gradient", digits * 10)


@with_torch
def test_values_of_another_event_shape_are_refused():
    """Of one element too, which would be broadcast."""
    for d in (D, torch.distributions):
        module = tinygrad_c if d is D else torch
        for dist in (d.MultivariateNormal(module.zeros(2), module.eye(2)), d.Dirichlet(module.ones(3))):
            for shape in ((1,), (4, 1), ()):
                with pytest.raises(ValueError, match="The right-most size of value must match event_shape"):
                    dist.log_prob(module.ones(shape))


def test_parameters_that_need_no_broadcasting_are_the_given_ones():
    loc, scale = tinygrad_c.zeros(2, requires_grad=True), tinygrad_c.ones(1)
    normal = D.Normal(loc, scale)
    assert normal.loc is loc
    assert pickle.loads(pickle.dumps(normal)).loc.requires_grad


@with_torch
def test_inverse_cdf_beside_torch():
    p = np.array([0.1, 0.5, 0.95])
    for case in ("normal", "laplace", "exponential", "uniform", "cauchy", "gumbel", "half normal", "log normal", "pareto",
                 "weibull", "half cauchy", "kumaraswamy", "generalized pareto", "continuous bernoulli"):
        (_, mine, _, _), (_, other, _, _) = both(case)
        compare([mine.icdf(tinygrad_c.tensor(p)), other.icdf(torch.tensor(p))], case, 1e-10)
        compare([mine.cdf(mine.icdf(tinygrad_c.tensor(p))), tinygrad_c.tensor(p).expand(mine.batch_shape)], case, 1e-10)


KL = ["normal", "laplace", "exponential", "uniform", "log normal", "gamma", "beta", "dirichlet", "bernoulli", "geometric",
      "binomial", "poisson", "categorical", "categorical of logits", "one hot", "multivariate", "multivariate of covariance",
      "independent"]


@with_torch
@pytest.mark.parametrize("case", KL)
def test_divergences_beside_torch(case):
    make, arrays, _ = CASES[case]
    found = []
    for m, d in ((tinygrad_c, D), (torch, torch.distributions)):
        leaves = [m.tensor(a, requires_grad=True) for a in arrays]
        others = [m.tensor(a[..., ::-1].copy() if case in ("bernoulli", "categorical") else a * 1.25 if a.shape[-1:] != (3, 3) else a,
                           requires_grad=True) for a in arrays]
        if "probs" in make(d, *leaves).arg_constraints and "logits" not in case and case != "one hot":
            others = [m.tensor(a[..., ::-1].copy(), requires_grad=True) for a in arrays]
        out = d.kl_divergence(make(d, *leaves), make(d, *others))
        out[out.isfinite()].sum().backward()
        found.append([out, *[leaf.grad for leaf in leaves + others]])
        same = d.kl_divergence(make(d, *leaves), make(d, *leaves))
        np.testing.assert_allclose(same.detach().numpy(), 0, atol=1e-12)
    for g, h in zip(*found, strict=True):
        compare([g, h], case, 1e-9)


def test_divergence_of_ones_own():
    class Mine(D.Normal):
        pass
    with pytest.raises(NotImplementedError, match=r"No KL\(p \|\| q\) is implemented for p type Normal and q type Cauchy"):
        D.kl_divergence(D.Normal(0.0, 1.0), D.Cauchy(0.0, 1.0))
    assert D.kl_divergence(Mine(0.0, 1.0), Mine(2.0, 1.0)).item() == 2
    D.register_kl(Mine, Mine)(lambda p, q: "mine")
    try:
        assert D.kl_divergence(Mine(0.0, 1.0), Mine(2.0, 1.0)) == "mine"
        assert D.kl_divergence(Mine(0.0, 1.0), D.Normal(2.0, 1.0)).item() == 2
    finally:
        del D.kl._KL_REGISTRY[Mine, Mine]


MEANS = {     # name: a distribution whose samples are to have its mean and variance
    "normal": lambda: D.Normal(tinygrad_c.tensor([1.0, -2.0]), tinygrad_c.tensor([0.5, 3.0])),
    "laplace": lambda: D.Laplace(1.0, 2.0), "gumbel": lambda: D.Gumbel(1.0, 2.0), "half normal": lambda: D.HalfNormal(2.0),
    "exponential": lambda: D.Exponential(0.5), "uniform": lambda: D.Uniform(-1.0, 3.0), "log normal": lambda: D.LogNormal(0.0, 0.4),
    "student": lambda: D.StudentT(9.0, 1.0, 2.0), "gamma": lambda: D.Gamma(tinygrad_c.tensor([0.5, 4.0]), 2.0),
    "chi2": lambda: D.Chi2(3.0), "beta": lambda: D.Beta(2.0, 0.7), "dirichlet": lambda: D.Dirichlet(tinygrad_c.tensor([0.5, 2.0, 1.0])),
    "bernoulli": lambda: D.Bernoulli(tinygrad_c.tensor([0.3, 0.9])), "geometric": lambda: D.Geometric(tinygrad_c.tensor([0.3, 0.9])),
    "binomial": lambda: D.Binomial(10, tinygrad_c.tensor([0.3, 0.9])), "poisson": lambda: D.Poisson(tinygrad_c.tensor([0.3, 40.0])),
    "one hot": lambda: D.OneHotCategorical(tinygrad_c.tensor([1.0, 2.0, 3.0])),
    "multinomial": lambda: D.Multinomial(6, tinygrad_c.tensor([1.0, 2.0, 3.0])),
    "multivariate": lambda: D.MultivariateNormal(tinygrad_c.tensor([1.0, 2.0]), tinygrad_c.tensor([[2.0, 0.5], [0.5, 1.0]])),
    "negative binomial": lambda: D.NegativeBinomial(3.5, tinygrad_c.tensor([0.3, 0.9])),
    "pareto": lambda: D.Pareto(2.0, tinygrad_c.tensor([5.0, 9.0])), "weibull": lambda: D.Weibull(2.0, tinygrad_c.tensor([0.8, 3.0])),
    "inverse gamma": lambda: D.InverseGamma(tinygrad_c.tensor([5.0, 9.0]), 2.0),
    "kumaraswamy": lambda: D.Kumaraswamy(tinygrad_c.tensor([0.5, 3.0]), 2.0), "fisher": lambda: D.FisherSnedecor(3.0, 14.0),
    "generalized pareto": lambda: D.GeneralizedPareto(1.0, 2.0, tinygrad_c.tensor([-0.5, 0.0, 0.1])),
    "continuous bernoulli": lambda: D.ContinuousBernoulli(tinygrad_c.tensor([0.1, 0.5, 0.8])),
    "low rank": lambda: D.LowRankMultivariateNormal(tinygrad_c.tensor([1.0, 2.0]), tinygrad_c.tensor([[2.0], [0.5]]), tinygrad_c.ones(2)),
    "wishart": lambda: D.Wishart(tinygrad_c.tensor(3.5), tinygrad_c.tensor([[2.0, 0.5], [0.5, 1.0]])),
    "mixture": lambda: D.MixtureSameFamily(D.Categorical(tinygrad_c.tensor([1.0, 3.0])),
                                           D.Normal(tinygrad_c.tensor([-1.0, 2.0]), tinygrad_c.tensor([0.5, 1.0]))),
    "mixture of vectors": lambda: D.MixtureSameFamily(D.Categorical(tinygrad_c.tensor([1.0, 3.0])), D.Independent(
        D.Normal(tinygrad_c.tensor([[-1.0, 0.0], [2.0, 5.0]]), tinygrad_c.tensor([[0.5, 1.0], [1.0, 0.1]])), 1)),
}


@pytest.mark.parametrize("case", MEANS)
def test_samples_have_the_moments(case):
    """Mean and variance of n draws lie within five of their own standard errors; the shapes are torch's."""
    tinygrad_c.manual_seed(3)
    dist, n = MEANS[case](), 20000
    assert dist.sample().shape == dist.batch_shape + dist.event_shape
    assert dist.sample((2, 4)).shape == (2, 4, *dist.batch_shape, *dist.event_shape)
    assert dist.sample((0,)).shape == (0, *dist.batch_shape, *dist.event_shape)
    x = dist.sample((n,)).double().numpy()
    assert not dist.sample().requires_grad
    off = (x.mean(0) - dist.mean.numpy()) / np.sqrt(dist.variance.numpy() / n)
    assert np.abs(off).max() < 5
    fourth = ((x - x.mean(0)) ** 4).mean(0)
    assert np.all(np.abs(x.var(0) - dist.variance.numpy()) < 5 * np.sqrt(fourth / n))
    tinygrad_c.manual_seed(3)
    again = dist.sample().numpy()
    tinygrad_c.manual_seed(3)
    np.testing.assert_array_equal(again, dist.sample().numpy())


@pytest.mark.parametrize("make", [lambda t: D.Normal(t, 2.0), lambda t: D.HalfNormal(t), lambda t: D.Gamma(t, 1.0),
                                  lambda t: D.Beta(t, 2.0), lambda t: D.LogNormal(t / 4, 0.5), lambda t: D.Exponential(t),
                                  lambda t: D.Gamma(t * 60, 30.0), lambda t: D.Gamma(t / 20, 1.0), lambda t: D.Gumbel(t, t)])
def test_gradients_of_samples_average_to_the_gradient_of_the_mean(make):
    tinygrad_c.manual_seed(5)
    t = tinygrad_c.tensor(1.5, dtype=tinygrad_c.float64, requires_grad=True)
    expected, = tinygrad_c.autograd.grad(make(t).mean, t, allow_unused=True)
    leaves = t.detach().expand(20000).clone().requires_grad_()
    make(leaves).rsample().sum().backward()
    each = leaves.grad.numpy()
    assert abs(each.mean() - (expected.item() if expected is not None else 0.0)) < 5 * each.std() / math.sqrt(len(each)) + 1e-12


@with_torch
@pytest.mark.parametrize("a", [0.05, 0.7, 3.0, 80.0])
def test_gradient_of_a_gamma_sample_beside_torch(a):
    """torch._standard_gamma_grad approximates the same derivative to some 1e-4."""
    from tinygrad_c.distributions.gamma import reparametrised_gamma
    leaf = tinygrad_c.full((200,), a, dtype=tinygrad_c.float64, requires_grad=True)
    x = reparametrised_gamma(leaf)
    x.sum().backward()
    theirs = torch._standard_gamma_grad(torch.full((200,), a, dtype=torch.float64), torch.tensor(x.detach().numpy()))
    np.testing.assert_allclose(leaf.grad.numpy(), theirs.numpy(), 2e-3)


BAD = {     # what torch says of it
    "a NaN": (lambda m, d: d.Normal(m.tensor([1.0, math.nan]), 1.0), "Expected parameter loc (Tensor of shape (2,)) of distribution "
              "Normal(loc: torch.Size([2]), scale: torch.Size([2])) to satisfy the constraint Real(), but found invalid values:"),
    "a negative scale": (lambda m, d: d.Normal(0.0, -1.0), "to satisfy the constraint GreaterThan(lower_bound=0.0)"),
    "negative probs": (lambda m, d: d.Categorical(m.tensor([-1.0, 2.0])), "to satisfy the constraint Simplex()"),
    "NaN logits": (lambda m, d: d.Categorical(logits=m.tensor([math.nan, 2.0])), "the constraint IndependentConstraint(Real(), 1)"),
    "neither": (lambda m, d: d.Categorical(), "Either `probs` or `logits` must be specified, but not both."),
    "both": (lambda m, d: d.Bernoulli(m.tensor(0.5), m.tensor(0.5)), "Either `probs` or `logits` must be specified, but not both."),
    "no tensor": (lambda m, d: d.Normal(0.0, 1.0).log_prob(1.0), "The value argument to log_prob must be a Tensor"),
    "outside": (lambda m, d: d.Bernoulli(m.tensor(0.5)).log_prob(m.tensor(2.0)), "to be within the support (Boolean())"),
    "an index too large": (lambda m, d: d.Categorical(m.ones(2)).log_prob(m.tensor(2)), "IntegerInterval(lower_bound=0, upper_bound=1)"),
    "a shape": (lambda m, d: d.Normal(m.zeros(3), 1.0).log_prob(m.zeros(2)),
                "Value is not broadcastable with batch_shape+event_shape: torch.Size([2]) vs torch.Size([3])."),
    "ends": (lambda m, d: d.Uniform(1.0, 0.0), "Expected parameter low"),
    "dims": (lambda m, d: d.Independent(d.Normal(0.0, 1.0), 1), "Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape)"),
    "a matrix": (lambda m, d: d.MultivariateNormal(m.zeros(2), -m.eye(2)), "to satisfy the constraint PositiveDefinite()"),
    "two matrices": (lambda m, d: d.MultivariateNormal(m.zeros(2)), "Exactly one of covariance_matrix or precision_matrix or scale_tril"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    act, words = BAD[case]
    for m, d in ((tinygrad_c, D), (torch, torch and torch.distributions)):
        if m is not None:
            with pytest.raises(ValueError) as caught:
                act(m, d)
            assert words in str(caught.value)


def test_checks_can_be_left_out():
    assert D.Normal(0.0, -1.0, validate_args=False).scale.item() == -1
    D.Distribution.set_default_validate_args(False)
    try:
        assert D.Categorical(tinygrad_c.ones(2)).log_prob(tinygrad_c.tensor(0)).item() == pytest.approx(-math.log(2))
        D.Normal(0.0, -1.0)
    finally:
        D.Distribution.set_default_validate_args(True)


def test_no_gradients_where_there_are_none():
    with pytest.raises(NotImplementedError, match="rsample"):
        D.Categorical(tinygrad_c.ones(3)).rsample()
    logits = tinygrad_c.tensor([0.5, 1.0], requires_grad=True)
    dist = D.Categorical(logits=logits)
    action = dist.sample()          # computes probs without recording; log_prob must have its gradient all the same
    assert dist.probs.requires_grad
    dist.log_prob(action).backward()
    assert logits.grad.abs().sum().item() > 0


def test_a_transform_remembers():
    tanh = D.transforms.TanhTransform(cache_size=1)
    dist = D.TransformedDistribution(D.Normal(tinygrad_c.zeros(3), 30.0), [tanh])
    y = dist.rsample()              # most are 1 or -1 in float32, whose atanh is infinite
    assert dist.log_prob(y).isfinite().all()
    exp = D.transforms.ExpTransform()
    assert exp.inv.inv is exp
    assert exp.inv.log_abs_det_jacobian(tinygrad_c.tensor(2.0), tinygrad_c.tensor(2.0).log()).item() == pytest.approx(-math.log(2))


@with_torch
@pytest.mark.parametrize("case", [case for case in CASES if "numbers" not in case and "generalized" not in case])
def test_expand_beside_torch(case):
    (_, mine, _, value), (_, other, _, theirs) = both(case)
    shape = (4, *mine.batch_shape)
    mine, other = mine.expand(shape), other.expand(shape)
    assert mine.batch_shape == other.batch_shape
    sample = mine.sample((2,))
    for a, b in ((value, theirs), (sample, torch.tensor(sample.numpy()))):
        try:
            expected = other.log_prob(b)
        except ValueError as error:
            with pytest.raises(ValueError, match=str(error)[:30]):
                mine.log_prob(a)
        else:
            compare([mine.log_prob(a), expected], case, 1e-7 if case == "von mises" else 1e-9)
    assert mine.sample((2,)).shape == (2, *shape, *mine.event_shape)
