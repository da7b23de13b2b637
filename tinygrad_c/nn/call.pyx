"""Callable, the compiled base class of Module: obj(x) calls obj.forward(x).

In Python, `def __call__(self, *args, **kwargs)` adds about 140 ns to a call of forward; here it adds less than 50 ns.
"""
from tinygrad_c.ops.matmul.products import LinearReLU  # no-cython-lint: pickles of version 0.1.0 look for it here


cdef class Callable:
    """Base class: obj(...) calls obj.forward(...)."""

    def __call__(self, *args, **kwargs):
        if not kwargs and len(args) == 1:
            return self.forward(args[0])
        return self.forward(*args, **kwargs)
