"""Kullback-Leibler divergences KL(p || q) = E_p[log p - log q] in closed form."""
from __future__ import annotations

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.distributions.kl import of_one_interval, same_family  # noqa: F401  (they register their formulas)
from tinygrad_c.distributions.kl.registry import _KL_REGISTRY, kl_divergence, register_kl  # noqa: F401

__all__ = ["kl_divergence", "register_kl"]
__getattr__, __dir__ = lazy_names(globals())
