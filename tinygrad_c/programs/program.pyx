"""A recorded training step: its program, its memory, the guards under which it holds, and what it does to Python objects.

    Guards      what Python held when the step was recorded, compared by identity before each replay
    Recorded    one program: record(), attempt() and, for whole epochs, run_rows()
    Step        a callable that tries its programs, and calls Python if none fits

The kernels' side is kernels/runtime/program.pxi; who records when, and whether it is right, compiler.py decides.
"""
cimport cython
from cpython.dict cimport PyDict_Next
from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport PyObject
from libc.math cimport pow, sqrt
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy

from tinygrad_c.core.array cimport Storage, count_write, itemsize, note_storages, shape_of
from tinygrad_c.core.tape cimport TensorBase, alias, empty_like, plain_mode
from tinygrad_c.kernels.call cimport INT64, MAX_NDIM, Call
from tinygrad_c.kernels.runtime.dispatch cimport (
    ROLE_ADAM, ROLE_ELEMENTWISE, ROLE_MATMUL, ROLE_SGD, UNSUITED, Known, Program, block_of, free_program, known_kernel,
    labels_fit, recorder, replay, start_recording, stop_recording)
from tinygrad_c.kernels.runtime.memory cimport Pool, free_pool, pool_has, pools_work, seal_pool, swap_pool
from tinygrad_c.kernels.table cimport (
    ADAM_CORRECTION, ADAM_SHRINK, ADAM_STEP, FIRST, SGD_FLAGS,
    SGD_LR)

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject*)
    Py_ssize_t PyDict_GET_SIZE(object)
    PyObject* PyDict_GetItemWithError(object, object) except? NULL
    Py_ssize_t PyList_GET_SIZE(object)
    PyObject* PyList_GET_ITEM(object, Py_ssize_t)
    PyObject* PyTuple_GET_ITEM(object, Py_ssize_t)
    PyObject* PyCell_GET(object)
    bint PyCell_Check(object)

cdef extern from *:
    """
    #include <time.h>
    static double seconds(void) {
        struct timespec now;
        timespec_get(&now, TIME_UTC);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    }
    """
    double seconds() noexcept nogil

include "guards.pxi"
include "recorded.pxi"
include "replayed.pxi"
