"""Probability distributions with gradients, as torch.distributions has them: one class a distribution, with sample, log_prob,
entropy and the moments, and kl_divergence between two. Loaded when it is first asked for.
"""
from __future__ import annotations

from tinygrad_c._base.missing import public_names

ROOMS = {       # imported when first asked for
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
__all__ = [name for names in ROOMS.values() for name in names.split()]
__getattr__, __dir__ = public_names(globals(), ROOMS)
