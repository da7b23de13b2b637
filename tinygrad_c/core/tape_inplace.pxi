"""Writing in place: what is refused, and what a write does to histories; part of tape.pyx."""


cdef int check_inplace(TensorBase a) except -1:
    """Raise, before anything is written, if `a` may not be written to."""
    cdef int d
    if grad_mode:
        if a._requires_grad and a._grad_fn is None:
            raise RuntimeError(
                "a leaf Variable that requires grad is being used in an in-place operation. The tape could not record what "
                "its old value was used for; to update a parameter, write the line inside `with no_grad():`")
        if a._base is not None and a._base._requires_grad and a._base._grad_fn is None:
            raise RuntimeError(
                "a view of a leaf Variable that requires grad is being used in an in-place operation. To update a "
                "parameter's elements, write the line inside `with no_grad():`")
    if a.storage.readonly:
        raise RuntimeError("this tensor's memory is read-only (it is shared with a read-only array): .clone() it first")
    if grad_mode and a._base is not None and not is_dense(a._base) and wants_grad(a):
        raise RuntimeError("an in-place operation on a view of a tensor with gaps in its memory cannot be recorded: "
                           ".clone() it first")
    if a.storage.inference and not inference_enabled():
        raise_inference()
    for d in range(a.ndim):
        if a.stride[d] == 0 and a.shape[d] > 1 and a.numel > 0:
            raise RuntimeError(
                "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
                "Please clone() the tensor before performing the operation.")
    return 0


cdef int raise_inference() except -1:
    raise RuntimeError("Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a "
                       "normal tensor before doing inplace update, or make it under `no_grad()` instead of `inference_mode()`.")


# ---- Other memory, or another shape, for a tensor that is there

cdef unsigned int n_changes = 0             # of any tensor: see end_parse


cdef void new_generation(TensorBase a, unsigned int step) noexcept:
    """To be called before `a` gets other memory or another shape. What a node has saved of it is refused from then on."""
    global n_changes
    a._generation += 0x10000 + step
    n_changes += 1


cdef int replace_storage(TensorBase a, unsigned int version) except -1:
    """To be called before `a` gets other memory, of that version: even if that was written to as often as the old."""
    new_generation(a, a.storage.version - version)
    return retire(a.storage)


cdef unsigned int begin_parse() noexcept:
    """An op begins to read arguments that may run Python code, as an object's __index__ does."""
    return n_changes


cdef int end_parse(unsigned int begun) except -1:
    """All arguments are read: what was taken from the tensors, as a number of dimensions, must still be so."""
    if n_changes != begun:
        raise RuntimeError("a tensor was given another shape or other memory by an argument that was asked for its value: pass "
                           "plain ints")
    return 0


cdef int set_history(TensorBase a, Node node) except -1:
    """`a` is from now on what `node` stands for; the gradient that it retains is that one's."""
    cdef Node before = a._grad_fn
    a._grad_fn = node
    if a._retains_grad and before is not None and node is not None and before is not node:
        moved = [each for each in extras_of(before).retained if each() is a]
        before.extras.retained = [each for each in before.extras.retained if each() is not a]
        extras_of(node).retained.extend(moved)
    return 0


cdef int mark_written(TensorBase a) except -1:
    """To be called after `a` was written, and after the write was recorded if it was."""
    count_write(a.storage)
    if a.storage.watched:
        note_write(a.storage)
    if grad_mode and a._grad_fn is not None and a._base is not None:
        rebase_op(a)
    return 0
