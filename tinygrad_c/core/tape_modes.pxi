"""GradMode: the base of no_grad, enable_grad and inference_mode; part of tape.pyx.

Compiled, because Python delivers signals between the instructions of a Python function: KeyboardInterrupt in an __enter__ or
__exit__ written in Python can fall after the mode was set and before the block has begun, and then nobody sets it back. In a
compiled method there is no such place.
"""
cdef extern from "Python.h":
    PyObject* PyErr_Occurred()
    ctypedef void (*destructor)(PyObject*)

cdef extern from *:
    """
    #define dealloc_of(type) (((PyTypeObject*) (type))->tp_dealloc)
    #define set_dealloc(type, function) (((PyTypeObject*) (type))->tp_dealloc = (function))
    """
    destructor dealloc_of(object type)
    void set_dealloc(object type, destructor function)


@cython.binding(False)            # methods check the type of self
cdef class GradMode:
    """A `with` block or a decorator inside which recording is on or off and, with `marking`, new memory is marked or not.

    >>> with GradMode(False):
    ...     print(is_grad_enabled())
    False
    """

    cdef readonly bint recording
    cdef object marking                     # a bool, or None: not changed
    cdef object function                    # what is decorated
    cdef list before                        # per `with` block that is entered: (recording, marking) outside
    cdef dict __dict__

    def __cinit__(self, *args, **kwargs):
        self.before = []

    def __init__(self, bint recording, marking=None, function=None):
        self.recording = recording
        self.marking = marking
        self.function = function
        if function is not None:
            from functools import update_wrapper
            update_wrapper(self, function)

    cdef int switch(self) except -1:
        set_grad(self.recording)
        if self.marking is not None:
            set_inference(self.marking)
        return 0

    cdef int restore(self, tuple modes) except -1:
        set_grad(modes[0])
        if self.marking is not None:
            set_inference(modes[1])
        return 0

    def __enter__(self):
        self.before.append((grad_enabled(), inference_enabled()))
        self.switch()
        return self

    def __exit__(self, *exception):
        self.restore(self.before.pop())

    def __get__(self, instance, owner):
        if instance is None:
            return self
        from functools import partial
        return partial(self, instance)

    def __call__(self, *args, **kwargs):
        cdef GradMode made
        if self.function is None:           # @no_grad(): the argument is the function
            made = type(self).__new__(type(self))
            GradMode.__init__(made, self.recording, self.marking, args[0])
            return made
        code = getattr(self.function, "__code__", None)
        if code is not None and code.co_flags & 0x20:       # inspect.CO_GENERATOR
            from tinygrad_c.core.generators import in_mode
            return in_mode(self.function(*args, **kwargs), self)
        return self.run(self.function, args, kwargs)

    cpdef object run(self, function, tuple args, dict kwargs):
        """function(*args, **kwargs), in the mode."""
        cdef tuple outside = (grad_enabled(), inference_enabled())
        self.switch()
        try:
            return function(*args, **kwargs)
        finally:
            self.restore(outside)


@cython.binding(False)
cdef class GradModeAtOnce:
    """set_grad_enabled: the mode is set when the object is made; a `with` block sets it back at its end.

    An interrupt between that and the block frees the object while an exception is on its way: then, too, it is set back.
    """

    cdef readonly bint mode
    cdef bint at_once                       # set since __init__, and no block entered
    cdef list before

    def __cinit__(self, *args, **kwargs):
        self.before = []

    def __init__(self, mode):
        self.mode = bool(mode)
        self.before.append(grad_enabled())
        self.at_once = True
        set_grad(self.mode)

    def __dealloc__(self):
        if self.at_once and self.before and freed_by_error:
            set_grad(self.before[0])

    def __enter__(self):
        if self.at_once:
            self.at_once = False            # __exit__ goes back to what was before __init__
        else:
            self.before.append(grad_enabled())
            set_grad(self.mode)
        return self

    def __exit__(self, *exception):
        set_grad(self.before.pop())

    def __call__(self, function):
        self.at_once = False
        set_grad(self.before.pop())
        return GradMode(self.mode, None, function)


# Cython puts the exception aside while a __dealloc__ runs, so whether there is one is noted before.
cdef bint freed_by_error = False
cdef destructor plain_dealloc = dealloc_of(GradModeAtOnce)


cdef void noting_dealloc(PyObject* self) noexcept:
    global freed_by_error
    freed_by_error = PyErr_Occurred() != NULL
    plain_dealloc(self)

set_dealloc(GradModeAtOnce, noting_dealloc)
