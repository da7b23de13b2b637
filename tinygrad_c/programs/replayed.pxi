"""Running a program again, and the callable that does; part of program.pyx."""

MISS = object()                 # attempt() gives it where the program does not fit, and nothing has been changed


cdef bint fits_input(TensorBase own, object given) except -1:
    """Whether an argument may take the place of the one that was recorded."""
    cdef TensorBase a
    cdef int d
    if type(given) is not type(own):
        return False
    a = given
    if (a.dtype != own.dtype or a.ndim != own.ndim or not a.contiguous or a._requires_grad or a._grad_fn is not None
            or a._base is not None and a._base._grad_fn is not None or a._base is not None and a._base._requires_grad):
        return False
    for d in range(own.ndim):
        if a.shape[d] != own.shape[d]:
            return False
    return a.storage is not None


cdef bint same_argument(object own, object given) except -1:
    return own is given or (type(own) is type(given) and (type(own) is int or type(own) is bool or type(own) is str)
                            and own == given)


cdef bint may_replay(Recorded r) except -1:
    """Everything but the arguments: modes, guards, gradients, learning rates."""
    cdef TensorBase leaf, g
    cdef Py_ssize_t i
    if r.busy or recorder != NULL or not plain_mode() or not r.guards.hold():
        return False
    for i in range(len(r.had_grad)):
        leaf = <TensorBase> (<tuple> r.had_grad[i])[0]
        if (leaf._grad is not None) != <bint> (<tuple> r.had_grad[i])[1]:
            return False
    for i in range(len(r.grads)):
        leaf = <TensorBase> (<tuple> r.grads[i])[0]
        if (<tuple> r.grads[i])[1] is None:
            continue
        g = <TensorBase> (<tuple> r.grads[i])[1]
        # Held by the tuple, by g, and perhaps by the leaf: nobody else may see it change. A view would hold its memory.
        if (Py_REFCNT(<PyObject*> g) != (3 if leaf._grad is g else 2) or Py_REFCNT(<PyObject*> g.storage) != 1
                or g.data != g.storage.data or not g.contiguous or g._grad_fn is not None or g._requires_grad
                or g._hooks is not None or block_of(&r.program, g.data) == NULL):
            return False
    for i in range(len(r.groups)):
        entry = <list> r.groups[i]
        lr = entry[0]["lr"]
        if lr is not entry[1]:
            if type(lr) is not float and type(lr) is not int:
                return False
            r.settings[i].lr = lr
            entry[1] = lr
    for i in range(r.n_updates):
        if r.updates[i].role == ROLE_ADAM:
            steps = (<list> r.groups[r.updates[i].group])[2]
            if r.updates[i].slot >= PyList_GET_SIZE(steps) or type(steps[r.updates[i].slot]) is not int:
                return False
            r.updates[i].step = steps[r.updates[i].slot]
    return True


cdef void schedule(Recorded r) noexcept nogil:
    """Set what changes from step to step."""
    cdef Py_ssize_t i
    cdef Update* u
    cdef Update* before = NULL
    cdef Call* call
    cdef Call* last = NULL
    for i in range(r.n_updates):
        u = &r.updates[i]
        call = &r.program.calls[u.call]
        u.step += 1
        if (u.role == ROLE_ADAM and before != NULL and before.role == ROLE_ADAM and before.group == u.group
                and before.step == u.step):
            call.param[ADAM_STEP], call.param[ADAM_CORRECTION] = last.param[ADAM_STEP], last.param[ADAM_CORRECTION]
            call.param[ADAM_SHRINK] = last.param[ADAM_SHRINK]
        else:
            set_scalars(call, u, &r.settings[u.group])
        before, last = u, call


cdef int take_effect(Recorded r, long n) except -1:
    """Of n steps, on Python's objects: gradients, counters, versions."""
    cdef TensorBase leaf
    cdef Storage storage
    cdef Py_ssize_t i
    cdef long k, writes
    for i in range(len(r.written)):
        storage = <Storage> (<tuple> r.written[i])[0]
        writes = n * <long> (<tuple> r.written[i])[1]
        storage.watched = False
        if storage.owner is None:
            storage.version += writes
        else:
            for k in range(writes):
                count_write(storage)
    for i in range(len(r.grads)):
        leaf = <TensorBase> (<tuple> r.grads[i])[0]
        leaf._grad = <TensorBase> (<tuple> r.grads[i])[1]
    for i in range(r.n_updates):
        if r.updates[i].role == ROLE_ADAM:
            (<list> (<list> r.groups[r.updates[i].group])[2])[r.updates[i].slot] = <long long> r.updates[i].step
    for i in range(len(r.optimizers)):
        attributes = <dict> (<tuple> r.optimizers[i])[0]
        attributes["_step_count"] = attributes["_step_count"] + n * <long> (<tuple> r.optimizers[i])[1]
    return 0


cdef list results_of(Recorded r):
    return [plain_copy(<TensorBase> each) for each in r.outputs]


