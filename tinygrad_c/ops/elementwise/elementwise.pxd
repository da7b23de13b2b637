"""Elementwise ops by their row of the table, and what every op needs: dtype promotion, casts, copies."""
from tinygrad_c.kernels.call cimport Call, Scalar, inner_t, kernel_t
from tinygrad_c.kernels.table cimport ELEMENT_BLOCK
from tinygrad_c.kernels.matmul.gemm cimport Then
from tinygrad_c.core.array cimport Storage
from tinygrad_c.core.tape cimport BackwardPass, Node, TensorBase

cdef TensorBase unary(int row, object input, double p0, double p1)
cdef TensorBase unary_(int row, object input, double p0, double p1)
cdef TensorBase binary(int row, object a, object b)
cdef TensorBase binary_(int row, TensorBase a, object b)
cdef TensorBase binary_scalar(int row, TensorBase x, object number)
cdef TensorBase binary_scalar_(int row, TensorBase x, object number)
cdef TensorBase floor_divided(object left, object right)
cdef TensorBase floor_divided_(TensorBase x, object other)
cdef TensorBase divided(int row, object a, object b)    # binary for rows that divide: an integer divided by 0 raises
cdef TensorBase divided_(int row, TensorBase a, object b)
cdef TensorBase power(object a, object b)
cdef TensorBase where_(object condition, object a, object b)
cdef bint is_number(object a) noexcept
cdef object comparable(object other, object input)      # a number that input's dtype cannot hold becomes +-inf

# The tensor itself, or a Python number or NumPy scalar as a 0-d tensor; `what` names the argument in the error.
cdef TensorBase as_tensor(object a, str what)
cdef TensorBase scalar_tensor(object number, int dtype)
cdef int put_number(char* to, int dtype, object number) except -1
cdef int promote_dtypes(int x, int y) except -1
cdef int promote(TensorBase a, TensorBase b) except -1
cdef TensorBase computed(TensorBase x, str name)        # x, or int32 for int8 and int16; raises if x's dtype is only stored
cdef TensorBase narrowed(TensorBase y, int dtype)       # the result for the computed x, in x's dtype
cdef TensorBase to_dtype(TensorBase a, int dtype)       # a itself if it has that dtype
cdef TensorBase to_float(TensorBase a)                  # integers become the default float dtype
cdef TensorBase contiguous(TensorBase a)                # a itself if it is
cdef TensorBase clone(TensorBase a)                     # recorded
cdef TensorBase copy_of(TensorBase a)                   # contiguous, not recorded
cdef int copy_into(TensorBase out, TensorBase source) except -1     # broadcasts and casts; not recorded, not checked
cdef int broadcast_shapes(TensorBase a, TensorBase b, int* ndim, Py_ssize_t* shape) except -1
# A function of one tensor, computed by the kernel of the product before or behind it: see Then in kernels/matmul/gemm.pxd.
cdef bint reads_input(int row) noexcept         # whether its derivative does
cdef void value_then(int row, int dtype, TensorBase out, Then* then) noexcept
cdef int record_value(int row, TensorBase y, TensorBase x) except -1        # record y = f(x), which the product has computed
cdef Storage derivative_then(BackwardPass back, Node node, Then* then)
cdef TensorBase assign_inplace(TensorBase x, TensorBase y)       # write y, computed from x, into x, with y's history
cdef TensorBase add_tensors(TensorBase a, TensorBase b)
cdef int add_into(TensorBase a, TensorBase b) except -1     # a += b, not recorded


cdef inline bint lacks_kernels(int dtype) noexcept:
    """Whether computed() does something: int8 and int16, and the dtypes that are only stored. One bit for each DType."""
    return (0x7CC >> dtype) & 1


cdef inline void over_elements(Call* call, kernel_t kernel, int n_operands, Py_ssize_t n, Py_ssize_t work) noexcept:
    """Set up a Call for a kernel over n contiguous elements, ELEMENT_BLOCK per unit; `work` in ns, see call.pxd."""
    call.kernel = kernel
    call.ndim = 1
    call.n_operands = n_operands
    call.shape[0] = n
    call.units = (n + ELEMENT_BLOCK - 1) // ELEMENT_BLOCK
    call.work = work
