"""Probability distributions with gradients: the names of torch.distributions. Each class has sample, log_prob, entropy and
moments; kl_divergence compares two of them. The package is imported on first access.
"""
from __future__ import annotations

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._base.public import guard

LAZY_NAMES = {       # imported on first access
    "distribution": "Distribution Independent",
    "exp_family": "ExponentialFamily",
    "continuous": "Cauchy Exponential Gumbel HalfNormal Laplace Normal Uniform",
    "discrete": "Bernoulli Binomial Categorical Geometric Multinomial NegativeBinomial OneHotCategorical "
                "OneHotCategoricalStraightThrough Poisson",
    "gamma": "Beta Chi2 Dirichlet Gamma StudentT",
    "heavy_tailed": "FisherSnedecor GeneralizedPareto HalfCauchy InverseGamma Kumaraswamy Pareto Weibull",
    "low_rank": "LowRankMultivariateNormal",
    "matrices": "LKJCholesky Wishart",
    "mixture": "MixtureSameFamily",
    "multivariate": "MultivariateNormal",
    "transformed": "LogNormal TransformedDistribution",
    "relaxed": "ContinuousBernoulli LogisticNormal RelaxedBernoulli RelaxedOneHotCategorical",
    "von_mises": "VonMises",
    "transforms": "AbsTransform AffineTransform CatTransform ComposeTransform CorrCholeskyTransform "
                  "CumulativeDistributionTransform ExpTransform IndependentTransform LowerCholeskyTransform "
                  "PositiveDefiniteTransform PowerTransform ReshapeTransform SigmoidTransform SoftmaxTransform "
                  "SoftplusTransform StackTransform StickBreakingTransform TanhTransform Transform identity_transform",
    "constraint_registry": "biject_to transform_to",
    "kl": "kl_divergence register_kl",
    "": "constraint_registry constraints kl transforms utils",
}
__all__ = [name for names in LAZY_NAMES.values() for name in names.split()]
__getattr__, __dir__ = lazy_names(globals(), LAZY_NAMES, guard)
