"""Lazy layers: their input size is inferred from the first input. LazyLinear, LazyConv2d, ...

Their parameters exist from the start, without a size (UninitializedParameter): an optimizer takes them, state_dict holds them,
they can be frozen, and a state dict of a net that has seen data fills them. With the first input the layer draws its values
and becomes one of the class without Lazy; its parameters stay the same objects.
"""
from __future__ import annotations

from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import no_grad
from tinygrad_c.nn.call import Callable
from tinygrad_c.nn.conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, _Conv
from tinygrad_c.nn.linear import Linear
from tinygrad_c.nn.module import Module
from tinygrad_c.nn.norm import BatchNorm1d, BatchNorm2d, BatchNorm3d, InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from tinygrad_c.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy


class LazyModuleMixin(Callable):
    """For classes whose parameters get their sizes from the first input: write initialize_parameters(self, *args, **kwargs),
    which is called with it and calls .materialize(shape) on each. With `cls_to_become` the module then changes to that class.

    >>> class Scale(LazyModuleMixin, Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.by = UninitializedParameter()
    ...     def initialize_parameters(self, x):
    ...         with no_grad():
    ...             self.by.materialize(x.shape[-1:])
    ...             self.by.fill_(2)
    ...     def forward(self, x):
    ...         return x * self.by
    >>> Scale()(tinygrad_c.ones(3))
    tensor([2., 2., 2.], grad_fn=<MulBackward0>)
    """

    cls_to_become: type[Module] | None = None       # needs the same memory layout: this is a Callable, as Module is

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if "_inferred" not in self.__dict__:
            self._infer_parameters(self, args, kwargs)
        return Callable.__call__(self, *args, **kwargs)

    def _infer_parameters(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> None:
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {module._get_name()} has not been fully initialized: its initialize_parameters has to "
                               "call .materialize(shape) on each of its uninitialized parameters")
        if module.cls_to_become is None:
            module.__dict__["_inferred"] = True
        else:
            module.__class__ = module.cls_to_become

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the parameters their sizes and values, knowing the first input. Every subclass writes its own."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}: it gets the first "
                                  "input, and calls .materialize(shape) on each parameter")

    def has_uninitialized_params(self) -> bool:
        """Whether parameters or buffers of this module are still without a size.

        >>> LazyLinear(2).has_uninitialized_params()
        True
        """
        return any(is_lazy(each) for each in (*self._parameters.values(), *self._buffers.values()))


class _Lazy(LazyModuleMixin):
    """What this package's own share: built with size 0, the parameters replaced by such without a size."""

    _size: str      # the attribute that the first input tells

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(0, *args, **kwargs)        # so that wrong settings are told now
        for name, parameter in self._parameters.items():
            setattr(self, name, UninitializedParameter(dtype=parameter.dtype))
        for name in ("running_mean", "running_var"):
            if name in self._persistent and self.__dict__[name] is not None:
                self.__dict__[name] = UninitializedBuffer(dtype=self.__dict__[name].dtype)

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "_settings" in state:        # a pickle of version 0.1.0, whose parameters came with the first input
            args, kwargs = state["_settings"]
            type(self).__init__(self, *args, **kwargs)
            self.train(state.get("training", True))
        else:
            self.__dict__.update(state)

    def reset_parameters(self) -> None:
        """Draw the parameters anew, once they have a size."""
        if not self.has_uninitialized_params() and getattr(self, self._size):
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        """The sizes from the input, then the values that the layer starts with."""
        size = self._size_from(input)
        if self.has_uninitialized_params():
            with no_grad():
                setattr(self, self._size, size)
                for name, value in (*self._parameters.items(), *self._buffers.items()):
                    if is_lazy(value):
                        value.materialize(self._shape_of(name))
                self.reset_parameters()
        elif not getattr(self, self._size):         # a state dict was loaded
            setattr(self, self._size, self._size_loaded(size))

    def _size_loaded(self, size: int) -> int:
        return size


