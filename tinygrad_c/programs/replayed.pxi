"""Replaying a program, and the callable Step. Part of program.pyx."""

MISS = object()                 # returned by attempt() if the program is not valid; nothing was changed


cdef bint fits_input(TensorBase own, object given, bint wants_grad) except -1:
    """Whether an argument has the type, shape and value that the program requires."""
    cdef TensorBase a
    cdef int d
    if type(given) is not type(own):
        return False
    a = given
    if (a.dtype != own.dtype or a.ndim != own.ndim or not a.contiguous or a._requires_grad != wants_grad
            or a._grad_fn is not None or a._grad is not None or a._hooks is not None
            or a._base is not None and a._base._grad_fn is not None or a._base is not None and a._base._requires_grad):
        return False
    for d in range(own.ndim):
        if a.shape[d] != own.shape[d]:
            return False
    return a.storage is not None


cdef bint same_argument(object own, object given) except -1:
    if own is given or type(own) is not type(given):
        return own is given
    if type(own) is float:          # 0.0 is not -0.0, and NaN is NaN
        return own.hex() == given.hex()
    return (type(own) is int or type(own) is bool or type(own) is str) and own == given


cdef bint in_mode(bint grads) noexcept:
    """Whether the mode is plain_mode(), or the same under no_grad(), as when recorded."""
    cdef bint plain
    if grads:
        return plain_mode()
    if grad_enabled():
        return False
    set_grad(True)
    plain = plain_mode()
    set_grad(False)
    return plain


cdef bint may_replay(Recorded r) except -1:
    """Check everything except the arguments: modes, guards, gradients, settings of optimizers."""
    cdef TensorBase leaf, g
    cdef Py_ssize_t i
    if r.busy or recorder != NULL or not in_mode(r.grad_mode) or not r.guards.hold():
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
                or not g.contiguous or g._grad_fn is not None or g._requires_grad
                or g._hooks is not None or block_of(&r.program, g.data) == NULL):
            return False
    for i in range(len(r.given)):
        if not (<GivenGrad> r.given[i]).move(&r.program, r.kept, r.n_kept):
            return False
    for i in range(len(r.groups)):
        if not (<Settings> r.groups[i]).load(&r.settings[i]):
            return False
    for i in range(r.n_updates):
        if r.updates[i].role != ROLE_SGD:
            if not (<Settings> r.groups[r.updates[i].group]).load_state(&r.updates[i]):
                return False
    return True


cdef void schedule(Recorded r) noexcept nogil:
    """Set the parameters of Calls that change from step to step."""
    cdef Py_ssize_t i
    cdef Update* u
    cdef Update* before = NULL
    cdef Call* call
    cdef Call* last = NULL
    for i in range(r.n_updates):
        u = &r.updates[i]
        call = &r.program.calls[u.call]
        if (u.role == ROLE_ADAM and before != NULL and before.role == ROLE_ADAM and before.group == u.group
                and before.step == u.step + u.every):
            u.step += u.every
            call.param[ADAM_STEP], call.param[ADAM_CORRECTION] = last.param[ADAM_STEP], last.param[ADAM_CORRECTION]
            call.param[ADAM_SHRINK], call.param[ADAM_WEIGHT_DECAY] = last.param[ADAM_SHRINK], last.param[ADAM_WEIGHT_DECAY]
            call.param[ADAM_WEIGHT], call.param[ADAM_BETA2] = last.param[ADAM_WEIGHT], last.param[ADAM_BETA2]
            call.param[ADAM_EPS] = last.param[ADAM_EPS]
        else:
            count_step(u, call, &r.settings[u.group])
        before, last = u, call


cdef bint run_program(Recorded r) noexcept nogil:
    """Run the entries. False if a check ended them: then everything outside is as before."""
    cdef Py_ssize_t i
    for i in range(r.n_kept):
        memcpy(r.kept[i].copy, r.kept[i].data, r.kept[i].nbytes)
    for i in range(r.n_streams):
        r.stream_before[2 * i], r.stream_before[2 * i + 1] = r.stream[i][0], r.stream[i][1]
    if replay(&r.program):
        return True
    for i in range(r.n_kept):
        memcpy(r.kept[i].data, r.kept[i].copy, r.kept[i].nbytes)
    for i in range(r.n_streams):
        r.stream[i][0], r.stream[i][1] = r.stream_before[2 * i], r.stream_before[2 * i + 1]
    return False


