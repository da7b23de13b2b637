"""Recorded: how a step becomes a program; part of program.pyx."""

cdef bint in_tensor(TensorBase t, const char* p) noexcept:
    return t.storage.data <= p < t.storage.data + max(t.storage.nbytes, 1)


cdef TensorBase plain_copy(TensorBase a):
    """A copy of a contiguous tensor that is recorded neither on the tape nor in a program."""
    cdef TensorBase out = empty_like(a)
    memcpy(out.data, a.data, a.numel * itemsize(a.dtype))
    return out


def is_recording() -> bool:
    """Whether a step is being recorded in any thread; only one can be at a time."""
    return recorder != NULL


@cython.final
@cython.binding(False)
cdef class Recorded:
    """One program of a step, for inputs of one shape, with the guards under which it is valid."""
    cdef Program program
    cdef Pool pool
    cdef Update* updates
    cdef Py_ssize_t n_updates
    cdef Group* settings
    cdef readonly Guards guards
    cdef tuple args             # of the step: the program's own copies of the tensors, and the other arguments
    cdef list inputs            # these copies
    cdef list optimizers        # (the optimizer's __dict__, steps that the program counts)
    cdef list groups            # Settings
    cdef list schedulers        # that the step steps, and before which entry
    cdef bint stepping
    cdef list streams           # the owners of random streams, and
    cdef uint64_t** stream      # the seeds and positions
    cdef Py_ssize_t n_streams
    cdef uint64_t* stream_before
    cdef Py_ssize_t split       # of a module's forward and backward pass: the entry with which the latter begins
    cdef bint in_parts
    cdef Kept* kept             # what entries write before the last check
    cdef Py_ssize_t n_kept
    cdef list had_grad          # (leaf, whether it had a gradient when the step began)
    cdef list given             # GivenGrad
    cdef bint steady            # the step leaves gradients where there were some when it began, and only there
    cdef bint grad_mode         # in which it was recorded
    cdef list wanted_grad       # for each input: whether it required a gradient when the step began
    cdef list grads             # (leaf, the gradient that the step leaves, or None)
    cdef list grad_versions     # of these gradients, as the step leaves them
    cdef list written           # (storage, how many writes a step counts)
    cdef list outputs
    cdef object form            # of the result: None, "tensor", list, tuple, or the keys of a dict
    cdef list places            # of a list, tuple or dict: whether each element is a tensor, or None
    cdef bint busy
    cdef double work            # nanoseconds, estimated
    cdef readonly object refusal    # (reason, file, line) or None
    cdef readonly str changed       # the name of what the step uses and changes; None if it does not
    cdef readonly int failed
    cdef public int verified
    cdef public object key

    def __dealloc__(self):
        free_pool(&self.pool)
        free_program(&self.program)
        cdef Py_ssize_t i
        free(self.updates)
        free(self.settings)
        free(self.stream)
        free(self.stream_before)
        for i in range(self.n_kept):
            free(self.kept[i].copy)
        free(self.kept)

    def deny(self, str reason):
        if self.refusal is None:
            self.refusal = reason, None, 0

    def mark(self):
        """Called by the function that is recorded: its backward pass begins, by autograd.grad."""
        self.split, self.in_parts = self.program.n, True

    def record(self, function, tuple args not None, Guards guards not None, list optimizers not None, list schedulers not None):
        """Run the step in eager mode and keep its Calls. `optimizers`: (its __dict__, its kind, its groups as (group,
        list of steps or None, other lists of numbers)). Returns the step's result; see finish()."""
        cdef TensorBase t
        cdef list given = []
        if self.program.calls != NULL or self.guards is not None:
            raise RuntimeError("a program is recorded once")
        self.guards = guards
        self.inputs, self.wanted_grad = [], []
        self.grad_mode = grad_enabled()
        for each in args:
            if isinstance(each, TensorBase):
                t = each
                self.wanted_grad.append(t._requires_grad)
                each = plain_copy(t)
                (<TensorBase> each)._requires_grad = t._requires_grad
                self.inputs.append(each)
            given.append(each)
        self.args = tuple(given)
        given = None
        each = None
        updated = {id(p) for _, _, groups in optimizers for group, _, _ in groups for p in group["params"]}
        leaves = [t for t in guards.all_tensors         # frozen ones too: the step may clear their gradients
                  if (<TensorBase> t)._requires_grad or id(t) in updated or isinstance(t, Parameter)]
        self.had_grad = [(t, (<TensorBase> t)._grad is not None) for t in leaves]
        before = [(<TensorBase> t)._grad for t in leaves]
        counted = [0 if (<TensorBase> t)._grad is None else (<TensorBase> t)._grad.storage.version for t in leaves]
        versions = [(<TensorBase> t).storage.version for t in guards.all_tensors]
        counts = [attributes["_step_count"] for attributes, _, _ in optimizers]
        t = None
        self.load_settings(optimizers)
        self.schedulers, self.stepping = [], False
        if recorder != NULL:            # started in another thread after the caller checked
            self.failed = OTHER_THREAD
            return function(*self.args)
        self.begin()
        try:
            for scheduler in schedulers:
                self.watch(scheduler)
            result = function(*self.args)
        finally:
            for scheduler in schedulers:
                scheduler.__dict__.pop("step", None)
            self.end()
        self.return_inputs(args)
        if self.refusal is None and not self.failed:
            self.examine(leaves, before, counted, versions, counts, optimizers)
        return result

    cdef int begin(self) except -1:
        global being_recorded
        start_recording(&self.program)
        note_storages(1)
        swap_pool(&self.pool)
        keep_gil(1)                     # computation in other threads would be recorded too
        being_recorded = self
        return 0

    cdef int end(self) except -1:
        global being_recorded
        being_recorded = None
        keep_gil(-1)
        swap_pool(&self.pool)
        note_storages(-1)
        self.refusal = stop_recording()
        self.failed = self.program.failed
        return seal_pool(&self.pool)

    cdef int return_inputs(self, tuple args) except -1:
        """Apply to the arguments what the step did to its copies of them."""
        cdef TensorBase own, given
        cdef Py_ssize_t i
        for i in range(len(args)):
            if not isinstance(args[i], TensorBase):
                continue
            own, given = self.args[i], args[i]
            given._requires_grad = own._requires_grad
            if own._grad is not None:
                given._grad = plain_copy(own._grad) if own._grad.contiguous else own._grad
            if own.storage.version != 0 and not given.storage.readonly and own.data == own.storage.data:
                memcpy(given.data, own.data, own.numel * itemsize(own.dtype))
                count_write(given.storage)
        return 0

    cdef int load_settings(self, list optimizers) except -1:
        """The settings of all groups as the step begins."""
        cdef Settings s
        self.groups = []
        n_groups = sum([len(groups) for _, _, groups in optimizers])
        self.settings = <Group*> malloc((n_groups + 1) * sizeof(Group))
        if self.settings == NULL:
            raise MemoryError()
        for _, kind, groups in optimizers:
            for group, steps, numbers in groups:
                s = settings_for(group, kind, steps, numbers, &self.settings[len(self.groups)])
                if s is None:
                    self.deny("a setting of an optimizer is not a Python number")
                self.groups.append(s)
        return 0

    cdef int watch(self, scheduler) except -1:
        """While the step is recorded, see whether it calls scheduler.step(): each replay calls it too, at its end."""
        method = scheduler.step

        def step(*args, **kwargs):
            if self.stepping:               # by another scheduler
                return method(*args, **kwargs)
            if args or kwargs:
                self.deny("it passes an argument to a scheduler's step()")
            self.schedulers.append((scheduler, self.program.n))
            self.stepping = True
            try:
                return method() if not args and not kwargs else method(*args, **kwargs)
            finally:
                self.stepping = False
        if "step" in scheduler.__dict__:
            self.deny("a scheduler's step() was replaced")
        else:
            scheduler.__dict__["step"] = step
        return 0

    cdef int examine(self, list leaves, list before, list counted, list versions, list counts, list optimizers) except -1:
        cdef Py_ssize_t i, k
        cdef TensorBase t, g
        cdef Storage storage
        cdef char* data
        cdef Py_ssize_t nbytes
        cdef set seen = set()
        self.optimizers = [(attributes, attributes["_step_count"] - count)
                           for (attributes, _, _), count in zip(optimizers, counts)]
        for scheduler, _ in self.schedulers:
            for each in schedulers_in(scheduler):
                self.guards.forget(each.__dict__)
        if self.program.n == 0:
            self.deny("it computes nothing")
        if not self.guards.hold():
            self.changed = self.guards.broken_name()
            self.deny(f"it changes what it uses: {self.guards.broken()}")
            return 0
        self.written = []
        for i in range(len(versions)):
            storage = (<TensorBase> self.guards.all_tensors[i]).storage
            if storage.version != <unsigned int> versions[i] and id(storage) not in seen:
                seen.add(id(storage))
                self.written.append((storage, <unsigned int> (storage.version - <unsigned int> versions[i])))
        self.grads, self.given = [], []
        if self.in_parts:               # no .grad is written
            self.had_grad = []
        for i in range(len(leaves) if not self.in_parts else 0):
            t, g = leaves[i], before[i]
            if t._grad is None:
                self.grads.append((t, None))
            elif block_of(&self.program, t._grad.data) != NULL:
                if not t._grad.contiguous or t._grad._grad_fn is not None:
                    self.deny("a parameter's gradient has a history, or is not contiguous")
                    return 0
                self.grads.append((t, t._grad))
            elif t._grad is not g:
                self.deny("a parameter's gradient was not computed by the step")
                return 0
            if g is not None and not self.find_given(t, g, <unsigned int> counted[i]):
                return 0
        self.grad_versions = [0 if g is None else (<TensorBase> g).storage.version for _, g in self.grads]
        self.steady = all([had == ((<TensorBase> leaf)._grad is not None) for leaf, had in self.had_grad])
        for i in range(self.program.n_outside):
            for each in self.inputs:
                if in_tensor(<TensorBase> each, self.program.outside[i].data):
                    if self.program.outside[i].first_write >= 0:
                        self.deny("it writes to an argument in place")
                        return 0
                    break
            else:
                if not self.outside_memory(self.program.outside[i].data, &data, &nbytes):
                    self.deny("it uses a tensor that is neither an argument nor found from the step's closure, its globals, "
                              "modules and optimizers")
                    return 0
        for i in range(self.program.n_labels):
            for each in self.inputs:
                if in_tensor(<TensorBase> each, <char*> self.program.labels[i].data):
                    break
            else:
                t = self.guards.at(<char*> self.program.labels[i].data)
                if t is None or t.storage in [storage for storage, _ in self.written]:
                    self.deny("the labels are a tensor from outside the step that is not found, or that the step writes to")
                    return 0
        self.find_streams()
        self.find_kept()
        find_updates(self, optimizers)
        for i in range(self.program.n):
            self.work += self.program.calls[i].work
        return 0

    cdef bint find_given(self, TensorBase leaf, TensorBase g, unsigned int version) except -1:
        """Which entries use the gradient that the leaf had when the step began. Whether they can use another one."""
        cdef GivenGrad given = GivenGrad.__new__(GivenGrad)
        cdef Py_ssize_t i
        cdef int k
        given.leaf, given.data, given.nbytes = leaf, g.data, g.numel * itemsize(g.dtype)
        for i in range(self.program.n):
            for k in range(self.program.calls[i].n_operands):
                if self.program.origins[i].allocation[k] == 0 and given.has(self.program.calls[i].operand[k].data):
                    given.add(i, k)
        given.writes = <unsigned int> (g.storage.version - version)
        given.kept = leaf._grad is g
        if given.n == 0 and given.writes == 0 and not given.kept:       # nobody needs it
            return True
        if not like(g, leaf):
            self.deny("it adds to a gradient that is a view, or has a history or hooks")
            return False
        for other in self.given:
            if in_tensor(g, (<GivenGrad> other).data):
                self.deny("two parameters share the memory of a gradient")
                return False
        self.given.append(given)
        return True

    cdef bint outside_memory(self, const char* p, char** data, Py_ssize_t* nbytes) except -1:
        """The memory outside that an entry uses at p; False if nobody is known to hold it."""
        cdef TensorBase t = self.guards.at(p)
        if t is not None:
            data[0], nbytes[0] = t.storage.data, t.storage.nbytes
            return True
        for each in self.given:
            if (<GivenGrad> each).has(p):
                data[0], nbytes[0] = (<GivenGrad> each).data, (<GivenGrad> each).nbytes
                return True
        return False

    def pattern(self) -> tuple:
        """Which parameters had a gradient before the step; this may alternate between calls."""
        return tuple([had for _, had in self.had_grad])

    cdef int find_streams(self) except -1:
        """The random streams that entries draw from."""
        cdef Py_ssize_t i, k
        cdef uint64_t* stream
        self.streams = random_streams()
        self.stream = <uint64_t**> malloc((len(self.streams) + 1) * sizeof(uint64_t*))
        self.stream_before = <uint64_t*> malloc((2 * len(self.streams) + 1) * sizeof(uint64_t))
        if self.stream == NULL or self.stream_before == NULL:
            raise MemoryError()
        for i in range(self.program.n):
            if self.program.calls[i].kernel == draw_blocks:
                stream = <uint64_t*> <size_t> self.program.calls[i].param[0].i
                for k in range(self.n_streams):
                    if self.stream[k] == stream:
                        break
                else:
                    if self.n_streams < len(self.streams):
                        self.stream[self.n_streams] = stream
                        self.n_streams += 1
        return 0

    cdef int find_kept(self) except -1:
        """The memory that others see and entries write before the last check: outside, and gradients, which temporary numbers
        may use before it holds a gradient."""
        cdef Py_ssize_t i, last = -1
        cdef Kept* k
        cdef TensorBase t
        for i in range(self.program.n):
            if self.program.calls[i].kernel == stop_if:
                last = i
        self.kept = <Kept*> calloc(self.program.n_outside + len(self.grads) + 1, sizeof(Kept))
        if self.kept == NULL:
            raise MemoryError()
        for i in range(self.program.n_outside):
            if 0 <= self.program.outside[i].first_write < last:
                k = &self.kept[self.n_kept]
                self.outside_memory(self.program.outside[i].data, &k.data, &k.nbytes)
                self.keep(k)
        for _, g in self.grads:
            if g is not None and self.is_written_before(last, g):
                t = g
                k = &self.kept[self.n_kept]
                k.data, k.nbytes = t.data, t.numel * itemsize(t.dtype)
                self.keep(k)
        return 0

    cdef int keep(self, Kept* k) except -1:
        k.copy = <char*> malloc(max(k.nbytes, 1))
        if k.copy == NULL:
            raise MemoryError()
        self.n_kept += 1
        return 0

    cdef bint is_written_before(self, Py_ssize_t last, TensorBase t) noexcept:
        cdef Py_ssize_t i
        cdef int k
        cdef const Call* call
        for i in range(last):
            call = &self.program.calls[i]
            for k in range(call.n_operands):
                if written_by(call) >> k & 1 and in_tensor(t, call.operand[k].data):
                    return True
        return False

    def draws(self) -> bool:
        """Whether it draws random numbers."""
        return self.n_streams > 0

    def disturbed(self) -> bool:
        """Whether another thread computed while it was recorded."""
        return self.failed == OTHER_THREAD

    def finish(self, list holder not None):
        """The program is to be kept: gives copies of the step's result, whose memory stays with the program. `holder` has the
        only reference to the result, which is dropped."""
        result = holder.pop()
        cdef Py_ssize_t i
        cdef TensorBase t
        cdef const char* data
        cdef list flat
        self.outputs, self.places = [], []
        if result is None:
            self.form, flat = None, []
        elif isinstance(result, TensorBase):
            self.form, flat = "tensor", [result]
        elif type(result) is dict:
            self.form, flat = list(result), list(result.values())
        elif type(result) is tuple or type(result) is list:
            self.form, flat = type(result), list(result)
        else:
            self.deny(f"it returns a {type(result).__name__}: return tensors, or a tuple, list or dict of tensors")
            return result
        for each in flat:
            if each is None:
                self.places.append(False)
                continue
            if not isinstance(each, TensorBase):
                self.deny(f"it returns a {type(each).__name__}, which would stay as it is: return tensors")
                return result
            t = each
            if block_of(&self.program, t.data) == NULL or not t.contiguous or t.storage.owner is not None:
                self.deny("it returns a tensor that it did not compute, or a view that is not contiguous: return a .clone()")
                return result
            if (t._requires_grad or (t._grad_fn is not None and t._grad_fn.freed == 0)
                    or (t._grad_fn is None and t._base is not None)):
                self.deny("it returns a tensor with a graph that backward() has not used: call backward() in the step, or "
                          "return x.detach().clone()")
                return result
            if not is_written(&self.program, t.data):
                self.deny("it returns numbers that Python computed")
                return result
            self.places.append(True)
            self.outputs.append(alias(t))
        t = None
        each = None
        flat = None
        out = shaped(self, results_of(self))
        swap_pool(&self.pool)           # what the graph of the result holds is the program's
        result = None
        swap_pool(&self.pool)
        seal_pool(&self.pool)
        kept = {<size_t> (<TensorBase> o).storage.data for o in self.outputs}
        kept.update({<size_t> (<TensorBase> g).storage.data for _, g in self.grads if g is not None})
        for i in range(len(self.inputs)):
            t = (<TensorBase> self.inputs[i])._grad
            if t is not None:
                if not t.contiguous or t._grad_fn is not None or not is_written(&self.program, t.data):
                    self.deny("the gradient of an argument has a history")
                    return out
                kept.add(<size_t> t.storage.data)
        for i in range(self.program.n_blocks):
            data = self.program.blocks[i].data
            if not pool_has(&self.pool, data) and <size_t> data not in kept:
                self.deny("a tensor that it makes is kept somewhere after the step (in a list, an attribute, a reference "
                          "cycle): return it instead")
                return out
        for i in range(len(self.inputs)):
            t = self.inputs[i]
            if Py_REFCNT(<PyObject*> t) != 3 or Py_REFCNT(<PyObject*> t.storage) != 1:      # inputs, args and t
                self.deny("an argument, or a view of it, is kept somewhere after the step")
                return out
        return out

    def same_as(self, Recorded other not None) -> bool:
        """Whether two recordings are equal, except for what each replay sets."""
        cdef Py_ssize_t i, k
        cdef int d, n
        cdef const Call* a
        cdef const Call* b
        cdef const Known* what
        if (self.program.n != other.program.n or self.n_updates != other.n_updates
                or self.program.n_labels != other.program.n_labels or len(self.grads) != len(other.grads)
                or [(id(leaf), g is None) for leaf, g in self.grads] != [(id(leaf), g is None) for leaf, g in other.grads]
                or self.pattern() != other.pattern() or self.grad_mode != other.grad_mode
                or self.wanted_grad != other.wanted_grad
                or [(<GivenGrad> g).use() for g in self.given] != [(<GivenGrad> g).use() for g in other.given]
                or [(id(storage), writes) for storage, writes in self.written]
                != [(id(storage), writes) for storage, writes in other.written]
                or [delta for _, delta in self.optimizers] != [delta for _, delta in other.optimizers]
                or [(id(s), n) for s, n in self.schedulers] != [(id(s), n) for s, n in other.schedulers]):
            return False
        for i in range(self.program.n):
            a, b = &self.program.calls[i], &other.program.calls[i]
            what = known_kernel(a.kernel)
            if (a.kernel != b.kernel or a.units != b.units or a.work != b.work or a.ndim != b.ndim
                    or a.n_operands != b.n_operands):
                return False
            if (what.role == ROLE_ELEMENTWISE or what.role == ROLE_MATMUL) and a.inner != b.inner:
                return False
            for d in range(a.ndim):
                if a.shape[d] != b.shape[d]:
                    return False
            n = min(what.n_strides, a.ndim) if what.n_strides == MAX_NDIM else what.n_strides
            for k in range(a.n_operands):
                if not self.same_place(other, i, k):
                    return False
                for d in range(n):
                    if a.operand[k].data != NULL and a.operand[k].stride[d] != b.operand[k].stride[d]:
                        return False
            if what.role == ROLE_CONTENT:
                if a.param[1].i != b.param[1].i or memcmp(<void*> <size_t> a.param[0].i, <void*> <size_t> b.param[0].i,
                                                          a.param[1].i) != 0:
                    return False
                continue
            for k in range(what.n_params):
                if a.param[k].i != b.param[k].i and not self.is_scheduled(i, k, what.role):
                    return False
        return True

    cdef bint is_scheduled(self, Py_ssize_t i, Py_ssize_t k, int role) noexcept:
        """Whether each replay sets this param of an entry anew."""
        cdef Py_ssize_t back
        cdef const Call* before
        if role == ROLE_RANDOM:
            return k == RANDOM_SEED or k == RANDOM_BLOCK
        if ROLE_SGD <= role <= ROLE_ASGD:
            return k != flags_of(role)
        for back in range(1, min(i, 2) + 1):
            before = &self.program.calls[i - back]
            if before.kernel == take_number and before.param[1].i == back and before.param[0].i == k:
                return True
        return False

    cdef bint same_place(self, Recorded other, Py_ssize_t i, Py_ssize_t k):
        cdef char* p = self.program.calls[i].operand[k].data
        cdef char* q = other.program.calls[i].operand[k].data
        cdef Py_ssize_t n
        cdef TensorBase t, u
        if p == NULL or q == NULL:
            return p == q
        if self.program.origins[i].allocation[k] != other.program.origins[i].allocation[k]:
            return False
        if self.program.origins[i].allocation[k] != 0:
            return self.program.origins[i].offset[k] == other.program.origins[i].offset[k]
        for n in range(len(self.given)):
            if (<GivenGrad> self.given[n]).has(p):
                return p - (<GivenGrad> self.given[n]).data == q - (<GivenGrad> other.given[n]).data
        for n in range(len(self.inputs)):
            t, u = self.inputs[n], other.inputs[n]
            if in_tensor(t, p):
                return in_tensor(u, q) and p - t.data == q - u.data
        return p == q

    def lines(self) -> list:
        """(kernel, shape, estimated nanoseconds) of each Call."""
        cdef Py_ssize_t i
        cdef int d
        cdef const Call* call
        found = []
        for i in range(self.program.n):
            call = &self.program.calls[i]
            found.append((known_kernel(call.kernel).name.decode(), tuple([call.shape[d] for d in range(call.ndim)]), call.work))
        return found

    def facts(self) -> dict:
        """Facts about the program for explain()."""
        return {"Calls": self.program.n, "nanoseconds": int(self.work), "guards": self.guards.n + self.guards.n_tensors,
                "updates": self.n_updates, "random streams": self.n_streams, "labels": self.program.n_labels,
                "checks": sum([self.program.calls[i].kernel == stop_if for i in range(self.program.n)]),
                "schedulers": len(self.schedulers), "gradients from before": len(self.given)}


# ---- Forks

cdef Recorded being_recorded = None     # by whichever thread


def end_recording_after_fork() -> None:
    """In a forked child: end the recording of a thread that it does not have."""
    if being_recorded is not None and recorder.thread != PyThread_get_thread_ident():
        being_recorded.end()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=end_recording_after_fork)
