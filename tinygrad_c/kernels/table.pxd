"""Kernels: the table of kernels for one element type and one instruction set.

Each module in isa/ fills one such struct; dispatch.pyx picks one per dtype at import. A member is NULL where the element
type has no such kernel. `inner` holds the elementwise kernels, indexed by the constants of generated/ids.pxd.
"""
from libc.stdint cimport uint32_t, uint64_t

from tinygrad_c.kernels.call cimport MAX_PARAMS, inner_t, kernel_t
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

cdef enum:                      # Kernels.loss[...]: elementwise losses of (input, target)
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

# Geometry: block sizes that ops use to count units, and kernels to find the data of a unit.
cdef enum:
    SHORT_ROW = 32              # elements: rows of at most this length are transposed, LANES rows at a time
    ROW_BLOCK = 128             # rows per unit in row-wise kernels
    COLUMN_STRIP = 64           # columns per unit in column-wise kernels
    ELEMENT_BLOCK = 8192        # elements per unit in elementwise kernels
    LOOP_BLOCK = 512            # elements of an operand that the loop gathers at a time; at most that many in a tile
    LOOP_ALIGN = 16             # block starts in the loop are multiples of 16 elements, i.e. vector-aligned

# Indices of Call.param, one enum per kernel family. Operands and units are described in the kernel's own file.
cdef enum:                      # tiles: the last param, after those of any elementwise kernel
    TILE_PARAM_ROWS = MAX_PARAMS - 1

cdef enum:                      # reduce
    REDUCE_PIECE = 0            # .i: elements per piece

cdef enum:                      # cumsum
    SCAN_REVERSE = 0            # .i: scan from the last element to the first
    SCAN_PRODUCT = 1            # .i: cumulative product, not sum

cdef enum:                      # loss, loss_backward
    LOSS_THRESHOLD = 0          # .f: beta of smooth L1, delta of Huber
    LOSS_EACH = 1               # .i: one value per element, not sums                       (loss)
    LOSS_FACTOR = 1             # .f: on g, 1 / the number of elements for a mean           (loss_backward)

cdef enum:                      # cross_entropy, cross_entropy_backward
    CE_IGNORE_INDEX = 0         # .i
    CE_SMOOTHING = 1            # .f
    CE_ALL_WEIGHTS = 2          # .f: the sum of the class weights
    CE_EACH = 3                 # .i: one loss per row, not sums                            (cross_entropy)
    CE_FACTOR = 3               # .f: on g, 1 / the sum of the target weights for a mean    (cross_entropy_backward)
    CE_SLOPES = 4               # .i: short rows, no class weights, no smoothing, a sum: the forward pass saves the gradient

cdef enum:                      # sgd
    SGD_LR = 0
    SGD_MOMENTUM = 1
    SGD_UNDAMPED = 2            # 1 - dampening
    SGD_WEIGHT_DECAY = 3
    SGD_FLAGS = 4               # .i

cdef enum:                      # adam
    ADAM_STEP = 0               # lr / (1 - beta1^t)
    ADAM_WEIGHT = 1             # 1 - beta1
    ADAM_BETA2 = 2
    ADAM_CORRECTION = 3         # sqrt(1 - beta2^t)
    ADAM_EPS = 4
    ADAM_WEIGHT_DECAY = 5
    ADAM_SHRINK = 6             # 1 - lr * weight_decay
    ADAM_FLAGS = 7              # .i

cdef enum:                      # rmsprop
    RMSPROP_LR = 0
    RMSPROP_ALPHA = 1
    RMSPROP_EPS = 2
    RMSPROP_WEIGHT_DECAY = 3
    RMSPROP_MOMENTUM = 4
    RMSPROP_FLAGS = 5           # .i

cdef enum:                      # adagrad
    ADAGRAD_LR = 0              # of this step
    ADAGRAD_EPS = 1
    ADAGRAD_WEIGHT_DECAY = 2
    ADAGRAD_FLAGS = 3           # .i

cdef enum:                      # adadelta
    ADADELTA_LR = 0
    ADADELTA_RHO = 1
    ADADELTA_EPS = 2
    ADADELTA_WEIGHT_DECAY = 3
    ADADELTA_FLAGS = 4          # .i

cdef enum:                      # adamax
    ADAMAX_STEP = 0             # lr / (1 - beta1^t)
    ADAMAX_WEIGHT = 1           # 1 - beta1
    ADAMAX_BETA2 = 2
    ADAMAX_EPS = 3
    ADAMAX_WEIGHT_DECAY = 4
    ADAMAX_FLAGS = 5            # .i

cdef enum:                      # nadam
    NADAM_STEP_G = 0            # on the gradient,
    NADAM_STEP_M = 1            # and on its mean
    NADAM_WEIGHT = 2            # 1 - beta1
    NADAM_BETA2 = 3
    NADAM_CORRECTION = 4        # 1 - beta2^t
    NADAM_EPS = 5
    NADAM_DECAY = 6             # weight_decay, or 1 - lr * weight_decay
    NADAM_FLAGS = 7             # .i

cdef enum:                      # radam
    RADAM_STEP = 0
    RADAM_RECTIFIED = 1         # 0: the variance of v is too large to divide by
    RADAM_WEIGHT = 2            # 1 - beta1
    RADAM_BETA2 = 3
    RADAM_EPS = 4
    RADAM_DECAY = 5             # weight_decay, or 1 - lr * weight_decay
    RADAM_FLAGS = 6             # .i

cdef enum:                      # rprop
    RPROP_SHRINK = 0
    RPROP_GROW = 1
    RPROP_SMALLEST = 2
    RPROP_LARGEST = 3
    RPROP_FLAGS = 4             # .i

cdef enum:                      # asgd
    ASGD_ETA = 0
    ASGD_MU = 1
    ASGD_LAMBD = 2
    ASGD_WEIGHT_DECAY = 3
    ASGD_FLAGS = 4              # .i

cdef enum:                      # dropout
    DROPOUT_SCALE = 0

ctypedef void (*philox_simd_t)(uint64_t seed, uint64_t block, uint32_t* out, Py_ssize_t blocks) noexcept nogil

ctypedef struct Kernels:
    inner_t inner[N_INNER]
    kernel_t loop               # runs call.inner over operands of any strides        (loop.pxi)
    kernel_t tiles              # the same for inputs that are transposed             (tiles.pxi)
    kernel_t matmul             # matrix product                                       (matmul.pxi)
    kernel_t matmul_axpy        # few rows of A; rows of B contiguous                  (matvec.pxi)
    kernel_t matmul_dot         # few rows of A; rows of A and columns of B contiguous
    Py_ssize_t lanes            # elements per vector
    Py_ssize_t tile_rows        # register block of the matrix product
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
    kernel_t adadelta           # the less common optimizers                           (update_rare.pxi)
    kernel_t adamax
    kernel_t nadam
    kernel_t radam
    kernel_t rprop
    kernel_t asgd
    kernel_t scatter_add        # out[offset[r]] += row r                              (scatter_add.pxi)
    kernel_t dropout
    philox_simd_t philox_simd   # random words; float64 only                           (philox_simd.pxi)
