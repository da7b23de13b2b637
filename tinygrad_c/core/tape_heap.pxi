"""NodeHeap: the queue of a backward pass, a binary heap with the largest node number on top; part of tape.pyx.

It holds references to nodes. Up to FEW_NODES are stored in the pass itself; few nets have more pending at a time.
"""


cdef int push_node(NodeHeap* heap, Node node) except -1:
    cdef Py_ssize_t i = heap.n
    cdef Py_ssize_t parent
    cdef void* larger
    if heap.nodes == NULL:
        heap.nodes, heap.capacity = heap.few, FEW_NODES
    elif i == heap.capacity:
        larger = realloc(NULL if heap.nodes == heap.few else heap.nodes, 2 * i * sizeof(void*))
        if larger == NULL:
            raise MemoryError("no memory for the backward pass's queue")
        if heap.nodes == heap.few:
            memcpy(larger, heap.few, i * sizeof(void*))
        heap.nodes, heap.capacity = <void**> larger, 2 * i
    Py_INCREF(node)
    heap.n += 1
    while i > 0:
        parent = (i - 1) // 2
        if (<Node> heap.nodes[parent]).number >= node.number:
            break
        heap.nodes[i] = heap.nodes[parent]
        i = parent
    heap.nodes[i] = <void*> node
    return 0


cdef Node pop_node(NodeHeap* heap):
    cdef Node top = <Node> heap.nodes[0]
    cdef void* last
    cdef unsigned long long number
    cdef Py_ssize_t i = 0
    cdef Py_ssize_t child
    Py_DECREF(top)              # the heap's reference; `top` holds its own
    heap.n -= 1
    if heap.n > 0:
        last = heap.nodes[heap.n]
        number = (<Node> last).number
        while True:
            child = 2 * i + 1
            if child >= heap.n:
                break
            if child + 1 < heap.n and (<Node> heap.nodes[child + 1]).number > (<Node> heap.nodes[child]).number:
                child += 1
            if number >= (<Node> heap.nodes[child]).number:
                break
            heap.nodes[i] = heap.nodes[child]
            i = child
        heap.nodes[i] = last
    return top


cdef void free_heap(NodeHeap* heap) noexcept:
    cdef Py_ssize_t i
    for i in range(heap.n):
        Py_DECREF(<object> heap.nodes[i])
    if heap.nodes != heap.few:
        free(heap.nodes)
