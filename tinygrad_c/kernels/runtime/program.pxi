"""Programs: the Calls of a training step, kept as plain data to be run again; part of dispatch.pyx.

While `recorder` is set, run() and the few ops that do work without a Call append to it. What is kept must be complete: every
memory that an entry reads was written by an entry before it, or lies outside the program (a parameter, an input). So the
recorder knows the blocks that were allocated meanwhile, and which operands each kernel writes. What it does not know, a kernel
or memory that the host wrote, is a reason to refuse: see refuse().
"""

cdef Program* recorder = NULL
cdef object refusal = None          # (reason, file, line), the first one of this recording

cdef enum:
    OPERAND_0 = 1                   # bits: the operands that a kernel writes
    N_KNOWN = 160

cdef Known[N_KNOWN] known
cdef int n_known = 0


cdef void know(kernel_t kernel, const char* name, int writes, int role, int n_params, int n_strides) noexcept:
    global n_known
    cdef int i
    for i in range(n_known):
        if known[i].kernel == kernel:
            return
    if kernel != NULL and n_known < N_KNOWN:
        known[n_known].kernel, known[n_known].name = kernel, name
        known[n_known].writes, known[n_known].role = writes, role
        known[n_known].n_params, known[n_known].n_strides = n_params, n_strides
        n_known += 1


cdef void know_kernels() noexcept:
    """What may be recorded. Other kernels read what the host has written for them (an index plan, a random position)."""
    cdef Kernels* t
    cdef int dtype, i
    for dtype in range(N_DTYPES):
        t = &tables[dtype]
        know(t.loop, b"elementwise", OPERAND_0, ROLE_ELEMENTWISE, MAX_PARAMS, MAX_NDIM)
        know(t.tiles, b"elementwise", OPERAND_0, ROLE_ELEMENTWISE, MAX_PARAMS, MAX_NDIM)
        if dtype < FLOAT32:
            continue
        know(t.matmul, b"matmul", OPERAND_0, ROLE_MATMUL, 5, 3)
        know(t.matmul_axpy, b"matmul", OPERAND_0, ROLE_MATMUL, 5, 3)
        know(t.matmul_dot, b"matmul", OPERAND_0, ROLE_MATMUL, 5, 3)
        know(t.reduce[SUM], b"sum", OPERAND_0, ROLE_PLAIN, 1, 0)
        know(t.reduce[SQUARES], b"sum of squares", OPERAND_0, ROLE_PLAIN, 1, 0)
        for i in range(N_SOFTMAX):
            know(t.softmax[i], b"softmax", OPERAND_0, ROLE_PLAIN, 0, 0)
            know(t.softmax_backward[i], b"softmax backward", OPERAND_0, ROLE_PLAIN, 0, 0)
        know(t.cross_entropy, b"cross_entropy", OPERAND_0 | 8, ROLE_PLAIN, 5, 0)
        know(t.cross_entropy_backward, b"cross_entropy backward", OPERAND_0, ROLE_PLAIN, 5, 0)
        for i in range(N_LOSSES):
            know(t.loss[i], b"loss", OPERAND_0, ROLE_PLAIN, 2, 0)
            know(t.loss_backward[i], b"loss backward", OPERAND_0, ROLE_PLAIN, 2, 0)
        know(t.sgd, b"SGD", OPERAND_0 | 4, ROLE_SGD, 5, 0)
        know(t.adam, b"Adam", OPERAND_0 | 4 | 8 | 16, ROLE_ADAM, 8, 0)
    know(run_inner, b"elementwise", OPERAND_0, ROLE_ELEMENTWISE, MAX_PARAMS, 0)
    know(store_constant, b"constant", OPERAND_0, ROLE_PLAIN, MAX_PARAMS, 0)
    know(add_partials, b"total", OPERAND_0, ROLE_PLAIN, MAX_PARAMS, 0)
    know(divide_number, b"divide", OPERAND_0, ROLE_PLAIN, MAX_PARAMS, 0)


cdef const Known* known_kernel(kernel_t kernel) noexcept:
    cdef int i
    for i in range(n_known):
        if known[i].kernel == kernel:
            return &known[i]
    return NULL


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


cdef inline double real_of(const char* p, Py_ssize_t i, Py_ssize_t size) noexcept nogil:
    return (<const float*> p)[i] if size == sizeof(float) else (<const double*> p)[i]


cdef inline void set_real_of(char* p, double value, Py_ssize_t size) noexcept nogil:
    if size == sizeof(float):
        (<float*> p)[0] = <float> value
    else:
        (<double*> p)[0] = value


