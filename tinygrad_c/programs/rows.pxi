"""Many steps on rows of tensors in memory, without Python; part of program.pyx.

Several programs are run side by side, some SLICE steps of each in turn: their Feeds are the units of one Call, which the thread
pool shares among threads. Between the slices, of a few milliseconds, guards and signals are looked at.
"""

cdef enum:
    MAX_INPUTS = 8
    SLICE = 100                 # steps of a program per turn
    MOST_STEPS = 0x7fffffff
    LOOK_WORK = 100000          # nanoseconds of work between readings of the clock
    LONG_WORK = 1000000         # of a slice, for the thread pool

cdef double SLICE_TIME = 0.002      # seconds; of one step at least

ctypedef bint (*step_of)(PyObject*) noexcept nogil

ctypedef struct Feed:           # a program and the rows to run it on
    PyObject* recorded
    step_of step                # step_once(), which borrows its argument: no lock is needed
    int n_inputs
    char* to[MAX_INPUTS]        # the program's inputs
    const char* rows_of[MAX_INPUTS]
    Py_ssize_t row_bytes[MAX_INPUTS]
    Py_ssize_t rows             # of a batch
    const int64_t* order        # the rows of the next step
    const char* loss            # the step's result, one number
    char* losses                # where the next one goes
    Py_ssize_t loss_bytes
    Py_ssize_t left             # steps
    Py_ssize_t done             # in all, of those in the slices that are over
    Py_ssize_t made             # in this slice
    Py_ssize_t slice            # most steps of a turn
    Py_ssize_t look             # steps between looks at the clock
    bint running                # its program is busy with it


cdef void advance(Feed* f) noexcept nogil:
    """Run a turn of some steps. If the program is not valid for a batch, no steps are left."""
    cdef double start = seconds()
    cdef int i
    f.made = 0
    while f.left > 0 and f.made < f.slice:
        for i in range(f.n_inputs):
            gather_rows(f.to[i], f.rows_of[i], f.order, f.rows, f.row_bytes[i])
        if not f.step(f.recorded):
            f.left = 0
            return
        memcpy(f.losses, f.loss, f.loss_bytes)
        f.order += f.rows
        f.losses += f.loss_bytes
        f.made += 1
        f.left -= 1
        if f.made % f.look == 0 and not 0 <= seconds() - start < SLICE_TIME:
            return


