"""torch.autograd.graph's names: the nodes of the graph that a tensor came from."""
from __future__ import annotations

from typing import NamedTuple

from tinygrad_c.tape import AccumulateGrad, Node, TensorBase

__all__ = ["AccumulateGrad", "GradientEdge", "Node", "get_gradient_edge"]


class GradientEdge(NamedTuple):
    """Where a tensor's gradient arrives: a node, and which of its outputs."""

    node: Node | AccumulateGrad
    output_nr: int


def get_gradient_edge(tensor: TensorBase) -> GradientEdge:
    """The edge of a tensor that requires grad."""
    if not tensor.requires_grad:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    return GradientEdge(tensor.grad_fn if tensor.grad_fn is not None else AccumulateGrad(tensor), 0)
