"""Views, and joining and splitting tensors."""
from tinygrad_c._base.lazy import names_of

__getattr__ = names_of(f"{__name__}.shape")
