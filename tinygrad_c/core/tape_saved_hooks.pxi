"""Calls of hooks; saved tensors that the user packs (saved_tensors_hooks); names of nodes; part of tape.pyx."""

cdef enum:
    OUTPUT = 3                      # the slot of a saved output; 0 to 2 are saved inputs
cdef int packers = 0                # threads inside saved_tensors_hooks; faster to read than the thread-local `packing`
cdef object accumulators = weakref.WeakValueDictionary()        # id of a leaf -> its AccumulateGrad, while it is referenced


cdef object accumulate_grad(TensorBase leaf):
    """The leaf's AccumulateGrad: the same object as long as it is referenced."""
    found = accumulators.get(id(leaf))
    if found is None or found.variable is not leaf:
        found = accumulators[id(leaf)] = AccumulateGrad(leaf)
    return found


# ---- Packing and unpacking saved tensors

def _set_packing(pair):
    """Set this thread's (pack, unpack) hooks for saved tensors, or None; returns the old pair."""
    global packing, packers
    before = _packing()
    Py_INCREF(pair)
    Py_XDECREF(packing)
    packing = NULL if pair is None else <PyObject*> pair
    packers += (pair is not None) - (before is not None)
    return before


def _packing():
    return None if packing == NULL else <object> packing


cdef bint pack(Node node, int slot, TensorBase a) except -1:
    """Pass a tensor that is to be saved to the user's pack hook. Returns False if there is none, or for a leaf that requires
    grad: such leaves are not packed."""
    if a.storage.inference:
        raise RuntimeError(
            "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
            "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in "
            "autograd, or use `no_grad()` instead of `inference_mode()`.")
    if packing == NULL or (a._requires_grad and a._grad_fn is None):
        return False
    like = alias(a)
    hooks = <object> packing
    before = set_grad(False)
    try:
        value = hooks[0](like)
    finally:
        set_grad(before)
    extras_of(node).packed[slot] = PackedTensor(value, hooks[1], (shape_of(a), a.dtype), None if slot == OUTPUT else edge_of(a))
    return True


