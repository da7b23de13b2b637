"""Programs: the Calls of a training step, kept as plain data to be run again; part of dispatch.pyx.

While `recorder` is set, run() and the few ops that do work without a Call append to it. What is kept must be complete: every
memory that an entry reads was written by an entry before it, or lies outside the program (a parameter, an input). So the
recorder knows the blocks that were allocated meanwhile, and which operands each kernel writes (known.pxi). What it does not
know, a kernel or memory that the host wrote, is a reason to refuse: see refuse(). What an op does on the host is recorded as a
Call too: record_constant() and the functions after it.
"""

cdef Program* recorder = NULL
cdef object refusal = None          # (reason, file, line), the first one of this recording
cdef list owners = []               # of the memory of random streams that this recording draws from

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
    owners.clear()
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
    for i in range(program.n):
        if program.calls[i].kernel == store_content:
            free(<void*> <size_t> program.calls[i].param[0].i)
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
    if recorder == NULL:
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


cdef bint is_written(Program* program, const char* p) noexcept:
    """Whether an entry writes the memory at p. Of a block that was written in parts, this one byte tells: the host writes whole
    tensors."""
    cdef Block* block = block_of(program, p)
    return block != NULL and (block.written or written_whole(block) or (block.map != NULL and block.map[p - block.data]))


cdef void mark_part(Block* block, const Operand* o, int ndim, const Py_ssize_t* shape, Py_ssize_t size) noexcept:
    """A kernel writes a part of the block: which bytes."""
    cdef Py_ssize_t[MAX_NDIM] index
    cdef Py_ssize_t at = o.data - block.data
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
        d = ndim - 1
        while d >= 0:
            index[d] += 1
            at += o.stride[d] * size
            if index[d] < shape[d]:
                break
            at -= index[d] * o.stride[d] * size
            index[d] = 0
            d -= 1
        if d < 0:
            return


cdef void mark_written_by(Block* block, const Operand* o, const Call* call, const Known* what) noexcept:
    cdef Py_ssize_t n = 1, size = what.itemsize if what.role == ROLE_MATMUL else call.operand[0].itemsize
    cdef int d, ndim = 3 if what.role == ROLE_MATMUL else call.ndim
    if block.written:
        return
    if what.role == ROLE_ELEMENTWISE or what.role == ROLE_MATMUL:
        for d in range(ndim):
            n *= call.shape[d]
        if n * size != block.nbytes:
            mark_part(block, o, ndim, call.shape, size)
            return
    block.written = True                # other kernels write all of memory that was made for them


cdef void touch(char* p, bint reads, bint writes) noexcept:
    """An entry reads or writes the memory at p."""
    cdef Block* block = block_of(recorder, p)
    cdef void* larger
    cdef Py_ssize_t i
    if block != NULL:
        if reads and not is_written(recorder, p):
            refuse("it reads numbers that Python wrote: make them before the step")
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
        recorder.outside[i].data, recorder.outside[i].first_write = p, -1
        recorder.n_outside += 1
    if writes and recorder.outside[i].first_write < 0:
        recorder.outside[i].first_write = recorder.n


cdef void record_call(const Call* call) noexcept:
    cdef const Known* what
    cdef const Block* block
    cdef Block* whole
    cdef void* larger
    cdef int i, written
    cdef Operand place
    if recorder == NULL or recorder.failed or refusal is not None:      # stopped by another thread after the caller looked
        return
    if recorder.thread != PyThread_get_thread_ident():
        recorder.failed = OTHER_THREAD
        return
    what = known_kernel(call.kernel)
    if what == NULL:
        refuse("it uses an operation that cannot be recorded yet")
        return
    written = written_by(call)
    for i in range(call.n_operands):
        if call.operand[i].data == NULL:
            continue
        if not written >> i & 1 or what.updates >> i & 1 or (
                what.role == ROLE_MATMUL and call.param[MATMUL_FLAGS].i & MATMUL_ACCUMULATE):
            touch(call.operand[i].data, True, False)
    for i in range(call.n_operands):
        if call.operand[i].data != NULL and written >> i & 1:
            touch(call.operand[i].data, False, True)
            whole = block_of(recorder, call.operand[i].data)
            if whole != NULL:
                place = call.operand[0]         # a product's operand 4 has C's strides
                place.data = call.operand[i].data
                mark_written_by(whole, &place if what.role == ROLE_MATMUL else &call.operand[i], call, what)
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


cdef void begin_call(Call* call, kernel_t kernel, char* to, Py_ssize_t size) noexcept:
    """A Call of one unit for what the host does."""
    memset(call, 0, sizeof(Call))
    call.kernel, call.ndim, call.n_operands, call.units = kernel, 1, 1, 1
    call.shape[0] = 1
    call.operand[0].data, call.operand[0].itemsize = to, size


cdef void add_source(Call* call, const char* source, Py_ssize_t n, Py_ssize_t each, Py_ssize_t size) noexcept:
    call.ndim, call.n_operands = 2, 2
    call.shape[0], call.shape[1] = n, each
    call.operand[1].data, call.operand[1].itemsize = <char*> source, size


cdef void record_constant(char* data, Py_ssize_t nbytes) noexcept:
    """A number that the host has just written, the same at every step."""
    cdef Call call
    begin_call(&call, store_constant, data, nbytes)
    memcpy(&call.param[0], data, nbytes)
    record_call(&call)


