"""Reductions and scans along dimensions."""
from typing import Any

from tinygrad_c._base.lazy import names_of

_of_reduce = names_of(f"{__name__}.reduce")


def __getattr__(name: str) -> Any:
    if name == "normalised":        # it stood here in version 0.1.0
        from tinygrad_c.ops.norm.norm import normalised
        return normalised
    return _of_reduce(name)
