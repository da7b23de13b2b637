"""Normalisation functions: (x - mean) / sqrt(var). They differ in the dimensions of the mean."""
from __future__ import annotations

from collections.abc import Sequence
from math import prod

from tinygrad_c._base.public import public
from tinygrad_c._tensor.tensor import Tensor, float64
from tinygrad_c.autograd import no_grad
from tinygrad_c.core.tape import _graphed
from tinygrad_c.ops.elementwise import elementwise as ops
from tinygrad_c.ops.norm.norm import normalised
from tinygrad_c.ops.reduce import reduce
from tinygrad_c.ops.shape.view import zero_pad

PLANE = 8       # elements per channel from which one kernel per row is faster than several elementwise kernels
EPSILON = {True: 2.0**-52, False: 2.0**-23}     # machine epsilon of float64 and of float32


def _standardised(x: Tensor, mean: Tensor, variance: Tensor, eps: float, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """(x - mean) / sqrt(variance + eps) * weight + bias; all broadcast to x."""
    scale = ops.rsqrt(variance + eps)
    y = (x - mean) * (scale if weight is None or weight.numel() != scale.numel() else scale * weight)
    if weight is not None and weight.numel() != scale.numel():
        y = y * weight
    return y if bias is None else y + bias


def _with_graph(y: Tensor, *tensors: Tensor | None) -> Tensor:
    """y, whose gradients all have a graph with create_graph, the bias's too, if one of the tensors requires grad."""
    return _graphed(y) if any(each is not None and each.requires_grad for each in tensors) else y


def _is_plain(x: Tensor, parameters: Sequence[Tensor | None], least: int = 1) -> bool:
    """Whether one kernel can compute it: one float dtype, and at least `least` elements per channel."""
    return (x.is_floating_point() and x.numel() >= x.shape[0] * (x.shape[1] if least > 1 else 1) * least > 0
            and all(each is None or each.dtype is x.dtype for each in parameters))


def _per_channel(x: Tensor, values: Tensor | None, name: str) -> Tensor | None:
    """One value per channel, reshaped to (1, C, 1, ...)."""
    if values is None:
        return None
    channels = x.shape[1]
    if values.numel() != channels:
        raise RuntimeError(f"{name} should contain {channels} elements not {values.numel()}: the input {tuple(x.shape)} has "
                           f"{channels} channels in dimension 1")
    return values.reshape([1, channels] + [1] * (x.ndim - 2))


def _more_than_one(size: Sequence[int], per_channel: int) -> None:
    if per_channel == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {size}; a batch of one sample "
                         "has no variance: use larger batches (DataLoader(drop_last=True)), or .eval()")


def _track(running: Tensor | None, batch: Tensor, momentum: float) -> None:
    """running = (1 - momentum) * running + momentum * batch, in place."""
    if running is not None:
        with no_grad():
            running.mul_(1 - momentum).add_(batch.detach().reshape(running.shape) * momentum)


@public("input weight? bias?", node="NativeLayerNormBackward0")
def layer_norm(input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, bias: Tensor | None = None,
               eps: float = 1e-5) -> Tensor:
    """(x - mean) / sqrt(var + eps) * w + b, mean and var over the last dimensions: Ba et al. 2016.

    normalized_shape: the sizes of these dimensions; w and b have that shape. RuntimeError if x does not end in it.

    >>> layer_norm(tinygrad_c.tensor([1.0, 3.0]), (2,))
    tensor([-1.0000,  1.0000])
    """
    dims = _last_dims(input, normalized_shape)
    affine = weight, bias
    if _is_plain(input, affine) and all(each is None or each.shape == input.shape[-len(dims):] for each in affine):
        return normalised(input, weight, bias, eps, "layer", prod(normalized_shape))[0]
    return _standardised(input, reduce.mean(input, dims, True), reduce.var(input, dims, keepdim=True, correction=0), eps,
                         weight, bias)


