"""Callable, the compiled base class of Module: obj(x) calls obj.forward(x).

In Python, `def __call__(self, *args, **kwargs)` adds about 140 ns to a call of forward; here it adds less than 50 ns.
"""
from cpython.ref cimport PyObject

from tinygrad_c.ops.matmul.products import LinearReLU  # no-cython-lint: pickles of version 0.1.0 look for it here


cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        object (*tp_new)(PyTypeObject*, object, PyObject*)
        PyObject* tp_dict
    PyTypeObject PyBaseObject_Type
    void PyType_Modified(PyTypeObject*)


cdef class Callable:
    """Base class: obj(...) calls obj.forward(...)."""
    def __call__(self, *args, **kwargs):
        if not kwargs and len(args) == 1:
            return self.forward(args[0])
        return self.forward(*args, **kwargs)


# Callable has no fields, so it uses object.__new__. With a __new__ of its own, copy.deepcopy and pickle of a
# `class Net(Mixin, Module)`, whose layout follows Mixin, raise "Callable.__new__(Net) is not safe".
(<PyTypeObject*> Callable).tp_new = PyBaseObject_Type.tp_new
del (<dict> (<PyTypeObject*> Callable).tp_dict)["__new__"]
PyType_Modified(<PyTypeObject*> Callable)
