"""Transforms with the logarithm of their derivative, for TransformedDistribution, biject_to and transform_to."""
from __future__ import annotations

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._base.public import guard

LAZY_NAMES = {
    "transform": "ComposeTransform IndependentTransform Transform identity_transform",
    "scalar": "AbsTransform AffineTransform CumulativeDistributionTransform ExpTransform PowerTransform SigmoidTransform "
              "SoftplusTransform TanhTransform",
    "vectors": "CatTransform CorrCholeskyTransform LowerCholeskyTransform PositiveDefiniteTransform ReshapeTransform "
               "SoftmaxTransform StackTransform StickBreakingTransform",
}
__all__ = [name for names in LAZY_NAMES.values() for name in names.split()]
__getattr__, __dir__ = lazy_names(globals(), LAZY_NAMES, guard)
