"""The package's version (semantic versioning: a breaking change raises the first non-zero number)."""

__version__ = "0.2.0"
torch = "2.13.0"         # the version of PyTorch whose names and results are followed
cuda = hip = None        # as torch.version has them
