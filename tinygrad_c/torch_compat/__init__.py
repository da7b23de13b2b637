"""Names that exist only for compatibility with PyTorch."""
