"""The compiled ground of tensors: memory, arrays, the tape."""
