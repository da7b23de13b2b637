"""autograd.backward and autograd.grad: they check the arguments and run a backward pass; part of tape.pyx."""


cdef BackwardPass new_pass(bint retain_graph, bint create_graph):
    cdef BackwardPass back = BackwardPass.__new__(BackwardPass)
    back.leaves = []
    back.create_graph = create_graph
    back.retain_graph = retain_graph
    return back


cdef TensorBase first_gradient(TensorBase root, object given):
    """The initial gradient of a root: the caller's, or 1 for a scalar."""
    cdef TensorBase g
    if given is None:
        if root.numel != 1:
            raise RuntimeError(
                f"grad can be implicitly created only for scalar outputs, but this one has shape {list(shape_of(root))}: call "
                ".sum() or .mean() first, or pass backward(gradient=...) of that shape")
        g = empty_like(root)
        if root.dtype == FLOAT32:
            (<float*> g.data)[0] = 1
        else:
            (<double*> g.data)[0] = 1
        if recorder != NULL:
            record_constant(g.data, itemsize(g.dtype))
        return g
    if not isinstance(given, TensorBase):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(given).__name__}")
    g = given
    if g.storage is None:
        raise RuntimeError(getattr(g, "_no_memory", "this tensor has no memory"))
    if shape_of(g) != shape_of(root):
        raise RuntimeError(f"Mismatch in shape: grad_output[0] has a shape of torch.Size({list(shape_of(g))}) and "
                           "output[0] has "
                           f"a shape of torch.Size({list(shape_of(root))}).")
    return g


def as_tuple(given) -> tuple:
    """A tensor, a GradientEdge or None as a tuple of one; a sequence as a tuple."""
    return (given,) if given is None or isinstance(given, TensorBase) or hasattr(given, "output_nr") else tuple(given)


def tensors_of(given, name: str) -> tuple:
    """The argument as a tuple of Tensors; TypeError if it holds anything else."""
    given = as_tuple(given)
    for each in given:
        if not isinstance(each, TensorBase):
            if hasattr(each, "output_nr"):
                return tuple([each if isinstance(each, TensorBase) else tensor_of_edge(each.node) for each in given])
            raise TypeError(f"{name} must be a Tensor or Tensors, but one of them is {type(each).__name__}")
    return given


cdef object tensor_of_edge(object node):
    """A tensor whose grad_fn is the node of a GradientEdge; the leaf itself for an AccumulateGrad."""
    return _tensor_at(node) if isinstance(node, Node) else node.variable


def backward(tuple roots, tuple gradients, retain_graph, bint create_graph, inputs, int depth) -> None:
    """Add the vector-Jacobian product of each root with its entry of `gradients` to the .grad of the leaves, or only of
    `inputs`. The line of the user's program is `depth` Python calls above the caller."""
    run_backward(roots, gradients, retain_graph, create_graph, inputs, depth)


cdef int run_backward(tuple roots, tuple gradients, object retain, bint create_graph, object inputs, int depth) except -1:
    global until_mark
    cdef bint retain_graph = create_graph if retain is None else retain
    cdef BackwardPass back
    cdef TensorBase root
    if inputs is not None:
        if not as_tuple(inputs):
            raise RuntimeError("'inputs' argument to backward() cannot be empty.")
        grad(roots, tensors_of(inputs, "inputs"), gradients, retain_graph, create_graph, depth, True)
        return 0
    back = new_pass(retain_graph, create_graph)
    if not retain_graph:
        back.number = note_line(depth)
    back.run(roots, gradients)
    if not retain_graph:
        until_mark -= 1
        if until_mark <= 0 and roots:
            root = roots[0]
            if root._grad_fn is not None:
                mark_graph(root._grad_fn)
    return 0


def grad(tuple outputs, tuple inputs, tuple gradients, bint retain_graph, bint create_graph, int depth,
         bint accumulate=False) -> list:
    """The gradient of the outputs with respect to each input, or None if the input is not in the graph; no .grad changes.

    With `accumulate` they are added to the inputs' .grad, as backward(inputs=...) does.
    """
    cdef TensorBase a
    cdef dict captures = {}
    cdef list keys = []
    for each in inputs:
        a = <TensorBase?> each
        if not wants_grad(a):
            raise RuntimeError("One of the differentiated Tensors does not require grad: set requires_grad=True before it "
                               "is used")
        if accumulate:
            a.retain_grad()
        target = edge_of(a)
        captures[id(target)] = None
        keys.append(target)
    cdef BackwardPass back = new_pass(retain_graph, create_graph)
    back.captures = captures
    back.wanted = wanted(outputs, captures)
    if not retain_graph:
        back.number = note_line(depth)
    back.run(outputs, gradients)
    results = [captures[id(target)] for target in keys]
    if accumulate:
        for a, g in {id(a): (a, g) for a, g in zip(inputs, results)}.values():
            if g is not None and a._grad_fn is None:        # a non-leaf has it already: it retains its gradient
                check_gradient(a)
                finish_leaf(a, g, True)
    return results


cdef dict wanted(tuple roots, dict captures):
    """The ids of the captures, and of the nodes on a path to one of them, whose value is the node: only their rules run."""
    cdef Node node
    cdef dict seen = {}
    cdef list todo = []
    cdef dict found = dict.fromkeys(captures)
    for each in roots:
        target = edge_of(<TensorBase?> each)
        if type(target) is Node:
            todo.append(target)
    while todo:
        node = todo.pop()
        if id(node) not in seen:
            seen[id(node)] = node
            todo.extend([e for e in edges_of(node) if type(e) is Node])
    for node in sorted(seen.values(), key=node_number):
        for e in edges_of(node):
            if id(e) in found:
                found[id(node)] = node
                break
    return found


def node_number(Node node not None):
    return node.number


cdef list edges_of(Node node):
    return [e for e in (node.edge0, node.edge1, node.edge2, *(node.more_edges or ())) if e is not None]
