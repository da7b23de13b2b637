"""A module's forward and backward pass as one program that is run in two parts. Part of program.pyx.

The program is recorded of a function that calls the module, marks the place, and computes the gradients of its inputs and
parameters with autograd.grad. A forward pass runs the entries before the mark and records one node on the tape; its rule runs
the others. The numbers that the backward pass needs stay in the program's memory, so until then another forward pass is eager.
"""

cdef enum:
    MANY_MISSES = 3             # of a backward pass: then eager mode is faster

ctypedef struct Target:         # where the gradients of an input or a parameter go
    Py_ssize_t first            # in Passes.places
    Py_ssize_t n                # operands of entries that point to this gradient; 0: it is copied


@cython.final
@cython.binding(False)
cdef class Graph:
    """One forward pass, for its node."""
    cdef Passes passes
    cdef tuple args
    cdef unsigned int* versions     # of args, then of what the backward pass reads
    cdef uint64_t seed              # of the random stream, and its position, before the pass
    cdef uint64_t position

    def __dealloc__(self):
        free(self.versions)
        if self.passes is not None and self.passes.pending == <PyObject*> self:
            self.passes.pending = NULL


@cython.final
@cython.binding(False)
cdef class Passes:
    """The two parts of a recorded program; see forward()."""
    cdef Recorded r
    cdef object function
    cdef Py_ssize_t n_args
    cdef list leaves            # the parameters
    cdef list edges             # of the node: None for each argument, then the parameters
    cdef list grads             # the program's gradient of each edge, or None
    cdef Target* targets
    cdef Place* places
    cdef Py_ssize_t n_places
    cdef list read              # tensors outside that the backward pass reads,
    cdef list read_storages     # and their memory
    cdef PyObject* pending      # the Graph whose backward pass is to come; it clears this when it ends
    cdef public int verified
    cdef readonly int misses    # backward passes that eager mode had to run

    def __dealloc__(self):
        free(self.targets)
        free(self.places)

    def __init__(self, Recorded r not None, function, list leaves not None):
        """After r.finish(); see r.refusal. function(args) calls the module with gradients enabled."""
        cdef Py_ssize_t i, k, n
        cdef int j
        cdef TensorBase t
        cdef const Call* call
        cdef const Block* block
        self.r, self.function, self.leaves, self.n_args = r, function, leaves, len(r.args) - 1
        n = self.n_args + len(leaves)
        if self.targets != NULL or len(r.outputs) == 0 or r.split <= 0:
            raise ValueError("not the program of a forward and a backward pass")
        self.edges = [None] * self.n_args + leaves
        self.grads = []
        outputs = iter(r.outputs)
        next(outputs)
        given = iter(r.places[1:])
        number = 0
        for i in range(n):
            wants = i >= self.n_args
            if not wants and isinstance(r.args[i], TensorBase):
                wants = r.wanted_grad[number]
                number += 1
            self.grads.append(next(outputs) if wants and next(given) else None)
        self.read, self.read_storages = [], []
        for i in range(r.split, r.program.n):
            call = &r.program.calls[i]
            if call.kernel == stop_if or call.kernel == draw_blocks:
                r.deny("its backward pass may fail or draws random numbers")
                return
            for j in range(call.n_operands):
                if call.operand[j].data == NULL or r.program.origins[i].allocation[j] != 0:
                    continue
                if written_by(call) >> j & 1:
                    r.deny("its backward pass writes to a tensor that it did not make")
                    return
                t = r.guards.at(call.operand[j].data)
                if t is not None and not any([t is each for each in self.read]):
                    self.read.append(t)
                    self.read_storages.append(t.storage)
        self.targets = <Target*> calloc(n + 1, sizeof(Target))
        if self.targets == NULL:
            raise MemoryError()
        for k in range(n):
            t = self.grads[k]
            block = NULL if t is None else block_of(&r.program, t.data)
            if block != NULL and t.data == block.data and self.is_own(k):
                self.find_places(k, block.allocation)

    def parameters(self) -> list:
        """The parameters that get gradients."""
        return self.leaves

    def watched(self) -> Guards:
        """Its guards."""
        return self.r.guards

    def program(self) -> Recorded:
        """The program."""
        return self.r

    cdef bint is_own(self, Py_ssize_t k):
        """Whether no other gradient, nor the output, has this one's memory."""
        cdef Storage storage = (<TensorBase> self.grads[k]).storage
        cdef Py_ssize_t i
        for i in range(len(self.grads)):
            if i != k and self.grads[i] is not None and (<TensorBase> self.grads[i]).storage.data == storage.data:
                return False
        return (<TensorBase> self.r.outputs[0]).storage.data != storage.data

    cdef int find_places(self, Py_ssize_t k, Py_ssize_t allocation) except -1:
        """The operands that point to the gradient, if only entries of the backward pass use it."""
        cdef Program* program = &self.r.program
        cdef Py_ssize_t i
        cdef int j
        cdef Place* larger
        self.targets[k].first = self.n_places
        for i in range(program.n):
            for j in range(program.calls[i].n_operands):
                if program.calls[i].operand[j].data == NULL or program.origins[i].allocation[j] != allocation:
                    continue
                if i < self.r.split:
                    self.targets[k].n = 0
                    return 0
                larger = <Place*> realloc(self.places, (self.n_places + 1) * sizeof(Place))
                if larger == NULL:
                    raise MemoryError()
                self.places = larger
                larger[self.n_places].call, larger[self.n_places].operand = i, j
                self.n_places += 1
                self.targets[k].n = self.n_places - self.targets[k].first
        return 0

    # ---- Forward

    cdef bint fits(self, tuple args) except -1:
        """Whether a forward pass of these arguments can be run."""
        cdef Recorded r = self.r
        cdef Py_ssize_t i, number = 0
        cdef TensorBase own, a
        cdef int d
        if len(args) != self.n_args or self.pending != NULL or r.busy or recorder != NULL or not in_mode(True):
            return False
        for i in range(self.n_args):
            each = r.args[i]
            if not isinstance(each, TensorBase):
                if not same_argument(each, args[i]):
                    return False
                continue
            own = each
            if type(args[i]) is not type(own):
                return False
            a = args[i]
            if (a.dtype != own.dtype or a.ndim != own.ndim or not a.contiguous or a.storage is None
                    or wants_grad(a) != r.wanted_grad[number]):
                return False
            for d in range(own.ndim):
                if a.shape[d] != own.shape[d]:
                    return False
            for storage, _ in r.written:
                if a.storage is storage:
                    return False
            number += 1
        return r.guards.hold()

    cdef bint run_part(self, bint backward) except -1:
        """False if a check ended the forward pass: then nothing was changed."""
        cdef Recorded r = self.r
        cdef Py_ssize_t n = r.program.n
        cdef bint fit = True
        cdef int entered
        r.busy = True
        if backward:
            r.program.calls += r.split
            r.program.n = n - r.split
        else:
            r.program.n = r.split
        if r.work < 30000:
            fit = replay(&r.program) if backward else step_once(r)
        else:
            entered = enter()
            with nogil:
                fit = replay(&r.program) if backward else step_once(r)
            leave(entered)
        if backward:
            r.program.calls -= r.split
        r.program.n = n
        r.busy = False
        return fit

    cdef object forward(self, tuple args):
        """The module's output, or MISS."""
        cdef Recorded r = self.r
        cdef Py_ssize_t i
        cdef TensorBase own, a, out
        cdef Graph graph
        cdef Node node
        if not self.fits(args):
            return MISS
        graph = Graph.__new__(Graph)
        graph.versions = <unsigned int*> malloc((self.n_args + len(self.read) + 1) * sizeof(unsigned int))
        if graph.versions == NULL:
            raise MemoryError()
        if r.n_streams > 0:
            graph.seed, graph.position = r.stream[0][0], r.stream[0][1]
        for i in range(self.n_args):
            if isinstance(r.args[i], TensorBase):
                own, a = r.args[i], args[i]
                memcpy(own.data, a.data, own.numel * itemsize(own.dtype))
        if not self.run_part(False):
            return MISS
        take_effect(r, 1)
        for i in range(self.n_args):
            graph.versions[i] = (<TensorBase> args[i]).storage.version if isinstance(args[i], TensorBase) else 0
        for i in range(len(self.read)):
            graph.versions[self.n_args + i] = (<TensorBase> self.read[i]).storage.version
        out = plain_copy(<TensorBase> r.outputs[0])
        graph.passes, graph.args = self, args
        node = record(&COMPILED, out, out)
        edges = list(self.edges)
        number = 0
        for i in range(self.n_args):
            if isinstance(r.args[i], TensorBase):
                if r.wanted_grad[number]:
                    edges[i] = edge_of(<TensorBase> args[i])
                number += 1
        node.edge0 = edges[0]
        node.edge1 = edges[1] if len(edges) > 1 else None
        node.edge2 = edges[2] if len(edges) > 2 else None
        node.more_edges = edges[3:] or None
        node.extra = graph
        self.pending = <PyObject*> graph
        return out

    # ---- Backward

    cdef bint is_first(self, BackwardPass back, Node node) except -1:
        """Whether nothing was received from elsewhere for the inputs and parameters: eager mode would add to it in the kernel,
        or in another order."""
        cdef Py_ssize_t i
        cdef TensorBase found
        for i in range(len(self.edges)):
            target = node.edge0 if i == 0 else node.edge1 if i == 1 else node.edge2 if i == 2 else node.more_edges[i - 3]
            if target is None:
                continue
            found = back.take(target)
            if found is not None:
                back.put(target, found)
                return False
        return True

    cdef int check_unchanged(self, Graph graph) except -1:
        cdef Py_ssize_t i
        cdef TensorBase t
        for i in range(len(self.read)):
            t = self.read[i]
            if t.storage.version != graph.versions[self.n_args + i] or t.storage is not self.read_storages[i]:
                raise RuntimeError("one of the variables needed for gradient computation has been modified by an inplace "
                                   f"operation: a tensor of shape {list(shape_of(t))} that the compiled module used in its "
                                   "forward pass; call backward() before changing it")
        return 0

    cdef int backward(self, BackwardPass back, Node node, TensorBase g) except -1:
        cdef Recorded r = self.r
        cdef TensorBase own = r.inputs[len(r.inputs) - 1]
        cdef TensorBase fresh
        cdef Py_ssize_t i, k
        cdef const Place* place
        cdef list found = []
        memcpy(own.data, g.data, own.numel * itemsize(own.dtype))
        for i in range(len(self.grads)):
            own = self.grads[i]
            fresh = None
            if own is not None and self.targets[i].n > 0:
                fresh = empty_like(own)
                for k in range(self.targets[i].first, self.targets[i].first + self.targets[i].n):
                    place = &self.places[k]
                    r.program.calls[place.call].operand[place.operand].data = (
                        fresh.data + r.program.origins[place.call].offset[place.operand])
            found.append(fresh)
        fresh = None
        self.run_part(True)
        for i in range(len(self.grads)):
            own = self.grads[i]
            if own is not None and found[i] is None:
                found[i] = plain_copy(own)
        for i in range(len(found)):
            fresh = found[i]
            found[i] = None
            if fresh is not None:
                back.send_grad(node, i, fresh)
        return 0

    cdef int again(self, BackwardPass back, Node node, Graph graph, TensorBase g) except -1:
        """A second backward pass, one of which a graph is wanted, or one that adds to other gradients: in eager mode, after
        another forward pass, which leaves buffers and the random stream as they are."""
        cdef Recorded r = self.r
        cdef Py_ssize_t i
        cdef uint64_t seed = 0, position = 0
        for i in range(self.n_args):
            if isinstance(graph.args[i], TensorBase) and (<TensorBase> graph.args[i]).storage.version != graph.versions[i]:
                raise RuntimeError("one of the variables needed for gradient computation has been modified by an inplace "
                                   f"operation: argument {i} of the compiled module")
        kept = keep_buffers(r.guards)
        if r.n_streams > 0:
            seed, position = r.stream[0][0], r.stream[0][1]
            r.stream[0][0], r.stream[0][1] = graph.seed, graph.position
        self.misses += 1
        try:
            out = self.function(graph.args)
        finally:
            if r.n_streams > 0:
                r.stream[0][0], r.stream[0][1] = seed, position
            restore_buffers(kept)
        return back.go_on(<TensorBase?> out, g)


