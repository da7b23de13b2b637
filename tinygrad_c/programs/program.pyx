"""A recorded training step: its program, its memory, the guards under which it holds, and what it does to Python objects.

    Guards      what Python held when the step was recorded, compared by identity before each replay
    Settings    the numbers of a parameter group, which may change
    GivenGrad   a gradient from before the step
    Recorded    one program: record() and attempt()
    Feed        the rows that a program is to be run on; run_many() runs several side by side
    Step        a callable that tries its programs, and calls Python if none fits
    Passes      a module's forward and backward pass; ModuleStep: a module that tries them

The kernels' side is kernels/runtime/program.pxi; who records when, and whether it is right, compiler.py decides.
"""
import os

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_Next
from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport PyObject
from libc.math cimport pow, sqrt
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from tinygrad_c.core.array cimport Storage, count_write, itemsize, note_storages, shape_of
from tinygrad_c.core.tape cimport (
    BackwardPass, Node, Rule, TensorBase, alias, edge_of, empty_like, grad_enabled, plain_mode, record, set_grad, wants_grad)
from tinygrad_c.kernels.call cimport INT64, MAX_NDIM, Call
from tinygrad_c.kernels.portable.gather cimport gather_rows
from tinygrad_c.kernels.portable.philox cimport RANDOM_BLOCK, RANDOM_SEED
from tinygrad_c.kernels.runtime.dispatch cimport (
    OTHER_THREAD, ROLE_ADADELTA, ROLE_ADAGRAD, ROLE_ADAM, ROLE_ADAMAX, ROLE_ASGD, ROLE_CONTENT, ROLE_ELEMENTWISE, ROLE_MATMUL,
    ROLE_NADAM, ROLE_RADAM, ROLE_RANDOM, ROLE_RMSPROP, ROLE_RPROP, ROLE_SGD,
    UNSUITED, Block, Known, Program, block_of, draw_blocks, enter, free_program, is_written, keep_gil, known_kernel,
    labels_fit, leave, random_streams, recorder, replay, start_recording, stop_if, stop_recording, take_number,
    written_by)
from tinygrad_c.kernels.runtime.memory cimport Pool, free_pool, pool_has, seal_pool, swap_pool
from tinygrad_c.kernels.runtime.threads cimport flush_denormals, fp_state, restore_denormals, run_on
from tinygrad_c.kernels.table cimport *
from tinygrad_c.ops.optim_steps.scalars cimport *

from tinygrad_c.nn.parameter import Parameter

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject*)
    Py_ssize_t PyDict_GET_SIZE(object)
    PyObject* PyDict_GetItemWithError(object, object) except? NULL
    Py_ssize_t PyList_GET_SIZE(object)
    PyObject* PyList_GET_ITEM(object, Py_ssize_t)
    PyObject* PyTuple_GET_ITEM(object, Py_ssize_t)
    PyObject* PyCell_GET(object)
    bint PyCell_Check(object)
    unsigned long PyThread_get_thread_ident()

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
include "settings.pxi"
include "given.pxi"
include "recorded.pxi"
include "updates.pxi"
include "replayed.pxi"
include "rows.pxi"
include "passes.pxi"
