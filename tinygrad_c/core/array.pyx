"""dtype, Storage and Array: typed elements in memory with a shape and strides, and their export as buffers.

Gradients are in tape.pyx, which builds on this file.
"""
cimport cython
from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_STRIDES, PyBUF_WRITABLE, PyBUF_ND
from cpython.pyport cimport PY_SSIZE_T_MAX
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.stdlib cimport calloc, free, malloc

from tinygrad_c.kernels.call cimport BFLOAT16, BOOL, FLOAT16, FLOAT32, FLOAT64, INT8, INT32, INT64, N_DTYPES, UINT32, UINT64
from tinygrad_c.kernels.runtime.dispatch cimport record_block, recorder, refuse
from tinygrad_c.kernels.runtime.memory cimport allocate, release

# The dtypes in the order of their codes: name, as in torch.FloatTensor, as a C++ type in PyTorch's errors. FORMAT: the buffer
# protocol's letters. The size of an element is itemsize in array.pxd; the range is finfo and iinfo in ops/create/dtypes.py.
cdef tuple TABLE = (("bool", "Bool", "bool"),
                    ("uint8", "Byte", "unsigned char"),
                    ("int8", "Char", "signed char"),
                    ("int16", "Short", "short int"),
                    ("int32", "Int", "int"),
                    ("int64", "Long", "long int"),
                    ("uint16", "UInt16", "unsigned short"),
                    ("uint32", "UInt32", "unsigned int"),
                    ("uint64", "UInt64", "unsigned long"),
                    ("float16", "Half", "c10::Half"),
                    ("bfloat16", "BFloat16", "c10::BFloat16"),
                    ("float32", "Float", "float"),
                    ("float64", "Double", "double"))
# C strings, not Python objects: a buffer may outlive the interpreter. bfloat16 has no letter.
cdef const char* FORMAT = b"?\0B\0b\0h\0i\0q\0H\0I\0Q\0e\0\0\0f\0d"
cdef int default_code = FLOAT32

cdef extern from *:
    """
    #if defined(_MSC_VER)
    static __declspec(thread) int inference = 0;
    #else
    static __thread int inference = 0;
    #endif
    """
    int inference                   # this thread is inside inference_mode()
cdef int threads_in_inference = 0   # read first: an ordinary variable is faster to read than a thread-local one


@cython.final
@cython.binding(False)            # so that dtype.__repr__(5) raises: the method checks its self
cdef class dtype:
    """The type of a tensor's elements. float32 and float64 are computed with and have gradients; int8 to int64, uint8 and
    bool are computed with; float16, bfloat16, uint16, uint32 and uint64 are stored, saved and converted only.

    >>> tinygrad_c.float32.itemsize, tinygrad_c.float32.is_floating_point
    (4, True)
    """

    def __repr__(self):
        return "torch." + self.name

    def __reduce__(self):
        return dtype_named, (self.name,)


cdef dtype make_dtype(int code, str name):
    cdef dtype made = dtype.__new__(dtype)
    made.code, made.name, made.itemsize = code, name, itemsize(code)
    made.is_floating_point = code >= FLOAT16
    made.is_signed = code >= FLOAT16 or INT8 <= code <= INT64
    return made


cdef list DTYPES = [make_dtype(code, TABLE[code][0]) for code in range(N_DTYPES)]
cdef tuple DTYPE_NAMES = tuple([row[1] for row in TABLE])
TYPE_WORDS = {row[0]: row[1] for row in TABLE}
C_NAMES = tuple([row[2] for row in TABLE])
C_WORDS = {row[0]: row[2] for row in TABLE}


cdef int code_named(str name) noexcept:
    for code in range(N_DTYPES):
        if TABLE[code][0] == name:
            return code
    return -1


cdef int code_of_format(str letter, Py_ssize_t size) noexcept:
    if letter in ("i", "l", "q"):           # their sizes depend on the platform
        return INT32 if size == 4 else INT64 if size == 8 else -1
    if letter in ("I", "L", "Q"):
        return UINT32 if size == 4 else UINT64 if size == 8 else -1
    for code in range(N_DTYPES):
        if code != BFLOAT16 and letter == chr(FORMAT[2 * code]):
            return code
    return -1


def dtype_named(name: str) -> dtype:
    """The dtype of that name.

    >>> dtype_named("float32")
    torch.float32
    """
    code = code_named(name) if isinstance(name, str) else -1
    if code >= 0:
        return DTYPES[code]
    raise TypeError(f"there is no dtype {name!r} here: choose one of {', '.join(TYPE_WORDS)}")