cdef void run_feeds(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """A unit is a Feed. A worker flushes denormals always, a caller in long Calls only: what the caller has is param 0."""
    cdef Feed** feeds = <Feed**> call.operand[0].data
    cdef fp_state own = flush_denormals()
    cdef Py_ssize_t i
    restore_denormals(<fp_state> call.param[0].i)
    for i in range(begin, end):
        advance(feeds[i])
    restore_denormals(own)


cdef bint suits_rows(Recorded r, Py_ssize_t rows, list sources) except -1:
    """Whether a batch of so many rows of each source has the shape of the program's inputs."""
    cdef TensorBase own, source
    cdef Py_ssize_t i, n = len(r.inputs)
    if (n == 0 or n > MAX_INPUTS or n != len(r.args) or len(sources) != n or type(r.form) is not str
            or True in r.wanted_grad):
        return False
    for i in range(n):
        own, source = r.inputs[i], sources[i]
        if (own.ndim == 0 or own.shape[0] != rows or rows == 0 or source.dtype != own.dtype or not source.contiguous
                or shape_of(source)[1:] != shape_of(own)[1:]):
            return False
        for storage, _ in r.written:
            if source.storage is storage:
                return False
    return (<TensorBase> r.outputs[0]).numel == 1


def fits_rows(Recorded r not None, Py_ssize_t rows, list sources not None) -> bool:
    """Whether the program may be run on a batch of so many rows of each source."""
    return suits_rows(r, rows, sources) and may_replay(r)


cdef int fill(Feed* f, bint side_by_side, Recorded r, Py_ssize_t rows, list sources, TensorBase order, Py_ssize_t first,
              Py_ssize_t steps, TensorBase losses, Py_ssize_t first_loss) except -1:
    """The rows order[first:] of each source, in `steps` batches; losses[first_loss:] receives the steps' results."""
    cdef TensorBase own, source, out
    cdef const int64_t* position
    cdef Py_ssize_t i, n = -1
    if not suits_rows(r, rows, sources):
        return 0
    out = r.outputs[0]
    if out.dtype != losses.dtype or not losses.contiguous or first_loss < 0 or steps < 0 or first_loss + steps > losses.numel:
        return 0
    if order.dtype != INT64 or not order.contiguous or first < 0 or first + steps * rows > order.numel:
        return 0
    f.n_inputs = len(sources)
    for i in range(f.n_inputs):
        own, source = r.inputs[i], sources[i]
        f.to[i], f.rows_of[i] = own.data, source.data
        f.row_bytes[i] = own.numel // rows * itemsize(own.dtype)
        n = source.shape[0] if n < 0 else min(n, source.shape[0])
    position = <const int64_t*> order.data
    for i in range(first, first + steps * rows):
        if not 0 <= position[i] < n:
            return 0
    f.recorded, f.step = <PyObject*> r, <step_of> <void*> step_once
    f.rows, f.order, f.left = rows, position + first, steps
    f.loss, f.loss_bytes = out.data, itemsize(out.dtype)
    f.losses = losses.data + first_loss * f.loss_bytes
    f.slice = 1 if len(r.schedulers) or not r.steady else SLICE if side_by_side else MOST_STEPS
    f.look = max(1, <Py_ssize_t> (LOOK_WORK / max(r.work, 1000.0)))
    return 0


cdef Py_ssize_t take_turns(Feed* feeds, Py_ssize_t n, Py_ssize_t* at, Feed** turn, Py_ssize_t most) except -1:
    """The next feeds, beginning with `at`, that have steps left and whose guards hold: how many go to `turn`."""
    cdef Py_ssize_t i, count = 0
    cdef Feed* f
    for i in range(n):
        if count == most:
            break
        f = &feeds[at[0]]
        at[0] = (at[0] + 1) % n
        if f.left > 0 and not may_replay(<Recorded> f.recorded):
            f.left = 0
        if f.left > 0:
            (<Recorded> f.recorded).busy = f.running = True
            turn[count] = f
            count += 1
    return count


cdef int end_turns(Feed** turn, Py_ssize_t count) except -1:
    cdef Py_ssize_t i
    error = None
    for i in range(count):
        (<Recorded> turn[i].recorded).busy = turn[i].running = False
        if turn[i].made:
            turn[i].done += turn[i].made
            try:
                take_effect(<Recorded> turn[i].recorded, turn[i].made)
            except BaseException as raised:         # by a scheduler in the step: the others take effect all the same
                error = error or raised
            turn[i].made = 0
    if error is not None:
        raise error
    return 0


def run_many(list items not None, Py_ssize_t threads) -> list:
    """Run the steps of all items, each the last arguments of fill(), on at most that many threads; no two may write one memory.
    Returns how many steps of each were run: fewer, where its program does not fit. A signal's exception is raised between two
    slices, when each is after a whole step."""
    cdef Py_ssize_t i, n = len(items), at = 0, count = 0, window
    cdef Feed* feeds = <Feed*> calloc(n + 1, sizeof(Feed))
    cdef Feed** turn = <Feed**> calloc(n + 1, sizeof(Feed*))
    cdef Call call
    cdef double start
    cdef int entered
    cdef fp_state state = flush_denormals()
    restore_denormals(state)
    memset(&call, 0, sizeof(Call))
    try:
        if feeds == NULL or turn == NULL:
            raise MemoryError()
        for i in range(n):
            r, rows, sources, order, first, steps, losses, first_loss = items[i]
            fill(&feeds[i], n > 1, r, rows, sources, order, first, steps, losses, first_loss)
        call.kernel, call.work, call.operand[0].data = run_feeds, LONG_WORK, <char*> turn
        call.param[0].i = <int64_t> state
        threads = max(threads, 1)
        window = n
        while True:
            count = take_turns(feeds, n, &at, turn, window)
            if count == 0:
                break
            call.units = count
            entered = enter()
            with nogil:
                start = seconds()
                run_on(&call, threads)
                start = seconds() - start
            leave(entered)
            end_turns(turn, count)
            if start > 2 * SLICE_TIME and count == window:
                window = max(threads, window // 2)
            elif start < SLICE_TIME / 2:
                window = min(2 * window, n)
            PyErr_CheckSignals()
        return [feeds[i].done for i in range(n)]
    finally:
        for i in range(n if feeds != NULL else 0):
            if feeds[i].running:
                (<Recorded> feeds[i].recorded).busy = False
        free(feeds)
        free(turn)


def memory_written(Recorded r not None) -> set:
    """The ids of the storages from outside that the program writes."""
    return {id((<TensorBase> each).storage) for each in written_tensors(r)} | {id(storage) for storage, _ in r.written}


def memory_used(Guards guards not None, bint leaves) -> dict:
    """The ids of the storages of all tensors that a step reaches, or of those that require gradients; with a tensor's shape."""
    return {id((<TensorBase> each).storage): list(shape_of(<TensorBase> each)) for each in guards.all_tensors
            if not leaves or (<TensorBase> each)._requires_grad}
