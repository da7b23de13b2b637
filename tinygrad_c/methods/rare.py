"""Methods that few programs call: functions of rooms that are loaded when one of them is first called."""
from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tinygrad_c.absent import sentence
from tinygrad_c.ops.elementwise import in_place

if TYPE_CHECKING:
    from tinygrad_c.tensor import Tensor

# room: its functions of a tensor, each a method of that name.
ROOMS = {
    "ops.parts": "frexp angle isreal resolve_neg",
    "ops.blend": "mvlgamma_",
    "ops.statistics": "renorm_",
    "ops.diagonals": "as_strided_scatter",
    "ops.histogram": "histogram nonzero_static",
    "ops.write": "index_reduce index_reduce_",
    "ops.join": "unsafe_chunk unsafe_split",
    "ops.reshape_inplace": "as_strided_",
    "special.bessel": "i0 i0_ igamma igamma_ igammac igammac_",
    "linalg.torch_names": "cholesky_inverse cholesky_solve lu lu_solve",
    "linalg.elimination": "geqrf orgqr ormqr triangular_solve",
    "nn.functional": "hardshrink",
}
# What torch's tensors have, and these say in a sentence that they have not.
LEFT_OUT = """char short chalf cfloat cdouble conj conj_physical resolve_conj stft istft to_sparse to_sparse_coo to_sparse_csr
    to_sparse_csc to_sparse_bsr to_sparse_bsc to_dense coalesce is_coalesced indices values crow_indices col_indices sparse_dim
    dense_dim sparse_mask sparse_resize_ sparse_resize_and_clear_ smm sspaddmm dequantize int_repr q_scale q_zero_point qscheme
    q_per_channel_axis q_per_channel_scales q_per_channel_zero_points storage storage_type untyped_storage set_ xpu mtia"""


def later(room: str, name: str) -> Any:
    """The method that calls a function of a room."""
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        module = import_module(f"tinygrad_c.{room}")
        function = getattr(module, name, None) or in_place(getattr(module, name[:-1]))
        return function(self, *args, **kwargs)
    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"tinygrad_c.{room}.{name} of this tensor."
    return method


def polygamma_of(x: Tensor, n: int) -> Tensor:
    """polygamma, the tensor first."""
    return x.polygamma(n)


class LeftOut:
    """An attribute that raises AttributeError with the reason why it is not there."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            return self
        raise AttributeError(f"'Tensor' object has no attribute {self.name!r}: {sentence(self.name)}", name=self.name)


class Rare:
    """Methods of tensors that are functions of other rooms."""

    __slots__ = ()

    @property
    def real(self) -> Tensor:
        """The tensor itself: all numbers here are real."""
        return self     # type: ignore[return-value]

    @property
    def imag(self) -> Tensor:
        """RuntimeError: real numbers have no imaginary part."""
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")

    def __rdiv__(self, other: Any) -> Tensor:
        return other / self

    def polygamma_(self, n: int) -> Tensor:
        """polygamma in place."""
        return in_place(polygamma_of)(self, n)

    def is_conj(self) -> bool:
        """False: there are no complex numbers here."""
        return False

    def is_neg(self) -> bool:
        """False: no negation waits to be carried out here."""
        return False

    def is_shared(self) -> bool:
        """Whether other processes see this memory: False, but for what torch's multiprocessing would have made."""
        return False

    def is_set_to(self, tensor: Tensor) -> bool:
        """Whether both have the same memory, shape and strides."""
        return (self.data_ptr(), self.shape, self.stride()) == (tensor.data_ptr(), tensor.shape, tensor.stride())

    def dim_order(self) -> tuple[int, ...]:
        """The dimensions from the largest stride to the smallest."""
        return tuple(sorted(range(self.ndim), key=lambda d: (-self.stride(d), d)))

    def as_subclass(self, cls: type) -> Any:
        """This tensor as one of a subclass."""
        if cls is type(self):
            return self
        made = cls()
        made.data = self.data
        return made

    def apply_(self, callable: Any) -> Tensor:
        """Each element replaced by what a Python function makes of it: slow; no gradient."""
        return self.map_(self, lambda x, _: callable(x))

    def map_(self, tensor: Tensor, callable: Any) -> Tensor:
        """Each element replaced by what a Python function makes of it and of tensor's element there: slow; no gradient."""
        if self.requires_grad:
            raise RuntimeError("Can't call apply_() or map_() on Variable that requires grad. Use var.detach().apply_()")
        values = [callable(a, b) for a, b in zip(self.reshape(-1).tolist(), tensor.expand(self.shape).reshape(-1).tolist())]
        return self.copy_(self.new_tensor(values).reshape(self.shape))


for _room, _names in ROOMS.items():
    for _name in _names.split():
        setattr(Rare, _name, later(_room, _name))
for _name in LEFT_OUT.split():
    setattr(Rare, _name, LeftOut(_name))
