"""Which parameter each Call of an optimizer updates. Part of program.pyx."""

cdef int find_updates(Recorded r, list optimizers) except -1:
    """Which optimizer, group and parameter each Call of an optimizer belongs to."""
    cdef Py_ssize_t i, slot
    cdef int role
    cdef Update* u
    cdef TensorBase p
    cdef dict turns = {}
    r.updates = <Update*> malloc((r.program.n + 1) * sizeof(Update))
    if r.updates == NULL:
        raise MemoryError()
    for i in range(r.program.n):
        role = known_kernel(r.program.calls[i].kernel).role
        if not ROLE_SGD <= role <= ROLE_ASGD:
            continue
        found = []
        number = 0
        for _, kind, groups in optimizers:
            for group, _, _ in groups:
                for slot, each in enumerate(group["params"]):
                    p = each
                    if p.data == r.program.calls[i].operand[0].data and ROLES[kind] == role:
                        found.append((number, slot))
                number += 1
        if len(found) != 1:
            r.deny("a parameter is updated by an optimizer that the step's closure and globals do not show, or is in "
                   "two optimizers")
            return 0
        u = &r.updates[r.n_updates]
        u.call, u.role, u.group, u.slot = i, role, found[0][0], found[0][1]
        u.turn = turns.get(found[0], 0)
        turns[found[0]] = u.turn + 1
        r.n_updates += 1
    for i in range(r.n_updates):
        r.updates[i].every = turns[r.updates[i].group, r.updates[i].slot]
        if not check_update(r, &r.updates[i]):
            break
    return 0


cdef bint check_update(Recorded r, Update* u) except -1:
    """Whether each replay can set the scalars of this update."""
    cdef Call* call = &r.program.calls[u.call]
    cdef Call expected = call[0]
    cdef int k
    u.step = 0
    if u.role != ROLE_SGD:
        if u.every > 1 and (u.role == ROLE_NADAM or u.role == ROLE_ASGD):
            r.deny("NAdam or ASGD steps more than once in it")
            return False
        if not (<Settings> r.groups[u.group]).load_state(u):
            r.deny("a number of an optimizer's state is no Python number")
            return False
        if u.role == ROLE_ASGD:             # the step has set those of the next one
            u.number[0], u.number[1] = call.param[ASGD_ETA].f, call.param[ASGD_MU].f
    elif call.param[SGD_FLAGS].i & FIRST:
        r.failed = UNSUITED
    set_scalars(&expected, u, &r.settings[u.group])
    for k in range(known_kernel(call.kernel).n_params):         # the others were never set
        if expected.param[k].i != call.param[k].i:
            r.deny("an optimizer's step used other settings than its parameter groups had when the step began")
            return False
    for scheduler, position in r.schedulers:
        if u.call >= position and scheduler_owns(scheduler, (<Settings> r.groups[u.group]).group):
            r.deny("a scheduler's step() comes before the optimizer's: call it after optimizer.step()")
            return False
    return True