cdef int dtype_code(object given) except -1:
    if type(given) is dtype:
        return (<dtype> given).code
    if given is float:          # Python's floats are doubles
        return FLOAT64
    if given is int:
        return INT64
    if given is bool:
        return BOOL
    raise TypeError(f"dtype must be a tinygrad_c.dtype such as tinygrad_c.float32, not {given!r}")


cdef int default_dtype() noexcept:
    return default_code


def get_default_dtype() -> dtype:
    """The dtype that Python's floats become in a new tensor.

    >>> get_default_dtype()
    torch.float32
    """
    return DTYPES[default_code]


def set_default_dtype(d) -> None:
    """Make Python's floats become float32 (as they do at first) or float64 in a new tensor.

    TypeError for other dtypes.

    >>> tinygrad_c.set_default_dtype(tinygrad_c.float64)
    >>> tinygrad_c.tensor(0.5)
    tensor(0.5000)
    >>> tinygrad_c.set_default_dtype(tinygrad_c.float32)
    """
    global default_code
    cdef int code = dtype_code(d)
    if code < FLOAT32:
        raise TypeError("only floating-point types are supported as the default type: float32 or float64")
    default_code = code


cdef int dealloc_depth = 0              # nested deallocations: an owner's frees another storage, and so on
cdef list deferred_owners = []          # owners to free once the outermost deallocation is reached


@cython.final
@cython.no_gc
@cython.freelist(64)
cdef class Storage:
    def __dealloc__(self):
        global newest, dealloc_depth
        cdef object owner
        cdef External* e = self.external
        if e == NULL:
            if self.data != NULL:
                release(self.data, self.nbytes)
            return
        if e.before != NULL:
            e.before.after = e.after
        else:
            newest = e.after
        if e.after != NULL:
            e.after.before = e.before
        free(e)
        # Chains of owners (tensor -> NumPy array -> tensor ...) can be 100 000 long. Freed by recursion, they would overflow
        # the stack: from depth 50 on, owners are deferred.
        owner, self.owner = self.owner, None
        if dealloc_depth > 50:
            deferred_owners.append(owner)
            return
        dealloc_depth += 1
        owner = None
        while deferred_owners and dealloc_depth == 1:
            deferred_owners.pop()
        dealloc_depth -= 1


cdef Storage new_storage(Py_ssize_t nbytes):
    cdef Storage storage = Storage.__new__(Storage)
    storage.data = <char*> allocate(nbytes)
    storage.nbytes = nbytes
    if threads_in_inference != 0:       # or a program is being recorded
        storage.inference = inference
        if recorder != NULL:
            record_block(storage.data, nbytes)
    return storage


cdef void note_storages(int change) noexcept:
    global threads_in_inference
    threads_in_inference += change


cdef bint inference_enabled() noexcept:
    return inference


cdef bint set_inference(bint on) noexcept:
    global inference, threads_in_inference
    cdef bint before = inference
    inference = on
    threads_in_inference += on - before
    return before


cdef External* newest = NULL            # head of the linked list
cdef Py_ssize_t last_number = 0


cdef Storage external_storage(char* data, Py_ssize_t nbytes, bint readonly, object owner):
    global newest, last_number
    cdef Storage storage = Storage.__new__(Storage)
    cdef External* e = <External*> calloc(1, sizeof(External))
    if e == NULL:
        raise MemoryError()
    last_number += 1
    e.storage, e.number, e.after = <PyObject*> storage, last_number, newest
    if newest != NULL:
        newest.before = e
    newest = e
    storage.data, storage.nbytes, storage.readonly, storage.owner, storage.external = data, nbytes, readonly, owner, e
    return storage


cdef void bump_overlapping(Storage written) noexcept:
    """Advance the version counters of the other storages on the same external memory: two tensors made from one NumPy array
    have a storage each, and a write through one changes both. A storage that overlapped none is compared with new ones only."""
    cdef External* mine = written.external
    cdef External* e = newest
    cdef Storage other
    cdef bint found = False
    while e != NULL and e.number > mine.compared:
        other = <Storage> e.storage
        if e != mine and other.data < written.data + written.nbytes and written.data < other.data + other.nbytes:
            other.version += 1
            found = True
        e = e.after
    if found:
        mine.compared = -1
    elif mine.compared >= 0:
        mine.compared = last_number


