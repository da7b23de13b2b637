"""Tensors from Python numbers, lists and NumPy arrays, and on external memory; part of create.pyx."""


# ---- tensor(...)

cdef int wider(int code, int other) except -1:
    """Their promoted dtype; code is -1 if there is none yet."""
    return other if code < 0 or code == other else promote_dtypes(code, other)


cdef int infer_dtype(list flat) except -1:
    """The largest of the dtypes of the numbers: bool, int64 or the default float dtype for Python's, their own for NumPy's and
    for tensors. The default float dtype if there are none."""
    cdef int code = -1
    cdef set kinds = set(map(type, flat))
    if not kinds:
        return default_dtype()
    for kind in kinds:
        if kind is bool:
            code = wider(code, BOOL)
        elif kind is int:
            code = wider(code, INT64)
        elif kind is float:
            code = wider(code, default_dtype())
    if kinds <= {bool, int, float}:
        return code
    for each in flat:
        if type(each) in (bool, int, float):
            continue
        if isinstance(each, TensorBase):
            code = wider(code, (<TensorBase> each).dtype)
        elif hasattr(each, "dtype"):
            code = wider(code, array_dtype(each))
        elif isinstance(each, (int, float)):
            code = wider(code, INT64 if isinstance(each, int) else default_dtype())
        else:
            if isinstance(each, (str, bytes)):
                raise TypeError(f"new(): invalid data type '{type(each).__name__}'")
            if isinstance(each, (list, tuple)):
                raise ValueError(f"expected a number, but got a sequence of length {len(each)} beside one: the rows have "
                                 "different lengths")
            raise RuntimeError(f"Could not infer dtype of {type(each).__name__}")
    return code


cdef int infer_nested(object data) except -1:
    """infer_dtype of lists in which there are arrays or tensors."""
    cdef int code = -1
    if isinstance(data, TensorBase):
        return (<TensorBase> data).dtype
    if hasattr(data, "dtype"):
        return array_dtype(data)
    if not isinstance(data, (list, tuple)) and not is_sequence(data):
        return infer_dtype([data])
    for each in data:
        code = wider(code, infer_nested(each))
    return default_dtype() if code < 0 else code


cdef str SUPPORTED = "float64, float32, float16, int64, int32, int16, int8, uint64, uint32, uint16, uint8, and bool"


cdef int array_dtype(object array) except -1:
    cdef int code = code_named(array.dtype.name)
    if code < 0 or code == BFLOAT16:
        raise TypeError(f"can't convert np.ndarray of type numpy.{array.dtype.type.__name__}. The only supported types are: "
                        f"{SUPPORTED}: convert it first with array.astype('float32')")
    return code


cdef bint is_sequence(object data):
    """Whether data is a sequence other than list and tuple: a range, a deque, an array.array."""
    return not isinstance(data, (int, float, list, tuple, str, bytes, dict, TensorBase)) and hasattr(data, "__len__") and \
        hasattr(data, "__getitem__") and not hasattr(data, "dtype")


cdef TensorBase from_sequence(object data, object dtype):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef list flat
    cdef int ndim = 0
    cdef int code
    cdef bint arrays = False
    cdef Py_ssize_t i
    cdef TensorBase out
    flat = [data]
    while True:
        for i, each in enumerate(flat):
            if hasattr(each, "tolist") and hasattr(each, "dtype") and each.ndim > 0:
                arrays = True
                # As torch: a tensor of one element within a list is a number, whatever its shape.
                flat[i] = each.item() if isinstance(each, TensorBase) and (<TensorBase> each).numel == 1 else each.tolist()
        if flat and is_sequence(flat[0]):       # a range, a deque, an array.array
            flat = [list(each) if is_sequence(each) else each for each in flat]
        if not flat or not isinstance(flat[0], (list, tuple)):
            break
        if ndim == MAX_NDIM:
            raise ValueError(f"too many dimensions: a tensor has at most {MAX_NDIM}")
        shape[ndim] = len(flat[0])
        for i, each in enumerate(flat):
            if is_sequence(each):
                flat[i] = each = list(each)
            if not isinstance(each, (list, tuple)):
                raise TypeError(f"expected a sequence of length {shape[ndim]} at dim {ndim}, but got {type(each).__name__}")
            if len(each) != shape[ndim]:
                raise ValueError(f"expected sequence of length {shape[ndim]} at dim {ndim} (got {len(each)})")
        flat = [item for each in flat for item in each]
        ndim += 1
    code = infer_nested(data) if arrays and dtype is None else infer_dtype(flat)
    if dtype is not None:
        code = dtype_code(dtype)
    flat = [each.item() if isinstance(each, TensorBase) else each for each in flat]
    out = empty(code, ndim, shape)
    if len(flat) != out.numel:
        raise ValueError(f"the len() of a sequence does not match its elements: {len(flat)} numbers for a tensor of "
                         f"{out.numel} elements")
    for i in range(len(flat)):
        put_number(out.data + i * itemsize(code), code, flat[i])
    return written(out)