cdef object shaped(Recorded r, list results):
    cdef Py_ssize_t i = 0
    if r.form is None:
        return None
    if type(r.form) is str:
        return results[0]
    filled = []
    for is_tensor in r.places:
        filled.append(results[i] if is_tensor else None)
        i += is_tensor
    return dict(zip(r.form, filled)) if type(r.form) is list else r.form(filled)


cdef object attempt(Recorded r, tuple args):
    """Replay the step for these arguments and give its results, or MISS."""
    cdef TensorBase own, given
    cdef Py_ssize_t i, k
    cdef long n = len(args)
    if n != len(r.args):
        return MISS
    for i in range(n):
        each = r.args[i]
        if isinstance(each, TensorBase):
            if not fits_input(<TensorBase> each, args[i]):
                return MISS
            given = args[i]
            for k in range(len(r.written)):
                if given.storage is (<tuple> r.written[k])[0]:
                    return MISS
        elif not same_argument(each, args[i]):
            return MISS
    if not may_replay(r):
        return MISS
    for i in range(n):
        each = r.args[i]
        if isinstance(each, TensorBase):
            own, given = <TensorBase> each, <TensorBase> args[i]
            memcpy(own.data, given.data, own.numel * itemsize(own.dtype))
    if not labels_fit(&r.program):
        return MISS
    schedule(r)
    r.busy = True
    if r.work < 30000:
        replay(&r.program)
    else:
        with nogil:
            replay(&r.program)
    r.busy = False
    take_effect(r, 1)
    return shaped(r, results_of(r))


cdef inline void gather(char* to, const char* rows, const int64_t* order, Py_ssize_t n, Py_ssize_t bytes) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        memcpy(to + i * bytes, rows + order[i] * bytes, bytes)


def replay_once(Recorded r not None, tuple args not None):
    """attempt(), for the verification."""
    return attempt(r, args)


def could_replay(Recorded r not None, tuple args not None) -> bool:
    """Whether the guards hold for these arguments."""
    cdef Py_ssize_t i
    if len(args) != len(r.args) or not may_replay(r):
        return False
    for i in range(len(args)):
        each = r.args[i]
        if not (fits_input(<TensorBase> each, args[i]) if isinstance(each, TensorBase) else same_argument(each, args[i])):
            return False
    return True


cdef bytes bytes_of(TensorBase t):
    return t.data[:t.numel * itemsize(t.dtype)] if t.contiguous else plain_copy_of_any(t)


cdef bytes plain_copy_of_any(TensorBase t):
    """All of the memory that t looks at."""
    return t.storage.data[:t.storage.nbytes]


cdef list written_tensors(Recorded r):
    """The tensors outside that an entry writes: parameters and optimizer state."""
    cdef Py_ssize_t i
    found = []
    for i in range(r.program.n_outside):
        if r.program.outside[i].written:
            found.append(r.guards.at(r.program.outside[i].data))
    return found


def take_snapshot(Recorded r not None) -> list:
    """What restore_snapshot puts back."""
    cdef TensorBase t
    memory = []
    for each in written_tensors(r):
        t = each
        memory.append((t.storage, t.storage.data[:t.storage.nbytes]))
    return [memory, [(storage, (<Storage> storage).version) for storage, _ in r.written],
            [(leaf, None, bytes_of(<TensorBase> own)) if own is not None and (<TensorBase> leaf)._grad is own
             else (leaf, (<TensorBase> leaf)._grad, None) for leaf, own in r.grads],     # own: no reference, see may_replay
            [(entry[2], list(entry[2])) for entry in r.groups if entry[2] is not None],
            [(attributes, attributes["_step_count"]) for attributes, _ in r.optimizers]]


def restore_snapshot(Recorded r not None, list kept not None) -> None:
    cdef Storage s
    cdef const char* p
    cdef TensorBase t, g
    for storage, content in kept[0]:
        s = storage
        p = content
        memcpy(s.data, p, len(content))
    for storage, version in kept[1]:
        (<Storage> storage).version = version
    for (leaf, grad, content), (_, own) in zip(kept[2], r.grads):
        t = leaf
        g = grad if content is None else own
        t._grad = g
        if content is not None:
            p = content
            memcpy(g.data, p, len(content))
    for steps, content in kept[3]:
        steps[:] = content
    for attributes, count in kept[4]:
        attributes["_step_count"] = count


def state_of(Recorded r not None) -> list:
    """All that a step leaves, as (what it is, bytes), to be compared."""
    cdef TensorBase t
    found = []
    for i, each in enumerate(written_tensors(r)):
        t = each
        found.append((f"parameter or state {i} of shape {list(shape_of(t))}", t.storage.data[:t.storage.nbytes]))
    for i, (leaf, _) in enumerate(r.grads):
        t = (<TensorBase> leaf)._grad
        found.append((f"the gradient of a parameter of shape {list(shape_of(<TensorBase> leaf))}",
                      None if t is None else bytes_of(t)))
    found.extend([("an optimizer's steps", list(entry[2])) for entry in r.groups if entry[2] is not None])
    found.extend([("an optimizer's steps", attributes["_step_count"]) for attributes, _ in r.optimizers])
    return found


