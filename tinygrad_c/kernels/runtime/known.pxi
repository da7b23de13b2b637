"""The kernels that a program may hold, and the kernels that stand for what an op does without a Call; part of dispatch.pyx."""

cdef enum:
    OPERAND_0 = 1                   # bits: operands of a kernel
    OPERAND_1 = 2
    OPERAND_2 = 4
    OPERAND_3 = 8
    OPERAND_4 = 16
    OPERAND_5 = 32
    N_KNOWN = 256
    N_SLOTS = 1024                  # a power of 2

cdef Known[N_KNOWN] known
cdef int n_known = 0
cdef Known* known_at[N_SLOTS]        # by the kernel's address, the next free place after its own


cdef inline size_t slot_of(kernel_t kernel) noexcept:
    return (<size_t> kernel >> 4) * 0x9E3779B1 >> 8 & (N_SLOTS - 1)


cdef void know(kernel_t kernel, const char* name, int writes, int role, int n_params, int n_strides=0, int updates=0,
               int itemsize=0) noexcept:
    """A kernel that may be recorded. writes: the operands that it writes; updates: those of them that it reads too."""
    global n_known
    cdef size_t slot = slot_of(kernel)
    if known_kernel(kernel) != NULL:
        return
    if kernel != NULL and n_known < N_KNOWN:
        while known_at[slot] != NULL:
            slot = (slot + 1) & (N_SLOTS - 1)
        known_at[slot] = &known[n_known]
        known[n_known].kernel, known[n_known].name = kernel, name
        known[n_known].writes, known[n_known].updates, known[n_known].role = writes, updates, role
        known[n_known].n_params, known[n_known].n_strides = n_params, n_strides
        known[n_known].itemsize = itemsize
        n_known += 1


