"""Recorded: how a step becomes a program; part of program.pyx."""

ctypedef struct Update:         # a Call of SGD or Adam, whose scalars change from step to step
    Py_ssize_t call
    int role
    Py_ssize_t group            # in Recorded.groups
    Py_ssize_t slot             # of the parameter in its group
    double step                 # Adam: how often the parameter has been updated

ctypedef struct Group:          # the settings of a parameter group that the scalars depend on
    double lr
    double beta1
    double beta2
    double weight_decay
    double eps


cdef bint in_tensor(TensorBase t, const char* p) noexcept:
    return t.storage.data <= p < t.storage.data + max(t.storage.nbytes, 1)


cdef inline bint is_number(object value) noexcept:
    return type(value) is float or type(value) is int


cdef tuple identity(TensorBase t):
    return None if t is None else (<size_t> <PyObject*> t, <size_t> t.data)


cdef TensorBase plain_copy(TensorBase a):
    """Of a contiguous tensor, not recorded on the tape, nor in a program."""
    cdef TensorBase out = empty_like(a)
    memcpy(out.data, a.data, a.numel * itemsize(a.dtype))
    return out


cdef int set_scalars(Call* call, const Update* u, const Group* g) noexcept nogil:
    """As in ops/optim_steps/update.pyx."""
    if u.role == ROLE_SGD:
        call.param[SGD_LR].f = g.lr
        return 0
    call.param[ADAM_STEP].f = g.lr / (1 - pow(g.beta1, u.step))
    call.param[ADAM_CORRECTION].f = sqrt(1 - pow(g.beta2, u.step))
    call.param[ADAM_SHRINK].f = 1 - g.lr * g.weight_decay
    call.param[ADAM_EPS].f = g.eps
    return 0


