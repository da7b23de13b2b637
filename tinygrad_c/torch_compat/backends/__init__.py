"""The names of torch.backends. Its flags can be set but have no effect."""
from __future__ import annotations

from types import SimpleNamespace

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.torch_compat.backends import cudnn

__all__ = ["cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp"]
__getattr__, __dir__ = lazy_names(globals())

cuda = SimpleNamespace(matmul=SimpleNamespace(allow_tf32=False), is_built=lambda: False)
mps = SimpleNamespace(is_available=lambda: False, is_built=lambda: False)
mkl = SimpleNamespace(is_available=lambda: False)
mkldnn = SimpleNamespace(is_available=lambda: False, enabled=False)
openmp = SimpleNamespace(is_available=lambda: False)
