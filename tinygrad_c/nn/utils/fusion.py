"""Fuse a batch normalisation into the layer before it, for inference."""
from __future__ import annotations

from copy import deepcopy
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.nn.parameter import Parameter


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A convolution equal to conv followed by the batch normalisation bn.

    conv and bn must be in evaluation mode.

    >>> conv, bn = tinygrad_c.nn.Conv2d(1, 2, 3).eval(), tinygrad_c.nn.BatchNorm2d(2).eval()
    >>> x = tinygrad_c.ones(1, 1, 5, 5)
    >>> tinygrad_c.allclose(fuse_conv_bn_eval(conv, bn)(x), bn(conv(x)))
    True
    """
    if conv.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    fused = deepcopy(conv)
    fused.weight, fused.bias = fuse_conv_bn_weights(fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps,
                                                    bn.weight, bn.bias, transpose)
    return fused


def fuse_conv_bn_weights(conv_w: Tensor, conv_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float,
                         bn_w: Tensor | None, bn_b: Tensor | None, transpose: bool = False) -> tuple[Parameter, Parameter]:
    """(weight * s, (bias - mean) * s + b), s = w / sqrt(var + eps), for each output channel.

    >>> one = tinygrad_c.ones(1)
    >>> w, b = fuse_conv_bn_weights(tinygrad_c.ones(1, 1, 1), one, one, one * 4, 0., one, one * 3)
    >>> w.flatten().data, b.data
    (tensor([0.5000]), tensor([3.]))
    """
    scale = (bn_rv + bn_eps).rsqrt() * (1 if bn_w is None else bn_w)
    shape = [1] * conv_w.ndim
    shape[1 if transpose else 0] = -1
    bias = ((0 if conv_b is None else conv_b) - bn_rm) * scale + (0 if bn_b is None else bn_b)
    return (Parameter((conv_w * scale.reshape(shape)).detach(), conv_w.requires_grad),
            Parameter(bias.detach(), conv_w.requires_grad if conv_b is None else conv_b.requires_grad))


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A linear layer equal to linear followed by the batch normalisation bn.

    >>> linear, bn = tinygrad_c.nn.Linear(3, 2).eval(), tinygrad_c.nn.BatchNorm1d(2).eval()
    >>> x = tinygrad_c.ones(4, 3)
    >>> tinygrad_c.allclose(fuse_linear_bn_eval(linear, bn)(x), bn(linear(x)))
    True
    """
    if linear.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    if linear.out_features != bn.num_features and bn.num_features != 1:
        raise AssertionError("To fuse, linear.out_features == bn.num_features or bn.num_features == 1")
    fused = deepcopy(linear)
    fused.weight, fused.bias = fuse_linear_bn_weights(fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps,
                                                      bn.weight, bn.bias)
    return fused


def fuse_linear_bn_weights(linear_w: Tensor, linear_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float,
                           bn_w: Tensor, bn_b: Tensor) -> tuple[Parameter, Parameter]:
    """fuse_conv_bn_weights for the weight of a linear layer.

    >>> one = tinygrad_c.ones(1)
    >>> w, b = fuse_linear_bn_weights(tensor([[2.]]), one, one, one * 4, 0., one, one * 3)
    >>> w.data, b.data
    (tensor([[1.]]), tensor([3.]))
    """
    return fuse_conv_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)
