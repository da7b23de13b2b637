"""Examples of every distribution, of every pair that has a KL divergence, and of every transform, for the tests and for the
recorded values.
"""
from __future__ import annotations

from importlib import import_module

import numpy as np

A, B = np.array([[0.3, -1.2, 2.0], [0.1, 0.5, -0.4]]), np.array([0.7, 1.9, 3.1])
PROBS, LOGITS = np.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]]), np.array([[0.3, -1.0, 2.0], [0.0, 0.5, 0.1]])
CORR = np.linalg.cholesky(np.array([[1.0, 0.3, -0.2], [0.3, 1.0, 0.5], [-0.2, 0.5, 1.0]]))
TRIL = np.array([[1.0, 0, 0], [0.5, 2.0, 0], [-0.3, 0.2, 0.7]])
REAL, ABOVE, UNIT, WHOLE = A[:1] * 1.3 + 0.1, B[None] * 1.1, np.array([0.2, 0.5, 0.9]), np.array([0.0, 1.0, 4.0])


def part(module, name: str):
    """A module of torch.distributions, or ours of that path."""
    return import_module(f"{module.__name__}.{name}")


# name, how it is made of the module and its tensors, the tensors, values to ask log_prob for
CASES = {
    "normal": (lambda d, a, b: d.Normal(a, b), (A, B), REAL),
    "normal of numbers": (lambda d: d.Normal(0.5, 2.0), (), REAL),
    "laplace": (lambda d, a, b: d.Laplace(a, b), (A, B), REAL),
    "cauchy": (lambda d, a, b: d.Cauchy(a, b), (A, B), REAL),
    "gumbel": (lambda d, a, b: d.Gumbel(a, b), (A, B), REAL),
    "half normal": (lambda d, b: d.HalfNormal(b), (B,), ABOVE),
    "exponential": (lambda d, b: d.Exponential(b), (B,), ABOVE),
    "uniform": (lambda d, a, b: d.Uniform(a - 3, a + b), (A, B), A - 1),
    "log normal": (lambda d, a, b: d.LogNormal(a, b), (A, B), ABOVE),
    "student": (lambda d, c, a, b: d.StudentT(c + 1.5, a, b), (B, A, B), REAL),
    "gamma": (lambda d, a, b: d.Gamma(a, b), (B, B[::-1].copy()), ABOVE),
    "chi2": (lambda d, b: d.Chi2(b), (B,), ABOVE),
    "beta": (lambda d, a, b: d.Beta(a, b), (B, B[::-1].copy() + 1), UNIT),
    "dirichlet": (lambda d, b: d.Dirichlet(b), (B,), PROBS),
    "bernoulli": (lambda d, p: d.Bernoulli(p), (PROBS,), PROBS.round()),
    "bernoulli of logits": (lambda d, a: d.Bernoulli(logits=a), (LOGITS,), PROBS.round()),
    "geometric": (lambda d, p: d.Geometric(p), (PROBS,), WHOLE),
    "geometric of logits": (lambda d, p: d.Geometric(logits=p), (LOGITS,), WHOLE),
    "binomial": (lambda d, p: d.Binomial(4, p), (PROBS,), WHOLE),
    "poisson": (lambda d, b: d.Poisson(b), (B,), WHOLE),
    "categorical": (lambda d, p: d.Categorical(p), (PROBS,), np.array([2, 0])),
    "categorical of logits": (lambda d, a: d.Categorical(logits=a), (LOGITS,), np.array([[2, 0], [1, 1], [0, 2]])),
    "one hot": (lambda d, a: d.OneHotCategorical(logits=a), (LOGITS,), np.eye(3)[[2, 0]]),
    "multinomial": (lambda d, p: d.Multinomial(5, p), (PROBS,), np.array([[1.0, 4, 0], [2, 2, 1]])),
    "multivariate": (lambda d, a, t: d.MultivariateNormal(a, scale_tril=t), (A, TRIL), REAL),
    "multivariate of covariance": (lambda d, a, c: d.MultivariateNormal(a, c), (A, TRIL @ TRIL.T), REAL),
    "multivariate of precision": (lambda d, a, c: d.MultivariateNormal(a, precision_matrix=c), (A[0], TRIL @ TRIL.T), REAL),
    "multivariate of batches": (lambda d, a, t: d.MultivariateNormal(a, scale_tril=t), (A[0], np.stack([TRIL, 2 * TRIL])), A),
    "independent": (lambda d, a, b: d.Independent(d.Normal(a, b), 1), (A, B), REAL),
    "mixture": (lambda d, p, a, b: d.MixtureSameFamily(d.Categorical(p), d.Normal(a, b)), (PROBS, A, B), np.array([0.3, -1.0])),
    "mixture of vectors": (lambda d, p, a, b: d.MixtureSameFamily(d.Categorical(logits=p), d.Independent(d.Normal(a, b), 1)),
                           (LOGITS[0, :2], A, B), REAL),
    "squashed": (lambda d, a, b: d.TransformedDistribution(d.Normal(a, b), [d.transforms.TanhTransform()]), (A, B), A / 3),
    "composed": (lambda d, a, b: d.TransformedDistribution(d.Independent(d.Normal(a, b), 1), [
        d.transforms.AffineTransform(0.5, b), d.transforms.SigmoidTransform()]), (A, B), PROBS),
    "softplus of affine": (lambda d, a, b: d.TransformedDistribution(d.Laplace(a, b), d.transforms.ComposeTransform([
        d.transforms.AffineTransform(0.5, -2.0), d.transforms.SoftplusTransform()])), (A, B), ABOVE),
    "affine of events": (lambda d, a, b: d.TransformedDistribution(d.Normal(a, b), d.transforms.AffineTransform(
        a, 2.0, event_dim=1)), (A, B), REAL),
    "negative binomial": (lambda d, b, p: d.NegativeBinomial(b, p), (B, PROBS), WHOLE),
    "negative binomial of logits": (lambda d, a: d.NegativeBinomial(3, logits=a), (LOGITS,), WHOLE),
    "pareto": (lambda d, a, b: d.Pareto(a, b + 1.5), (B, B[::-1].copy()), ABOVE + 3),
    "weibull": (lambda d, a, b: d.Weibull(a, b), (B, B[::-1].copy() + 0.5), ABOVE),
    "half cauchy": (lambda d, b: d.HalfCauchy(b), (B,), ABOVE),
    "inverse gamma": (lambda d, a, b: d.InverseGamma(a, b), (B + 1.5, B[::-1].copy()), ABOVE),
    "kumaraswamy": (lambda d, a, b: d.Kumaraswamy(a, b), (B + 0.5, B[::-1].copy() + 1), UNIT),
    "fisher": (lambda d, a, b: d.FisherSnedecor(a, b), (B + 2, B[::-1].copy() + 4), ABOVE),
    "generalized pareto": (lambda d, a, b, c: d.GeneralizedPareto(a, b, c), (A, B, B[None] / 4 - 0.25), ABOVE + 1.5),
    "continuous bernoulli": (lambda d, p: d.ContinuousBernoulli(p), (PROBS,), UNIT),
    "continuous bernoulli at half": (lambda d, p: d.ContinuousBernoulli(p), (np.array([0.4995, 0.5, 0.5005]),), UNIT),
    "continuous bernoulli of logits": (lambda d, a: d.ContinuousBernoulli(logits=a), (LOGITS,), UNIT),
    "von mises": (lambda d, a, b: d.VonMises(a, b), (A, B), REAL),
    "relaxed bernoulli": (lambda d, t, p: d.RelaxedBernoulli(t, p), (np.array(0.7), PROBS), UNIT),
    "relaxed bernoulli of logits": (lambda d, t, a: d.RelaxedBernoulli(t, logits=a), (np.array(2.0), LOGITS), UNIT),
    "logit of relaxed bernoulli": (lambda d, t, a: part(d, "relaxed_bernoulli").LogitRelaxedBernoulli(t, logits=a), (np.array(2.0), LOGITS), REAL),
    "relaxed one hot": (lambda d, t, p: d.RelaxedOneHotCategorical(t, p), (np.array(0.7), PROBS), PROBS[::-1].copy()),
    "log of relaxed one hot": (lambda d, t, a: part(d, "relaxed_categorical").ExpRelaxedCategorical(t, logits=a), (np.array(0.7), LOGITS), np.log(PROBS)),
    "logistic normal": (lambda d, a, b: d.LogisticNormal(a, b), (A[:, :2], B[:2]), PROBS),
    "low rank": (lambda d, a, w, b: d.LowRankMultivariateNormal(a, w, b), (A, TRIL[:, :2], B), REAL),
    "low rank of batches": (lambda d, a, w, b: d.LowRankMultivariateNormal(a, w, b), (A[0], np.stack([TRIL, 2 * TRIL])[:, :, :1], B), A),
    "wishart": (lambda d, n, c: d.Wishart(n, c), (np.array(4.5), TRIL @ TRIL.T), np.stack([TRIL @ TRIL.T * 2, np.eye(3)])),
    "wishart of tril": (lambda d, n, c: d.Wishart(n, scale_tril=c), (np.array([4.5, 6.0]), TRIL), np.stack([TRIL @ TRIL.T * 2, np.eye(3)])),
    "wishart of precision": (lambda d, n, c: d.Wishart(n, precision_matrix=c), (np.array(7.0), TRIL @ TRIL.T), np.eye(3)),
    "lkj": (lambda d, b: d.LKJCholesky(3, b), (B,), CORR),
    "copula": (lambda d, a, t: d.TransformedDistribution(d.MultivariateNormal(a, scale_tril=t), [
        d.transforms.CumulativeDistributionTransform(d.Normal(0.5, 2.0))]), (A, TRIL), PROBS),
    "reshaped": (lambda d, a, b: d.TransformedDistribution(d.Independent(d.Normal(a, b), 2), [
        d.transforms.ReshapeTransform((2, 3), (3, 2))]), (A, B), A.reshape(3, 2) + 1),
    "scaled by a batch": (lambda d, b: d.TransformedDistribution(d.Normal(0.0, 1.0), [d.transforms.AffineTransform(b, b)]), (B,), REAL),
}


