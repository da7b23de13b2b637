"""Kernels: the kernels for one element type, as one compiled module of one instruction set offers them.

Each module in isa/ fills one such struct; dispatch.pyx picks one per dtype at import. A member is NULL where the element
type has no such kernel. The elementwise kernels stand in `inner`, by the number that generated/ids.pxd gives them.
"""
from libc.stdint cimport uint32_t, uint64_t

from tinygrad_c.kernels.call cimport inner_t, kernel_t
from tinygrad_c.kernels.generated.ids cimport N_INNER

cdef enum:                      # Kernels.reduce[...]
    SUM
    SQUARES                     # the sum of squares
    PROD
    MAX
    MIN
    N_REDUCTIONS

cdef enum:                      # Kernels.softmax[...]
    SOFTMAX
    LOG_SOFTMAX
    LOGSUMEXP                   # has no entry in softmax_backward
    N_SOFTMAX

cdef enum:                      # Kernels.loss[...]: losses of pairs (input, target), element by element
    MSE
    L1
    SMOOTH_L1
    HUBER
    BCE
    BCE_WITH_LOGITS
    N_LOSSES

cdef enum:                      # flags of the optimizers' kernels
    FIRST = 1                   # the momentum buffer has no value yet
    NESTEROV = 2
    MAXIMIZE = 4
    DECOUPLED = 8               # weight decay as in AdamW

cdef enum:
    SHORT_ROW = 32              # elements: rows up to here are turned into columns, a vector of rows at a time
    ROW_BLOCK = 128             # rows of one unit in kernels that work row by row
    COLUMN_STRIP = 64           # columns of one unit in kernels that work column by column
    ELEMENT_BLOCK = 8192        # elements of one unit in kernels that work element by element

ctypedef void (*words_t)(uint64_t seed, uint64_t block, uint32_t* out, Py_ssize_t blocks) noexcept nogil

ctypedef struct Kernels:
    inner_t inner[N_INNER]
    kernel_t loop               # runs call.inner over operands of any strides        (loop.pxi)
    kernel_t tiles              # the same where an input lies across                 (tiles.pxi)
    kernel_t matmul             # a product, cut into units of rows and columns        (matmul.pxi)
    kernel_t matmul_axpy        # one with few rows, B's rows contiguous               (matvec.pxi)
    kernel_t matmul_dot         # one with few rows, A's rows and B's columns contiguous
    Py_ssize_t lanes            # elements of a vector
    Py_ssize_t tile_rows        # what the product keeps in registers
    Py_ssize_t tile_cols
    kernel_t reduce[N_REDUCTIONS]
    kernel_t arg_max            # value and index
    kernel_t arg_min
    kernel_t cumsum
    kernel_t norm               # layer, batch, group and instance norm                (norm.pxi)
    kernel_t norm_backward
    kernel_t softmax[N_SOFTMAX]
    kernel_t softmax_backward[N_SOFTMAX]
    kernel_t cross_entropy
    kernel_t cross_entropy_backward
    kernel_t loss[N_LOSSES]
    kernel_t loss_backward[N_LOSSES]
    kernel_t sgd
    kernel_t adam
    kernel_t rmsprop
    kernel_t adagrad
    kernel_t scatter_add        # out[offset[r]] += row r                              (scatter_add.pxi)
    kernel_t dropout
    words_t words               # random ones; float64 only                            (philox_simd.pxi)
