"""The optimizers' steps, one fused kernel per parameter."""