cdef void add_partials(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Add up the shape[0] sums in operand 1, divide by param 1; shape[1] is 2 if every other one is a weight, and a divisor of
    0 stands for their sum."""
    cdef double total = 0, weights = 0, value, divisor = call.param[1].f
    cdef Py_ssize_t i
    for i in range(call.shape[0]):
        value = real_of(call.operand[1].data, i, call.operand[1].itemsize)
        if call.shape[1] == 2 and i & 1:
            weights += value
        else:
            total += value
    set_real_of(call.operand[0].data, total / (divisor if divisor != 0 else weights), call.operand[0].itemsize)


cdef void divide_number(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Operand 0 by param 0, as mean does with the sum of all elements."""
    cdef char* p = call.operand[0].data
    set_real_of(p, real_of(p, 0, call.operand[0].itemsize) / call.param[0].f, call.operand[0].itemsize)


# ---- Recording

cdef int start_recording(Program* program) except -1:
    global recorder, refusal
    if recorder != NULL:
        raise RuntimeError("a program is being recorded already")
    if n_known == 0:
        know_kernels()
    memset(program, 0, sizeof(Program))
    program.thread = PyThread_get_thread_ident()
    refusal = None
    recorder = program
    return 0


cdef object stop_recording():
    """Gives the reason to refuse, or None."""
    global recorder
    if recorder != NULL and recorder.failed == OUT_OF_MEMORY and refusal is None:
        refuse("there is no memory left for the program")
    recorder = NULL
    return refusal


cdef void free_program(Program* program) noexcept:
    cdef Py_ssize_t i
    for i in range(program.n_blocks):
        free(program.blocks[i].map)
    free(program.calls)
    free(program.origins)
    free(program.blocks)
    free(program.outside)
    free(program.labels)
    memset(program, 0, sizeof(Program))


cdef void refuse(const char* reason) noexcept:
    """The step does what a program cannot hold: say so, with the line, once the step is over."""
    global refusal
    if recorder == NULL or refusal is not None:
        return
    if recorder.thread != PyThread_get_thread_ident():
        recorder.failed = OTHER_THREAD
        return
    try:
        file, line = None, 0
        frame = sys._getframe(0)
        while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
            frame = frame.f_back
        if frame is not None:
            file, line = frame.f_code.co_filename, frame.f_lineno
        refusal = (reason.decode(), file, line)
    except BaseException:
        recorder.failed = OUT_OF_MEMORY


cdef void* grown(void* items, Py_ssize_t n, Py_ssize_t* capacity, Py_ssize_t size) noexcept:
    """`items` with room for one more, or NULL."""
    cdef void* larger
    if n < capacity[0]:
        return items
    larger = realloc(items, (2 * capacity[0] + 32) * size)
    if larger == NULL:
        recorder.failed = OUT_OF_MEMORY
        return NULL
    capacity[0] = 2 * capacity[0] + 32
    return larger


cdef Block* block_of(const Program* program, const char* p) noexcept:
    cdef Py_ssize_t i = program.n_blocks - 1
    while i >= 0:
        if program.blocks[i].data <= p < program.blocks[i].data + program.blocks[i].nbytes:
            return &program.blocks[i]
        i -= 1
    return NULL


cdef void record_block(char* data, Py_ssize_t nbytes) noexcept:
    """Memory was allocated: what it holds is nothing that the program has written."""
    cdef void* larger
    cdef Py_ssize_t i
    if recorder.thread != PyThread_get_thread_ident():
        recorder.failed = OTHER_THREAD
        return
    nbytes = max(nbytes, 1)
    recorder.allocations += 1
    for i in range(recorder.n_blocks):
        if recorder.blocks[i].data == data:
            recorder.blocks[i].nbytes = nbytes
            recorder.blocks[i].written = False
            free(recorder.blocks[i].map)
            recorder.blocks[i].map = NULL
            recorder.blocks[i].allocation = recorder.allocations
            return
    larger = grown(recorder.blocks, recorder.n_blocks, &recorder.blocks_capacity, sizeof(Block))
    if larger == NULL:
        return
    recorder.blocks = <Block*> larger
    recorder.blocks[recorder.n_blocks].data = data
    recorder.blocks[recorder.n_blocks].nbytes = nbytes
    recorder.blocks[recorder.n_blocks].written = False
    recorder.blocks[recorder.n_blocks].map = NULL
    recorder.blocks[recorder.n_blocks].allocation = recorder.allocations
    recorder.n_blocks += 1


cdef bint written_whole(Block* block) noexcept:
    """Whether parts that were written one by one make up the whole."""
    cdef Py_ssize_t i
    if block.map == NULL:
        return False
    for i in range(block.nbytes):
        if not block.map[i]:
            return False
    block.written = True
    return True


cdef void mark_part(Block* block, const Call* call) noexcept:
    """An elementwise kernel writes a part of the block: which bytes."""
    cdef Py_ssize_t[MAX_NDIM] index
    cdef Py_ssize_t size = call.operand[0].itemsize, at = call.operand[0].data - block.data
    cdef int d
    if block.map == NULL:
        block.map = <char*> calloc(block.nbytes, 1)
        if block.map == NULL:
            recorder.failed = OUT_OF_MEMORY
            return
    memset(index, 0, sizeof(index))
    while True:
        if 0 <= at and at + size <= block.nbytes:
            memset(block.map + at, 1, size)
        d = call.ndim - 1
        while d >= 0:
            index[d] += 1
            at += call.operand[0].stride[d] * size
            if index[d] < call.shape[d]:
                break
            at -= index[d] * call.operand[0].stride[d] * size
            index[d] = 0
            d -= 1
        if d < 0:
            return


cdef void mark_written_by(Block* block, const Call* call, int role) noexcept:
    cdef Py_ssize_t n = 1
    cdef int d
    if block.written:
        return
    if role == ROLE_ELEMENTWISE or role == ROLE_MATMUL:
        for d in range(call.ndim if role == ROLE_ELEMENTWISE else 3):
            n *= call.shape[d]
        if role == ROLE_MATMUL:         # a product does not say of what: 4 bytes or 8
            block.written = n * sizeof(float) == block.nbytes or n * sizeof(double) == block.nbytes
            return
        if n * call.operand[0].itemsize != block.nbytes:
            mark_part(block, call)
            return
    block.written = True                # other kernels write all of memory that was made for them


cdef void touch(char* p, bint reads, bint writes, int role) noexcept:
    """An entry reads or writes the memory at p."""
    cdef Block* block = block_of(recorder, p)
    cdef void* larger
    cdef Py_ssize_t i
    if block != NULL:
        if reads and not block.written and not written_whole(block):
            refuse("it reads numbers that Python wrote (tensor([...]), zeros(), indexing): make them before the step")
        return
    for i in range(recorder.n_outside):
        if recorder.outside[i].data == p:
            break
    else:
        larger = grown(recorder.outside, recorder.n_outside, &recorder.outside_capacity, sizeof(Outside))
        if larger == NULL:
            return
        recorder.outside = <Outside*> larger
        i = recorder.n_outside
        recorder.outside[i].data, recorder.outside[i].written = p, False
        recorder.n_outside += 1
    if writes:
        recorder.outside[i].written = True
        if role != ROLE_SGD and role != ROLE_ADAM:
            refuse("it writes in place to a tensor from outside the step, and no built-in SGD or Adam does it: a buffer, as "
                   "batch norm's, a gradient that is added to or filled with zeros, or an update in Python")


cdef void record_call(const Call* call) noexcept:
    cdef const Known* what
    cdef const Block* block
    cdef Block* whole
    cdef void* larger
    cdef int i, written
    cdef bint writes
    if recorder.failed or refusal is not None:
        return
    if recorder.thread != PyThread_get_thread_ident():
        recorder.failed = OTHER_THREAD
        return
    what = known_kernel(call.kernel)
    if what == NULL:
        refuse("it uses an operation that cannot be recorded yet: recorded are elementwise operations, sums, products of "
               "matrices, softmax, the losses, SGD and Adam")
        return
    written = what.writes
    if what.role == ROLE_MATMUL and call.param[MATMUL_FLAGS].i & MATMUL_OTHER_IS_OUT:
        written |= 16
    for i in range(call.n_operands):
        if call.operand[i].data == NULL:
            continue
        writes = written >> i & 1
        if not writes or what.role in (ROLE_SGD, ROLE_ADAM) or (
                what.role == ROLE_MATMUL and call.param[MATMUL_FLAGS].i & MATMUL_ACCUMULATE) \
                or call.kernel == divide_number:
            touch(call.operand[i].data, True, False, what.role)
    for i in range(call.n_operands):
        if call.operand[i].data != NULL and written >> i & 1:
            touch(call.operand[i].data, False, True, what.role)
            whole = block_of(recorder, call.operand[i].data)
            if whole != NULL:
                mark_written_by(whole, call, what.role)
    larger = grown(recorder.calls, recorder.n, &recorder.capacity, sizeof(Call))
    if larger == NULL:
        return
    recorder.calls = <Call*> larger
    recorder.calls[recorder.n] = call[0]
    larger = grown(recorder.origins, recorder.n, &recorder.origins_capacity, sizeof(Origin))
    if larger == NULL:
        return
    recorder.origins = <Origin*> larger
    for i in range(call.n_operands):
        block = block_of(recorder, call.operand[i].data)
        recorder.origins[recorder.n].allocation[i] = 0 if block == NULL else block.allocation
        recorder.origins[recorder.n].offset[i] = 0 if block == NULL else call.operand[i].data - block.data
    recorder.n += 1


cdef void record_inner(inner_t inner, Py_ssize_t n, Py_ssize_t size, int n_inputs, char** p, const Scalar* param,
                       int n_params) noexcept:
    cdef Call call
    cdef int i
    memset(&call, 0, sizeof(Call))
    call.kernel, call.inner, call.ndim, call.n_operands, call.units = run_inner, inner, 1, 1 + n_inputs, 1
    call.shape[0] = n
    call.operand[0].itemsize, call.operand[0].stride[0] = size, 1
    for i in range(1 + n_inputs):
        call.operand[i].data = p[i]
    for i in range(n_params):
        call.param[i] = param[i]
    record_call(&call)


cdef void record_constant(char* data, Py_ssize_t nbytes) noexcept:
    """A number that the host has just written, the same at every step."""
    cdef Call call
    memset(&call, 0, sizeof(Call))
    call.kernel, call.ndim, call.n_operands, call.units = store_constant, 1, 1, 1
    call.shape[0] = 1
    call.operand[0].data, call.operand[0].itemsize = data, nbytes
    memcpy(&call.param[0], data, nbytes)
    record_call(&call)


cdef void record_total(char* out, const char* partial, Py_ssize_t n, Py_ssize_t each, Py_ssize_t size, double divisor) noexcept:
    cdef Call call
    memset(&call, 0, sizeof(Call))
    call.kernel, call.ndim, call.n_operands, call.units = add_partials, 2, 2, 1
    call.shape[0], call.shape[1] = n, each
    call.operand[0].data, call.operand[0].itemsize = out, size
    call.operand[1].data, call.operand[1].itemsize = <char*> partial, size
    call.param[1].f = divisor
    record_call(&call)


cdef void record_division(char* out, Py_ssize_t size, double n) noexcept:
    cdef Call call
    memset(&call, 0, sizeof(Call))
    call.kernel, call.ndim, call.n_operands, call.units = divide_number, 1, 1, 1
    call.shape[0] = 1
    call.operand[0].data, call.operand[0].itemsize = out, size
    call.param[0].f = n
    record_call(&call)


cdef void record_labels(const int64_t* data, Py_ssize_t n, int64_t classes, int64_t ignored) noexcept:
    """Class indices whose range the host has checked: each replay checks them again, and that none is ignored."""
    cdef void* larger
    cdef Labels* labels
    cdef Py_ssize_t i
    if recorder.failed:
        return
    for i in range(n):
        if data[i] == ignored:
            recorder.failed = UNSUITED
    larger = grown(recorder.labels, recorder.n_labels, &recorder.labels_capacity, sizeof(Labels))
    if larger == NULL:
        return
    recorder.labels = <Labels*> larger
    labels = &recorder.labels[recorder.n_labels]
    labels.data, labels.n, labels.classes, labels.ignored = data, n, classes, ignored
    recorder.n_labels += 1


# ---- Running it again

cdef void replay(const Program* program) noexcept nogil:
    """What run() did, Call by Call. It needs no lock."""
    cdef const Call* call = program.calls
    cdef const Call* end = call + program.n
    cdef fp_state state
    while call < end:
        if call.work < TINY_WORK:
            call.kernel(call, 0, call.units)
        else:
            state = flush_denormals()
            if is_short(call):
                call.kernel(call, 0, call.units)
            else:
                run_shared(call)
            restore_denormals(state)
        call += 1


cdef bint labels_fit(const Program* program) noexcept nogil:
    cdef Py_ssize_t i, k
    cdef const Labels* labels
    cdef bint fit = True
    for i in range(program.n_labels):
        labels = &program.labels[i]
        for k in range(labels.n):
            fit &= 0 <= labels.data[k] < labels.classes and labels.data[k] != labels.ignored
    return fit
