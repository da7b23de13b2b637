"""run(call), the single entry point to the kernels, and the kernel table of each dtype.

At import it chooses the best instruction set that the processor and the operating system support, or the one that
TINYGRAD_C_SIMD names. This module is compiled for the baseline instruction set, so that it runs on any processor.
"""
import importlib
import os
import sys

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

from tinygrad_c.kernels.call cimport (
    FLOAT32, FLOAT64, INT32, INT64, UINT32, MAX_NDIM, MAX_OPERANDS, MAX_PARAMS, N_DTYPES, Call, Operand, Scalar, inner_t,
    kernel_t)
from tinygrad_c.kernels.portable cimport gather as movers, order, philox, unfold as windows
from tinygrad_c.kernels.portable.generic cimport register_generic, register_vectors
from tinygrad_c.kernels.portable.integers cimport register_integer_kernels
from tinygrad_c.kernels.table cimport MAX, MIN, N_LOSSES, N_SOFTMAX, PROD, SQUARES, SUM, Kernels
from tinygrad_c.kernels.runtime.threads cimport flush_denormals, fp_state, is_short, restore_denormals, run_shared

from tinygrad_c._base.warn import PACKAGE

cdef extern from "pythread.h":
    unsigned long PyThread_get_thread_ident()

cdef extern from *:
    """
    #if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
    /* libgcc checks XGETBV too: AVX is usable only if the operating system saves its registers. */
    static int cpu_has_avx2(void) {
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    }
    static int cpu_has_avx512(void) {
        return cpu_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
            && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    }
    #else
    static int cpu_has_avx2(void) { return 0; }
    static int cpu_has_avx512(void) { return 0; }
    #endif
    """
    bint cpu_has_avx2()
    bint cpu_has_avx512()

cdef enum:                      # nanoseconds of work
    GIL_WORK = 30000            # from this much work on, the GIL is released during the call

cdef Kernels[N_DTYPES] tables
LEVELS = ("baseline", "avx2", "avx512")
simd_level = None
cdef int gil_kept = 0           # nesting depth of keep_gil(): while > 0, run() keeps the GIL

include "epochs.pxi"
include "program.pxi"
include "known.pxi"


cdef Kernels* kernels(int dtype) noexcept:
    return &tables[dtype]


cdef void run(const Call* call) noexcept:
    cdef fp_state state
    cdef int entered
    if recorder != NULL:
        record_call(call)
    if call.work < TINY_WORK:
        call.kernel(call, 0, call.units)
        return
    state = flush_denormals()
    if is_short(call):
        call.kernel(call, 0, call.units)
    elif call.work < GIL_WORK or gil_kept:
        run_shared(call)
    else:
        entered = enter()
        with nogil:
            run_shared(call)
        leave(entered)
    restore_denormals(state)


cdef void keep_gil(int change) noexcept:
    global gil_kept
    gil_kept += change


def supported_levels() -> tuple:
    """The instruction sets that this processor can run, slowest first.

    >>> supported_levels()[0]
    'baseline'
    """
    return LEVELS[:1 + cpu_has_avx2() + cpu_has_avx512()]


cdef str choose_level():
    wanted = os.environ.get("TINYGRAD_C_SIMD", "")
    supported = supported_levels()
    if not wanted:
        return supported[len(supported) - 1]
    if wanted not in LEVELS:
        raise ImportError(f"TINYGRAD_C_SIMD={wanted!r} is not a level: choose one of {', '.join(LEVELS)}, or unset it")
    if wanted not in supported:
        raise ImportError(f"TINYGRAD_C_SIMD={wanted!r}, but this processor supports only {', '.join(supported)}: "
                          "choose one of these, or unset it to take the best")
    return wanted


cdef int load_kernels(str level) except -1:
    global simd_level
    memset(tables, 0, sizeof(tables))
    register_generic(tables)
    register_integer_kernels(tables)
    for dtype, bits in ((FLOAT32, 32), (FLOAT64, 64)):
        module = importlib.import_module(f"tinygrad_c.kernels.isa.{level}_f{bits}")
        tables[dtype] = (<Kernels*> PyCapsule_GetPointer(module.capsule(), "tinygrad_c.Kernels"))[0]
    for dtype in range(FLOAT32):        # tiles() depends on the size of an element only
        tables[dtype].tiles = tables[FLOAT32 if dtype == INT32 or dtype == UINT32 else FLOAT64].tiles
    register_vectors(tables)
    philox.set_philox_simd(tables[FLOAT64].philox_simd)
    simd_level = level
    return 0


cdef int check_gil() except -1:
    """Free-threaded Python turns the GIL on for modules that need it, unless PYTHON_GIL=0 or -X gil=0 forbids it."""
    if hasattr(sys, "_is_gil_enabled") and not sys._is_gil_enabled():
        raise ImportError("tinygrad_c needs Python's lock, and this interpreter was told to keep it off: run it without "
                          "PYTHON_GIL=0 and -X gil=0, and it turns the lock on by itself")
    return 0


check_gil()
load_kernels(choose_level())
