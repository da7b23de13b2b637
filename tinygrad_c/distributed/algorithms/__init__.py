"""Algorithms that exchange less: averaging of the models every few steps."""

from tinygrad_c._base.lazy import lazy_names

__all__ = ["model_averaging"]
__getattr__, __dir__ = lazy_names(globals(), {"": "model_averaging"})