cdef TensorBase unpacked(Node node, int slot):
    cdef TensorBase out
    each = None if node.extras is None else node.extras.packed.get(slot)
    if each is None:
        raise_freed(node)
    before = set_grad(False)
    try:
        made = each.unpack(each.value)
    finally:
        set_grad(before)
    if not isinstance(made, TensorBase):
        raise TypeError(f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type {type(made)}")
    if (shape_of(made), (<TensorBase> made).dtype) != each.like:
        raise RuntimeError(f"the unpack hook returned a torch.{DTYPE_NAMES[(<TensorBase> made).dtype]}Tensor of shape "
                           f"{list(shape_of(made))} for a torch.{DTYPE_NAMES[each.like[1]]}Tensor of shape "
                           f"{list(each.like[0])}")
    out = alias(made) if (<TensorBase> made).contiguous else clone_op(alias(made))
    for slot in range(3):               # the hook may have written to saved tensors that the rule has checked
        if (node.saved0 if slot == 0 else node.saved1 if slot == 1 else node.saved2) is not None:
            saved(node, slot)
    if type(each.edge) is Node:
        out._grad_fn = each.edge
    return out


# ---- Calling hooks

cdef TensorBase call_hooks(BackwardPass back, list hooks, TensorBase g):
    """Call the hooks in order. Each may return another gradient, which replaces the one it got."""
    global hooks_pass
    cdef PyObject* outer = hooks_pass
    hooks_pass = <PyObject*> back
    try:
        for hook in list(hooks):
            result = hook(g)
            if result is not None:
                g = checked(result, g)
    finally:
        hooks_pass = outer
    return g


cdef TensorBase call_pre_hooks(BackwardPass back, NodeExtras extras, TensorBase g):
    """Call the hooks that run before a node's rule, then add the result to the .grad of tensors that retain their gradient."""
    cdef TensorBase tensor
    g = call_hooks(back, extras.pre_hooks, g)
    for reference in extras.retained:
        tensor = reference()
        if tensor is not None:
            add_to_grad(tensor, g, True)
    return g


cdef TensorBase checked(object result, TensorBase g):
    """The gradient that a hook returned instead of g, checked: a Tensor of the same shape and dtype."""
    if not isinstance(result, TensorBase):
        raise TypeError(f"a hook must return a Tensor or None, not {type(result).__name__}")
    if shape_of(result) != shape_of(g):
        raise RuntimeError(f"hook has changed the size of value: it got a gradient of shape "
                           f"{list(shape_of(g))} and returned one "
                           f"of shape {list(shape_of(result))}")
    if (<TensorBase> result).dtype != g.dtype:
        raise RuntimeError(f"hook has changed the type of value: it got a torch.{DTYPE_NAMES[g.dtype]}Tensor and returned a "
                           f"torch.{DTYPE_NAMES[(<TensorBase> result).dtype]}Tensor")
    return result


cdef int call_post_hooks(BackwardPass back, Node node, TensorBase g) except -1:
    """Run a node's rule and hold the gradients it computes; call the post-hooks with them; pass on what the hooks return."""
    cdef TensorBase each
    cdef int i
    outputs = (g,) if node.rule is not &FUNCTION or node.op == 0 else tuple(back.output_grads[node.number])
    back.held_grads = {}
    try:
        node.rule.backward(back, node, g)
    finally:
        held, back.held_grads = back.held_grads, None
    inputs = []
    for i in range(len(node.next_functions)):
        each = held.get(i)
        inputs.append(each if each is None or fits(each, edge(node, i)) else unbroadcast(each, edge(node, i)))
    for hook in list(node.extras.post_hooks):
        result = hook(tuple(inputs), outputs)
        if result is not None:
            result = result if isinstance(result, tuple) else (result,)
            if len(result) != len(inputs):
                raise RuntimeError(f"a hook on {node.name()} got {len(inputs)} gradients and returned {len(result)}")
            inputs = [new if new is None or old is None else checked(new, old) for new, old in zip(result, inputs)]
    for i, each in enumerate(inputs):
        if each is not None:
            back.send_grad(node, i, each)
    return 0


def _when_pass_ends(call) -> None:
    """For hooks: call(failed) runs when the current backward pass ends; `failed` tells whether it raised."""
    if hooks_pass == NULL:
        raise RuntimeError("Final callbacks can only be installed during backward pass.")
    (<BackwardPass> hooks_pass).at_end = ((<BackwardPass> hooks_pass).at_end or []) + [call]


# ---- Ops without a derivative

cdef int not_implemented_backward(BackwardPass back, Node node, TensorBase g) except -1:
    raise RuntimeError(f"derivative for aten::{node.extra} is not implemented: its derivative is 0 nearly everywhere. Call "
                       ".detach() on inputs that need no gradient")

cdef Rule NOT_IMPLEMENTED = Rule(b"NotImplemented", not_implemented_backward)


cdef TensorBase without_derivative(TensorBase out, str op, object a, object b):
    """Record an op without a derivative if an input requires grad. As in PyTorch, a backward pass that reaches it raises."""
    cdef Node node
    for each in (a, b):
        if isinstance(each, TensorBase) and recording(<TensorBase> each):
            node = record(&NOT_IMPLEMENTED, out, <TensorBase> each)
            node.extra = op
            break
    return out


def _without_derivative(TensorBase out not None, str op not None, a, b=None):
    return without_derivative(out, op, a, b)


# ---- Nodes, for Python code

def _last_number() -> int:
    """The number of the newest node; later nodes have larger numbers."""
    return last_number


def _tensor_at(Node node not None):
    """A tensor of zeros with this grad_fn, as a root or an input of a backward pass that is given by its edge."""
    cdef TensorBase out = zeros(node.dtype, node.ndim, node.shape)
    out._grad_fn = node
    return out


def _read_node(Node node not None) -> tuple:
    """For explain: the name of the node's rule (name() may be a label), its number, the shape and dtype of its output, the
    kernel's parameters as floats and as integers (the rule decides which they are), whether a pass has freed the saved
    tensors, which output of a Function it is, and the axes of a permute or the context of a Function."""
    return (node.rule.name.decode(), node.number, tuple([node.shape[d] for d in range(node.ndim)]), DTYPE_NAMES[node.dtype],
            tuple([node.param[i].f for i in range(4)]), tuple([node.param[i].i for i in range(4)]), node.freed != 0,
            node.op if node.rule is &FUNCTION_OUTPUT else 0,
            (<Node> node.edge0).extra if node.rule is &FUNCTION_OUTPUT else node.extra)


def _saved_in(Node node not None, int slot):
    """For explain: the tensor saved in slot 0, 1 or 2, or the saved output (3); None if there is none."""
    if slot == OUTPUT:
        return None if node.saved_output is None else output(BackwardPass.__new__(BackwardPass), node)
    if not 0 <= slot < OUTPUT or (node.saved0 if slot == 0 else node.saved1 if slot == 1 else node.saved2) is None:
        return None
    return saved(node, slot)


def _node_hooks(Node node not None) -> tuple:
    """For explain: the lists (pre_hooks, post_hooks, retained) of a node. They are the node's own: changes of them count."""
    cdef NodeExtras extras = extras_of(node)
    cdef NodeExtras of_rule = extras_of(<Node> node.edge0) if node.rule is &FUNCTION_OUTPUT else extras
    return extras.pre_hooks, of_rule.post_hooks, extras.retained


def _leaf_hooks(TensorBase leaf not None) -> tuple:
    """For explain: the leaf's own lists (grad_hooks, post_accumulate_hooks), or () if it never had a hook."""
    return () if leaf._hooks is None else (leaf._hooks.grad_hooks, leaf._hooks.post_accumulate_hooks)


cdef dict labels = {}               # names of nodes set from Python; node.label points into them


cdef str interned_label(str name):
    """An equal string that is never freed."""
    return labels.setdefault(name, name)


cdef int label_result(TensorBase out, str name) except -1:
    """Set the name of a result's node. The name of a Function's node is stored in its context."""
    cdef Node node = out._grad_fn
    if node is not None:
        if node.rule is &FUNCTION_OUTPUT:
            node = <Node> node.edge0
        if node.rule is &FUNCTION:
            node.extra.called = name
        else:
            node.label = PyUnicode_AsUTF8(name)
    return 0


def _named(TensorBase out not None, str name not None):
    """Returns `out`, composed of several operations; its node gets the name of the one operation that it is in PyTorch."""
    label_result(out, interned_label(name))
    return out