cdef void know_kernels() noexcept:
    """What may be recorded. Other kernels read what the host has written for them."""
    cdef Kernels* t
    cdef int dtype, i, size
    for dtype in range(N_DTYPES):
        t = &tables[dtype]
        size = 8 if dtype == FLOAT64 or dtype == INT64 else 4 if dtype == FLOAT32 or dtype == INT32 else 1
        know(t.loop, b"elementwise", OPERAND_0, ROLE_ELEMENTWISE, MAX_PARAMS, MAX_NDIM)
        know(t.tiles, b"elementwise", OPERAND_0, ROLE_ELEMENTWISE, MAX_PARAMS, MAX_NDIM)
        know(t.matmul, b"matmul", OPERAND_0, ROLE_MATMUL, 5, 3, 0, size)
        know(t.matmul_axpy, b"matmul", OPERAND_0, ROLE_MATMUL, 5, 3, 0, size)
        know(t.matmul_dot, b"matmul", OPERAND_0, ROLE_MATMUL, 5, 3, 0, size)
        know(t.reduce[SUM], b"sum", OPERAND_0, ROLE_PLAIN, 1)
        know(t.reduce[SQUARES], b"sum of squares", OPERAND_0, ROLE_PLAIN, 1)
        know(t.reduce[PROD], b"product", OPERAND_0, ROLE_PLAIN, 1)
        know(t.reduce[MAX], b"max", OPERAND_0, ROLE_PLAIN, 1)
        know(t.reduce[MIN], b"min", OPERAND_0, ROLE_PLAIN, 1)
        know(t.arg_max, b"argmax", OPERAND_0 | OPERAND_2, ROLE_PLAIN, 0)
        know(t.arg_min, b"argmin", OPERAND_0 | OPERAND_2, ROLE_PLAIN, 0)
        know(t.cumsum, b"cumsum", OPERAND_0, ROLE_PLAIN, 2)
        if dtype < FLOAT32:
            continue
        for i in range(N_SOFTMAX):
            know(t.softmax[i], b"softmax", OPERAND_0, ROLE_PLAIN, 0)
            know(t.softmax_backward[i], b"softmax backward", OPERAND_0, ROLE_PLAIN, 0)
        know(t.norm, b"norm", OPERAND_0 | OPERAND_2, ROLE_PLAIN, 8)
        know(t.norm_backward, b"norm backward", OPERAND_0 | OPERAND_5, ROLE_PLAIN, 8)
        know(t.cross_entropy, b"cross_entropy", OPERAND_0 | OPERAND_3, ROLE_PLAIN, 5)
        know(t.cross_entropy_backward, b"cross_entropy backward", OPERAND_0, ROLE_PLAIN, 5)
        for i in range(N_LOSSES):
            know(t.loss[i], b"loss", OPERAND_0, ROLE_PLAIN, 2)
            know(t.loss_backward[i], b"loss backward", OPERAND_0, ROLE_PLAIN, 2)
        know(t.sgd, b"SGD", OPERAND_0 | OPERAND_2, ROLE_SGD, 5, 0, OPERAND_0 | OPERAND_2)
        know(t.adam, b"Adam", OPERAND_0 | OPERAND_2 | OPERAND_3 | OPERAND_4, ROLE_ADAM, 8, 0,
             OPERAND_0 | OPERAND_2 | OPERAND_3 | OPERAND_4)
        know(t.rmsprop, b"RMSprop", OPERAND_0 | OPERAND_2 | OPERAND_3 | OPERAND_4, ROLE_RMSPROP, 6, 0,
             OPERAND_0 | OPERAND_2 | OPERAND_3 | OPERAND_4)
        know(t.adagrad, b"Adagrad", OPERAND_0 | OPERAND_2, ROLE_ADAGRAD, 4, 0, OPERAND_0 | OPERAND_2)
        know(t.adadelta, b"Adadelta", OPERAND_0 | OPERAND_2 | OPERAND_3, ROLE_ADADELTA, 5, 0, OPERAND_0 | OPERAND_2 | OPERAND_3)
        know(t.adamax, b"Adamax", OPERAND_0 | OPERAND_2 | OPERAND_3, ROLE_ADAMAX, 6, 0, OPERAND_0 | OPERAND_2 | OPERAND_3)
        know(t.nadam, b"NAdam", OPERAND_0 | OPERAND_2 | OPERAND_3, ROLE_NADAM, 8, 0, OPERAND_0 | OPERAND_2 | OPERAND_3)
        know(t.radam, b"RAdam", OPERAND_0 | OPERAND_2 | OPERAND_3, ROLE_RADAM, 7, 0, OPERAND_0 | OPERAND_2 | OPERAND_3)
        know(t.rprop, b"Rprop", OPERAND_0 | OPERAND_2 | OPERAND_3, ROLE_RPROP, 5, 0, OPERAND_0 | OPERAND_2 | OPERAND_3)
        know(t.asgd, b"ASGD", OPERAND_0 | OPERAND_2, ROLE_ASGD, 5, 0, OPERAND_0 | OPERAND_2)
        know(t.dropout, b"dropout", OPERAND_0, ROLE_PLAIN, 1)
        know(t.scatter_add, b"scatter_add", OPERAND_1, ROLE_PLAIN, 0, 0, OPERAND_1)
    know(movers.take, b"gather", OPERAND_0, ROLE_PLAIN, 0)
    know(movers.put, b"scatter", OPERAND_1, ROLE_PLAIN, 0, 0, OPERAND_1)
    know(movers.offsets, b"offsets", OPERAND_0 | OPERAND_2, ROLE_PLAIN, 5)
    know(movers.triangle, b"triangle", OPERAND_0, ROLE_PLAIN, 2)
    know(order.sort_rows, b"sort", OPERAND_0 | OPERAND_2, ROLE_PLAIN, 2)
    know(order.top_rows, b"topk", OPERAND_0 | OPERAND_2, ROLE_PLAIN, 2)
    know(order.select_rows, b"kthvalue", OPERAND_0 | OPERAND_2, ROLE_PLAIN, 3)
    know(order.search_rows, b"searchsorted", OPERAND_0, ROLE_PLAIN, 3)
    know(windows.columns, b"im2col", OPERAND_0, ROLE_PLAIN, 6)
    know(windows.fold, b"col2im", OPERAND_0, ROLE_PLAIN, 6)
    know(windows.largest, b"max pooling", OPERAND_0 | OPERAND_2, ROLE_PLAIN, 6)
    know(windows.put, b"max pooling backward", OPERAND_0, ROLE_PLAIN, 6)
    know(philox.uniform32, b"uniform", OPERAND_0, ROLE_RANDOM, 4)
    know(philox.uniform64, b"uniform", OPERAND_0, ROLE_RANDOM, 4)
    know(philox.normal32, b"normal", OPERAND_0, ROLE_RANDOM, 4)
    know(philox.normal64, b"normal", OPERAND_0, ROLE_RANDOM, 4)
    know(philox.keep, b"bernoulli", OPERAND_0, ROLE_RANDOM, 4)
    know(philox.draw_below, b"randint", OPERAND_0, ROLE_RANDOM, 5)
    know(philox.draw_order, b"randperm", OPERAND_0, ROLE_RANDOM, 5)
    know(run_inner, b"elementwise", OPERAND_0, ROLE_ELEMENTWISE, MAX_PARAMS)
    know(store_constant, b"constant", OPERAND_0, ROLE_PLAIN, MAX_PARAMS)
    know(store_content, b"constants", OPERAND_0, ROLE_CONTENT, 2)
    know(store_zeros, b"zeros", OPERAND_0, ROLE_PLAIN, 0)
    know(add_partials, b"total", OPERAND_0, ROLE_PLAIN, MAX_PARAMS)
    know(divide_number, b"divide", OPERAND_0, ROLE_PLAIN, 1, 0, OPERAND_0)
    know(factor_of_mean, b"factor", OPERAND_0, ROLE_PLAIN, MAX_PARAMS)
    know(add_numbers, b"total", OPERAND_0, ROLE_PLAIN, 0)
    know(labels_outside, b"check of labels", OPERAND_0, ROLE_PLAIN, 2)
    know(draw_blocks, b"random stream", 0, ROLE_PLAIN, 3)
    know(take_number, b"number", 0, ROLE_PLAIN, 2)
    know(stop_if, b"check", 0, ROLE_PLAIN, 0)


