"""Methods that few programs call: functions of rooms that are loaded when one of them is first called."""
from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tinygrad_c._base.missing import sentence
from tinygrad_c.ops.elementwise.elementwise import in_place

if TYPE_CHECKING:
    from tinygrad_c._tensor.tensor import Tensor

# room: its functions of a tensor, each a method of that name, and what one gives.
ROOMS = {
    "ops.elementwise.parts": (
        "tensor([6.]).frexp().mantissa -> tensor([0.7500])",
        "tensor([1., -1.]).angle() -> tensor([0.0000, 3.1416])",
        "tensor([1., 2.]).isreal() -> tensor([True, True])",
        "tensor([1.]).resolve_neg() -> tensor([1.])",
    ),
    "ops.elementwise.composed": (
        "tensor([2.]).mvlgamma_(2) -> tensor([0.4516])",
    ),
    "ops.reduce.statistics": (
        "tensor([[3., 4.]]).renorm_(2, 0, 1) -> tensor([[0.6000, 0.8000]])",
    ),
    "ops.shape.diagonals": (
        "zeros(3).as_strided_scatter(tinygrad_c.ones(2), (2,), (2,)) -> tensor([1., 0., 1.])",
    ),
    "ops.sorting.histogram": (
        "tensor([1., 2., 2.]).histogram(2).hist -> tensor([1., 2.])",
        "tensor([0, 5]).nonzero_static(size=2) -> tensor([[ 1], [-1]])",
    ),
    "ops.indexing.write": (
        "tensor([1., 2.]).index_reduce(0, tinygrad_c.tensor([1]), tinygrad_c.tensor([5.]), 'prod') -> tensor([ 1., 10.])",
        "tensor([1., 2.]).index_reduce_(0, tinygrad_c.tensor([1]), tinygrad_c.tensor([5.]), 'prod') -> tensor([ 1., 10.])",
    ),
    "ops.shape.join": (
        "tensor([1, 2, 3]).unsafe_chunk(2) -> (tensor([1, 2]), tensor([3]))",
        "tensor([1, 2, 3]).unsafe_split(2) -> (tensor([1, 2]), tensor([3]))",
    ),
    "ops.shape.reshape_inplace": (
        "tensor([1, 2, 3]).as_strided_((2,), (2,)) -> tensor([1, 3])",
    ),
    "special.bessel": (
        "tensor([1.]).i0() -> tensor([1.2661])",
        "tensor([1.]).i0_() -> tensor([1.2661])",
        "tensor([1.]).igamma(tinygrad_c.tensor([1.])) -> tensor([0.6321])",
        "tensor([1.]).igamma_(tinygrad_c.tensor([1.])) -> tensor([0.6321])",
        "tensor([1.]).igammac(tinygrad_c.tensor([1.])) -> tensor([0.3679])",
        "tensor([1.]).igammac_(tinygrad_c.tensor([1.])) -> tensor([0.3679])",
    ),
    "linalg.torch_names": (
        "tensor([[2.]]).cholesky_inverse() -> tensor([[0.2500]])",
        "tensor([[8.]]).cholesky_solve(tinygrad_c.tensor([[2.]])) -> tensor([[2.]])",
        "tensor([[2.]]).lu()[0] -> tensor([[2.]])",
        "tensor([[8.]]).lu_solve(*tinygrad_c.tensor([[2.]]).lu()) -> tensor([[4.]])",
    ),
    "linalg.elimination": (
        "tensor([[3.], [4.]]).geqrf().a[0].abs() -> tensor([5.])",
        "tensor([[1.], [0.]]).orgqr(tinygrad_c.zeros(1)) -> tensor([[1.], [0.]])",
        "tensor([[1.], [0.]]).ormqr(tinygrad_c.zeros(1), tinygrad_c.tensor([[3.], [4.]])) -> tensor([[3.], [4.]])",
        "tensor([[8.]]).triangular_solve(tinygrad_c.tensor([[2.]])).solution -> tensor([[4.]])",
    ),
    "nn.functional": (
        "tensor([0.2, 2.]).hardshrink() -> tensor([0., 2.])",
    ),
}
# What torch's tensors have, and these say in a sentence that they have not.
LEFT_OUT = """char short chalf cfloat cdouble conj conj_physical resolve_conj stft istft to_sparse to_sparse_coo to_sparse_csr
    to_sparse_csc to_sparse_bsr to_sparse_bsc to_dense coalesce is_coalesced indices values crow_indices col_indices sparse_dim
    dense_dim sparse_mask sparse_resize_ sparse_resize_and_clear_ smm sspaddmm dequantize int_repr q_scale q_zero_point qscheme
    q_per_channel_axis q_per_channel_scales q_per_channel_zero_points storage storage_type untyped_storage set_ xpu mtia
    ipu record_stream conj_physical_ names index module_load to_mkldnn to_padded_tensor"""


