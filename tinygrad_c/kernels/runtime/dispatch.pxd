"""run(call), the single entry point to the kernels, and the kernel table of each dtype."""
from libc.stdint cimport int64_t, uint64_t

from tinygrad_c.kernels.call cimport MAX_OPERANDS, Call, Scalar, inner_t, kernel_t
from tinygrad_c.kernels.table cimport Kernels

cdef enum:
    TINY_WORK = 32              # nanoseconds: below this, denormals cost less than setting and restoring flush-to-zero (7 ns)

cdef Kernels* kernels(int dtype) noexcept
cdef void run(const Call* call) noexcept        # the caller holds the GIL
cdef void keep_gil(int change) noexcept         # +1: run() never releases the GIL, until the matching -1
cdef int retire(object memory) except -1        # keep it until every kernel that runs now has ended: epochs.pxi
cdef int enter() noexcept                       # before kernels run without the GIL, and
cdef void leave(int entered) noexcept           # after them

# Programs: program.pxi.
cdef enum:                      # what a kernel is to a program
    ROLE_PLAIN
    ROLE_ELEMENTWISE            # it runs Call.inner
    ROLE_MATMUL
    ROLE_SGD                    # the optimizers
    ROLE_ADAM
    ROLE_RMSPROP
    ROLE_ADAGRAD
    ROLE_ADADELTA
    ROLE_ADAMAX
    ROLE_NADAM
    ROLE_RADAM
    ROLE_RPROP
    ROLE_ASGD                   # the last of them
    ROLE_RANDOM                 # param 0 and 1 are set by the Call before it
    ROLE_CONTENT                # param 0 is the address of its content, param 1 the number of bytes

cdef enum:                      # Program.failed: this recording is of no use, another may be
    OUT_OF_MEMORY = 1
    OTHER_THREAD = 2            # computed meanwhile
    UNSUITED = 3                # a first step

cdef enum:
    MATMUL_FLAGS = 0            # param[...].i of a matrix product, kernels/matmul/matmul.pxd
    MATMUL_ACCUMULATE = 1       # two of its bits: C is read,
    MATMUL_OTHER_IS_OUT = 64    # operand 4 is written

ctypedef struct Block:          # memory that was allocated while the program was recorded
    char* data
    Py_ssize_t nbytes
    Py_ssize_t allocation       # the number of the allocation that it was given out by last, from 1 on
    bint written                # all of it, by entries of the program
    char* map                   # if only parts: which bytes, or NULL

ctypedef struct Origin:         # of a Call's operands: which allocation's memory, 0: outside; and where in it
    Py_ssize_t allocation[MAX_OPERANDS]
    Py_ssize_t offset[MAX_OPERANDS]

ctypedef struct Outside:        # an address that an entry reads or writes, of memory that was there before
    char* data
    Py_ssize_t first_write      # the first entry that writes to it, or -1

ctypedef struct Labels:
    const int64_t* data
    Py_ssize_t n
    int64_t classes
    int64_t ignored

ctypedef struct Program:
    Call* calls
    Origin* origins
    Py_ssize_t n
    Py_ssize_t capacity
    Py_ssize_t origins_capacity
    Py_ssize_t allocations
    Block* blocks
    Py_ssize_t n_blocks
    Py_ssize_t blocks_capacity
    Outside* outside
    Py_ssize_t n_outside
    Py_ssize_t outside_capacity
    Labels* labels
    Py_ssize_t n_labels
    Py_ssize_t labels_capacity
    unsigned long thread        # that is recorded
    int failed

ctypedef struct Known:          # a kernel that may be recorded
    kernel_t kernel
    const char* name
    int writes                  # bits of the operands that it writes,
    int updates                 # and of those among them that it reads too
    int role
    int itemsize                # of a matrix product's elements
    int n_params                # that it reads
    int n_strides               # of each operand that it reads; MAX_NDIM: as many as there are dimensions

cdef Program* recorder          # NULL: nothing is recorded
cdef int start_recording(Program* program) except -1
cdef object stop_recording()
cdef void free_program(Program* program) noexcept
cdef void refuse(const char* reason) noexcept       # nothing, unless a program is being recorded
cdef const Known* known_kernel(kernel_t kernel) noexcept
cdef int written_by(const Call* call) noexcept
cdef Block* block_of(const Program* program, const char* p) noexcept
# To be called only while recorder is set.
cdef void record_block(char* data, Py_ssize_t nbytes) noexcept
# `size`: bytes of an element of the output.
cdef void record_inner(inner_t inner, Py_ssize_t n, Py_ssize_t size, int n_inputs, char** p, const Scalar* param,
                       int n_params) noexcept
cdef void record_call(const Call* call) noexcept
cdef void record_constant(char* data, Py_ssize_t nbytes) noexcept
cdef void record_content(char* data, Py_ssize_t nbytes) noexcept
cdef void record_zeros(char* data, Py_ssize_t nbytes) noexcept
cdef void record_total(char* out, const char* partial, Py_ssize_t n, Py_ssize_t each, Py_ssize_t size, double divisor) noexcept
cdef void record_factor(char* out, const char* partial, Py_ssize_t n, Py_ssize_t size) noexcept
cdef void record_sum(char* out, const char* numbers, Py_ssize_t n, Py_ssize_t size) noexcept
cdef void record_division(char* out, Py_ssize_t size, double n) noexcept
cdef void record_number(char* number, int param, int distance=*) noexcept
cdef void record_check(char* wrong, Py_ssize_t size) noexcept
cdef int record_draw(uint64_t* stream, uint64_t blocks, object owner) except -1
cdef void record_labels(const int64_t* data, Py_ssize_t n, int64_t classes, int64_t ignored, char* wrong) noexcept

cdef list random_streams()
cdef bint replay(Program* program) noexcept nogil
cdef bint labels_fit(const Program* program) noexcept nogil
cdef bint is_written(Program* program, const char* p) noexcept
cdef void take_number(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void stop_if(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void draw_blocks(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
