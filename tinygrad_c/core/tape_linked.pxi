"""Which gradients have a graph, as in PyTorch, where the second derivative is zero; part of tape.pyx.

The gradient of a piecewise linear function depends on its input only through the piece that the input lies in. With
create_graph, PyTorch's gradient of relu or max_pool2d has the input in its graph nevertheless, since its backward function
takes the input: the second derivative is a tensor of zeros. The gradient of maximum or clamp, which are composed of other
functions there, has no graph. And the gradient of a convolution's bias requires grad, though no second derivative leads on
from it. What a program reads (requires_grad, zeros or None) is the same here.
"""

# The names of the nodes whose gradients have the input in their graph.
cdef frozenset LINKED_NODES = frozenset([
    b"ReluBackward0", b"LeakyReluBackward0", b"HardtanhBackward0", b"HardsigmoidBackward0", b"PreluKernelBackward0",
    b"ThresholdBackward0", b"HardshrinkBackward0", b"SoftshrinkBackward0", b"RreluWithNoiseBackward0",
    b"MaxPool2DWithIndicesBackward0", b"MaxPool3DWithIndicesBackward0", b"AdaptiveMaxPool2DBackward0",
    b"AdaptiveMaxPool3DBackward0", b"FractionalMaxPool2DBackward0", b"FractionalMaxPool3DBackward0", b"AvgPool2DBackward0",
    b"AvgPool3DBackward0", b"AdaptiveAvgPool2DBackward0", b"AdaptiveAvgPool3DBackward0", b"ReflectionPad1DBackward0",
    b"ReflectionPad2DBackward0", b"ReflectionPad3DBackward0", b"ReplicationPad1DBackward0", b"ReplicationPad2DBackward0",
    b"ReplicationPad3DBackward0", b"NllLossBackward0", b"NllLoss2DBackward0", b"MultilabelMarginLossBackward0"])


cdef int link_backward(BackwardPass back, Node node, TensorBase g) except -1:
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim, dtype
    back.send_grad(node, 0, linked(g, node.edge1) if back.create_graph else g)
    if back.needs(node, 1):
        dtype = shape_of_target(node.edge1, &ndim, shape)
        back.send_grad(node, 1, zeros(dtype, ndim, shape))
    return 0

cdef Rule LINK = Rule(b"LinkBackward0", link_backward)


cdef TensorBase linked(TensorBase g, object target):
    """g with an edge to `target`, a Node or a leaf, that passes zeros on. With None, g with a graph that leads nowhere else."""
    cdef TensorBase out
    cdef Node node
    if target is None and recording(g):
        return g
    out = alias(g)
    node = record(&LINK, out, g)
    node.edge1 = target
    node.graph = GRAPH_ALWAYS
    return out


cdef TensorBase with_graph(Node node, int i, TensorBase g):
    """The gradient g of input i with the graph that it has in PyTorch."""
    if node.graph == GRAPH_WITH_INPUT or <bytes> (node.label if node.label != NULL else node.rule.name) in LINKED_NODES:
        return linked(g, edge(node, i))
    return linked(g, None) if node.graph == GRAPH_ALWAYS else g


# ---- For composed functions

def _graphed(TensorBase out not None, bint with_input=False):
    """Returns `out`. With create_graph, all gradients that its node sends have a graph; with_input: with their input in it."""
    if out._grad_fn is not None:
        out._grad_fn.graph = GRAPH_WITH_INPUT if with_input else GRAPH_ALWAYS
    return out


def _linked(TensorBase out not None, TensorBase x not None):
    """`out`, recorded as a function of x too, with derivative 0."""
    return linked(out, edge_of(x)) if recording(x) else out
