"""Freeing chains of nodes in a loop; part of tape.pyx.

A node holds the nodes before it, so freeing the last one frees the whole chain, each inside the one after. Python limits that
nesting at a depth that differs between versions: on 3.13 a chain of 10,000 additions overflowed a stack of 256 KB (musl gives
threads 128 KB). Here a node that is freed while another one is waits, per thread, until that one is done.
"""
cdef extern from *:
    """
    #if defined(_MSC_VER)
    #define PER_THREAD static __declspec(thread)
    #else
    #define PER_THREAD static __thread
    #endif
    PER_THREAD PyObject** waiting = NULL;
    PER_THREAD Py_ssize_t n_waiting = 0;
    PER_THREAD Py_ssize_t room_waiting = 0;
    PER_THREAD int freeing = 0;
    """
    PyObject** waiting          # nodes without references, not yet freed
    Py_ssize_t n_waiting
    Py_ssize_t room_waiting
    bint freeing                # this thread is in free_node

cdef extern from "Python.h":
    void PyObject_GC_UnTrack(PyObject*)

cdef destructor free_node_now = dealloc_of(Node)


cdef void free_node(PyObject* node) noexcept:
    global waiting, n_waiting, room_waiting, freeing
    cdef PyObject** more
    cdef PyObject* next
    if freeing:
        if n_waiting == room_waiting:
            more = <PyObject**> realloc(waiting, (room_waiting + 1) * 2 * sizeof(PyObject*))
            if more == NULL:
                free_node_now(node)
                return
            waiting = more
            room_waiting = (room_waiting + 1) * 2
        PyObject_GC_UnTrack(node)           # the collector must not see an object without references
        waiting[n_waiting] = node
        n_waiting += 1
        return
    freeing = True
    free_node_now(node)
    while n_waiting > 0:
        n_waiting -= 1
        next = waiting[n_waiting]
        free_node_now(next)
    if room_waiting > 0:
        free(waiting)
        waiting = NULL
        room_waiting = 0
    freeing = False

set_dealloc(Node, free_node)
