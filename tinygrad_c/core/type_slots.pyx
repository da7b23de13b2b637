"""Patches Tensor's type slots so that a Python subclass costs what a compiled class costs.

Operators: Cython defines `__add__` both as a method and as the slot nb_add. Because of the method, Python fills the slot of a
subclass with a function that looks up `__add__` by name. Here the subclass gets the compiled slot itself.

Memory: the object of a freed tensor goes to a free list and is reused for the next tensor. (kernels/runtime/memory.pyx does the
same for the elements.)
"""
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.string cimport memset

from tinygrad_c.core.tape cimport TensorBase

ctypedef void (*dealloc_t)(PyObject*) noexcept

cdef extern from "Python.h":
    ctypedef struct PyNumberMethods:
        void* nb_add
        void* nb_subtract
        void* nb_multiply
        void* nb_true_divide
        void* nb_floor_divide
        void* nb_remainder
        void* nb_matrix_multiply
        void* nb_lshift
        void* nb_rshift
        void* nb_and
        void* nb_or
        void* nb_xor
    ctypedef struct PyTypeObject:
        Py_ssize_t tp_basicsize
        Py_ssize_t tp_vectorcall_offset
        Py_ssize_t tp_dictoffset
        PyObject* tp_dict
        int (*tp_setattro)(PyObject*, PyObject*, PyObject*) except -1
        PyNumberMethods* tp_as_number
        PyTypeObject* tp_base
        PyObject* (*tp_alloc)(PyTypeObject*, Py_ssize_t) noexcept
        dealloc_t tp_dealloc
        void (*tp_free)(void*) noexcept
    ctypedef struct PyObjectHead "PyObject":
        PyTypeObject* ob_type
    PyTypeObject* Py_TYPE(PyObject*)
    PyObject* PyType_GenericAlloc(PyTypeObject*, Py_ssize_t)
    PyObject* PyObject_Init(PyObject*, PyTypeObject*)
    void PyObject_GC_Track(void*)
    void PyObject_GC_UnTrack(void*)
    Py_ssize_t Py_REFCNT(PyObject*)
    Py_ssize_t PyVectorcall_NARGS(size_t)
    object PyObject_GenericGetDict(object, void*)
    int PyObject_GenericSetAttr(PyObject*, PyObject*, PyObject*) except -1
    void PyType_Modified(PyTypeObject*)
    PyObject* PyTuple_GET_ITEM(PyObject*, Py_ssize_t)
    int PyGC_Disable()
    int PyGC_Enable()
    void PyObject_GC_Del(void*)

cdef enum:
    FREE_LIST = 256         # at most that many objects: 100 KB

cdef PyTypeObject* tensor_type = NULL
cdef dealloc_t compiled_dealloc = NULL
cdef PyObject* free_list[FREE_LIST]
cdef int n_free = 0


cdef PyObject* new_object(PyTypeObject* cls, Py_ssize_t n) noexcept:
    """tp_alloc: like PyType_GenericAlloc, a zeroed object tracked by the collector, but from the free list if possible."""
    global n_free
    cdef PyObject* o
    cdef int collecting
    if n_free == 0 or cls != tensor_type:
        collecting = PyGC_Disable()     # a __del__ that the collector ran could make a tensor and use up this one's `making`
        o = PyType_GenericAlloc(cls, n)
        if collecting:
            PyGC_Enable()
        return o
    n_free -= 1
    o = free_list[n_free]
    memset(<char*> o + sizeof(PyObject), 0, cls.tp_basicsize - sizeof(PyObject))
    PyObject_Init(o, cls)
    PyObject_GC_Track(o)
    return o


cdef void free_object(void* o) noexcept:
    """tp_free of Tensor itself; subclasses have Python's own."""
    global n_free
    if n_free < FREE_LIST:
        free_list[n_free] = <PyObject*> o
        n_free += 1
    else:
        PyObject_GC_Del(o)


