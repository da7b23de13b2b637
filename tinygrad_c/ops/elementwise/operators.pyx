"""Operators, the base class of Tensor with Python's operators: `a + b`, `-a`, `a @ b`, `a[i]`, `float(a)`.

Compiled, since for small tensors the call overhead dominates. Tensor, a Python class, gets the compiled type slots
(core/type_slots.pyx): an operator calls the compiled function directly, without a lookup by name.
"""
cimport cython

from tinygrad_c.core.array cimport shape_of
from tinygrad_c.kernels.call cimport FLOAT32
from tinygrad_c.kernels.generated.ids cimport *
from tinygrad_c.kernels.generated.scalar_ids cimport *
from tinygrad_c.ops.elementwise.elementwise cimport (
    binary, binary_, comparable, divided, divided_, floor_divided, floor_divided_, is_number, power, unary, binary_scalar,
    binary_scalar_)
from tinygrad_c.core.tape cimport TensorBase

from tinygrad_c.ops.create.create import item, tensor
from tinygrad_c.ops.elementwise.elementwise import bitwise_not, pow_
from tinygrad_c.ops.indexing.index import getitem, setitem
from tinygrad_c.ops.matmul.products import matmul
from tinygrad_c.ops.shape.shape import unbind


cdef object operand(object other):
    """Convert an array or a NumPy scalar to a tensor; NotImplemented for anything else."""
    if hasattr(other, "__array__") or hasattr(other, "__array_interface__"):
        return tensor(other)
    return NotImplemented


cdef object apply(int row, object a, object b):
    a = a if isinstance(a, TensorBase) else operand(a)
    b = b if isinstance(b, TensorBase) else operand(b)
    if a is NotImplemented or b is NotImplemented:
        return NotImplemented
    return binary(row, a, b)


cdef inline object arithmetic(int row, int row_right, int row_left, object left, object right):
    """left op right; row_right is used if right is a Python number, row_left if left is."""
    if isinstance(left, TensorBase):
        if isinstance(right, TensorBase):
            return binary(row, left, right)
        if is_number(right):
            return binary_scalar(row_right, left, right)
    elif is_number(left):
        return binary_scalar(row_left, right, left)
    return apply(row, left, right)


cdef object compare(int row, TensorBase a, object b):
    if isinstance(b, TensorBase):
        return binary(row, a, b)
    if is_number(b):
        return binary(row, a, comparable(b, a))
    return apply(row, a, b)


cdef inline object number_or_operand(object a):
    return a if isinstance(a, TensorBase) or is_number(a) else operand(a)


cdef object bitwise(int row, object a, object b):
    """& | ^ << >>, for integers and bools."""
    a, b = number_or_operand(a), number_or_operand(b)
    if a is NotImplemented or b is NotImplemented:
        return NotImplemented
    return binary(row, a, b)


cdef object quotient(int row, object a, object b):
    """% and //."""
    a, b = number_or_operand(a), number_or_operand(b)
    if a is NotImplemented or b is NotImplemented:
        return NotImplemented
    return floor_divided(a, b) if row == ROW_DIV_FLOOR else divided(row, a, b)


