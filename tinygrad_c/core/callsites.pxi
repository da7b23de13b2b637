"""Notes of where in the user's program something happened, for error messages; part of tape.pyx.

A note is a code object and an instruction offset. It costs 20 ns; the line is looked up only when an error message needs it.
"""

cdef enum:
    NOTES = 128                     # the last 128 are kept: of backward passes that freed their graphs, of optimizer steps,
cdef unsigned int last_note = 0     # and of writes to saved tensors
cdef unsigned int[NOTES] note_number
cdef int[NOTES] note_lasti
cdef list note_code = [None] * NOTES
cdef object users_file = None       # the user's file that was found last
cdef object frame_at = sys._getframe


cdef unsigned int note(PyObject* frame) except 0:
    """Note the line that the frame is at (NULL: unknown); returns the note's number."""
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
    """Note the current line of the calling Python function, or of the one `depth` calls above it."""
    cdef PyObject* frame = <PyObject*> PyEval_GetFrame()
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
    """'file.py:12', or None if the note was overwritten or is not in the user's code."""
    cdef int i = number % NOTES
    code = note_code[i]
    if number == 0 or note_number[i] != number or code is None or code.co_filename.startswith(PACKAGE):
        return None
    for start, end, line in code.co_lines():
        if start <= note_lasti[i] < end:
            return f"{code.co_filename}:{line}"
    return None


cdef int note_write(Storage storage) except -1:
    """Note the line that wrote to a storage of which a node has saved a tensor."""
    storage.watched = False
    frame = users_frame()
    storage.written = note(NULL if frame is None else <PyObject*> frame)
    return 0


cdef unsigned int step_note = 0     # note of the optimizer step that is running


cdef int note_step() except -1:
    """Note the line that called the optimizer's step (a Python method), as the step begins."""
    global step_note
    step_note = note_line(1)
    return 0


cdef void mark_step_write(Storage storage) noexcept:
    """Advance the version counter after the running optimizer step wrote to this storage."""
    count_write(storage)
    if storage.watched:
        storage.watched = False
        storage.written = step_note


# ---- Warning about graphs that are kept alive
#
# Now and then a backward pass leaves a Mark on its first node. If the last MARKS marks are all alive, so are their graphs.

cdef enum:
    MARKS = 16                      # the last 16 marks are checked
    MANY = 10_000                   # nodes
cdef int until_mark = 8             # backward passes until the next one leaves a mark
cdef unsigned int at_mark = 0
cdef list marks = [None] * MARKS    # weak references: a mark dies with its graph
cdef unsigned long long kept_since = 0       # graphs of nodes with larger numbers are all in memory


class Mark:
    """Put on a node whose backward pass is over; lives as long as the node."""

    __slots__ = ("__weakref__",)


cdef int mark_graph(Node node) except -1:
    """Warn once if the graphs of all the last passes are still in memory, as `total += loss` keeps them."""
    global kept_since, at_mark, until_mark
    cdef int i = at_mark % MARKS
    at_mark += 1
    # At irregular distances: a program that keeps every other graph must not be warned.
    until_mark = 1 + (at_mark * 0x9E3779B1 >> 28 & 15)
    if node.extra is not None:      # `extra` is in use by the rule
        return 0
    oldest = marks[i]
    node.extra = Mark()             # free to use: the node's rule has run
    marks[i] = weakref.ref(node.extra)
    if oldest is None or oldest() is None:
        kept_since = node.number
    elif last_number - kept_since > MANY:
        for each in marks:
            if each() is None:
                return 0
        warn_once("graphs stay", f"the graphs of the last hundred and more backward passes are all still in memory, "
                                 f"about {last_number - kept_since} nodes: the program keeps every loss with its graph, as "
                                 "total += loss does. Add up loss.item(), or loss.detach(), instead")
    return 0
