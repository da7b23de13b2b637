"""Small datasets: real handwritten digits, and generated toy data.

    >>> from tinygrad_c import datasets
    >>> X, y = datasets.digits()
    >>> X.shape, y.shape
    (torch.Size([1797, 64]), torch.Size([1797]))
"""
from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.datasets.digits import digits, digits_path
from tinygrad_c.datasets.toys import blobs, circles, moons, spirals, xor

__all__ = ["blobs", "circles", "digits", "digits_path", "moons", "spirals", "xor"]
__getattr__, __dir__ = lazy_names(globals())