def tensor(data, *, dtype=None, device=None, requires_grad=False):
    """A new tensor with a copy of the data: a number, (nested) lists of numbers, or a NumPy array.

    Python's floats become float32 (see set_default_dtype), ints int64, bools bool; arrays keep their type.

    >>> tinygrad_c.tensor([[1., 2.], [3., 4.]], requires_grad=True)
    tensor([[1., 2.],
            [3., 4.]], requires_grad=True)
    """
    cdef TensorBase out
    if type(data) is float:
        out = scalar_tensor(data, dtype_or(dtype, default_dtype()))
    elif type(data) is bool or type(data) is int:
        out = scalar_tensor(data, dtype_or(dtype, BOOL if type(data) is bool else INT64))
    elif isinstance(data, TensorBase):
        warn("To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
             "sourceTensor.detach().clone().requires_grad_(True), rather than tensor(sourceTensor).")
        out = copy_of(data)
        out = out if dtype is None else to_dtype(out, dtype_code(dtype))
    elif isinstance(data, (list, tuple)):
        out = from_sequence(data, dtype)
    elif isinstance(data, ndarray) and (out := from_array(data)) is not None:
        out = copy_of(out)
        out = out if dtype is None else to_dtype(out, dtype_code(dtype))
    elif hasattr(data, "__array__"):
        import numpy
        array = numpy.asarray(data)
        if array.dtype.byteorder not in "=|" and not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        array_dtype(array)
        out = copy_of(from_buffer(numpy.require(array, None, "CA")))     # contiguous and aligned
        out = out if dtype is None else to_dtype(out, dtype_code(dtype))
    else:
        out = from_sequence(data, dtype)
    return finish(out, requires_grad, device)


# ---- External memory

# NumPy's letters for the kinds of the dtypes, in the order of their codes. It has no bfloat16.
cdef const char* KIND = b"buiiiiuuuf-ff"


cdef int code_of_kind(char kind, Py_ssize_t size) noexcept:
    """The code of NumPy's type of this kind and size in bytes, or -1."""
    cdef int code
    for code in range(N_DTYPES):
        if KIND[code] == kind and itemsize(code) == size:
            return code
    return -1


cdef TensorBase from_array(object array):
    """A tensor that shares the memory of a NumPy array, or None for one that from_buffer refuses. Ten times as fast."""
    cdef object capsule = array.__array_struct__
    cdef ArrayStruct* given = <ArrayStruct*> PyCapsule_GetPointer(capsule, NULL)
    cdef int code = code_of_kind(given.typekind, given.itemsize)
    cdef TensorBase out
    cdef int d
    if code < 0 or given.nd > MAX_NDIM or given.flags & NATIVE_BYTE_ORDER == 0 or <size_t> given.data % given.itemsize != 0:
        return None
    for d in range(given.nd):
        if given.strides[d] % given.itemsize != 0:
            return None
    out = new_tensor()
    out.dtype, out.ndim, out.numel = code, given.nd, 1
    for d in range(given.nd):
        out.shape[d] = given.shape[d]
        out.stride[d] = given.strides[d] // given.itemsize
        out.numel *= given.shape[d]
    return on_external(out, given.data, array, array, given.flags & WRITABLE == 0)


cdef TensorBase on_external(TensorBase out, char* data, object source, object owner, bint readonly):
    """Give `out`, which has its dtype, shape and strides, the memory of `source`, which `owner` keeps alive."""
    cdef char* low = data
    cdef char* high = data
    cdef Py_ssize_t step, item = itemsize(out.dtype)
    cdef int d
    if out.numel > 0:
        high += item
        for d in range(out.ndim):
            step = (out.shape[d] - 1) * out.stride[d] * item
            if step < 0:
                low += step
            else:
                high += step
    out.storage = exported_storage(source, low, high, readonly)
    if out.storage is None:
        out.storage = external_storage(low, high - low, readonly, owner)
    out.data = data
    out.contiguous = is_contiguous(out.ndim, out.shape, out.stride)
    if out.dtype == BOOL:
        check_bools(out if out.contiguous else copy_of(out))
    return out