@public("input weight?")
def rms_norm(input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * w, the mean over the last dimensions: Zhang & Sennrich 2019. eps=None: the dtype's epsilon.

    >>> rms_norm(tensor([[3., 4.]]), (2,))
    tensor([[0.8485, 1.1314]])
    """
    dims = _last_dims(input, normalized_shape)
    eps = EPSILON[input.dtype == float64] if eps is None else eps
    if weight is not None and tuple(weight.shape) != tuple(normalized_shape):
        raise RuntimeError("Expected weight to be of same shape as normalized_shape, but got weight of shape "
                           f"{list(weight.shape)} and normalized_shape = {list(normalized_shape)}")
    y = input * ops.rsqrt(reduce.mean(input * input, dims, True) + eps)
    return y if weight is None else y * weight


def _last_dims(input: Tensor, normalized_shape: Sequence[int]) -> tuple[int, ...]:
    shape = tuple(normalized_shape)
    if not shape:
        raise RuntimeError("Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, "
                           "but got normalized_shape = []")
    if tuple(input.shape[-len(shape):]) != shape:
        wanted = ", ".join(str(size) for size in ("*", *shape))
        raise RuntimeError(f"Given normalized_shape={list(shape)}, expected input with shape [{wanted}], but got input of "
                           f"size{list(input.shape)}")
    return tuple(range(-len(shape), 0))


@public("input running_mean? running_var? weight? bias?", node="NativeBatchNormBackward0")
def batch_norm(input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
               bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5) -> Tensor:
    """(x - mean) / sqrt(var + eps) * w + b for each channel (dimension 1): Ioffe & Szegedy 2015.

    In training, mean and var are those of the batch, over all dimensions but the channels, and update the running
    statistics with `momentum`. Else they are the running statistics. ValueError for one value per channel in training.

    >>> batch_norm(tensor([[1.], [3.]]), tensor([2.]), tensor([4.]))
    tensor([[-0.5000],
            [ 0.5000]])
    >>> batch_norm(tensor([[1.], [3.]]), None, None, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    mean = _per_channel(input, running_mean, "running_mean")
    variance = _per_channel(input, running_var, "running_var")
    weight, bias = _per_channel(input, weight, "weight"), _per_channel(input, bias, "bias")
    if training:
        if eps <= 0:
            raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
        n = input.numel() // max(input.shape[1], 1)
        _more_than_one(input.shape, n)
        if n and _is_plain(input, (weight, bias), PLANE):
            y, mean, variance = normalised(input, weight, bias, eps, "batch", 1)
            _track(running_mean, mean, momentum)
            _track(running_var, variance * (n / max(n - 1, 1)), momentum)
            return y
        dims = (0, *range(2, input.ndim))
        mean = reduce.mean(input, dims, True)
        variance = reduce.var(input, dims, keepdim=True, correction=0)
        if n:
            _track(running_mean, mean, momentum)
            _track(running_var, variance.detach() * (n / max(n - 1, 1)), momentum)
    elif mean is None or variance is None:
        raise RuntimeError("Expected running_mean and running_var to be defined when training=False")
    return _with_graph(_standardised(input, mean, variance, eps, weight, bias), input, weight)


@public("input running_mean? running_var? weight? bias?", node="ViewBackward0")
def instance_norm(input: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None,
                  weight: Tensor | None = None, bias: Tensor | None = None, use_input_stats: bool = True,
                  momentum: float = 0.1, eps: float = 1e-5) -> Tensor:
    """(x - mean) / sqrt(var + eps) * w + b, mean and var for each sample and channel: Ulyanov et al. 2016.

    x (N, C, *), w and b (C).

    >>> instance_norm(tensor([[[1., 3.]]]))
    tensor([[[-1.0000,  1.0000]]])
    """
    weight, bias = _per_channel(input, weight, "weight"), _per_channel(input, bias, "bias")
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    dims = tuple(range(2, input.ndim))
    n = input.numel() // max(input.shape[0] * input.shape[1], 1)
    if n == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape}")
    if input.ndim > 1 and _is_plain(input, (weight, bias), PLANE):
        y, mean, variance = normalised(input, weight, bias, eps, "group", input.shape[1])
        for running, each in ((running_mean, mean), (running_var, variance * (n / max(n - 1, 1)))):
            if running is not None:
                _track(running, each.reshape(input.shape[:2]).mean(0), momentum)
        return _with_graph(y, input, weight)
    mean = reduce.mean(input, dims, True)
    variance = reduce.var(input, dims, keepdim=True, correction=0)
    _track(running_mean, mean.detach().mean(0), momentum)
    _track(running_var, variance.detach().mean(0) * (n / max(n - 1, 1)), momentum)
    return _with_graph(_standardised(input, mean, variance, eps, weight, bias), input, weight)


@public("input weight? bias?", node="NativeGroupNormBackward0")
def group_norm(input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None,
               eps: float = 1e-5) -> Tensor:
    """(x - mean) / sqrt(var + eps) * w + b, mean and var for each sample and group of channels: Wu & He 2018.

    x (N, C, *), w and b (C). RuntimeError if C is not divisible by num_groups.

    >>> group_norm(tensor([[1., 3., 10., 30.]]), 2)
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """
    if input.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.ndim}")
    if num_groups <= 0 or input.shape[1] % num_groups:
        raise RuntimeError("Expected number of channels in input to be divisible by num_groups, but got input of shape "
                           f"{list(input.shape)} and num_groups={num_groups}")
    weight, bias = _per_channel(input, weight, "weight"), _per_channel(input, bias, "bias")
    per_group = input.numel() // max(input.shape[0] * num_groups, 1)
    _more_than_one(input.shape, input.shape[0] * per_group)
    if _is_plain(input, (weight, bias), PLANE):
        return normalised(input, weight, bias, eps, "group", num_groups)[0]
    groups = input.reshape(input.shape[0], num_groups, per_group)
    mean, variance = reduce.mean(groups, -1, True), reduce.var(groups, -1, keepdim=True, correction=0)
    y = _standardised(groups, mean, variance, eps, None, None).reshape(input.shape)
    y = y if weight is None else _graphed(y * weight)
    return y if bias is None else y + bias


@public
def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """x / (k + alpha * mean of x^2 over `size` neighbouring channels)^beta: Krizhevsky et al. 2012.

    >>> local_response_norm(tensor([[[1.], [2.]]]), 2, alpha=2., beta=1.).flatten()
    tensor([0.5000, 0.3333])
    """
    if input.ndim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality                          input (got {input.ndim} dimensions)")
    around = [0] * input.ndim
    before, after = list(around), list(around)
    before[1], after[1] = size // 2, (size - 1) // 2
    squares = zero_pad(input * input, before, after)
    channels = input.shape[1]
    total = squares.narrow(1, 0, channels)
    for shift in range(1, size):
        total = total + squares.narrow(1, shift, channels)
    return input / (total * (alpha / size) + k) ** beta


@public
def normalize(input: Tensor, p: float = 2.0, dim: int | tuple[int, ...] = 1, eps: float = 1e-12, out: None = None) -> Tensor:
    """x / max(|x|_p, eps), the norm along dim.

    >>> normalize(tinygrad_c.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    return input / reduce.norm(input, p, dim, True).clamp(min=eps)
