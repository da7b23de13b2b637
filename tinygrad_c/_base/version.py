"""The package's version, semantic: a change that breaks a program raises the first non-zero number."""

__version__ = "0.1.0"
cuda = hip = None        # as torch.version has them
