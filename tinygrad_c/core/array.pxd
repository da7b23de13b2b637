"""dtype, Storage and Array: typed elements in memory with a shape and strides. Gradients are in tape.pxd."""
from cpython.ref cimport PyObject
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from tinygrad_c.kernels.call cimport BOOL, FLOAT16, MAX_NDIM, Operand


cdef class dtype:
    """The type of a tensor's elements, such as float32, int64 or bool."""

    cdef readonly int code          # a DType
    cdef readonly str name
    cdef readonly int itemsize      # bytes
    cdef readonly bint is_floating_point
    cdef readonly bint is_signed
    cdef readonly bint is_complex


ctypedef struct External:           # of a storage on external memory (a NumPy array's): a linked list, since two may overlap
    PyObject* storage
    External* before
    External* after
    Py_ssize_t number               # how many were made before it, plus one
    Py_ssize_t compared             # it overlaps none of those up to this number; -1: it may overlap some


cdef class Storage:
    """Memory that arrays share. `version` is its version counter: how often it was written in place."""

    cdef char* data
    cdef Py_ssize_t nbytes
    cdef unsigned int version
    cdef unsigned int written       # note (callsites.pxi) of the line that overwrote a saved tensor; 0: none
    cdef unsigned char watched      # a node saved a tensor of this storage: the next write is noted
    cdef unsigned char inference    # allocated inside inference_mode(): a node never saves it
    cdef bint readonly
    cdef object owner               # the object that owns the memory (a buffer's exporter); None: our allocator
    cdef External* external         # NULL: our allocator's memory


cdef class Array:
    cdef Storage storage
    cdef char* data                 # element [0, ..., 0]
    cdef int dtype                  # a DType
    cdef int ndim
    cdef bint contiguous            # C order without gaps
    cdef Py_ssize_t numel
    cdef Py_ssize_t shape[MAX_NDIM]
    cdef Py_ssize_t stride[MAX_NDIM]    # in elements

    cdef int check_export(self) except -1       # raises BufferError if the memory must not be exported


cdef list DTYPES                    # by code
cdef tuple DTYPE_NAMES              # by code, as in torch.FloatTensor
cdef int dtype_code(object dtype) except -1     # of a dtype, or of Python's float, int or bool
cdef int code_named(str name) noexcept          # -1: no such dtype
cdef int code_of_format(str letter, Py_ssize_t size) noexcept   # of the buffer protocol's letter; -1: no such dtype
cdef int default_dtype() noexcept
cdef Storage new_storage(Py_ssize_t nbytes)
cdef void note_storages(int change) noexcept    # +1: new memory is noted by the program that is recorded, until -1
cdef bint inference_enabled() noexcept
cdef bint set_inference(bint on) noexcept       # mark this thread's new storages, or not; returns the old setting
cdef Storage external_storage(char* data, Py_ssize_t nbytes, bint readonly, object owner)
cdef void bump_overlapping(Storage written) noexcept
# Allocate contiguous memory for `array`, with this dtype and shape; the elements are not initialized.
cdef int allocate_into(Array array, int dtype, int ndim, const Py_ssize_t* shape) except -1
# Make `array` a view of source's storage that starts at data, with this shape and these strides.
cdef int view_into(Array array, Array source, char* data, int ndim, const Py_ssize_t* shape, const Py_ssize_t* stride) except -1
cdef bint is_contiguous(int ndim, const Py_ssize_t* shape, const Py_ssize_t* stride) noexcept
# Whether the elements fill their memory without gaps in some order of the dimensions, as those of a transpose do.
cdef bint is_dense(Array a) noexcept
cdef tuple shape_of(Array a)

# Inline, since every op calls them.

cdef inline void count_write(Storage storage) noexcept:
    """Advance the version counter after a write: what nodes saved of this storage before is no longer valid."""
    storage.version += 1
    if storage.owner is not None:
        bump_overlapping(storage)


cdef inline Py_ssize_t itemsize(int dtype) noexcept nogil:
    """Bytes of an element. The table is one hexadecimal digit per DType code, code 0 in the lowest."""
    return <int> (((<uint64_t> 0x84228 << 32 | 0x42842111) >> 4 * dtype) & 15)


cdef inline int category(int dtype) noexcept nogil:
    """0 for bool, 1 for integers, 2 for floats. In dtype promotion with a tensor that has dimensions, a Python number or a
    0-d tensor takes part only by its category."""
    return 0 if dtype == BOOL else 1 if dtype < FLOAT16 else 2


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
