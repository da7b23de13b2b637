"""Calls of operations with batched tensors go to a handler, while func.vmap runs; calls with instances of a user's subclass of
Tensor go to another one, from the first `keep(cls)` on.

A batched tensor stands for one element of a batch: it has that element's shape and dtype but no memory of its own, so that no
kernel can read it. `intercept` says which functions are to be watched; from `activate(1)` until `activate(-1)` each of them
looks at its arguments, and calls the handler if one is a batched tensor. It does so by another function in the field from which
Python takes a compiled function's C code (its vectorcall slot). Outside vmap the field holds what Cython put there, so nothing
costs more.
"""
from cpython.dict cimport PyDict_GetItem
from cpython.ref cimport Py_INCREF, PyObject
from libc.stdlib cimport malloc

from tinygrad_c.core.array cimport DTYPES, Array, is_contiguous
from tinygrad_c.core.tape cimport TensorBase
from tinygrad_c.kernels.call cimport MAX_NDIM

ctypedef object (*vectorcall_t)(PyObject* function, PyObject** args, size_t nargsf, PyObject* names)

cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        Py_ssize_t tp_vectorcall_offset
    PyTypeObject* Py_TYPE(PyObject*)
    bint PyObject_TypeCheck(PyObject*, PyTypeObject*)
    bint PyTuple_Check(PyObject*)
    bint PyList_Check(PyObject*)
    Py_ssize_t PyVectorcall_NARGS(size_t)
    Py_ssize_t PyTuple_GET_SIZE(PyObject*)
    PyObject* PyTuple_GET_ITEM(PyObject*, Py_ssize_t)
    Py_ssize_t PyList_GET_SIZE(PyObject*)
    PyObject* PyList_GET_ITEM(PyObject*, Py_ssize_t)

ctypedef struct Watched:
    vectorcall_t* slot              # where Python looks for the C code
    vectorcall_t original           # NULL for a function with *args: then tp_call calls it
    bint always                     # call the handler without a batched argument, too

cdef Watched* watched = NULL
cdef Py_ssize_t n_watched = 0
cdef Py_ssize_t vmaps = 0           # how many activate(1) are not undone
cdef Py_ssize_t depth = 0           # the same, and 1 for `kept`
cdef set kept = set()               # the user's subclasses of Tensor
cdef object handle_kept = None
cdef dict numbers = {}              # function -> its number in `watched`
cdef PyTypeObject* batched_type = NULL
cdef object handle = None


cdef vectorcall_t* slot_of(PyObject* function) noexcept:
    return <vectorcall_t*> (<char*> function + Py_TYPE(function).tp_vectorcall_offset)


def intercept(list functions not None, set always not None, cls, handler) -> None:
    """Watch these compiled functions: called with an instance of `cls`, or at all if they are in `always`, they return
    handler(function, args, kwargs). Called once."""
    global watched, n_watched, batched_type, handle
    if watched != NULL:
        raise RuntimeError("the watched functions are set once, by func.vmap")
    watched = <Watched*> malloc(len(functions) * sizeof(Watched))
    if watched == NULL:
        raise MemoryError()
    for function in functions:
        if Py_TYPE(<PyObject*> function).tp_vectorcall_offset > 0 and function not in numbers:
            watched[n_watched].slot = slot_of(<PyObject*> function)
            watched[n_watched].original = watched[n_watched].slot[0]
            watched[n_watched].always = function in always
            numbers[function] = n_watched
            n_watched += 1
    Py_INCREF(cls)
    batched_type, handle = <PyTypeObject*> cls, handler


def keep(cls, handler) -> None:
    """From now on, a watched function with an instance of `cls` as argument returns handler(function, args, kwargs)."""
    global handle_kept
    handle_kept = handler
    if not kept:
        watch(1)
    kept.add(cls)


def activate(int change) -> None:
    """Watch the functions for a vmap (1) or let go of them again (-1); calls nest."""
    global vmaps
    if vmaps + change < 0 or watched == NULL:
        raise RuntimeError("activate(-1) without activate(1)")
    vmaps += change
    watch(change)


cdef void watch(int change) noexcept:
    global depth
    cdef Py_ssize_t i
    if depth == 0 or depth + change == 0:
        for i in range(n_watched):
            watched[i].slot[0] = <vectorcall_t> look if change > 0 else watched[i].original
    depth += change