@cython.binding(False)            # so that Tensor.__bool__(5) raises: the methods check their self
cdef class Operators(TensorBase):
    """TensorBase with Python's operators."""

    __array_priority__ = 1000

    # Arithmetic. As in C's number slots, either operand may be the Tensor.
    def __add__(left, right):
        return arithmetic(ROW_ADD, ROW_ADD_NUMBER, ROW_ADD_NUMBER, left, right)

    def __sub__(left, right):
        if is_number(right):
            return binary_scalar(ROW_ADD_NUMBER, left, -right)
        return arithmetic(ROW_SUB, NO_DERIVATIVE, ROW_RSUB_NUMBER, left, right)

    def __mul__(left, right):
        return arithmetic(ROW_MUL, ROW_MUL_NUMBER, ROW_MUL_NUMBER, left, right)

    def __truediv__(left, right):
        return arithmetic(ROW_DIV, ROW_DIV_NUMBER, ROW_RDIV_NUMBER, left, right)

    def __mod__(left, right):
        return quotient(ROW_REMAINDER, left, right)

    def __floordiv__(left, right):
        return quotient(ROW_DIV_FLOOR, left, right)

    def __pow__(left, right, modulo):
        left, right = number_or_operand(left), number_or_operand(right)
        return NotImplemented if left is NotImplemented or right is NotImplemented else power(left, right)

    def __matmul__(left, right):
        if isinstance(left, TensorBase) and isinstance(right, TensorBase):
            return matmul(left, right)
        left = left if isinstance(left, TensorBase) else operand(left)
        right = right if isinstance(right, TensorBase) else operand(right)
        return NotImplemented if left is NotImplemented or right is NotImplemented else matmul(left, right)

    def __neg__(self):
        return unary(ROW_NEG, self, 0, 0)

    def __pos__(self):
        return self

    def __abs__(self):
        return unary(ROW_ABS, self, 0, 0)

    # In place
    def __iadd__(self, other):
        return binary_scalar_(ROW_ADD_NUMBER, self, other) if is_number(other) else binary_(ROW_ADD, self, other)

    def __isub__(self, other):
        return binary_scalar_(ROW_ADD_NUMBER, self, -other) if is_number(other) else binary_(ROW_SUB, self, other)

    def __imul__(self, other):
        return binary_scalar_(ROW_MUL_NUMBER, self, other) if is_number(other) else binary_(ROW_MUL, self, other)

    def __itruediv__(self, other):
        return binary_scalar_(ROW_DIV_NUMBER, self, other) if is_number(other) else binary_(ROW_DIV, self, other)

    def __imod__(self, other):
        return divided_(ROW_REMAINDER, self, other)

    def __ifloordiv__(self, other):
        return floor_divided_(self, other)

    def __iand__(self, other):
        return binary_(ROW_BITWISE_AND, self, other)

    def __ior__(self, other):
        return binary_(ROW_BITWISE_OR, self, other)

    def __ixor__(self, other):
        return binary_(ROW_BITWISE_XOR, self, other)

    def __ilshift__(self, other):
        return binary_(ROW_BITWISE_LEFT_SHIFT, self, other)

    def __irshift__(self, other):
        return binary_(ROW_BITWISE_RIGHT_SHIFT, self, other)

    def __ipow__(self, other):
        return pow_(self, other)

    # Comparisons and logic
    def __eq__(self, other):
        return compare(ROW_EQ, self, other)

    def __ne__(self, other):
        return compare(ROW_NE, self, other)

    def __lt__(self, other):
        return compare(ROW_LT, self, other)

    def __le__(self, other):
        return compare(ROW_LE, self, other)

    def __gt__(self, other):
        return compare(ROW_GT, self, other)

    def __ge__(self, other):
        return compare(ROW_GE, self, other)

    def __hash__(self):
        return id(self) >> 4

    def __and__(left, right):
        return bitwise(ROW_BITWISE_AND, left, right)

    def __or__(left, right):
        return bitwise(ROW_BITWISE_OR, left, right)

    def __xor__(left, right):
        return bitwise(ROW_BITWISE_XOR, left, right)

    def __lshift__(left, right):
        return bitwise(ROW_BITWISE_LEFT_SHIFT, left, right)

    def __rshift__(left, right):
        return bitwise(ROW_BITWISE_RIGHT_SHIFT, left, right)

    def __invert__(self):
        if self.dtype >= FLOAT32:
            raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors: compare first, as in "
                            "~(x > 0)")
        return bitwise_not(self)

    # Elements
    def __getitem__(self, key):
        return getitem(self, key)

    def __setitem__(self, key, value):
        setitem(self, key, value)

    def __len__(self):
        if self.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __iter__(self):
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(unbind(self))

    def __contains__(self, element):
        if not isinstance(element, TensorBase) and not is_number(element) and operand(element) is NotImplemented:
            raise RuntimeError(f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}.")
        return bool((self == element).any())

    def __reversed__(self):
        return self.flip(0) if self.ndim else self

    # Python numbers
    def __bool__(self):
        if self.numel == 0:
            raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
        if self.numel > 1:
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous: its shape is "
                               f"{list(shape_of(self))}; use .any() or .all()")
        return bool(item(self))

    def __float__(self):
        return float(self.only_number())

    def __int__(self):
        return int(self.only_number())

    def __index__(self):
        if self.dtype >= FLOAT32 or self.numel != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(item(self))

    def __round__(self, digits=None):
        return round(self.only_number(), digits) if digits is not None else round(self.only_number())

    def __format__(self, spec):
        if not spec:
            return str(self) if self.ndim else str(item(self))
        if self.numel != 1:
            raise TypeError(f"unsupported format string passed to Tensor.__format__: {spec!r} is for one number, this tensor "
                            f"has shape {list(shape_of(self))}")
        return format(item(self), spec)

    cdef object only_number(self):
        if self.numel != 1:
            raise ValueError(f"only one element tensors can be converted to Python scalars: this one has shape "
                             f"{list(shape_of(self))}")
        return item(self)
