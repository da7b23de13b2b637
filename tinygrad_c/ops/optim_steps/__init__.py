"""The optimizers' update kernels."""
