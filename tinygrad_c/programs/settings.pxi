"""Settings of parameter groups, which each replay reads, and the scalars of an update. Part of program.pyx."""

ctypedef struct Update:         # a Call of an optimizer, whose scalars change from step to step
    Py_ssize_t call
    int role
    Py_ssize_t group            # in Recorded.groups
    Py_ssize_t slot             # of the parameter in its group
    double step                 # how often the parameter has been updated; SGD does not count

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

cdef dict ROLES = {"SGD": ROLE_SGD, "Adam": ROLE_ADAM, "RMSprop": ROLE_RMSPROP, "Adagrad": ROLE_ADAGRAD}
cdef dict SETTINGS = {
    "SGD": ("lr", "weight_decay", "momentum", "dampening"), "Adam": ("lr", "weight_decay", "betas", "eps"),
    "RMSprop": ("lr", "weight_decay", "momentum", "eps", "alpha"), "Adagrad": ("lr", "weight_decay", "eps", "lr_decay")}


def settings_of(str kind not None) -> tuple:
    """The settings of an optimizer that may change from step to step.

    >>> settings_of("SGD")
    ('lr', 'weight_decay', 'momentum', 'dampening')
    """
    return SETTINGS[kind]


cdef bint load_setting(Group* g, str name, object value) except -1:
    """Whether it is a number, or a pair of numbers."""
    if name == "betas":
        if type(value) is not tuple or len(value) != 2:
            return False
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
    elif name == "alpha":
        g.alpha = value
    else:
        g.lr_decay = value
    return True


@cython.final
@cython.binding(False)
cdef class Settings:
    """A parameter group: its last settings, and its list of step counts or None."""
    cdef dict group
    cdef str kind
    cdef tuple names
    cdef list seen
    cdef list steps
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


cdef Settings settings_for(dict group, str kind, list steps, Group* g):
    """None if a setting is not a number."""
    cdef Settings s = Settings.__new__(Settings)
    s.group, s.kind, s.names, s.steps = group, kind, SETTINGS[kind], steps
    s.seen = [None] * len(s.names)
    memset(g, 0, sizeof(Group))
    s.load(g)
    if None in s.seen:
        return None
    s.moves = g.momentum != 0
    return s


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
    else:
        call.param[ADAGRAD_LR].f = g.lr / (1 + (u.step - 1) * g.lr_decay)
        call.param[ADAGRAD_EPS].f, call.param[ADAGRAD_WEIGHT_DECAY].f = g.eps, g.weight_decay
    return 0
