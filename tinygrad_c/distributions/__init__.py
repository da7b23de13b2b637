"""Probability distributions with gradients: the names of torch.distributions. Each class has sample, log_prob, entropy and
moments; kl_divergence compares two of them. The package is imported on first access.
"""
from __future__ import annotations

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._base.public import guard

LAZY_NAMES = {       # imported on first access
    "distribution": "Distribution Independent",
    "continuous": "Cauchy Exponential Gumbel HalfNormal Laplace Normal Uniform",
    "discrete": "Bernoulli Binomial Categorical Geometric Multinomial OneHotCategorical OneHotCategoricalStraightThrough "
                "Poisson",
    "gamma": "Beta Chi2 Dirichlet Gamma StudentT",
    "mixture": "MixtureSameFamily",
    "multivariate": "MultivariateNormal",
    "transformed": "LogNormal TransformedDistribution",
    "transforms": "AffineTransform ComposeTransform ExpTransform SigmoidTransform SoftplusTransform TanhTransform Transform",
    "kl": "kl_divergence register_kl",
    "": "constraints kl transforms",
}
__all__ = [name for names in LAZY_NAMES.values() for name in names.split()]
__getattr__, __dir__ = lazy_names(globals(), LAZY_NAMES, guard)
