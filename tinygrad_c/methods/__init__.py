"""The methods of Tensor, a class a topic; tensor.py puts them together."""
