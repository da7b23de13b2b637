"""Convolution, and sliding windows for pooling."""
