"""Anomaly mode: tracebacks of forward calls, the search for NaN gradients; the observer of new nodes; part of tape.pyx."""

cdef enum:
    RECORD_TRACEBACKS = 1           # of the forward call of each node
    FIND_NAN = 2                    # in the gradients that each rule returns
    OBSERVE = 4                     # call `observer` with each new node: explain.recording()
    ANOMALY = 3                     # the first two, which a backward pass checks
cdef int anomaly = 0                # bit mask of these
cdef object observer = None         # observer(node, out); out is None for a function with several outputs


cdef int note_created(Node node, TensorBase out) except -1:
    """A node was created while the observer or anomaly mode is on."""
    if anomaly & OBSERVE and observer is not None:
        observer(node, out)
    if not anomaly & RECORD_TRACEBACKS:
        return 0
    import traceback
    frame = frame_at(0)
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    stack = traceback.StackSummary.extract(traceback.walk_stack(frame), limit=20, lookup_lines=False)
    stack.reverse()
    extras_of(node).created_at = Traceback(stack)
    return 0


cdef object created_at(Node node):
    return None if node.extras is None else node.extras.created_at


cdef int run_rule_checked(BackwardPass back, Node node, TensorBase g) except -1:
    """Run a node's rule with its post-hooks. If it raises in anomaly mode, warn with the traceback of the forward call."""
    try:
        if node.extras is not None and node.extras.post_hooks:
            call_post_hooks(back, node, g)
        else:
            node.rule.backward(back, node, g)
    except Exception:
        if not anomaly & RECORD_TRACEBACKS:
            raise
        from tinygrad_c._base.warn import warn
        place = created_at(node)
        said = f"Traceback of forward call that caused the error:\n{place}" if place is not None else \
            "It was recorded before anomaly detection was on: no traceback of its forward call."
        warn(f"Error detected in {node.name()}. {said}")
        raise
    return 0


cdef int check_nan(Node node, int i, TensorBase g) except -1:
    cdef Py_ssize_t k
    cdef TensorBase flat = g if g.contiguous else clone_op(g)
    cdef double x
    if g.dtype < FLOAT32:
        return 0
    for k in range(flat.numel):
        x = (<float*> flat.data)[k] if flat.dtype == FLOAT32 else (<double*> flat.data)[k]
        if x != x:
            break
    else:
        return 0
    place = created_at(node)
    where = ""
    if place is not None and len(place.stack) > 0:
        line = place.stack[len(place.stack) - 1]
        where = f" The operation was at {line.filename}:{line.lineno}, in {line.name}: `{line.line}`."
    value = f" The first nan is at {k} of {g.numel} elements"
    if node.saved0 is not None and node.saved0.numel == g.numel:
        value = f"{value}, where the operation had saved {node.saved0.detach().reshape(-1)[k].item():g}"
    elif node.saved_output is not None:
        flat = new_tensor()
        flat.storage = node.saved_output
        contiguous_view(flat, node)
        if flat.numel == g.numel:
            value = f"{value}, where the operation had saved {flat.reshape(-1)[k].item():g}"
    raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output.{where}{value}. The usual cause: an "
                       "infinite derivative times 0 (sqrt or log at 0, x / 0), or inf - inf.")


def _set_anomaly(int mode) -> int:
    """Set anomaly mode: 0 off, 1 record tracebacks, 2 also check for NaN. Returns the old mode."""
    global anomaly
    before = anomaly
    if not 0 <= mode <= 2:
        raise ValueError(f"mode must be 0, 1 or 2, not {mode}")
    anomaly = (0, RECORD_TRACEBACKS, RECORD_TRACEBACKS | FIND_NAN)[mode] | (before & OBSERVE)
    return 2 if before & FIND_NAN else before & RECORD_TRACEBACKS


def _set_observer(call):
    """Call call(node, out) for every new node, for explain.recording(); None ends it. Returns the function set before.

    It shares the flag of anomaly mode, so that recording costs nothing more when both are off.
    """
    global anomaly, observer
    before, observer = observer, call
    anomaly = (anomaly & ANOMALY) | (0 if call is None else OBSERVE)
    return before