cdef const Known* known_kernel(kernel_t kernel) noexcept:
    cdef size_t slot = slot_of(kernel)
    while known_at[slot] != NULL:
        if known_at[slot].kernel == kernel:
            return known_at[slot]
        slot = (slot + 1) & (N_SLOTS - 1)
    return NULL


cdef int written_by(const Call* call) noexcept:
    """Bits: the operands that a Call of a known kernel writes."""
    cdef const Known* what = known_kernel(call.kernel)
    if what.role == ROLE_MATMUL and call.param[MATMUL_FLAGS].i & MATMUL_OTHER_IS_OUT:
        return what.writes | OPERAND_4
    return what.writes


# ---- What is done without a Call, as kernels

cdef void run_inner(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """The inner of an elementwise kernel alone, on shape[0] elements."""
    cdef char* p[MAX_OPERANDS]
    cdef int i
    for i in range(call.n_operands):
        p[i] = call.operand[i].data
    call.inner(call.shape[0], p, call.param)


cdef void store_constant(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """The bytes of param 0 into operand 0."""
    memcpy(call.operand[0].data, &call.param[0], call.operand[0].itemsize)


cdef void store_content(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """The param 1 bytes at param 0, which the program owns, into operand 0."""
    memcpy(call.operand[0].data, <const void*> <size_t> call.param[0].i, call.param[1].i)


cdef void store_zeros(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """shape[0] bytes of 0 into operand 0."""
    memset(call.operand[0].data, 0, call.shape[0])


cdef inline double real_of(const char* p, Py_ssize_t i, Py_ssize_t size) noexcept nogil:
    return (<const float*> p)[i] if size == sizeof(float) else (<const double*> p)[i]


cdef inline void set_real_of(char* p, double value, Py_ssize_t size) noexcept nogil:
    if size == sizeof(float):
        (<float*> p)[0] = <float> value
    else:
        (<double*> p)[0] = value


cdef inline double total_of(const Call* call, double* weights) noexcept nogil:
    """The sum of the shape[0] sums in operand 1; if shape[1] is 2, every other one is a weight: `weights` is their sum."""
    cdef double total = 0, value
    cdef Py_ssize_t i
    weights[0] = 0
    for i in range(call.shape[0]):
        value = real_of(call.operand[1].data, i, call.operand[1].itemsize)
        if call.shape[1] == 2 and i & 1:
            weights[0] += value
        else:
            total += value
    return total


cdef void add_partials(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Operand 0 = the total by param 1; a divisor of 0 stands for the sum of the weights."""
    cdef double weights, divisor = call.param[1].f
    cdef double total = total_of(call, &weights)
    set_real_of(call.operand[0].data, total / (divisor if divisor != 0 else weights), call.operand[0].itemsize)


cdef void factor_of_mean(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Operand 0, a double = 1 / the sum of the weights in operand 1; 0 if there are none."""
    cdef double weights
    total_of(call, &weights)
    (<double*> call.operand[0].data)[0] = 1 / weights if weights != 0 else 0


cdef void add_numbers(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Operand 0, a double = the sum of the shape[0] numbers in operand 1."""
    cdef double total = 0
    cdef Py_ssize_t i
    for i in range(call.shape[0]):
        total += real_of(call.operand[1].data, i, call.operand[1].itemsize)
    (<double*> call.operand[0].data)[0] = total


cdef void divide_number(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Operand 0 by param 0, as mean does with the sum of all elements."""
    cdef char* p = call.operand[0].data
    set_real_of(p, real_of(p, 0, call.operand[0].itemsize) / call.param[0].f, call.operand[0].itemsize)


# These three change the next Call, or end the replay: control() does it. Their Calls have no units.

cdef void draw_blocks(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """The next Call's random numbers begin at the position of the stream at param 0, which advances by param 1 blocks."""


cdef void take_number(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Param number param 0 of the Call that is param 1 further on = the double in operand 0."""


cdef void stop_if(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """End the replay if operand 0, a number of itemsize bytes, is not 0."""


cdef inline bint control(Call* call) noexcept nogil:
    """Whether the replay goes on."""
    cdef uint64_t* stream
    if call.kernel == draw_blocks:
        stream = <uint64_t*> <size_t> call.param[0].i
        call[1].param[philox.RANDOM_SEED].i = <int64_t> stream[0]
        call[1].param[philox.RANDOM_BLOCK].i = <int64_t> stream[1]
        stream[1] += <uint64_t> call.param[1].i
    elif call.kernel == take_number:
        call[call.param[1].i].param[call.param[0].i].f = (<const double*> call.operand[0].data)[0]
    elif call.kernel == stop_if:
        if call.operand[0].itemsize == 1:
            return (<const char*> call.operand[0].data)[0] == 0
        return (<const int64_t*> call.operand[0].data)[0] == 0
    return True