cdef bint step_once(Recorded r) noexcept nogil:
    """Replay the step on the inputs that are in place. False, and nothing is changed, if the program is not for them."""
    cdef Py_ssize_t i
    if not labels_fit(&r.program):
        return False
    schedule(r)
    if run_program(r):
        return True
    for i in range(r.n_updates):
        uncount_step(&r.updates[i])
    return False


cdef int take_effect(Recorded r, long n) except -1:
    """Apply the effects of n steps to Python objects: gradients, counters, versions."""
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
    for i in range(len(r.given)):
        (<GivenGrad> r.given[i]).leaf._grad.storage.version += n * (<GivenGrad> r.given[i]).writes
    for i in range(len(r.grads)):
        leaf = <TensorBase> (<tuple> r.grads[i])[0]
        leaf._grad = <TensorBase> (<tuple> r.grads[i])[1]
        if leaf._grad is not None:
            leaf._grad.storage.version = r.grad_versions[i]
    for i in range(r.n_updates):
        if r.updates[i].role != ROLE_SGD:
            (<Settings> r.groups[r.updates[i].group]).store_state(&r.updates[i])
    for i in range(len(r.optimizers)):
        attributes = <dict> (<tuple> r.optimizers[i])[0]
        attributes["_step_count"] = attributes["_step_count"] + n * <long> (<tuple> r.optimizers[i])[1]
    for i in range(len(r.schedulers)):
        (<tuple> r.schedulers[i])[0].step()
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
    cdef Py_ssize_t i, k, number = 0
    cdef long n = len(args)
    cdef int entered
    if n != len(r.args):
        return MISS
    for i in range(n):
        each = r.args[i]
        if isinstance(each, TensorBase):
            if not fits_input(<TensorBase> each, args[i], r.wanted_grad[number]):
                return MISS
            number += 1
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
    if r.work < 30000:
        fit = step_once(r)
    else:
        r.busy = True
        entered = enter()
        with nogil:
            fit = step_once(r)
        leave(entered)
        r.busy = False
    if not fit:
        return MISS
    take_effect(r, 1)
    for i in range(n):
        each = r.args[i]
        if isinstance(each, TensorBase) and (<TensorBase> each)._requires_grad:
            own, given = <TensorBase> each, <TensorBase> args[i]
            given._requires_grad = True
            if own._grad is not None:
                given._grad = plain_copy(own._grad)
    return shaped(r, results_of(r))


def replay_once(Recorded r not None, tuple args not None):
    """attempt(), for verification."""
    return attempt(r, args)


def could_replay(Recorded r not None, tuple args not None) -> bool:
    """Whether the guards hold for these arguments."""
    cdef Py_ssize_t i, number = 0
    if len(args) != len(r.args) or not may_replay(r):
        return False
    for i in range(len(args)):
        each = r.args[i]
        if isinstance(each, TensorBase):
            if not fits_input(<TensorBase> each, args[i], r.wanted_grad[number]):
                return False
            number += 1
        elif not same_argument(each, args[i]):
            return False
    return True


cdef bytes bytes_of(TensorBase t):
    return t.data[:t.numel * itemsize(t.dtype)] if t.contiguous else plain_copy_of_any(t)


cdef bytes plain_copy_of_any(TensorBase t):
    """The bytes of the tensor's storage."""
    return t.storage.data[:t.storage.nbytes]


cdef list changed_by_schedulers(Recorded r):
    """The dicts that scheduler.step() writes to: those of the schedulers, and the parameter groups."""
    found = [each.__dict__ for scheduler, _ in r.schedulers for each in schedulers_in(scheduler)]
    return [*found, *[(<Settings> s).group for s in r.groups]] if found else found


