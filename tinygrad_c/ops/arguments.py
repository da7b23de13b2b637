"""Gives _base/arguments.py and _base/public.py what they need from the compiled modules; their names for the ops in Python."""
from tinygrad_c._base import arguments, public
from tinygrad_c._base.arguments import (  # noqa: F401
    NUMPY,
    Results,
    array_of,
    not_a_tensor,
    numpy_words,
    results,
    takes_out,
    tensor_arg,
    tensors_arg,
    unpacked,
)
from tinygrad_c.core.array import C_WORDS, TYPE_WORDS  # noqa: F401
from tinygrad_c.core.tape import Guarded, TensorBase
from tinygrad_c.ops.elementwise.elementwise import into_out

arguments.register(TensorBase, into_out)
public.register(Guarded)
