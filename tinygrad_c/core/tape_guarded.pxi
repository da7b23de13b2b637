"""The public form of a function: it explains its errors, and names the node of its result."""

cdef extern from "Python.h":
    object PyMethod_New(object function, object instance)


cdef class Guarded:
    # A docstring here would hide the function's.
    # If the function raises, explain(function, args, kwargs, error) raises a better error, returns (result,), or returns None:
    # then the first error is raised again. Nodes of the results that the call created get the name `node`.
    # Compiled, since a wrapper in Python costs 400 ns a call. Name, docstring and defaults are looked up in the function,
    # since copying them for 460 functions took a tenth of the package's import.
    cdef readonly object __wrapped__
    cdef object explain, __weakref__
    cdef str node, module

    def __init__(self, function, explain, str node, str module):
        self.__wrapped__, self.explain, self.module = function, explain, module
        self.node = None if node is None else interned_label(node)

    def __call__(self, *args, **kwargs):
        cdef unsigned long long before = last_number
        try:
            out = self.__wrapped__(*args, **kwargs)
        except Exception as error:
            again = self.explain(self.__wrapped__, args, kwargs, error)
            if again is None:
                raise
            out, = again
        if self.node is not None and last_number != before:
            if isinstance(out, TensorBase):
                if number_of(<TensorBase> out) > before:
                    label_result(<TensorBase> out, self.node)
            elif isinstance(out, tuple):
                for each in out:
                    if isinstance(each, TensorBase) and number_of(<TensorBase> each) > before:
                        label_result(<TensorBase> each, self.node)
        return out

    def __get__(self, instance, owner):
        return self if instance is None else PyMethod_New(self, instance)

    def __getattr__(self, name):
        return getattr(self.__wrapped__, name)

    @property
    def __module__(self):               # where pickle looks it up
        return self.module

    @property
    def __doc__(self):
        return self.__wrapped__.__doc__

    @__doc__.setter
    def __doc__(self, text):
        self.__wrapped__.__doc__ = text

    @property
    def __signature__(self):
        from tinygrad_c._base.public import signature
        return signature(self.__wrapped__)

    def __repr__(self):
        return f"<function {self.__qualname__} at {id(self):#x}>"

    def __reduce__(self):
        return self.__qualname__