class _LazyLinear(_Lazy):
    _size = "in_features"

    def _size_from(self, input: Tensor) -> int:
        if not isinstance(input, Tensor) or not input.ndim:
            raise RuntimeError(f"{type(self).__name__} needs a tensor of at least 1 dimension first, to know its size")
        return input.shape[-1]

    def _shape_of(self, name: str) -> tuple[int, ...]:
        return (self.out_features, self.in_features) if name == "weight" else (self.out_features,)

    def _size_loaded(self, size: int) -> int:
        if size != self.weight.shape[-1]:
            raise AssertionError(f"The in_features inferred from input: {size} is not equal to in_features from self.weight: "
                                 f"{self.weight.shape[-1]}")
        return size


class _LazyConv(_Lazy):
    _size = "in_channels"

    def _size_from(self, input: Tensor) -> int:
        n = self._dims + 1
        if not isinstance(input, Tensor) or input.ndim not in (n, n + 1):
            raise RuntimeError(f"Expected {n}D (unbatched) or {n + 1}D (batched) input to {type(self).__name__}, but got input "
                               f"of size: {getattr(input, 'shape', type(input).__name__)}")
        size = input.shape[-n]
        if size % self.groups:
            raise ValueError("in_channels must be divisible by groups")
        return size

    def _shape_of(self, name: str) -> tuple[int, ...]:
        if name == "bias":
            return (self.out_channels,)
        if self.transposed:
            return (self.in_channels, self.out_channels // self.groups, *self.kernel_size)
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)


class _LazyNorm(_Lazy):
    _size = "num_features"

    def __init__(self, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True,
                 device: Any = None, dtype: Any = None, *, bias: bool = True) -> None:
        # As torch: also for instance norm, whose own affine and track_running_stats are False.
        super().__init__(eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _size_from(self, input: Tensor) -> int:
        if not isinstance(input, Tensor) or input.ndim < 2:
            raise RuntimeError(f"{type(self).__name__} needs a tensor of at least 2 dimensions first, to know its size")
        self._check_input_dim(input)
        return input.shape[1]

    def _shape_of(self, name: str) -> tuple[int, ...]:
        return (self.num_features,)


def _lazy(final: type[Module], shape: tuple[int, ...]) -> type[Any]:
    name = f"Lazy{final.__name__}"
    how, settings = ((_LazyLinear, "4") if final is Linear else (_LazyConv, "4, 2") if issubclass(final, _Conv) else
                     (_LazyNorm, "affine=True"))
    doc = (f"{final.__name__} whose first setting, the size of its input, comes from its first input.\n\n"
           f"    >>> layer = {name}({settings})\n    >>> layer.weight\n    <UninitializedParameter>\n"
           f"    >>> _ = layer(tinygrad_c.ones{shape})\n    >>> layer.{how._size}\n    2")
    return type(name, (how, final), {"cls_to_become": final, "__doc__": doc, "__module__": __name__, "__qualname__": name})


LazyLinear = _lazy(Linear, (5, 2))
LazyConv1d, LazyConv2d, LazyConv3d = _lazy(Conv1d, (5, 2, 3)), _lazy(Conv2d, (5, 2, 3, 3)), _lazy(Conv3d, (5, 2, 3, 3, 3))
LazyConvTranspose1d, LazyConvTranspose2d, LazyConvTranspose3d = (
    _lazy(ConvTranspose1d, (5, 2, 3)), _lazy(ConvTranspose2d, (5, 2, 3, 3)), _lazy(ConvTranspose3d, (5, 2, 3, 3, 3)))
LazyBatchNorm1d, LazyBatchNorm2d, LazyBatchNorm3d = (
    _lazy(BatchNorm1d, (5, 2, 3)), _lazy(BatchNorm2d, (5, 2, 3, 3)), _lazy(BatchNorm3d, (5, 2, 3, 3, 3)))
LazyInstanceNorm1d, LazyInstanceNorm2d, LazyInstanceNorm3d = (
    _lazy(InstanceNorm1d, (5, 2, 3)), _lazy(InstanceNorm2d, (5, 2, 3, 3)), _lazy(InstanceNorm3d, (5, 2, 3, 3, 3)))