cdef dict lists_copied(dict content):
    return {key: list(value) if type(value) is list and key != "params" else value for key, value in content.items()}


cdef list streams_of(Recorded r):
    cdef Py_ssize_t i
    return [(r.stream[i][0], r.stream[i][1]) for i in range(r.n_streams)]


cdef list written_tensors(Recorded r):
    """The tensors outside that an entry writes: parameters, buffers, optimizer state."""
    cdef Py_ssize_t i
    cdef TensorBase t
    found = []
    for i in range(r.program.n_outside):
        if r.program.outside[i].first_write >= 0:
            t = r.guards.at(r.program.outside[i].data)
            if t is not None:
                found.append(t)
    return found


def take_snapshot(Recorded r not None) -> list:
    """The state that restore_snapshot restores."""
    cdef TensorBase t
    memory = []
    for each in written_tensors(r):
        t = each
        memory.append((t.storage, PyBytes_FromStringAndSize(t.storage.data, t.storage.nbytes)))
    given = []
    for each in r.given:
        t = (<GivenGrad> each).leaf._grad
        given.append((t, bytes_of(t), t.storage.version))
    return [memory, [(storage, (<Storage> storage).version) for storage, _ in r.written],
            [(leaf, None, bytes_of(<TensorBase> own)) if own is not None and (<TensorBase> leaf)._grad is own
             else (leaf, (<TensorBase> leaf)._grad, None) for leaf, own in r.grads],     # own: no reference, see may_replay
            [(numbers, list(numbers)) for entry in r.groups for numbers in (<Settings> entry).lists()],
            streams_of(r),
            [(each, lists_copied(each)) for each in changed_by_schedulers(r)],
            [(attributes, attributes["_step_count"]) for attributes, _ in r.optimizers], given]


def restore_snapshot(Recorded r not None, list kept not None) -> None:
    cdef Storage s
    cdef const char* p
    cdef TensorBase t, g
    cdef Py_ssize_t i
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
    for each, (g, content, version) in zip(r.given, kept[7]):
        (<GivenGrad> each).leaf._grad = g
        p = content
        memcpy(g.data, p, len(content))
        g.storage.version = version
    for steps, content in kept[3]:
        steps[:] = content
    for i, (seed, position) in enumerate(kept[4]):
        r.stream[i][0], r.stream[i][1] = seed, position
    for attributes, content in kept[5]:
        attributes.clear()
        attributes.update(content)
    for attributes, count in kept[6]:
        attributes["_step_count"] = count


def state_of(Recorded r not None) -> list:
    """Everything that a step changes, as (name, bytes), for comparison."""
    cdef TensorBase t
    found = []
    for i, each in enumerate(written_tensors(r)):
        t = each
        found.append((f"parameter or state {i} of shape {list(shape_of(t))}", t.storage.data[:t.storage.nbytes]))
    for i, (leaf, _) in enumerate(r.grads):
        t = (<TensorBase> leaf)._grad
        found.append((f"the gradient of a parameter of shape {list(shape_of(<TensorBase> leaf))}",
                      None if t is None else bytes_of(t)))
    for each in r.given:
        if (<GivenGrad> each).kept:
            t = (<GivenGrad> each).leaf._grad
            found.append((f"the gradient of a parameter of shape {list(shape_of(t))}", bytes_of(t)))
    found.extend([("an optimizer's steps", list(numbers)) for entry in r.groups for numbers in (<Settings> entry).lists()])
    found.append(("a random generator's position", streams_of(r)))
    found.extend([("a scheduler's state", {key: value for key, value in each.items() if key not in ("params", "optimizer")})
                  for each in (lists_copied(one) for one in changed_by_schedulers(r))])
    found.extend([("an optimizer's steps", attributes["_step_count"]) for attributes, _ in r.optimizers])
    return found


def content_of(value):
    """A step's result, for comparison."""
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


# ---- The callable

@cython.binding(False)
cdef class Step:
    """Replays a valid program, else calls self._slow."""
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
