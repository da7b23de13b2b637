"""torch.nn.utils.stateless: functional_call, under its old path. func.functional_call is the same with more options."""
from __future__ import annotations

from typing import Any

from tinygrad_c._base.lazy import lazy_names, load

__all__ = ["functional_call"]
__getattr__, __dir__ = lazy_names(globals())


def functional_call(module: Any, parameters_and_buffers: dict, args: Any = None, kwargs: dict | None = None, *,
                    tie_weights: bool = True, strict: bool = False) -> Any:
    """module(*args, **kwargs) with other parameters and buffers, by name. Afterwards the module has its own ones again.

    >>> layer = tinygrad_c.nn.Linear(1, 1)
    >>> functional_call(layer, {"weight": tensor([[2.]]), "bias": tensor([1.])}, tensor([[3.]]))
    tensor([[7.]])
    """
    return load("func.modules", "functional_call")(module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights,
                                                    strict=strict)