cdef void record_content(char* data, Py_ssize_t nbytes) noexcept:
    """Numbers that the host has just written, the same at every step."""
    cdef Call call
    cdef void* copy
    cdef Py_ssize_t n
    if nbytes == 0 or recorder == NULL:
        return
    n = recorder.n
    copy = malloc(nbytes)
    if copy == NULL:
        recorder.failed = OUT_OF_MEMORY
        return
    memcpy(copy, data, nbytes)
    begin_call(&call, store_content, data, 1)
    call.param[0].i, call.param[1].i = <int64_t> <size_t> copy, nbytes
    record_call(&call)
    if recorder.n == n:
        free(copy)


cdef void record_zeros(char* data, Py_ssize_t nbytes) noexcept:
    """Zeros that the host has just written."""
    cdef Call call
    if nbytes == 0:
        return
    begin_call(&call, store_zeros, data, 1)
    call.shape[0] = nbytes
    record_call(&call)


cdef void record_total(char* out, const char* partial, Py_ssize_t n, Py_ssize_t each, Py_ssize_t size, double divisor) noexcept:
    cdef Call call
    begin_call(&call, add_partials, out, size)
    add_source(&call, partial, n, each, size)
    call.param[1].f = divisor
    record_call(&call)


cdef void record_factor(char* out, const char* partial, Py_ssize_t n, Py_ssize_t size) noexcept:
    """out, a double = 1 / the sum of the weights among n partial sums; 0 if that is 0."""
    cdef Call call
    begin_call(&call, factor_of_mean, out, sizeof(double))
    add_source(&call, partial, n, 2, size)
    record_call(&call)


cdef void record_sum(char* out, const char* numbers, Py_ssize_t n, Py_ssize_t size) noexcept:
    """out, a double = the sum of n numbers, added one after another."""
    cdef Call call
    begin_call(&call, add_numbers, out, sizeof(double))
    add_source(&call, numbers, n, 1, size)
    record_call(&call)


cdef void record_division(char* out, Py_ssize_t size, double n) noexcept:
    cdef Call call
    begin_call(&call, divide_number, out, size)
    call.param[0].f = n
    record_call(&call)


cdef void record_number(char* number, int param, int distance=1) noexcept:
    """Of the next Call, or the one that is `distance` further on, the param is the double at `number`."""
    cdef Call call
    begin_call(&call, take_number, number, sizeof(double))
    call.units = 0
    call.param[0].i, call.param[1].i = param, distance
    record_call(&call)


cdef void record_check(char* wrong, Py_ssize_t size) noexcept:
    """The host raises an error if the number at `wrong`, a byte or an int64, is not 0."""
    cdef Call call
    begin_call(&call, stop_if, wrong, size)
    call.units = 0
    record_call(&call)


cdef int record_draw(uint64_t* stream, uint64_t blocks, object owner) except -1:
    """The next Call draws that many blocks from the stream: a seed and a position, which is of `owner`."""
    cdef Call call
    memset(&call, 0, sizeof(Call))
    call.kernel, call.ndim = draw_blocks, 1
    call.shape[0] = 1
    call.param[0].i, call.param[1].i = <int64_t> <size_t> stream, <int64_t> blocks
    record_call(&call)
    if owner not in owners:
        owners.append(owner)
    return 0


cdef list random_streams():
    """The owners of the streams that were drawn from."""
    return list(owners)


cdef void record_labels(const int64_t* data, Py_ssize_t n, int64_t classes, int64_t ignored, char* wrong) noexcept:
    """Class indices whose range the host has checked: each replay checks them again. `wrong`: an int64 of the program."""
    cdef void* larger
    cdef Labels* labels
    cdef Call call
    if recorder == NULL or recorder.failed:
        return
    if block_of(recorder, <const char*> data) != NULL:      # computed in the step
        begin_call(&call, labels_outside, wrong, sizeof(int64_t))
        add_source(&call, <const char*> data, n, 1, sizeof(int64_t))
        call.param[0].i, call.param[1].i = classes, ignored
        record_call(&call)
        record_check(wrong, sizeof(int64_t))
        return
    larger = grown(recorder.labels, recorder.n_labels, &recorder.labels_capacity, sizeof(Labels))
    if larger == NULL:
        return
    recorder.labels = <Labels*> larger
    labels = &recorder.labels[recorder.n_labels]
    labels.data, labels.n, labels.classes, labels.ignored = data, n, classes, ignored
    recorder.n_labels += 1


# ---- Running it again

cdef bint replay(Program* program) noexcept nogil:
    """What run() did, Call by Call; False if a check ended it. It needs no lock."""
    cdef Call* call = program.calls
    cdef Call* end = call + program.n
    cdef fp_state state
    while call < end:
        if call.units == 0:
            if not control(call):
                return False
        elif call.work < TINY_WORK:
            call.kernel(call, 0, call.units)
        else:
            state = flush_denormals()
            if is_short(call):
                call.kernel(call, 0, call.units)
            else:
                run_shared(call)
            restore_denormals(state)
        call += 1
    return True


cdef inline bint all_fit(const int64_t* label, Py_ssize_t n, int64_t classes, int64_t ignored) noexcept nogil:
    cdef Py_ssize_t k
    cdef bint fit = True
    for k in range(n):
        fit &= 0 <= label[k] < classes or label[k] == ignored
    return fit


cdef void labels_outside(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Operand 0, an int64 = whether one of the shape[0] labels in operand 1 is neither below param 0 nor param 1."""
    (<int64_t*> call.operand[0].data)[0] = not all_fit(<const int64_t*> call.operand[1].data, call.shape[0],
                                                       call.param[0].i, call.param[1].i)


cdef bint labels_fit(const Program* program) noexcept nogil:
    cdef Py_ssize_t i
    cdef bint fit = True
    for i in range(program.n_labels):
        fit &= all_fit(program.labels[i].data, program.labels[i].n, program.labels[i].classes, program.labels[i].ignored)
    return fit