def content_of(value):
    """A step's result, to be compared."""
    cdef TensorBase t
    if isinstance(value, TensorBase):
        t = value
        if not t.contiguous:
            return [shape_of(t), "not contiguous"]
        return [t.dtype, shape_of(t), bytes_of(t)]
    if isinstance(value, dict):
        return [[key, content_of(each)] for key, each in value.items()]
    if isinstance(value, (tuple, list)):
        return [content_of(each) for each in value]
    return value


def measure(Recorded r not None, Py_ssize_t repeats) -> tuple:
    """Nanoseconds of a replay, and of each Call run alone: the mean of `repeats` runs in a row. The state is put back."""
    cdef Program one = r.program
    cdef Py_ssize_t i, k
    cdef double start
    kept = take_snapshot(r)
    found = []
    r.busy = True
    start = seconds()
    for k in range(repeats):
        replay(&r.program)
    whole = 1e9 * (seconds() - start) / repeats
    for i in range(r.program.n):
        one.calls, one.n = &r.program.calls[i], 1
        start = seconds()
        for k in range(repeats):
            replay(&one)
        found.append(1e9 * (seconds() - start) / repeats)
    r.busy = False
    restore_snapshot(r, kept)
    return whole, found


# ---- Whole epochs

def run_rows(Recorded r not None, Py_ssize_t batch_size, list sources not None, TensorBase order not None,
             Py_ssize_t first, Py_ssize_t steps, TensorBase losses not None, Py_ssize_t first_loss) -> int:
    """Run up to `steps` steps on the rows order[first:] of each source; returns how many were run. The result of each step, one
    number, goes to losses[first_loss:]. Ends early if the program does not fit. A signal's exception is raised after a whole
    step."""
    cdef TensorBase own, source, out
    cdef Py_ssize_t i, done = 0, made, n_inputs = len(r.inputs), rows, loss_bytes
    cdef Py_ssize_t[8] bytes
    cdef char* to[8]
    cdef const char* rows_of[8]
    cdef const int64_t* position
    cdef double start
    cdef bint fit = True
    if n_inputs == 0 or n_inputs > 8 or n_inputs != len(r.args) or len(sources) != n_inputs or type(r.form) is not str:
        return 0
    out = r.outputs[0]
    own = r.inputs[0]
    if own.ndim == 0 or out.numel != 1 or out.dtype != losses.dtype or not losses.contiguous:
        return 0
    rows = own.shape[0]
    if rows != batch_size:
        return 0
    loss_bytes = itemsize(out.dtype)
    if order.dtype != INT64 or not order.contiguous or first < 0 or steps < 0 or first + steps * rows > order.numel \
            or first_loss < 0 or first_loss + steps > losses.numel or rows == 0:
        return 0
    for i in range(n_inputs):
        own, source = r.inputs[i], sources[i]
        if source.dtype != own.dtype or source.ndim != own.ndim or not source.contiguous or own.ndim == 0 \
                or own.shape[0] != rows or source.shape[0] != (<TensorBase> sources[0]).shape[0] \
                or source.numel // max(source.shape[0], 1) != own.numel // rows:
            return 0
        bytes[i] = own.numel // rows * itemsize(own.dtype)
        to[i], rows_of[i] = own.data, source.data
    source = sources[0]
    position = <const int64_t*> order.data
    for i in range(first, first + steps * rows):
        if not 0 <= position[i] < source.shape[0]:
            return 0
    keep = [(<TensorBase> each).storage for each in sources], order.storage, losses.storage
    for i in range(n_inputs):
        source = sources[i]
        for storage, _ in r.written:
            if source.storage is storage:
                return 0
    while done < steps and fit:
        if not may_replay(r):
            break
        made = 0
        r.busy = True
        with nogil:
            start = seconds()
            while done + made < steps:
                for i in range(n_inputs):
                    gather(to[i], rows_of[i], position + first + (done + made) * rows, rows, bytes[i])
                fit = labels_fit(&r.program)
                if not fit:
                    break
                schedule(r)
                replay(&r.program)
                memcpy(losses.data + (first_loss + done + made) * loss_bytes, out.data, loss_bytes)
                made += 1
                if not 0 <= seconds() - start < 0.002:
                    break
        r.busy = False
        done += made
        if made:
            take_effect(r, made)
        PyErr_CheckSignals()
    return done


# ---- The callable

@cython.binding(False)
cdef class Step:
    """Tries its programs; where none fits, self._slow decides."""
    cdef public list ready          # programs that were verified, the one that was used last at the end
    cdef public object function
    cdef public bint eager          # for good
    cdef object __weakref__
    cdef dict __dict__

    def __call__(self, *args, **kwargs):
        cdef Py_ssize_t i
        if self.eager:
            return self.function(*args, **kwargs)
        if not kwargs:
            i = len(self.ready) - 1
            while i >= 0:
                program = self.ready[i]
                result = attempt(<Recorded?> program, args)
                if result is not MISS:
                    return result
                i -= 1
        return self._slow(args, kwargs)
