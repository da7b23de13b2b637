"""Methods of matrices."""
from __future__ import annotations

from typing import TYPE_CHECKING

from tinygrad_c.ops import matmul

if TYPE_CHECKING:
    from tinygrad_c.tensor import Tensor


class Matrices:
    __slots__ = ()

    def matmul(self, other: Tensor) -> Tensor:
        """The matrix product."""
        return matmul.matmul(self, other)

    mm = bmm = mv = dot = matmul