cdef void dealloc(PyObject* o) noexcept:
    """tp_dealloc: that of the compiled class, then the decref of the type that each instance of a heap type owes."""
    cdef PyTypeObject* cls = Py_TYPE(o)
    cdef PyObject* attributes = (<TensorBase> o).attributes
    if attributes != NULL:
        PyObject_GC_UnTrack(o)
        (<TensorBase> o).attributes = NULL
        Py_DECREF(<object> attributes)
    if (<TensorBase> o)._grad is not None:
        free_gradients(o)
    compiled_dealloc(o)
    Py_DECREF(<object> <PyObject*> cls)


cdef void free_gradients(PyObject* o) noexcept:
    """Free the chain x.grad, x.grad.grad, ... in a loop: by recursion a chain of a million would overflow the stack."""
    cdef TensorBase g, after
    PyObject_GC_UnTrack(o)
    g = (<TensorBase> o)._grad
    (<TensorBase> o)._grad = None
    while g is not None and Py_REFCNT(<PyObject*> g) == 1:
        after = g._grad
        g._grad = None
        g = after
        after = None


def retype(TensorBase x not None, cls):
    """Make a Tensor an instance of `cls`, a subclass of Tensor with the same layout. Returns x."""
    cdef PyTypeObject* to = <PyTypeObject*> cls
    if Py_TYPE(<PyObject*> x) == to:
        return x
    if Py_TYPE(<PyObject*> x) != tensor_type or not issubclass(cls, <object> <PyObject*> tensor_type):
        raise TypeError(f"cannot make a {type(x).__name__} an instance of {cls.__name__}")
    if to.tp_basicsize != tensor_type.tp_basicsize:
        raise TypeError(f"{cls.__name__} has __slots__: a subclass of Tensor keeps attributes in its __dict__")
    Py_INCREF(cls)
    (<PyObjectHead*> <PyObject*> x).ob_type = to
    Py_DECREF(<object> <PyObject*> tensor_type)
    return x


ctypedef object (*vectorcall_t)(PyObject* function, PyObject** args, size_t nargsf, PyObject* names)
cdef vectorcall_t compiled_call = NULL
cdef object call_old = None


cdef object call_counted(PyObject* function, PyObject** args, size_t nargsf, PyObject* names):
    """The call of a function with two positional arguments. With three it is a call of 2018."""
    cdef Py_ssize_t n = PyVectorcall_NARGS(nargsf), i
    if n != 3:
        return compiled_call(function, args, nargsf, names)
    named = {}
    if names != NULL:
        named = {<object> PyTuple_GET_ITEM(names, i): <object> args[n + i] for i in range(len(<tuple> names))}
    return call_old(<object> function, tuple([<object> args[i] for i in range(n)]), named)


def accept_old_calls(list functions not None, handler) -> None:
    """Compiled functions of two positional arguments, called with three, return handler(function, args, kwargs): add_(0.5, x).
    A call with two costs two instructions more."""
    global compiled_call, call_old
    cdef vectorcall_t* slot
    call_old = handler
    for function in functions:
        slot = <vectorcall_t*> (<char*> <PyObject*> function + Py_TYPE(<PyObject*> function).tp_vectorcall_offset)
        if compiled_call == NULL:
            compiled_call = slot[0]
        if Py_TYPE(<PyObject*> function).tp_vectorcall_offset > 0 and slot[0] == compiled_call:
            slot[0] = <vectorcall_t> call_counted


# ---- Attributes of users: x.label = "a"
#
# The field tp_dictoffset of a type tells Python where the __dict__ of an instance is. While it is 0, CPython 3.11 finds a
# method of a tensor about 100 instructions sooner (8% of a.exp()). So it is set when the first attribute of a tensor is, or
# when a user derives a class.

cdef Py_ssize_t dict_offset = 0


cdef int set_dict_offset(cls) except -1:
    """Set tp_dictoffset of `cls` and its subclasses."""
    cdef PyTypeObject* to = <PyTypeObject*> cls
    if to.tp_dictoffset == 0:
        to.tp_dictoffset = dict_offset
    if to.tp_setattro == set_attribute:
        to.tp_setattro = PyObject_GenericSetAttr
    for each in type.__subclasses__(cls):
        set_dict_offset(each)
    PyType_Modified(to)
    return 0