@cython.final
@cython.binding(False)
cdef class Recorded:
    """One program of a step, for inputs of one shape, and what must hold for it."""
    cdef Program program
    cdef Pool pool
    cdef Update* updates
    cdef Py_ssize_t n_updates
    cdef Group* settings
    cdef readonly Guards guards
    cdef tuple args             # of the step: the program's own copies of the tensors, and the other arguments
    cdef list inputs            # these copies
    cdef list optimizers        # (the optimizer's __dict__, steps that the program counts)
    cdef list groups            # (the group, the learning rate seen last, its list of steps or None, the eps seen last)
    cdef list had_grad          # (leaf, whether it had a gradient when the step began)
    cdef list grads             # (leaf, the gradient that the step leaves, or None)
    cdef list written           # (storage, how many writes a step counts)
    cdef list outputs
    cdef object form            # of the result: None, "tensor", list, tuple, or the keys of a dict
    cdef list places            # of a list, tuple or dict: whether each element is a tensor, or None
    cdef bint busy
    cdef double work            # nanoseconds, estimated
    cdef readonly object refusal    # (reason, file, line) or None
    cdef readonly int failed
    cdef public int verified
    cdef public object key

    def __dealloc__(self):
        free_pool(&self.pool)
        free_program(&self.program)
        free(self.updates)
        free(self.settings)

    def deny(self, str reason):
        if self.refusal is None:
            self.refusal = reason, None, 0

    def record(self, function, tuple args not None, Guards guards not None, list optimizers not None):
        """Run the step as eager mode does, and keep its Calls. `optimizers`: (its __dict__, its kind, its groups as (group,
        list of steps or None)). Gives the step's result; finish() says what to hand out."""
        cdef TensorBase t
        cdef list given = []
        if self.program.calls != NULL or self.guards is not None:
            raise RuntimeError("a program is recorded once")
        self.guards = guards
        self.inputs = []
        for each in args:
            if isinstance(each, TensorBase):
                each = plain_copy(each)
                self.inputs.append(each)
            given.append(each)
        self.args = tuple(given)
        given = None
        each = None
        leaves = [t for t in guards.all_tensors if (<TensorBase> t)._requires_grad]
        self.had_grad = [(t, (<TensorBase> t)._grad is not None) for t in leaves]
        before = [identity((<TensorBase> t)._grad) for t in leaves]
        versions = [(<TensorBase> t).storage.version for t in guards.all_tensors]
        counts = [attributes["_step_count"] for attributes, _, _ in optimizers]
        t = None
        if not pools_work():
            self.deny("this build keeps no memory for programs")
            return function(*self.args)
        start_recording(&self.program)
        note_storages(1)
        swap_pool(&self.pool)
        try:
            result = function(*self.args)
        finally:
            swap_pool(&self.pool)
            note_storages(-1)
            self.refusal = stop_recording()
            self.failed = self.program.failed
            seal_pool(&self.pool)
        if self.refusal is None and not self.failed:
            self.examine(leaves, before, versions, counts, optimizers)
        return result

    cdef int examine(self, list leaves, list before, list versions, list counts, list optimizers) except -1:
        cdef Py_ssize_t i, k
        cdef TensorBase t
        cdef Storage storage
        cdef set seen = set()
        self.optimizers = [(attributes, attributes["_step_count"] - count)
                           for (attributes, _, _), count in zip(optimizers, counts)]
        if not self.guards.hold():
            self.deny("it changes what it uses: an attribute, a list, a setting, or the memory of a tensor")
            return 0
        self.written = []
        for i in range(len(versions)):
            storage = (<TensorBase> self.guards.all_tensors[i]).storage
            if storage.version != <unsigned int> versions[i] and id(storage) not in seen:
                seen.add(id(storage))
                self.written.append((storage, <unsigned int> (storage.version - <unsigned int> versions[i])))
        self.grads = []
        for i in range(len(leaves)):
            t = leaves[i]
            if t._grad is None:
                self.grads.append((t, None))
            elif block_of(&self.program, t._grad.data) != NULL:
                if not t._grad.contiguous or t._grad._grad_fn is not None or t._grad.data != t._grad.storage.data:
                    self.deny("a parameter's gradient has a history, or is a view")
                    return 0
                self.grads.append((t, t._grad))
            elif (<size_t> <PyObject*> t._grad, <size_t> t._grad.data) != before[i]:
                self.deny("a parameter's gradient was not computed by the step")
                return 0
        for i in range(self.program.n_outside):
            for each in self.inputs:
                if in_tensor(<TensorBase> each, self.program.outside[i].data):
                    break
            else:
                if self.guards.at(self.program.outside[i].data) is None:
                    self.deny("it uses a tensor that is neither an argument nor found from the step's closure, its globals, "
                              "modules and optimizers (or it adds to gradients from before the step: call zero_grad() first)")
                    return 0
        for i in range(self.program.n_labels):
            for each in self.inputs:
                t = each
                if t.data == <char*> self.program.labels[i].data and t.dtype == INT64 and self.program.labels[i].n <= t.numel:
                    break
            else:
                self.deny("the labels of cross_entropy are no argument of the step, or not int64")
                return 0
        self.find_updates(optimizers)
        for i in range(self.program.n):
            self.work += self.program.calls[i].work
        return 0

    cdef int find_updates(self, list optimizers) except -1:
        """Which optimizer, group and parameter each Call of SGD or Adam belongs to."""
        cdef Py_ssize_t i, slot
        cdef int role
        cdef Update* u
        cdef Group* g
        cdef Call expected
        cdef TensorBase p
        cdef set taken = set()
        self.groups = []
        n_groups = sum([len(groups) for _, _, groups in optimizers])
        self.updates = <Update*> malloc((self.program.n + 1) * sizeof(Update))
        self.settings = <Group*> malloc((n_groups + 1) * sizeof(Group))
        if self.updates == NULL or self.settings == NULL:
            raise MemoryError()
        for _, kind, groups in optimizers:
            for group, steps in groups:
                g = &self.settings[len(self.groups)]
                lr = group["lr"]
                eps = group["eps"] if kind == "Adam" else None
                if not is_number(lr) or (eps is not None and not is_number(eps)):
                    self.deny("the learning rate or eps is not a Python number")
                    return 0
                g.lr = lr
                g.beta1, g.beta2, g.weight_decay, g.eps = 0, 0, group["weight_decay"], 0
                if kind == "Adam":
                    g.beta1, g.beta2 = group["betas"]
                    g.eps = eps
                self.groups.append([group, lr, steps, eps])
        for i in range(self.program.n):
            role = known_kernel(self.program.calls[i].kernel).role
            if role != ROLE_SGD and role != ROLE_ADAM:
                continue
            found = []
            number = 0
            for _, kind, groups in optimizers:
                for group, steps in groups:
                    for slot, each in enumerate(group["params"]):
                        p = each
                        if p.data == self.program.calls[i].operand[0].data and (kind == "Adam") == (role == ROLE_ADAM):
                            found.append((number, slot))
                    number += 1
            if len(found) != 1 or found[0] in taken:
                self.deny("a parameter is updated twice, or by an optimizer that the step's closure and globals do not show")
                return 0
            taken.add(found[0])
            u = &self.updates[self.n_updates]
            u.call, u.role, u.group, u.slot = i, role, found[0][0], found[0][1]
            u.step = 0
            if role == ROLE_ADAM:
                u.step = self.groups[u.group][2][u.slot]
            elif self.program.calls[i].param[SGD_FLAGS].i & FIRST:
                self.failed = UNSUITED
            expected = self.program.calls[i]
            set_scalars(&expected, u, &self.settings[u.group])
            if memcmp(expected.param, self.program.calls[i].param, sizeof(expected.param)) != 0:
                self.deny("an optimizer's step used other settings than its parameter groups have now")
                return 0
            self.n_updates += 1
        return 0

    def has_updates(self) -> bool:
        return self.n_updates > 0

    def finish(self, result):
        """The program is to be kept: gives copies of the step's results, whose memory stays with the program."""
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
            self.places.append(True)
            self.outputs.append(alias(t))
        t = None
        each = None
        flat = None
        out = shaped(self, results_of(self))
        result = None
        kept = {<size_t> (<TensorBase> o).storage.data for o in self.outputs}
        kept.update({<size_t> (<TensorBase> g).storage.data for _, g in self.grads if g is not None})
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
        """Whether two recordings are the same program, but for what is computed anew at each step."""
        cdef Py_ssize_t i, k
        cdef int d, n
        cdef const Call* a
        cdef const Call* b
        cdef const Known* what
        if (self.program.n != other.program.n or self.n_updates != other.n_updates
                or self.program.n_labels != other.program.n_labels or len(self.grads) != len(other.grads)
                or [(id(leaf), g is None) for leaf, g in self.grads] != [(id(leaf), g is None) for leaf, g in other.grads]
                or [had for _, had in self.had_grad] != [had for _, had in other.had_grad]
                or [(id(storage), writes) for storage, writes in self.written]
                != [(id(storage), writes) for storage, writes in other.written]
                or [delta for _, delta in self.optimizers] != [delta for _, delta in other.optimizers]):
            return False
        for i in range(self.program.n):
            a, b = &self.program.calls[i], &other.program.calls[i]
            what = known_kernel(a.kernel)
            if (a.kernel != b.kernel or a.units != b.units or a.work != b.work or a.ndim != b.ndim
                    or a.n_operands != b.n_operands):
                return False
            if what.role == ROLE_ELEMENTWISE and a.inner != b.inner:
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
            for k in range(what.n_params):
                if (what.role == ROLE_SGD and k == SGD_LR) or (
                        what.role == ROLE_ADAM
                        and (k == ADAM_STEP or k == ADAM_CORRECTION or k == ADAM_SHRINK or k == ADAM_EPS)):
                    continue
                if a.param[k].i != b.param[k].i:
                    return False
        return True

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