def later(room: str, example: str) -> Any:
    """The method that calls a function of a room: the one that the example calls last."""
    code, _, shown = example.partition(" -> ")
    name = code.partition(").")[2].partition("(")[0]

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        module = import_module(f"tinygrad_c.{room}")
        function = getattr(module, name, None) or in_place(getattr(module, name[:-1]))
        return function(self, *args, **kwargs)
    method.__name__ = method.__qualname__ = name
    of = f"tinygrad_c.{name} of this tensor." if name[-1] != "_" else f"{name[:-1]} in place: the tensor itself is overwritten."
    method.__doc__ = f"{of}\n\n    >>> tinygrad_c.{code}\n    {shown}"
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
        """The tensor itself: all numbers here are real.

        >>> tinygrad_c.tensor([1.]).real
        tensor([1.])
        """
        return self     # type: ignore[return-value]

    @property
    def imag(self) -> Tensor:
        """RuntimeError: real numbers have no imaginary part.

        >>> tinygrad_c.ones(2).imag
        Traceback (most recent call last):
        RuntimeError: imag is not implemented for tensors with non-complex dtypes.
        """
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")

    def __rdiv__(self, other: Any) -> Tensor:
        return other / self

    def polygamma_(self, n: int) -> Tensor:
        """polygamma in place.

        >>> tinygrad_c.tensor([1.]).polygamma_(1)
        tensor([1.6449])
        """
        return in_place(polygamma_of)(self, n)

    def is_conj(self) -> bool:
        """False: there are no complex numbers here.

        >>> tinygrad_c.ones(2).is_conj()
        False
        """
        return False

    def is_neg(self) -> bool:
        """False: no negation waits to be carried out here.

        >>> tinygrad_c.ones(2).is_neg()
        False
        """
        return False

    def is_shared(self) -> bool:
        """Whether child processes see what is written to this memory: True after share_memory_().

        >>> tinygrad_c.ones(2).is_shared()
        False
        """
        from tinygrad_c._tensor.shared import is_shared
        return is_shared(self)

    def is_set_to(self, tensor: Tensor) -> bool:
        """Whether both have the same memory, shape and strides.

        >>> x = tinygrad_c.ones(2)
        >>> x.is_set_to(x.view(2)), x.is_set_to(x.clone())
        (True, False)
        """
        return (self.data_ptr(), self.shape, self.stride()) == (tensor.data_ptr(), tensor.shape, tensor.stride())

    def dim_order(self) -> tuple[int, ...]:
        """The dimensions from the largest stride to the smallest.

        >>> tinygrad_c.ones(2, 3).T.dim_order()
        (1, 0)
        """
        return tuple(sorted(range(self.ndim), key=lambda d: (-self.stride(d), d)))

    def as_subclass(self, cls: type) -> Any:
        """This tensor as one of a subclass.

        >>> tinygrad_c.ones(2).as_subclass(tinygrad_c.Tensor)
        tensor([1., 1.])
        """
        if cls is type(self):
            return self
        made = cls()
        made.data = self.data
        return made

    def apply_(self, callable: Any) -> Tensor:
        """Each element replaced by what a Python function makes of it: slow; no gradient.

        >>> tinygrad_c.tensor([1., 2.]).apply_(lambda x: x + 1)
        tensor([2., 3.])
        """
        return self.map_(self, lambda x, _: callable(x))

    def map_(self, tensor: Tensor, callable: Any) -> Tensor:
        """Each element replaced by what a Python function makes of it and of tensor's element there: slow; no gradient.

        >>> tinygrad_c.tensor([1., 2.]).map_(tinygrad_c.tensor([3., 4.]), max)
        tensor([3., 4.])
        """
        if self.requires_grad:
            raise RuntimeError("Can't call apply_() or map_() on Variable that requires grad. Use var.detach().apply_()")
        values = [callable(a, b) for a, b in zip(self.reshape(-1).tolist(), tensor.expand(self.shape).reshape(-1).tolist())]
        return self.copy_(self.new_tensor(values).reshape(self.shape))


for _room, _examples in ROOMS.items():
    for _example in _examples:
        _method = later(_room, _example)
        setattr(Rare, _method.__name__, _method)
for _name in LEFT_OUT.split():
    setattr(Rare, _name, LeftOut(_name))
