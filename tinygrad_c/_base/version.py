"""The package's version (semantic versioning: a breaking change raises the first non-zero number)."""

__version__ = "0.2.0"
cuda = hip = None        # as torch.version has them
