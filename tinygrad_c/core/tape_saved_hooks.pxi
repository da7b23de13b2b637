"""Hooks called, and saved values that the user packs; part of tape.pyx."""

cdef enum:
    OUTPUT = 3                      # the slot of a saved output, after those of the saved inputs
cdef int packers = 0                # threads inside saved_tensors_hooks: asked first, read faster than a thread's own variable
cdef object accumulators = weakref.WeakValueDictionary()       # id of a leaf -> its AccumulateGrad, while somebody has that


cdef object accumulate_grad(TensorBase leaf):
    """The leaf's AccumulateGrad: the same one for as long as somebody has it."""
    found = accumulators.get(id(leaf))
    if found is None or found.variable is not leaf:
        found = accumulators[id(leaf)] = AccumulateGrad(leaf)
    return found


# ---- Saved values that the user keeps

def _set_packing(pair):
    """What this thread's saved values go through, (pack, unpack), or None; gives what it was."""
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
    """Give what is to be saved to the user's hooks; True if they have it. A leaf that needs a gradient stays as it is."""
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
        raise RuntimeError(f"the unpack hook gave a torch.{DTYPE_NAMES[(<TensorBase> made).dtype]}Tensor of shape "
                           f"{list(shape_of(made))} for a torch.{DTYPE_NAMES[each.like[1]]}Tensor of shape "
                           f"{list(each.like[0])}")
    out = alias(made) if (<TensorBase> made).contiguous else clone_op(alias(made))
    for slot in range(3):               # the rule has looked at them perhaps, before the hook could change them
        if (node.saved0 if slot == 0 else node.saved1 if slot == 1 else node.saved2) is not None:
            saved(node, slot)
    if type(each.edge) is Node:
        out._grad_fn = each.edge
    return out


# ---- Calling hooks

cdef TensorBase call_hooks(BackwardPass back, list hooks, TensorBase g):
    """Each hook may replace the gradient."""
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
    """The hooks that run before a node's rule; tensors that retain their gradient get what comes out of these."""
    cdef TensorBase tensor
    g = call_hooks(back, extras.pre_hooks, g)
    for reference in extras.retained:
        tensor = reference()
        if tensor is not None:
            add_to_grad(tensor, g, True)
    return g


cdef TensorBase checked(object result, TensorBase g):
    """What a hook returned in place of g."""
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
    """Run a node's rule, hold its gradients, and send on what the hooks make of them."""
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
    """Called by a hook: call this, with whether the pass failed, when the backward pass ends that has called the hook."""
    if hooks_pass == NULL:
        raise RuntimeError("Final callbacks can only be installed during backward pass.")
    (<BackwardPass> hooks_pass).at_end = ((<BackwardPass> hooks_pass).at_end or []) + [call]


# ---- What has no derivative

cdef int not_implemented_backward(BackwardPass back, Node node, TensorBase g) except -1:
    raise RuntimeError(f"derivative for aten::{node.extra} is not implemented: it is flat nearly everywhere. Take what needs "
                       "no gradient through .detach()")

cdef Rule NOT_IMPLEMENTED = Rule(b"NotImplemented", not_implemented_backward)


cdef TensorBase without_derivative(TensorBase out, str op, object a, object b):
    """The result of an op that a backward pass must not come to, as in torch: recorded if an input is, so that it says so."""
    cdef Node node
    for each in (a, b):
        if isinstance(each, TensorBase) and recording(<TensorBase> each):
            node = record(&NOT_IMPLEMENTED, out, <TensorBase> each)
            node.extra = op
            break
    return out


def _without_derivative(TensorBase out not None, str op not None, a, b=None):
    return without_derivative(out, op, a, b)


# ---- Nodes from outside

def _last_number() -> int:
    """Of the newest node: those that are made from now on have larger ones."""
    return last_number


def _tensor_at(Node node not None):
    """A tensor that stands for what the node made, to start a pass from or to ask for the gradient of; its elements are 0."""
    cdef TensorBase out = zeros(node.dtype, node.ndim, node.shape)
    out._grad_fn = node
    return out


cdef dict labels = {}               # names that Python has given to nodes: nodes point into them


cdef str kept_label(str name):
    """The name, alive as long as the process."""
    return labels.setdefault(name, name)


cdef int label_result(TensorBase out, str name) except -1:
    """Name the node of a result. The name of a function written in Python is its context's."""
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
    """`out`, which the caller has made of several operations, named as the one that it is in PyTorch."""
    label_result(out, kept_label(name))
    return out


def _guarded(function, explain, str node):
    """The function, with explain(function, args, kwargs, error) called when it fails, which raises another error or gives (the
    result,), or None; and the nodes of its results, if it has made them, named `node`. Here, since a wrapper written in Python
    would cost 400 ns a call.
    """
    if node is not None:
        node = kept_label(node)

    def call(*args, **kwargs):
        cdef unsigned long long before = last_number
        try:
            out = function(*args, **kwargs)
        except Exception as error:
            again = explain(function, args, kwargs, error)
            if again is None:
                raise
            out, = again
        if node is not None and last_number != before:
            if isinstance(out, TensorBase):
                if number_of(<TensorBase> out) > before:
                    label_result(<TensorBase> out, node)
            elif isinstance(out, tuple):
                for each in out:
                    if isinstance(each, TensorBase) and number_of(<TensorBase> each) > before:
                        label_result(<TensorBase> each, node)
        return out
    return call
