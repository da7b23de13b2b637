"""Methods that few programs call: functions of modules that are imported when one of them is first called."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinygrad_c._base.lazy import load
from tinygrad_c._base.missing import sentence
from tinygrad_c._base.public import guard
from tinygrad_c.ops.elementwise.elementwise import in_place

if TYPE_CHECKING:
    from tinygrad_c._tensor.tensor import Tensor

# Methods that are functions of modules loaded late: module: {method: its example, and the output}.
METHODS = {
    "ops.elementwise.parts": {
        "frexp": ("tensor([6.]).frexp().mantissa", "tensor([0.7500])"),
        "angle": ("tensor([1., -1.]).angle()", "tensor([0.0000, 3.1416])"),
        "isreal": ("tensor([1., 2.]).isreal()", "tensor([True, True])"),
        "resolve_neg": ("tensor([1.]).resolve_neg()", "tensor([1.])"),
    },
    "ops.elementwise.composed": {
        "mvlgamma_": ("tensor([2.]).mvlgamma_(2)", "tensor([0.4516])"),
    },
    "ops.reduce.statistics": {
        "renorm_": ("tensor([[3., 4.]]).renorm_(2, 0, 1)", "tensor([[0.6000, 0.8000]])"),
    },
    "ops.shape.diagonals": {
        "as_strided_scatter": ("zeros(3).as_strided_scatter(tinygrad_c.ones(2), (2,), (2,))", "tensor([1., 0., 1.])"),
    },
    "ops.sorting.histogram": {
        "histogram": ("tensor([1., 2., 2.]).histogram(2).hist", "tensor([1., 2.])"),
        "nonzero_static": ("tensor([0, 5]).nonzero_static(size=2)", "tensor([[ 1], [-1]])"),
    },
    "ops.indexing.write": {
        "index_reduce": (
            "tensor([1., 2.]).index_reduce(0, tinygrad_c.tensor([1]), tinygrad_c.tensor([5.]), 'prod')",
            "tensor([ 1., 10.])"),
        "index_reduce_": (
            "tensor([1., 2.]).index_reduce_(0, tinygrad_c.tensor([1]), tinygrad_c.tensor([5.]), 'prod')",
            "tensor([ 1., 10.])"),
    },
    "ops.shape.join": {
        "unsafe_chunk": ("tensor([1, 2, 3]).unsafe_chunk(2)", "(tensor([1, 2]), tensor([3]))"),
        "unsafe_split": ("tensor([1, 2, 3]).unsafe_split(2)", "(tensor([1, 2]), tensor([3]))"),
    },
    "ops.shape.reshape_inplace": {
        "as_strided_": ("tensor([1, 2, 3]).as_strided_((2,), (2,))", "tensor([1, 3])"),
    },
    "special.bessel": {
        "i0": ("tensor([1.]).i0()", "tensor([1.2661])"),
        "i0_": ("tensor([1.]).i0_()", "tensor([1.2661])"),
        "igamma": ("tensor([1.]).igamma(tinygrad_c.tensor([1.]))", "tensor([0.6321])"),
        "igamma_": ("tensor([1.]).igamma_(tinygrad_c.tensor([1.]))", "tensor([0.6321])"),
        "igammac": ("tensor([1.]).igammac(tinygrad_c.tensor([1.]))", "tensor([0.3679])"),
        "igammac_": ("tensor([1.]).igammac_(tinygrad_c.tensor([1.]))", "tensor([0.3679])"),
    },
    "linalg.torch_names": {
        "cholesky_inverse": ("tensor([[2.]]).cholesky_inverse()", "tensor([[0.2500]])"),
        "cholesky_solve": ("tensor([[8.]]).cholesky_solve(tinygrad_c.tensor([[2.]]))", "tensor([[2.]])"),
        "lu": ("tensor([[2.]]).lu()[0]", "tensor([[2.]])"),
        "lu_solve": ("tensor([[8.]]).lu_solve(*tinygrad_c.tensor([[2.]]).lu())", "tensor([[4.]])"),
    },
    "linalg.elimination": {
        "geqrf": ("tensor([[3.], [4.]]).geqrf().a[0].abs()", "tensor([5.])"),
        "orgqr": ("tensor([[1.], [0.]]).orgqr(tinygrad_c.zeros(1))", "tensor([[1.], [0.]])"),
        "ormqr": ("tensor([[1.], [0.]]).ormqr(tinygrad_c.zeros(1), tinygrad_c.tensor([[3.], [4.]]))", "tensor([[3.], [4.]])"),
        "triangular_solve": ("tensor([[8.]]).triangular_solve(tinygrad_c.tensor([[2.]])).solution", "tensor([[4.]])"),
    },
    "nn.functional": {
        "hardshrink": ("tensor([0.2, 2.]).hardshrink()", "tensor([0., 2.])"),
    },
}
# torch's methods that are not supported: accessing one raises an error with the reason.
LEFT_OUT = """chalf cfloat cdouble conj conj_physical resolve_conj stft istft to_sparse to_sparse_coo to_sparse_csr
    to_sparse_csc to_sparse_bsr to_sparse_bsc to_dense coalesce is_coalesced indices values crow_indices col_indices sparse_dim
    dense_dim sparse_mask sparse_resize_ sparse_resize_and_clear_ smm sspaddmm dequantize int_repr q_scale q_zero_point qscheme
    q_per_channel_axis q_per_channel_scales q_per_channel_zero_points storage storage_type untyped_storage set_ xpu mtia
    ipu record_stream conj_physical_ names index module_load to_mkldnn to_padded_tensor"""


def lazy_method(module: str, name: str, code: str, shown: str) -> Any:
    """The method that calls a function of a module."""
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        return guard(function_of(module, name), "tinygrad_c")(self, *args, **kwargs)
    method.__name__ = method.__qualname__ = name
    of = f"tinygrad_c.{name} of this tensor." if name[-1] != "_" else f"{name[:-1]} in place."
    method.__doc__ = f"{of}\n\n    >>> tinygrad_c.{code}\n    {shown}"
    return method


def function_of(module: str, name: str) -> Any:
    """The function of that name; of name_ without one of its own, in_place(name)."""
    try:
        return load(module, name)
    except AttributeError:
        return in_place(load(module, name[:-1]))


def polygamma_of(x: Tensor, n: int) -> Tensor:
    """polygamma with the tensor as first argument."""
    return x.polygamma(n)


class LeftOut:
    """An attribute that raises AttributeError with the reason why it is not supported."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            return self
        raise AttributeError(f"'Tensor' object has no attribute {self.name!r}: {sentence(self.name)}", name=self.name)