cdef int let_have_attributes() except -1:
    """Once: it clears Python's cache of the methods of tensors."""
    if tensor_type.tp_dictoffset == 0:
        set_dict_offset(<object> tensor_type)
    return 0


cdef int set_attribute(PyObject* x, PyObject* name, PyObject* value) except -1:
    """tp_setattro until tensors may have attributes. A name that is not Tensor's lets them."""
    try:
        return PyObject_GenericSetAttr(x, name, value)
    except AttributeError:
        let_have_attributes()
        return PyObject_GenericSetAttr(x, name, value)


def attributes_of(x):
    """The attributes of a tensor that are not Tensor's.

    >>> vars(tinygrad_c.ones(1))
    {}
    """
    let_have_attributes()
    return PyObject_GenericGetDict(x, NULL)


def attributes_or_none(TensorBase x not None):
    """vars(x), or None if there are none."""
    return <object> x.attributes if x.attributes != NULL else None


class TensorMeta(type):
    """The class of Tensor and its subclasses. Instances of a subclass can have attributes, unless it says __slots__."""

    def __new__(meta, name, bases, namespace, **kwargs):
        if tensor_type != NULL and "__slots__" not in namespace:
            let_have_attributes()
        cls = super().__new__(meta, name, bases, namespace, **kwargs)
        cdef PyTypeObject* made = <PyTypeObject*> cls
        if tensor_type != NULL and tensor_type.tp_dictoffset == 0 and made.tp_setattro == PyObject_GenericSetAttr:
            made.tp_setattro = set_attribute
        return cls


def take_slots(cls, compiled) -> None:
    """Give `cls`, a Python subclass of `compiled` without attributes of its own, the compiled operator slots and the free list.
    Called once, at import."""
    global tensor_type, compiled_dealloc, dict_offset
    if tensor_type != NULL or not issubclass(cls, compiled) or not issubclass(compiled, TensorBase):
        raise RuntimeError("the type slots of Tensor are set once, when the package is imported")
    cdef PyTypeObject* to = <PyTypeObject*> cls
    cdef PyTypeObject* base = <PyTypeObject*> compiled
    cdef PyNumberMethods* mine = to.tp_as_number
    cdef PyNumberMethods* theirs = base.tp_as_number
    cdef TensorBase probe = compiled.__new__(compiled)
    dict_offset = <char*> &probe.attributes - <char*> <PyObject*> probe
    (<dict> to.tp_dict)["__dict__"] = property(attributes_of)
    to.tp_setattro = set_attribute
    PyType_Modified(to)
    cdef set same = {name for name in dir(compiled) if getattr(cls, name, None) is getattr(compiled, name)}
    if "__add__" in same:
        mine.nb_add = theirs.nb_add
    if "__sub__" in same:
        mine.nb_subtract = theirs.nb_subtract
    if "__mul__" in same:
        mine.nb_multiply = theirs.nb_multiply
    if "__truediv__" in same:
        mine.nb_true_divide = theirs.nb_true_divide
    if "__floordiv__" in same:
        mine.nb_floor_divide = theirs.nb_floor_divide
    if "__mod__" in same:
        mine.nb_remainder = theirs.nb_remainder
    if "__matmul__" in same:
        mine.nb_matrix_multiply = theirs.nb_matrix_multiply
    if "__lshift__" in same:
        mine.nb_lshift = theirs.nb_lshift
    if "__rshift__" in same:
        mine.nb_rshift = theirs.nb_rshift
    if "__and__" in same:
        mine.nb_and = theirs.nb_and
    if "__or__" in same:
        mine.nb_or = theirs.nb_or
    if "__xor__" in same:
        mine.nb_xor = theirs.nb_xor
    while base.tp_base.tp_basicsize == base.tp_basicsize:       # without C fields of its own, it calls its base's
        base = base.tp_base
    tensor_type = to
    compiled_dealloc = base.tp_dealloc
    to.tp_alloc = new_object
    to.tp_free = free_object
    to.tp_dealloc = dealloc
