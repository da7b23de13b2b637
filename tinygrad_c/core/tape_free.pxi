"""Freeing chains of nodes in a loop; part of tape.pyx.

A node holds the nodes before it, so freeing the last one frees the whole chain, each inside the one after. Python limits that
nesting at a depth that differs between versions: on 3.13 a chain of 10,000 additions overflowed a stack of 256 KB (musl gives
threads 128 KB). Here a node that is freed while another one is waits, per thread, until that one is done. Those that wait are a
list linked by their label, which a node without references needs no more: the list takes no memory and cannot fail.
"""
cdef extern from *:
    """
    #if defined(_MSC_VER)
    #define PER_THREAD static __declspec(thread)
    #define NOT_INLINED static __declspec(noinline)
    #else
    #define PER_THREAD static __thread
    #define NOT_INLINED static __attribute__((noinline))
    #endif
    typedef struct {
        PyObject* first;
        int busy;
    } Freeing;
    PER_THREAD Freeing freeing = {NULL, 0};
    /* Not inlined: the compiler would look up the address, which is a call, again after each other call. */
    NOT_INLINED Freeing* freeing_of_thread(void) { return &freeing; }
    """
    ctypedef struct Freeing:
        PyObject* first     # of the nodes without references that are not yet freed
        bint busy           # this thread is in free_node
    Freeing* freeing_of_thread() noexcept

cdef extern from "Python.h":
    void PyObject_GC_UnTrack(PyObject*)

cdef destructor free_node_now = dealloc_of(Node)


cdef void free_node(PyObject* node) noexcept:
    cdef Freeing* f = freeing_of_thread()
    if f.busy:
        PyObject_GC_UnTrack(node)           # the collector must not see an object without references
        (<Node> node).label = <char*> f.first
        f.first = node
        return
    f.busy = True
    free_node_now(node)
    while f.first != NULL:
        node = f.first
        f.first = <PyObject*> (<Node> node).label
        free_node_now(node)
    f.busy = False

set_dealloc(Node, free_node)
