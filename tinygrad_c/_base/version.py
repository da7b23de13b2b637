"""The package's version (semantic versioning: a breaking change raises the first non-zero number)."""

__version__ = "0.1.0"
cuda = hip = None        # as torch.version has them
