"""Convolution and pooling windows."""
