"""Settings of parameter groups, which each replay reads, and the scalars of an update. Part of program.pyx."""

ctypedef struct Update:         # a Call of an optimizer, whose scalars change from step to step
    Py_ssize_t call
    int role
    Py_ssize_t group            # in Recorded.groups
    Py_ssize_t slot             # of the parameter in its group
    int every                   # how often the program updates this parameter
    int turn                    # which of these updates it is, from 0
    double step                 # how often the parameter has been updated; SGD does not count
    double[2] last              # number, as it was before the last step
    double[2] number            # other numbers of its state: NAdam's mu_product, ASGD's eta and mu

ctypedef struct Group:          # the settings of a parameter group, which may change from step to step
    double lr
    double beta1
    double beta2
    double weight_decay
    double eps
    double momentum
    double dampening
    double alpha
    double lr_decay
    double momentum_decay
    double lambd
    double t0
    double smallest
    double largest

cdef dict ROLES = {"SGD": ROLE_SGD, "Adam": ROLE_ADAM, "RMSprop": ROLE_RMSPROP, "Adagrad": ROLE_ADAGRAD,
                   "Adadelta": ROLE_ADADELTA, "Adamax": ROLE_ADAMAX, "NAdam": ROLE_NADAM, "RAdam": ROLE_RADAM,
                   "Rprop": ROLE_RPROP, "ASGD": ROLE_ASGD}
cdef dict SETTINGS = {
    "SGD": ("lr", "weight_decay", "momentum", "dampening"), "Adam": ("lr", "weight_decay", "betas", "eps"),
    "RMSprop": ("lr", "weight_decay", "momentum", "eps", "alpha"), "Adagrad": ("lr", "weight_decay", "eps", "lr_decay"),
    "Adadelta": ("lr", "weight_decay", "eps", "rho"), "Adamax": ("lr", "weight_decay", "betas", "eps"),
    "NAdam": ("lr", "weight_decay", "betas", "eps", "momentum_decay"), "RAdam": ("lr", "weight_decay", "betas", "eps"),
    "Rprop": ("lr", "etas", "step_sizes"), "ASGD": ("lr", "weight_decay", "lambd", "alpha", "t0")}


def settings_of(str kind not None) -> tuple:
    """The settings of an optimizer that may change from step to step.

    >>> settings_of("SGD")
    ('lr', 'weight_decay', 'momentum', 'dampening')
    """
    return SETTINGS[kind]


cdef bint load_setting(Group* g, str name, object value) except -1:
    """Whether it is a number, or a pair of numbers."""
    if name == "betas" or name == "etas" or name == "step_sizes":
        if type(value) is not tuple or len(value) != 2:
            return False
        if name == "step_sizes":
            g.smallest, g.largest = value
        else:
            g.beta1, g.beta2 = value
        return True
    if type(value) is not float and type(value) is not int:
        return False
    if name == "lr":
        g.lr = value
    elif name == "weight_decay":
        g.weight_decay = value
    elif name == "momentum":
        g.momentum = value
    elif name == "eps":
        g.eps = value
    elif name == "dampening":
        g.dampening = value
    elif name == "alpha" or name == "rho":
        g.alpha = value
    elif name == "momentum_decay":
        g.momentum_decay = value
    elif name == "lambd":
        g.lambd = value
    elif name == "t0":
        g.t0 = value
    else:
        g.lr_decay = value
    return True


@cython.final
@cython.binding(False)
cdef class Settings:
    """A parameter group: its last settings, its list of step counts or None, and other lists of numbers."""
    cdef dict group
    cdef str kind
    cdef tuple names
    cdef list seen
    cdef list steps
    cdef list numbers           # lists of other numbers of the parameters' states
    cdef bint moves             # SGD and RMSprop: the momentum is not 0

    cdef bint load(self, Group* g) except -1:
        """Read changed settings; returns whether the program is still valid."""
        cdef Py_ssize_t i
        cdef PyObject* value
        for i in range(len(self.names)):
            value = PyDict_GetItemWithError(self.group, self.names[i])
            if value == NULL:
                return False
            if value != <PyObject*> self.seen[i]:
                if not load_setting(g, <str> self.names[i], <object> value):
                    return False
                self.seen[i] = <object> value
        return (g.momentum != 0) == self.moves

    cdef bint load_state(self, Update* u) except -1:
        """Read the numbers of a parameter's state; returns whether they are numbers."""
        cdef Py_ssize_t i
        if u.slot >= PyList_GET_SIZE(self.steps) or type(self.steps[u.slot]) is not int:
            return False
        u.step = <long long> self.steps[u.slot] + u.turn + 1 - u.every
        for i in range(len(self.numbers)):
            numbers = <list> self.numbers[i]
            if u.slot >= PyList_GET_SIZE(numbers) or type(numbers[u.slot]) is not float:
                return False
            u.number[i] = numbers[u.slot]
        return True

    cdef int store_state(self, const Update* u) except -1:
        cdef Py_ssize_t i
        self.steps[u.slot] = <long long> u.step
        for i in range(len(self.numbers)):
            (<list> self.numbers[i])[u.slot] = u.number[i]
        return 0

    cdef list lists(self):
        return [] if self.steps is None else [self.steps, *self.numbers]


