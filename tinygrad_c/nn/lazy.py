"""Lazy layers: their input size is inferred from the first input. LazyLinear, LazyConv2d, ...

Before the first input they have no parameters: call the net once before you pass net.parameters() to an optimizer. The first
input turns the layer into one of the class without Lazy.
"""
from __future__ import annotations

from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.nn.conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from tinygrad_c.nn.linear import Linear
from tinygrad_c.nn.module import Module
from tinygrad_c.nn.norm import BatchNorm1d, BatchNorm2d, BatchNorm3d


class _Lazy(Module):
    """Base class. It keeps the settings until the first input."""

    _final: type[Module]        # the class without Lazy
    _channels_from_end: int     # the dimension of the input that gives the size

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Module.__init__(self)
        self._final(1, *args, **kwargs)             # raises now if the settings are wrong
        self.__dict__["_settings"] = args, kwargs

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        x = inputs[0]
        if not isinstance(x, Tensor) or x.ndim < -self._channels_from_end:
            raise RuntimeError(f"{type(self).__name__} needs a first input with at least {-self._channels_from_end} dimensions "
                               "to infer its size")
        settings, keywords = self._settings
        made = self._final(x.shape[self._channels_from_end], *settings, **keywords).train(self.training)
        made.to(x.dtype)
        del self.__dict__["_settings"]
        self.__dict__.update({name: value for name, value in made.__dict__.items() if name not in self.__dict__})
        self.__dict__["_persistent"].update(made._persistent)
        self.__class__ = self._final
        return self.forward(*inputs, **kwargs)

    def has_uninitialized_params(self) -> bool:
        """True: the parameters are created from the first input."""
        return True

    def extra_repr(self) -> str:
        settings, keywords = self._settings
        shown = self._final(1, *settings, **keywords).extra_repr()
        return shown.replace("in_features=1", "in_features=0") if "in_features" in shown else "0" + shown[1:]


def _lazy(final: type[Module], channels: int) -> type[_Lazy]:
    name = f"Lazy{final.__name__}"
    settings, learnt = (("", "num_features") if final.__name__.startswith("Batch") else
                        ("4", "in_features") if final is Linear else ("4, 2", "in_channels"))
    doc = (f"{final.__name__} with the size of its input inferred from the first input.\n\n"
           f"    >>> layer = {name}({settings})\n    >>> _ = layer(tinygrad_c.ones{(5, 2, *[3] * ~channels)})\n"
           f"    >>> layer.{learnt}\n    2")
    return type(name, (_Lazy,), {"_final": final, "_channels_from_end": channels, "__doc__": doc, "__module__": __name__,
                                 "__qualname__": name})


LazyLinear = _lazy(Linear, -1)
LazyConv1d, LazyConv2d, LazyConv3d = _lazy(Conv1d, -2), _lazy(Conv2d, -3), _lazy(Conv3d, -4)
LazyConvTranspose1d, LazyConvTranspose2d, LazyConvTranspose3d = (
    _lazy(ConvTranspose1d, -2), _lazy(ConvTranspose2d, -3), _lazy(ConvTranspose3d, -4))
LazyBatchNorm2d, LazyBatchNorm3d = _lazy(BatchNorm2d, -3), _lazy(BatchNorm3d, -4)


class LazyBatchNorm1d(_Lazy):
    """BatchNorm1d with num_features inferred from the first input: (N, C) or (N, C, L).

    >>> layer = LazyBatchNorm1d()
    >>> _ = layer(tinygrad_c.ones(5, 2, 3))
    >>> layer.num_features
    2
    """

    _final = BatchNorm1d
    _channels_from_end = -1

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        if inputs and isinstance(inputs[0], Tensor) and inputs[0].ndim == 3:
            self.__dict__["_channels_from_end"] = -2
        return super().forward(*inputs, **kwargs)
