"""Estimators for scikit-learn: MLPClassifier and MLPRegressor as its own, TableClassifier and TableRegressor for DataFrames.

scikit-learn is needed to use this module, and not for the rest: pip install 'tinygrad_c[sklearn]'.

>>> from tinygrad_c.sklearn import MLPClassifier                                        # doctest: +SKIP
>>> MLPClassifier((64,), early_stopping=True, random_state=0).fit(X, y).score(X, y)     # doctest: +SKIP
"""

from __future__ import annotations

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(f"tinygrad_c.sklearn needs scikit-learn ({error}): pip install 'tinygrad_c[sklearn]'") from None

from tinygrad_c.sklearn.mlp import MLPClassifier, MLPRegressor
from tinygrad_c.sklearn.table import TableClassifier, TableRegressor, load

__all__ = ["MLPClassifier", "MLPRegressor", "TableClassifier", "TableRegressor", "load"]
