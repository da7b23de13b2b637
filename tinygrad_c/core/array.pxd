"""Array: typed elements in memory, seen through a shape and strides. No gradients here; see tape.pxd."""
from cpython.ref cimport PyObject
from libc.string cimport memcpy

from tinygrad_c.kernels.call cimport BOOL, FLOAT32, MAX_NDIM, Operand


cdef class dtype:
    """The type of a tensor's elements: float32, float64, int64, int32, uint8 or bool."""

    cdef readonly int code          # a DType
    cdef readonly str name
    cdef readonly int itemsize      # bytes
    cdef readonly bint is_floating_point


cdef class Storage:
    """Memory that arrays share. Its version counts the writes in place."""

    cdef char* data
    cdef Py_ssize_t nbytes
    cdef unsigned int version
    cdef unsigned int written       # the tape's note of the line that wrote to what a node had saved; 0: none
    cdef unsigned char watched      # a node has saved what is here: the next write is to be noted
    cdef unsigned char inference    # made inside inference_mode(): never saved by a node
    cdef bint readonly
    cdef object owner               # whoever owns the memory (a buffer's exporter), or None: the allocator does
    cdef PyObject* before           # of the storages on others' memory: two of them may see the same
    cdef PyObject* after


cdef class Array:
    cdef Storage storage
    cdef char* data                 # element [0, ..., 0]
    cdef int dtype                  # a DType
    cdef int ndim
    cdef bint contiguous            # rows in C order, nothing between them
    cdef Py_ssize_t numel
    cdef Py_ssize_t shape[MAX_NDIM]
    cdef Py_ssize_t stride[MAX_NDIM]    # in elements

    cdef int check_export(self) except -1       # raises BufferError if the memory must not be handed out


cdef list DTYPES                    # by code
cdef tuple DTYPE_NAMES              # by code, as in torch.FloatTensor
cdef int dtype_code(object dtype) except -1     # of a dtype, or of Python's float, int or bool
cdef int code_named(str name) noexcept          # -1: there is none
cdef int code_of_format(str letter, Py_ssize_t size) noexcept   # of the buffer protocol's letter; -1: there is none
cdef int default_dtype() noexcept
cdef Storage new_storage(Py_ssize_t nbytes)
cdef bint inference_enabled() noexcept
cdef bint set_inference(bint on) noexcept       # whether this thread's new memory is marked; gives what it was
cdef Storage foreign_storage(char* data, Py_ssize_t nbytes, bint readonly, object owner)
cdef void count_others(Storage written) noexcept
# Give `array` fresh contiguous memory for dtype and shape; its elements are not set.
cdef int allocate_into(Array array, int dtype, int ndim, const Py_ssize_t* shape) except -1
# Make `array` a view: of `source`'s memory at data, with the given shape and strides.
cdef int view_into(Array array, Array source, char* data, int ndim, const Py_ssize_t* shape, const Py_ssize_t* stride) except -1
cdef bint is_contiguous(int ndim, const Py_ssize_t* shape, const Py_ssize_t* stride) noexcept
# Whether the elements fill their memory, from the first on, in some order of the dimensions, as a transpose's do.
cdef bint is_dense(Array a) noexcept
cdef tuple shape_of(Array a)

# Inline, since every op asks.

cdef inline void count_write(Storage storage) noexcept:
    """The memory was written to: what was saved of it before is no longer there."""
    storage.version += 1
    if storage.owner is not None:
        count_others(storage)


cdef inline Py_ssize_t itemsize(int dtype) noexcept nogil:
    """Bytes of an element: a hexadecimal digit for each DType, the first one last."""
    return (0x848411 >> 4 * dtype) & 15


cdef inline int category(int dtype) noexcept nogil:
    """0 for bool, 1 for integers, 2 for floats: a number, or a 0-d tensor beside a larger one, counts only by this."""
    return 0 if dtype == BOOL else 1 if dtype < FLOAT32 else 2


cdef inline bint same_shape(Array a, Array b) noexcept:
    cdef int d
    if a.ndim != b.ndim:
        return False
    for d in range(a.ndim):
        if a.shape[d] != b.shape[d]:
            return False
    return True


cdef inline void fill_operand(Operand* o, Array a) noexcept:
    o.data = a.data
    o.itemsize = itemsize(a.dtype)
    memcpy(o.stride, a.stride, a.ndim * sizeof(Py_ssize_t))
