"""Gradients that exist before the step: each replay uses the current ones. Part of program.pyx."""

ctypedef struct Kept:           # memory that is put back if a check ends a replay
    char* data
    Py_ssize_t nbytes
    char* copy

ctypedef struct Place:          # an operand of an entry
    Py_ssize_t call
    int operand


@cython.final
@cython.binding(False)
cdef class GivenGrad:
    """A gradient that exists before the step and that entries read or write. Each replay uses the leaf's current gradient. No
    reference is held, since another program may own it: see may_replay()."""
    cdef TensorBase leaf
    cdef char* data             # the memory that the entries point to
    cdef Py_ssize_t nbytes
    cdef long writes            # that a step counts
    cdef bint kept              # the leaf has it after the step too
    cdef Place* places
    cdef Py_ssize_t n

    def __dealloc__(self):
        free(self.places)

    cdef int add(self, Py_ssize_t call, int operand) except -1:
        cdef Place* larger = <Place*> realloc(self.places, (self.n + 1) * sizeof(Place))
        if larger == NULL:
            raise MemoryError()
        self.places = larger
        larger[self.n].call, larger[self.n].operand = call, operand
        self.n += 1
        return 0

    cdef tuple use(self):
        return id(self.leaf), self.n, self.writes, self.kept

    cdef bint has(self, const char* p) noexcept:
        return self.data <= p < self.data + max(self.nbytes, 1)

    cdef bint move(self, Program* program, Kept* kept, Py_ssize_t n_kept) noexcept:
        """Make the entries use the leaf's current gradient; returns whether that is possible."""
        cdef TensorBase g = self.leaf._grad
        cdef Py_ssize_t i
        if g is None or not like(g, self.leaf):
            return False
        if g.data == self.data:
            return True
        for i in range(self.n):
            program.calls[self.places[i].call].operand[self.places[i].operand].data += g.data - self.data
        for i in range(n_kept):
            if kept[i].data == self.data:
                kept[i].data = g.data
        self.data = g.data
        return True


cdef bint like(TensorBase g, TensorBase leaf) noexcept:
    """Whether g is a plain gradient of the leaf, whose memory may be written."""
    cdef int d
    if (g.dtype != leaf.dtype or g.ndim != leaf.ndim or not g.contiguous or g.storage.readonly or g._grad_fn is not None
            or g._base is not None or g._hooks is not None or g._requires_grad):
        return False
    for d in range(g.ndim):
        if g.shape[d] != leaf.shape[d]:
            return False
    return True