# KL(p || q) of every pair of classes: how an example of each class is made. Two of them, with other parameters, for p and q.
EXAMPLES = {
    "Bernoulli": lambda d, t: d.Bernoulli(t(PROBS)), "Beta": lambda d, t: d.Beta(t(B), t(B[::-1].copy() + 1)),
    "Binomial": lambda d, t: d.Binomial(4, t(PROBS)), "Categorical": lambda d, t: d.Categorical(logits=t(LOGITS)),
    "Cauchy": lambda d, t: d.Cauchy(t(A), t(B)), "ContinuousBernoulli": lambda d, t: d.ContinuousBernoulli(t(PROBS[0])),
    "Dirichlet": lambda d, t: d.Dirichlet(t(B)), "Exponential": lambda d, t: d.Exponential(t(B)),
    "Gamma": lambda d, t: d.Gamma(t(B), t(B[::-1].copy())), "Geometric": lambda d, t: d.Geometric(t(PROBS)),
    "Gumbel": lambda d, t: d.Gumbel(t(A[0]), t(B)), "HalfNormal": lambda d, t: d.HalfNormal(t(B)),
    "Independent": lambda d, t: d.Independent(d.Normal(t(A), t(B)), 1), "Laplace": lambda d, t: d.Laplace(t(A[0]), t(B)),
    "LogNormal": lambda d, t: d.LogNormal(t(A), t(B)),
    "LowRankMultivariateNormal": lambda d, t: d.LowRankMultivariateNormal(t(A), t(TRIL[:, :2].copy()), t(B)),
    "MultivariateNormal": lambda d, t: d.MultivariateNormal(t(A), scale_tril=t(TRIL)),
    "Normal": lambda d, t: d.Normal(t(A[0]), t(B)), "OneHotCategorical": lambda d, t: d.OneHotCategorical(logits=t(LOGITS)),
    "Pareto": lambda d, t: d.Pareto(t(B), t(B[::-1].copy() + 2.5)), "Poisson": lambda d, t: d.Poisson(t(np.stack([B, B + 1]))),
    "TransformedDistribution": lambda d, t: d.TransformedDistribution(d.Normal(t(A), t(B)), d.transforms.ExpTransform()),
    "Uniform": lambda d, t: d.Uniform(t(np.array([-0.5, 0.1, 1.5])), t(np.array([0.7, 0.8, 4.0]))),
    "ExponentialFamily": lambda d, t: d.Wishart(t(np.array(4.5)), scale_tril=t(TRIL)),
}
# name: how it is made, values of x, and whether the logarithm of the derivative and the inverse are defined.
SQUARES = np.stack([TRIL.T + 0.3, TRIL - 1])
TRANSFORMS = {
    "abs": (lambda d, t: d.AbsTransform(), A, False), "exp": (lambda d, t: d.ExpTransform(), A, True),
    "affine": (lambda d, t: d.AffineTransform(t(A), -2.0), A, True),
    "affine of events": (lambda d, t: d.AffineTransform(t(A), t(B), event_dim=1), A, True),
    "power": (lambda d, t: d.PowerTransform(t(np.array([-1.0, 0.5, 2.0]))), np.abs(A) + 0.1, True),
    "sigmoid": (lambda d, t: d.SigmoidTransform(), A, True), "tanh": (lambda d, t: d.TanhTransform(), A, True),
    "softplus": (lambda d, t: d.SoftplusTransform(), A, True), "softmax": (lambda d, t: d.SoftmaxTransform(), A, False),
    "stick breaking": (lambda d, t: d.StickBreakingTransform(), A, True),
    "lower cholesky": (lambda d, t: d.LowerCholeskyTransform(), SQUARES, False),
    "positive definite": (lambda d, t: d.PositiveDefiniteTransform(), SQUARES, False),
    "corr cholesky": (lambda d, t: d.CorrCholeskyTransform(), A, True),
    "corr cholesky of 4": (lambda d, t: d.CorrCholeskyTransform(), A.reshape(6) * 0.7, True),
    "reshape": (lambda d, t: d.ReshapeTransform((2, 3), (6,)), np.stack([A, A + 1]), True),
    "cumulative": (lambda d, t: d.CumulativeDistributionTransform(d.Normal(t(B), 2.0)), A, True),
    "independent": (lambda d, t: d.IndependentTransform(d.TanhTransform(), 1), A, True),
    "identity": (lambda d, t: d.identity_transform, A, True),
    "composed": (lambda d, t: d.ComposeTransform([d.AffineTransform(0.5, 2.0), d.TanhTransform(), d.StickBreakingTransform()]), A, True),
    "cat": (lambda d, t: d.CatTransform([d.ExpTransform(), d.TanhTransform()], -1, [1, 2]), A, True),
    "cat of events": (lambda d, t: d.CatTransform([d.IndependentTransform(d.ExpTransform(), 1), d.TanhTransform()], 0, [1, 1]), A, True),
    "stack": (lambda d, t: d.StackTransform([d.ExpTransform(), d.AffineTransform(1.0, 3.0)], 0), A, True),
    "inverse": (lambda d, t: d.ExpTransform().inv, np.abs(A), True),
}
