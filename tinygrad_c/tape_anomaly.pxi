"""Anomaly mode, and other care that a pass may need; part of tape.pyx."""

cdef enum:
    NOTE_PLACES = 1
    FIND_NAN = 2                    # in what comes out of every rule
    OBSERVE = 4                     # call `observer` with each new node: explain.recording()
    ANOMALY = 3                     # the first two: what a backward pass asks for
cdef int anomaly = 0                # the sum of those that are on
cdef object observer = None         # observer(node, out); out is None for a function with several outputs


class Place:
    """Among a node's hooks: the lines of the program that led to its operation."""

    def __init__(self, stack):
        self.stack = stack

    def __str__(self) -> str:
        return "".join(self.stack.format()).rstrip()


NOT_CALLED = (weakref.ref, Afterwards, AfterRule, Packed, Place, dict)      # in the lists of hooks


cdef int note_place(Node node, TensorBase out) except -1:
    if anomaly & OBSERVE and observer is not None:
        observer(node, out)
    if not anomaly & NOTE_PLACES:
        return 0
    import traceback
    frame = frame_at(0)
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    stack = traceback.StackSummary.extract(traceback.walk_stack(frame), limit=20, lookup_lines=False)
    stack.reverse()
    node.hooks = (node.hooks or []) + [Place(stack)]
    return 0


cdef object place_of(Node node):
    for hook in node.hooks or ():
        if type(hook) is Place:
            return hook
    return None


cdef int visit_with_care(Walk walk, Node node, TensorBase g) except -1:
    """Run a node's rule, with its hooks; in anomaly mode, say of an error which line of the forward pass it belongs to."""
    cdef list hooks = [hook for hook in node.hooks or () if type(hook) is AfterRule]
    try:
        if hooks:
            visit_with_hooks(walk, node, g, hooks)
        else:
            node.rule.backward(walk, node, g)
    except Exception:
        if not anomaly & NOTE_PLACES:
            raise
        from tinygrad_c.notices import warn
        place = place_of(node)
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
    place = place_of(node)
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
    """0: off; 1: note where operations are; 2: look for NaN too. Gives what it was."""
    global anomaly
    before = anomaly
    if not 0 <= mode <= 2:
        raise ValueError(f"a mode from 0 to 2, not {mode}")
    anomaly = (0, NOTE_PLACES, NOTE_PLACES | FIND_NAN)[mode] | (before & OBSERVE)
    return 2 if before & FIND_NAN else before & NOTE_PLACES


def _set_observer(call):
    """Have every new node given to call(node, out), for explain.recording(); None ends it. Gives what was called before.

    It is asked where anomaly mode is, behind the same flag: without either nothing is done that was not done before.
    """
    global anomaly, observer
    before, observer = observer, call
    anomaly = (anomaly & ANOMALY) | (0 if call is None else OBSERVE)
    return before