cdef int compiled_backward(BackwardPass back, Node node, TensorBase g) except -1:
    cdef Graph graph = <Graph?> node.extra
    cdef Passes passes = graph.passes
    cdef bint current = passes.pending == <PyObject*> graph and not passes.r.busy
    # Of a gradient with other strides, such as that of a sum, eager mode may add in another order.
    cdef bint plain = current and not back.create_graph and recorder == NULL and g.contiguous and g.dtype == node.dtype
    passes.check_unchanged(graph)
    if plain and passes.is_first(back, node):
        passes.backward(back, node, g)
    else:
        passes.again(back, node, graph, g)
    if current:
        passes.pending = NULL
    return 0

cdef Rule COMPILED = Rule(b"CompiledFunctionBackward", compiled_backward)


cdef bint is_large(tuple args):
    """Whether copying the arguments costs more than a program saves, a microsecond or two."""
    cdef Py_ssize_t nbytes = 0
    for each in args:
        if isinstance(each, TensorBase):
            nbytes += (<TensorBase> each).numel * itemsize((<TensorBase> each).dtype)
    return nbytes > 65536


@cython.binding(False)
cdef class ModuleStep:
    """Runs the programs of a module's forward and backward pass, and of its inference."""
    cdef public object function     # the eager module
    cdef public Step inference
    cdef public list ready          # Passes
    cdef public list leaves         # the parameters that require gradients
    cdef public bint eager          # forward and backward: for good
    cdef object __weakref__
    cdef dict __dict__

    def __call__(self, *args, **kwargs):
        cdef Py_ssize_t i
        cdef Passes passes
        if kwargs or is_large(args):
            return self.function(*args, **kwargs)
        if not grad_enabled() or not self.trains(args):
            return self.inference(*args)
        if self.eager:
            return self.function(*args)
        i = len(self.ready) - 1
        while i >= 0:
            passes = <Passes?> self.ready[i]
            if passes.misses >= MANY_MISSES:
                self._stay_eager("gradients of its gradients are computed, or others are added to them")
                return self.function(*args)
            result = passes.forward(args)
            if result is not MISS:
                return result
            i -= 1
        return self._slow(args)

    cdef bint trains(self, tuple args) except -1:
        for each in args:
            if isinstance(each, TensorBase) and wants_grad(<TensorBase> each):
                return True
        for each in self.leaves:
            if (<TensorBase?> each)._requires_grad:
                return True
        return False


def passes_once(Passes passes not None, tuple args not None):
    """The forward pass, for verification; None if the program is not valid."""
    result = passes.forward(args)
    return None if result is MISS else result


def random_owners(Recorded r not None) -> list:
    """The generators that it draws from."""
    return r.streams


def keep_buffers(Guards guards not None) -> list:
    """The content of all tensors that require no gradient."""
    cdef TensorBase t
    found = []
    for each in guards.all_tensors:
        t = each
        if not t._requires_grad and not t.storage.readonly:
            found.append((t.storage, PyBytes_FromStringAndSize(t.storage.data, t.storage.nbytes), t.storage.version))
    return found


def restore_buffers(list kept not None) -> None:
    cdef Storage s
    cdef const char* p
    for storage, content, version in kept:
        s = storage
        if s.version != <unsigned int> version and s.nbytes == len(content):
            p = content
            memcpy(s.data, p, len(content))
            s.version = version