cdef int allocate_into(Array array, int dtype, int ndim, const Py_ssize_t* shape) except -1:
    cdef Py_ssize_t numel = 1
    cdef Py_ssize_t limit = (PY_SSIZE_T_MAX // 2 + 1) // itemsize(dtype)
    cdef Py_ssize_t[MAX_NDIM] stride
    cdef Storage storage
    cdef int d
    for d in range(ndim - 1, -1, -1):
        stride[d] = numel
        if shape[d] > 1:
            if numel > limit // shape[d]:
                raise MemoryError(f"a tensor of shape {[shape[i] for i in range(ndim)]} is larger than memory can address")
            numel *= shape[d]
    for d in range(ndim):
        if shape[d] == 0:
            numel = 0
    storage = new_storage(numel * itemsize(dtype))      # on MemoryError the array is unchanged
    for d in range(ndim):
        array.shape[d] = shape[d]
        array.stride[d] = stride[d]
    array.numel = numel
    array.ndim = ndim
    array.dtype = dtype
    array.contiguous = True
    array.data = storage.data
    array.storage = storage         # last: freeing the old storage may run its owner's __del__, which may read this array
    return 0


cdef int view_into(Array array, Array source, char* data, int ndim, const Py_ssize_t* shape,
                   const Py_ssize_t* stride) except -1:
    cdef Py_ssize_t numel = 1
    cdef int d
    for d in range(ndim):
        array.shape[d] = shape[d]
        array.stride[d] = stride[d]
        numel *= shape[d]
    array.numel = numel
    array.ndim = ndim
    array.dtype = source.dtype
    array.contiguous = is_contiguous(ndim, shape, stride)
    array.data = data
    array.storage = source.storage      # last, as above
    return 0


cdef bint is_contiguous(int ndim, const Py_ssize_t* shape, const Py_ssize_t* stride) noexcept:
    cdef Py_ssize_t expected = 1
    cdef int d
    for d in range(ndim - 1, -1, -1):
        if shape[d] == 0:
            return True
        if shape[d] != 1:
            if stride[d] != expected:
                break
            expected *= shape[d]
    else:
        return True
    for d in range(ndim):
        if shape[d] == 0:
            return True
    return False


cdef bint is_dense(Array a) noexcept:
    cdef Py_ssize_t filled = 1
    cdef int d = 0
    if a.contiguous:
        return True
    while d < a.ndim:
        if a.shape[d] > 1 and a.stride[d] == filled:
            filled *= a.shape[d]
            d = 0
        else:
            d += 1
    return filled == a.numel


cdef tuple shape_of(Array a):
    return tuple([a.shape[d] for d in range(a.ndim)])


ctypedef struct Exported:
    # What an exported buffer points to. It stays valid when the tensor gets another storage later (x.data = y).
    PyObject* storage
    Py_ssize_t[MAX_NDIM] shape
    Py_ssize_t[MAX_NDIM] stride         # in bytes


@cython.no_gc            # its one object, the Storage, is in no reference cycle
cdef class Array:
    cdef int check_export(self) except -1:
        return 0

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        self.check_export()
        refuse(b"it hands a tensor's memory to Python (.numpy(), memoryview)")
        if self.storage is None:
            raise BufferError("this tensor has no memory yet")
        if self.dtype == BFLOAT16:
            raise BufferError("Got unsupported ScalarType BFloat16: Python's buffers have no such type; call .float() first")
        if flags & PyBUF_WRITABLE and self.storage.readonly:
            raise BufferError("this tensor's memory is read-only")
        if not self.contiguous and ((flags & PyBUF_STRIDES) != PyBUF_STRIDES
                                    or (flags & PyBUF_C_CONTIGUOUS) == PyBUF_C_CONTIGUOUS):
            raise BufferError("this tensor is not contiguous: ask for strides, or call .contiguous() first")
        cdef Py_ssize_t size = itemsize(self.dtype)
        cdef Exported* exported = <Exported*> malloc(sizeof(Exported))
        if exported == NULL:
            raise MemoryError("no memory left for a buffer's shape")
        exported.storage = <PyObject*> self.storage
        Py_INCREF(self.storage)
        for d in range(self.ndim):
            exported.shape[d] = self.shape[d]
            exported.stride[d] = self.stride[d] * size
        buffer.buf = self.data
        buffer.obj = self
        buffer.len = self.numel * size
        buffer.itemsize = size
        buffer.readonly = self.storage.readonly
        buffer.format = <char*> FORMAT + 2 * self.dtype if flags & PyBUF_FORMAT else NULL
        buffer.ndim = self.ndim
        buffer.shape = exported.shape if flags & PyBUF_ND else NULL
        buffer.strides = exported.stride if (flags & PyBUF_STRIDES) == PyBUF_STRIDES else NULL
        buffer.suboffsets = NULL
        buffer.internal = exported

    def __releasebuffer__(self, Py_buffer* buffer):
        cdef Exported* exported = <Exported*> buffer.internal
        Py_DECREF(<object> exported.storage)
        free(exported)
