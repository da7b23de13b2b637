"""Dropout layers: random zeros in training, the identity in evaluation."""
from __future__ import annotations

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.nn import functional as F
from tinygrad_c.nn.functional.dropout import check_probability
from tinygrad_c.nn.module import Module


class Dropout(Module):
    """In training, each element is 0 with probability p, else x / (1 - p). In evaluation, y = x. Srivastava et al. 2014.

    >>> Dropout(0.2)
    Dropout(p=0.2, inplace=False)
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        check_probability(p)
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class AlphaDropout(Dropout):
    """Dropout that keeps mean 0 and variance 1 after a SELU. Dropped elements get SELU's lower limit. Klambauer et al. 2017.

    >>> x = tinygrad_c.randn(10000)
    >>> y = AlphaDropout(0.3)(x)
    >>> bool(y.mean().abs() < 0.1), bool((y.std() - 1).abs() < 0.1)
    (True, True)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


class Dropout1d(Dropout):
    """Dropout of whole channels of x (N, C, L) or (C, L).

    >>> Dropout1d(0.5)(tinygrad_c.ones(3, 2)).sum(1).unique()
    tensor([0., 4.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(Dropout):
    """Dropout of whole channels of x (N, C, H, W): Tompson et al. 2015.

    >>> Dropout2d(0.5)(tinygrad_c.ones(2, 5, 1, 2)).sum((2, 3)).unique()
    tensor([0., 4.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(Dropout):
    """Dropout of whole channels of x (N, C, D, H, W).

    >>> Dropout3d(0.5)(tinygrad_c.ones(2, 5, 1, 1, 2)).sum((2, 3, 4)).unique()
    tensor([0., 4.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout3d(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(Dropout):
    """AlphaDropout of whole channels.

    >>> FeatureAlphaDropout(0.5)(tinygrad_c.ones(1, 8, 4)).std(2).sum()
    tensor(0.)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace)
