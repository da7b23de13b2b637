"""Names that are there only because PyTorch has them."""