cdef bint is_batched(PyObject* a) noexcept:
    """Whether it is a batched tensor, or a list or tuple that holds one (one level deep)."""
    cdef Py_ssize_t i
    if PyObject_TypeCheck(a, batched_type):
        return True
    if PyTuple_Check(a):
        for i in range(PyTuple_GET_SIZE(a)):
            if PyObject_TypeCheck(PyTuple_GET_ITEM(a, i), batched_type):
                return True
    elif PyList_Check(a):
        for i in range(PyList_GET_SIZE(a)):
            if PyObject_TypeCheck(PyList_GET_ITEM(a, i), batched_type):
                return True
    return False


cdef bint is_kept(PyObject* a):
    """Whether it is an instance of a user's subclass, or a list or tuple that holds one (one level deep)."""
    cdef Py_ssize_t i
    if <object> <PyObject*> Py_TYPE(a) in kept:
        return True
    if PyTuple_Check(a):
        for i in range(PyTuple_GET_SIZE(a)):
            if <object> <PyObject*> Py_TYPE(PyTuple_GET_ITEM(a, i)) in kept:
                return True
    elif PyList_Check(a):
        for i in range(PyList_GET_SIZE(a)):
            if <object> <PyObject*> Py_TYPE(PyList_GET_ITEM(a, i)) in kept:
                return True
    return False


cdef object look(PyObject* function, PyObject** args, size_t nargsf, PyObject* names):
    cdef PyObject* number = PyDict_GetItem(numbers, <object> function)
    cdef Watched* w = &watched[<Py_ssize_t> <object> number]
    cdef Py_ssize_t n = PyVectorcall_NARGS(nargsf)
    cdef Py_ssize_t n_names = 0 if names == NULL else PyTuple_GET_SIZE(names)
    cdef Py_ssize_t i
    cdef bint batched = w.always and vmaps > 0, found
    if vmaps > 0:
        for i in range(n + n_names):
            batched = batched or is_batched(args[i])
    found = batched
    if kept and not batched:
        for i in range(n + n_names):
            found = found or is_kept(args[i])
    if not found and w.original != NULL:
        return w.original(function, args, nargsf, names)
    positional = tuple([<object> args[i] for i in range(n)])
    named = {<object> PyTuple_GET_ITEM(names, i): <object> args[n + i] for i in range(n_names)} if n_names else {}
    if not found:
        return call_original(<object> function, positional, named)
    return (handle if batched else handle_kept)(<object> function, positional, named)


def shape_as_element(TensorBase shell not None, Array batch not None) -> None:
    """Give `shell` the dtype, and all but the first of the dimensions and strides of `batch`, but no memory."""
    cdef Py_ssize_t[MAX_NDIM] shape, stride
    cdef int d
    if batched_type == NULL or not PyObject_TypeCheck(<PyObject*> shell, batched_type):
        raise TypeError("only a batched tensor may be without memory")
    if shell is batch or batch.ndim == 0:
        raise RuntimeError("a batch has a dimension for its elements")
    shell.storage = None
    shell.data = NULL
    shell.dtype = batch.dtype
    shell.ndim = batch.ndim - 1
    shell.numel = 1
    for d in range(shell.ndim):
        shell.shape[d] = shape[d] = batch.shape[d + 1]
        shell.stride[d] = stride[d] = batch.stride[d + 1]
        shell.numel *= shape[d]
    shell.contiguous = is_contiguous(shell.ndim, shape, stride)


# ---- Attributes of a tensor without memory

def sizes(TensorBase a not None) -> tuple:
    return tuple([a.shape[d] for d in range(a.ndim)])


def strides(TensorBase a not None) -> tuple:
    return tuple([a.stride[d] for d in range(a.ndim)])


def dimensions(TensorBase a not None) -> int:
    return a.ndim


def numel(TensorBase a not None) -> int:
    return a.numel


def dtype_of(TensorBase a not None):
    return DTYPES[a.dtype]


def is_contiguous_tensor(TensorBase a not None) -> bool:
    return a.contiguous


def is_watched(function) -> bool:
    """Whether call_original can call it."""
    return function in numbers


def call_original(function, tuple args not None, dict kwargs not None):
    """Call a watched function without looking at its arguments."""
    cdef Watched* w = &watched[<Py_ssize_t> numbers[function]]
    w.slot[0] = w.original
    try:
        return function(*args, **kwargs)
    finally:
        if depth:
            w.slot[0] = <vectorcall_t> look