cdef Settings settings_for(dict group, str kind, list steps, list numbers, Group* g):
    """None if a setting is not a number."""
    cdef Settings s = Settings.__new__(Settings)
    s.group, s.kind, s.names, s.steps, s.numbers = group, kind, SETTINGS[kind], steps, numbers
    s.seen = [None] * len(s.names)
    memset(g, 0, sizeof(Group))
    s.load(g)
    if None in s.seen:
        return None
    s.moves = g.momentum != 0
    return s


cdef int flags_of(int role) noexcept nogil:
    """The param of an optimizer's kernel that has its flags."""
    return (SGD_FLAGS if role == ROLE_SGD else ADAM_FLAGS if role == ROLE_ADAM else RMSPROP_FLAGS if role == ROLE_RMSPROP else
            ADAGRAD_FLAGS if role == ROLE_ADAGRAD else ADADELTA_FLAGS if role == ROLE_ADADELTA else
            ADAMAX_FLAGS if role == ROLE_ADAMAX else NADAM_FLAGS if role == ROLE_NADAM else
            RADAM_FLAGS if role == ROLE_RADAM else RPROP_FLAGS if role == ROLE_RPROP else ASGD_FLAGS)


cdef void count_step(Update* u, Call* call, const Group* g) noexcept nogil:
    """One step more: the scalars of its Call, and the numbers that the next step begins with."""
    u.step += u.every
    u.last[0], u.last[1] = u.number[0], u.number[1]
    if u.role == ROLE_NADAM:
        u.number[0] *= nadam_mu(u.step, g.beta1, g.momentum_decay)
    set_scalars(call, u, g)
    if u.role == ROLE_ASGD:
        u.number[0], u.number[1] = asgd_eta(u.step, g.lr, g.lambd, g.alpha), asgd_mu(u.step, g.t0)


cdef void uncount_step(Update* u) noexcept nogil:
    """A check has ended the step."""
    u.step -= u.every
    u.number[0], u.number[1] = u.last[0], u.last[1]


cdef int set_scalars(Call* call, const Update* u, const Group* g) noexcept nogil:
    """As in ops/optim_steps/update.pyx."""
    if u.role == ROLE_SGD:
        call.param[SGD_LR].f, call.param[SGD_MOMENTUM].f = g.lr, g.momentum
        call.param[SGD_UNDAMPED].f, call.param[SGD_WEIGHT_DECAY].f = 1 - g.dampening, g.weight_decay
    elif u.role == ROLE_ADAM:
        call.param[ADAM_WEIGHT].f, call.param[ADAM_BETA2].f, call.param[ADAM_EPS].f = 1 - g.beta1, g.beta2, g.eps
        call.param[ADAM_WEIGHT_DECAY].f, call.param[ADAM_SHRINK].f = g.weight_decay, 1 - g.lr * g.weight_decay
        call.param[ADAM_STEP].f = g.lr / (1 - pow(g.beta1, u.step))
        call.param[ADAM_CORRECTION].f = sqrt(1 - pow(g.beta2, u.step))
    elif u.role == ROLE_RMSPROP:
        call.param[RMSPROP_LR].f, call.param[RMSPROP_ALPHA].f, call.param[RMSPROP_EPS].f = g.lr, g.alpha, g.eps
        call.param[RMSPROP_WEIGHT_DECAY].f, call.param[RMSPROP_MOMENTUM].f = g.weight_decay, g.momentum
    elif u.role == ROLE_ADADELTA:
        call.param[ADADELTA_LR].f, call.param[ADADELTA_RHO].f, call.param[ADADELTA_EPS].f = g.lr, g.alpha, g.eps
        call.param[ADADELTA_WEIGHT_DECAY].f = g.weight_decay
    elif u.role == ROLE_ADAMAX:
        adamax_scalars(call, u.step, g.lr, g.beta1, g.beta2, g.eps, g.weight_decay)
    elif u.role == ROLE_NADAM:
        nadam_scalars(call, u.step, u.number[0], g.lr, g.beta1, g.beta2, g.eps, g.weight_decay, g.momentum_decay)
    elif u.role == ROLE_RADAM:
        radam_scalars(call, u.step, g.lr, g.beta1, g.beta2, g.eps, g.weight_decay)
    elif u.role == ROLE_RPROP:
        call.param[RPROP_SHRINK].f, call.param[RPROP_GROW].f = g.beta1, g.beta2
        call.param[RPROP_SMALLEST].f, call.param[RPROP_LARGEST].f = g.smallest, g.largest
    elif u.role == ROLE_ASGD:
        call.param[ASGD_ETA].f, call.param[ASGD_MU].f = u.number[0], u.number[1]
        call.param[ASGD_LAMBD].f, call.param[ASGD_WEIGHT_DECAY].f = g.lambd, g.weight_decay
    else:
        call.param[ADAGRAD_LR].f = g.lr / (1 + (u.step - 1) * g.lr_decay)
        call.param[ADAGRAD_EPS].f, call.param[ADAGRAD_WEIGHT_DECAY].f = g.eps, g.weight_decay
    return 0


# ---- Schedulers

cdef list schedulers_in(scheduler):
    """The scheduler and the schedulers that it calls."""
    found = [scheduler]
    for each in found:
        for value in each.__dict__.values():
            if isinstance(value, (list, tuple)):
                found.extend([other for other in value if hasattr(other, "last_epoch") and other not in found])
    return found


cdef bint scheduler_owns(scheduler, dict group) except -1:
    return any([group is each for one in schedulers_in(scheduler) for each in getattr(one.optimizer, "param_groups", [group])])