cdef TensorBase from_buffer(object source):
    """A tensor that shares the memory of an object with the buffer protocol: nothing is copied."""
    cdef object view = memoryview(source)
    cdef Py_buffer* buffer = PyMemoryView_GET_BUFFER(view)
    cdef TensorBase out = new_tensor()
    cdef Py_ssize_t step
    cdef int d
    out.dtype = buffer_dtype(buffer.format.decode() if buffer.format != NULL else "B", buffer.itemsize)
    if buffer.ndim > MAX_NDIM:
        raise ValueError(f"a tensor has at most {MAX_NDIM} dimensions, got {buffer.ndim}")
    if (<size_t> buffer.buf % buffer.itemsize != 0      # an empty one has nothing to align
            and all([buffer.shape[d] != 0 for d in range(buffer.ndim)])):
        raise ValueError("the array's memory is not aligned to its elements: pass array.copy()")
    out.ndim = buffer.ndim
    out.numel = 1
    for d in range(buffer.ndim):
        step = buffer.strides[d] if buffer.strides != NULL else 0
        if step % buffer.itemsize != 0:
            raise ValueError("given numpy array strides not a multiple of the element byte size. Copy the numpy array to "
                             "reallocate the memory.")
        out.shape[d] = buffer.shape[d]
        out.stride[d] = step // buffer.itemsize
        out.numel *= buffer.shape[d]
    if buffer.strides == NULL:
        step = 1
        for d in range(buffer.ndim - 1, -1, -1):
            out.stride[d] = step
            step *= out.shape[d]
    return on_external(out, <char*> buffer.buf, source, view, buffer.readonly)


cdef int check_bools(TensorBase a) except -1:
    """Kernels rely on bools of 0 and 1; an array made by NumPy's view(bool) can hold other bytes."""
    cdef uint8_t seen = 0
    cdef Py_ssize_t i
    for i in range(a.numel):
        seen |= (<const uint8_t*> a.data)[i]
    if seen > 1:
        raise ValueError("a bool array holds bytes other than 0 and 1, as .view(bool) can make them: pass array != 0")
    return 0


cdef Storage exported_storage(object source, char* low, char* high, bint readonly):
    """The storage of the tensor that exported this memory to NumPy, or None."""
    cdef Storage storage
    while not isinstance(source, TensorBase):
        if isinstance(source, ndarray):
            source = source.base
        elif isinstance(source, memoryview):
            source = source.obj
        elif source is not None and type(source).__module__ == "numpy":     # a scalar
            source = getattr(source, "base", None)
        else:
            return None
    storage = (<TensorBase> source).storage
    if storage.readonly != readonly or low < storage.data or high > storage.data + storage.nbytes:
        return None
    return storage


cdef int buffer_dtype(str format, Py_ssize_t size) except -1:
    cdef str kind = format.lstrip("@=" + ("<" if LITTLE else ">"))
    cdef int code = code_of_format(kind, size)
    if code >= 0:
        return code
    if kind[:1] in ("<", ">", "!"):
        raise ValueError("given numpy array has byte order different from the native byte order. Conversion between byte "
                         "orders is currently not supported: pass array.astype(array.dtype.newbyteorder('='))")
    raise TypeError(f"can't convert memory of format {format!r}. The only supported types are: {SUPPORTED}: convert it first "
                    "with array.astype('float32')")


def from_numpy(array):
    """A tensor that shares the array's memory: a write to one is seen in the other. A read-only array makes a read-only tensor.
    TypeError for element types that no dtype here has, such as complex128 and strings.

    >>> import numpy
    >>> a = numpy.zeros(2)
    >>> tinygrad_c.from_numpy(a)[0] = 5
    >>> a
    array([5., 0.])
    """
    cdef TensorBase out = from_array(array) if isinstance(array, ndarray) else None
    if out is not None:
        return out
    if not hasattr(array, "__array_interface__"):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    array_dtype(array)
    return from_buffer(array)


def as_tensor(data, dtype=None, device=None):
    """The data as a tensor, without a copy if possible.

    >>> tinygrad_c.as_tensor([1, 2])
    tensor([1, 2])
    """
    cdef TensorBase out
    if isinstance(data, TensorBase):
        out = data
    elif isinstance(data, ndarray) and (out := from_array(data)) is not None:
        pass
    elif hasattr(data, "__array_interface__") and hasattr(data, "dtype"):
        try:
            out = from_numpy(data)
        except ValueError:
            out = tensor(data)
    else:
        return tensor(data, dtype=dtype, device=device)
    return out if dtype is None else to_dtype(out, dtype_code(dtype))
