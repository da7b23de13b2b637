"""The compiled core of tensors: array (dtype, Storage, Array), tape (autograd), type_slots, hooks."""
