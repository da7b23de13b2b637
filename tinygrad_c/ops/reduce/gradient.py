"""gradient: derivatives of sampled functions by finite differences."""
from __future__ import annotations

from tinygrad_c._base.public import public
from tinygrad_c.core.tape import TensorBase
from tinygrad_c.ops.arguments import numpy_words, tensor_arg
from tinygrad_c.ops.create.create import tensor as new_tensor
from tinygrad_c.ops.shape.shape import cat, narrow, reshape, wrapped


@public
@numpy_words
def gradient(input, *, spacing=1, dim=None, edge_order: int = 1):
    """The partial derivatives of a function from its values on a grid: one tensor per dimension.

    Central differences in the interior, exact for quadratic functions; one-sided differences of order edge_order (1 or 2) at
    the ends. spacing: the distance of the points, one distance per dimension, or vectors of coordinates.

    >>> tinygrad_c.gradient(tinygrad_c.tensor([1., 4., 9.]))
    (tensor([3., 4., 5.]),)
    """
    x = tensor_arg(input, "gradient")
    dims = range(x.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    dims = [wrapped(d, x.ndim) for d in dims]
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    spacing = 1 if spacing is None else spacing
    spacings = spacing if isinstance(spacing, (list, tuple)) else [spacing] * len(dims)
    if len(spacings) != len(dims):
        raise RuntimeError("torch.gradient expected spacing to be unspecified, a scalar or a list of length equal to "
                           f"'self.dim() - 1' or dims, {len(dims)}, but got a list of length {len(spacings)}")
    if len(set(dims)) < len(dims):
        raise RuntimeError(f"dim {next(d for d in dims if dims.count(d) > 1)} appears multiple times in the list of dims")
    for d in dims:
        if x.shape[d] <= edge_order:
            raise RuntimeError(f"torch.gradient expected each dimension size to be at least edge_order+1, got {list(x.shape)}")
    return tuple([along(x, d, each, edge_order) for d, each in zip(dims, spacings)])


def along(x, d: int, spacing, edge_order: int):
    n = x.shape[d]
    if isinstance(spacing, TensorBase) and spacing.ndim == 1:
        h = spacing[1:] - spacing[:-1]
    else:
        h = new_tensor([float(spacing)] * (n - 1), dtype=x.dtype if x.is_floating_point() else None)
    h = reshape(h, [-1 if k == d else 1 for k in range(x.ndim)])

    def part(y, start: int, length: int):
        return narrow(y, d, start, length)

    def end(points: list[int], steps):
        """The derivative at the first point of the parabola (or line) through the points."""
        first, second = (part(x, p, 1) for p in points[:2])
        if edge_order == 1:
            return (second - first) / steps[0]
        a, b = steps
        third = part(x, points[2], 1)
        return -(2 * a + b) / (a * (a + b)) * first + (a + b) / (a * b) * second - a / (b * (a + b)) * third

    left, right = part(h, 0, n - 2), part(h, 1, n - 2)
    inside = (left / right * (part(x, 2, n - 2) - part(x, 1, n - 2))
              + right / left * (part(x, 1, n - 2) - part(x, 0, n - 2))) / (left + right) if n > 2 else None
    steps = [part(h, i, 1) for i in ([0, 1] if edge_order == 2 else [0])]
    back = [-part(h, n - 2 - i, 1) for i in ([0, 1] if edge_order == 2 else [0])]
    ends = end([0, 1, 2], steps), end([n - 1, n - 2, n - 3], back)
    return cat([ends[0], *([inside] if inside is not None else []), ends[1]], d)
