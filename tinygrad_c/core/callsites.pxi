"""Notes of where in the user's program something happened, for errors to tell; part of tape.pyx.

A note is a code object and a place in it, from which the line is found when an error asks for it: 20 ns to take.
"""

cdef enum:
    NOTES = 128                     # that many are remembered: of backward passes that let go of their graphs, of optimizers'
cdef unsigned int last_note = 0     # steps, and of writes to what a node had saved
cdef unsigned int[NOTES] note_number
cdef int[NOTES] note_lasti
cdef list note_code = [None] * NOTES
cdef object users_file = None       # the file of the user's that was asked for last
cdef object frame_at = sys._getframe


cdef unsigned int note(PyObject* frame) except 0:
    """Remember the line that the frame, or NULL, is at; gives the note's number."""
    global last_note
    cdef int i
    last_note += 1
    if last_note == 0:
        last_note = 1
    i = last_note % NOTES
    if frame != NULL:
        note_number[i] = last_note
        note_lasti[i] = frame_lasti(frame)
        note_code[i] = frame_code(frame)
    return last_note


cdef unsigned int note_line(int depth) except 0:
    """Remember the line of the Python function that called us, or of the one `depth` calls further up."""
    cdef PyObject* frame = PyEval_GetFrame()
    cdef PyObject* back
    Py_XINCREF(frame)
    while frame != NULL and depth > 0:
        back = frame_back(frame)
        Py_XDECREF(frame)
        frame = back
        depth -= 1
    cdef unsigned int number = note(frame)
    Py_XDECREF(frame)
    return number


cdef object users_frame():
    """The nearest frame outside this package, or None."""
    global users_file
    try:
        frame = frame_at(0)
    except ValueError:
        return None
    while frame is not None:
        file = frame_code(<PyObject*> frame).co_filename
        if file is users_file:
            break
        if not file.startswith(PACKAGE):
            users_file = file
            break
        frame = frame.f_back
    return frame


cdef object callsite_of_note(unsigned int number):
    """'file.py:12', or None if it is forgotten or not a line of the user's."""
    cdef int i = number % NOTES
    code = note_code[i]
    if number == 0 or note_number[i] != number or code is None or code.co_filename.startswith(PACKAGE):
        return None
    for start, end, line in code.co_lines():
        if start <= note_lasti[i] < end:
            return f"{code.co_filename}:{line}"
    return None


cdef int note_write(Storage storage) except -1:
    """What a node had saved has been written to: remember the line."""
    storage.watched = False
    frame = users_frame()
    storage.written = note(NULL if frame is None else <PyObject*> frame)
    return 0


cdef unsigned int step_note = 0     # of the optimizer's step that is running


cdef int note_step() except -1:
    """An optimizer's step, a Python method, begins: remember the line that called it."""
    global step_note
    step_note = note_line(1)
    return 0


cdef void stepped(Storage storage) noexcept:
    """The running step has written here."""
    count_write(storage)
    if storage.watched:
        storage.watched = False
        storage.written = step_note


# ---- Graphs that stay

cdef enum:
    MARKS = 16                      # that many marks are remembered
    MANY = 10_000                   # nodes
cdef int until_mark = 8             # passes: then one leaves a mark on the node that it started from
cdef unsigned int at_mark = 0
cdef list marks = [None] * MARKS    # weak references: a mark that is gone went with its graph
cdef unsigned long long stay_from = 0        # since the node of this number, graphs have stayed


class Mark:
    """Left on a node whose pass is over."""

    __slots__ = ("__weakref__",)


cdef int mark_graph(Node node) except -1:
    """Say so, once, if the graphs of all of the last passes are still in memory: a loss that is added up keeps them."""
    global stay_from, at_mark, until_mark
    cdef int i = at_mark % MARKS
    at_mark += 1
    until_mark = 1 + (at_mark * 0x9E3779B1 >> 28 & 15)      # irregularly, or keeping every other graph would look like all
    if node.extra is not None:      # somebody else's place
        return 0
    oldest = marks[i]
    node.extra = Mark()             # nobody reads it any more: the node is used up
    marks[i] = weakref.ref(node.extra)
    if oldest is None or oldest() is None:
        stay_from = node.number
    elif last_number - stay_from > MANY:
        for each in marks:
            if each() is None:
                return 0
        warn_once("graphs stay", f"the graphs of the last hundred and more backward passes are all still in memory, "
                                 f"some {last_number - stay_from} nodes: something keeps every loss with its graph, as "
                                 "total += loss does. Add up loss.item(), or loss.detach(), instead")
    return 0