class LazyMethods:
    """Base class of Tensor: the methods that are imported at the first call."""

    __slots__ = ()

    @property
    def real(self) -> Tensor:
        """The tensor itself: all tensors are real.

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
        """False: there are no complex dtypes.

        >>> tinygrad_c.ones(2).is_conj()
        False
        """
        return False

    def is_neg(self) -> bool:
        """False: there are no lazy negations.

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
        """Whether both tensors have the same memory, shape and strides.

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
        """This tensor as an instance of a subclass.

        >>> tinygrad_c.ones(2).as_subclass(tinygrad_c.Tensor)
        tensor([1., 1.])
        """
        if cls is type(self):
            return self
        if not (isinstance(cls, type) and issubclass(cls, load("_tensor.tensor", "Tensor"))):
            raise TypeError(f"cls must be a type that inherits from Tensor, not {cls}")
        return load("core.type_slots", "retype")(self.view_as(self), cls)

    def apply_(self, callable: Any) -> Tensor:
        """Replace each element x by callable(x), in place. Slow, without a gradient.

        >>> tinygrad_c.tensor([1., 2.]).apply_(lambda x: x + 1)
        tensor([2., 3.])
        """
        return self.map_(self, lambda x, _: callable(x))

    def map_(self, tensor: Tensor, callable: Any) -> Tensor:
        """Replace each element by callable(x, y), y the element of tensor, in place. Slow, without a gradient.

        >>> tinygrad_c.tensor([1., 2.]).map_(tinygrad_c.tensor([3., 4.]), max)
        tensor([3., 4.])
        """
        if self.requires_grad:
            raise RuntimeError("Can't call apply_() or map_() on Variable that requires grad. Use var.detach().apply_()")
        values = [callable(a, b) for a, b in zip(self.reshape(-1).tolist(), tensor.expand(self.shape).reshape(-1).tolist())]
        return self.copy_(self.new_tensor(values).reshape(self.shape))


for _module, _methods in METHODS.items():
    for _name, _example in _methods.items():
        setattr(LazyMethods, _name, lazy_method(_module, _name, *_example))
for _name in LEFT_OUT.split():
    setattr(LazyMethods, _name, LeftOut(_name))


Rare = LazyMethods      # pickles of version 0.1.0 name methods by it
