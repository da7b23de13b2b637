"""Nodes of autograd.Function, functions whose backward is written in Python; part of tape.pyx."""

# The context of a call runs the user's backward: context.run(gradients of the outputs, node, which inputs need a gradient)
# returns one gradient or None per input tensor. If there is one output, its node is the function's node. If there are several,
# each has a node of its own with an edge to the function's node. These nodes have larger numbers, so that they are all visited
# before the function's node.

cdef int function_backward(BackwardPass back, Node node, TensorBase g) except -1:
    cdef int i
    cdef tuple gradients = (g,) if node.op == 0 else tuple(back.output_grads.pop(node.number))
    cdef int n = node.param[0].i
    results = node.extra.run(gradients, node, [back.needs(node, i) for i in range(n)])
    gradients = None
    for i in range(n):
        if results[i] is not None:
            back.send_grad(node, i, <TensorBase?> results[i])
    if not back.retain_graph:
        node.extra.release()
    return 0


cdef int function_output_backward(BackwardPass back, Node node, TensorBase g) except -1:
    cdef Node function = node.edge0
    cdef list parts
    if back.output_grads is None:
        back.output_grads = {}
    if function.number not in back.output_grads:
        back.output_grads[function.number] = [None] * function.op
        back.send_grad(node, 0, zeros(FLOAT32, 0, NULL))         # a dummy, to put the function's node into the queue
    parts = back.output_grads[function.number]
    parts[node.op] = accumulate(parts[node.op], g, False)
    return 0

cdef Rule FUNCTION = Rule(b"Function", function_backward)
cdef Rule FUNCTION_OUTPUT = Rule(b"FunctionOutput", function_output_backward)


cdef Node output_node(Node function, int i, TensorBase out):
    """The node of output i of a function with several outputs."""
    cdef Node node = Node.__new__(Node)
    node.rule = &FUNCTION_OUTPUT
    node.edge0 = function
    node.op = i
    node.number = function.number + 1 + i
    node.dtype = out.dtype
    node.ndim = out.ndim
    memcpy(node.shape, out.shape, out.ndim * sizeof(Py_ssize_t))
    return node


def record_function(context, tuple inputs, tuple outputs, tuple dirty) -> None:
    """Record a call of an autograd.Function. An output that is not differentiable is given as None; `dirty` are the inputs
    that the function wrote in place."""
    global last_number
    cdef Node node = Node.__new__(Node)
    cdef TensorBase a, out
    cdef int i
    for each in dirty + inputs:
        if not isinstance(each, TensorBase):
            raise TypeError(f"a function's inputs must be Tensors, but one of them is {type(each).__name__}")
    for a in dirty:
        check_inplace(a)
    for i, a in enumerate(inputs):
        if i == 0:
            node.edge0 = edge_of(a)
        elif i == 1:
            node.edge1 = edge_of(a)
        elif i == 2:
            node.edge2 = edge_of(a)
        else:
            record_more(node, a)
    node.rule = &FUNCTION
    node.op = 0 if len(outputs) == 1 else len(outputs)
    node.param[0].i = len(inputs)
    node.extra = context
    last_number += 1
    node.number = last_number
    last_number += node.op
    node.dtype = FLOAT32
    for i, out in enumerate(outputs):
        if out is None:
            continue
        if node.op == 0:
            node.dtype = out.dtype
            node.ndim = out.ndim
            memcpy(node.shape, out.shape, out.ndim * sizeof(Py_ssize_t))
        set_history(out, node if node.op == 0 else output_node(node, i, out))
        if out._base is not None:
            rebase_op(out)
    if anomaly & (RECORD_TRACEBACKS | OBSERVE):
        note_created(node, outputs[0] if node.op == 0 else None)


def with_history(TensorBase kept not None, Node node not None, int i) -> TensorBase:
    """The saved output i of a function, with its history, for use in its backward. `kept` has its memory; `node` is the
    function's node."""
    if node.rule is not &FUNCTION or not 0 <= i < max(node.op, 1):
        raise RuntimeError(f"{node.name()} is not the node of a Function with an output {i}")
    cdef TensorBase out = alias(kept)
    if grad_mode:
        out._grad_fn = node if node.op == 0 else output_node(node, i, kept)
    return out
