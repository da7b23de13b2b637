"""The door of the public functions that are written in Python: what is no tensor where one must be is told in torch's words.

A function runs as it is, and only when it has failed are its arguments looked at: a call costs some 100 ns more. The functions
of a training step, whose kernels look at their arguments anyway, stay as they are.
"""
from __future__ import annotations

from collections.abc import Callable
from functools import partial, update_wrapper
from types import FunctionType
from typing import Any

from tinygrad_c.core.tape import _guarded
from tinygrad_c.ops.arguments import NUMPY, not_a_tensor

IN_A_STEP = frozenset({"binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "gelu", "l1_loss",
                       "log_softmax", "mse_loss", "nll_loss", "relu", "smooth_l1_loss", "softmax"})
# What torch calls grad_fn's node where the function is one op there, and composed of others here: name + "Backward0".
NODES = {name: f"{node}Backward0" for node, names in {
    "AvgPool2D": "avg_pool2d", "AvgPool3D": "avg_pool3d",
    "AdaptiveMaxPool2D": "adaptive_max_pool2d adaptive_max_pool2d_with_indices",
    "AdaptiveMaxPool3D": "adaptive_max_pool3d adaptive_max_pool3d_with_indices",
    "FractionalMaxPool2D": "fractional_max_pool2d fractional_max_pool2d_with_indices",
    "FractionalMaxPool3D": "fractional_max_pool3d fractional_max_pool3d_with_indices",
    "MaxPool2DWithIndices": "max_pool2d max_pool2d_with_indices", "MaxPool3DWithIndices": "max_pool3d max_pool3d_with_indices",
    "MaxUnpool2D": "max_unpool2d", "MaxUnpool3D": "max_unpool3d",
    "Convolution": "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d",
    "NativeBatchNorm": "batch_norm", "NativeGroupNorm": "group_norm", "NativeLayerNorm": "layer_norm",
    "Embedding": "embedding", "EmbeddingBag": "embedding_bag", "PixelShuffle": "pixel_shuffle",
    "PixelUnshuffle": "pixel_unshuffle", "ChannelShuffle": "channel_shuffle", "GridSampler2D": "grid_sample",
    "Celu": "celu", "Glu": "glu", "Threshold": "threshold", "Softshrink": "softshrink", "Hardshrink": "hardshrink",
    "RreluWithNoise": "rrelu", "SoftMarginLoss": "soft_margin_loss", "MultiMarginLoss": "multi_margin_loss",
    "MultilabelMarginLoss": "multilabel_margin_loss", "Pdist": "pdist", "UnsafeView": "scaled_dot_product_attention kron",
    "View": "instance_norm", "Cdist": "cdist", "Dist": "dist", "BlockDiag": "block_diag", "LinalgCross": "cross",
    "Deg2Rad": "deg2rad", "Rad2Deg": "rad2deg", "Frac": "frac", "Flip": "flip fliplr flipud", "Roll": "roll", "Rot90": "rot90",
    "Repeat": "repeat tile", "Trace": "trace", "Take": "take", "Put": "put", "Kthvalue": "kthvalue", "Mode": "mode",
    "StdMean": "std_mean", "VarMean": "var_mean", "Aminmax": "aminmax", "Sinc": "sinc", "NanToNum": "nan_to_num",
    "Nansum": "nansum", "Logcumsumexp": "logcumsumexp", "Renorm": "renorm", "Ldexp": "ldexp", "Mvlgamma": "mvlgamma",
    "DiagEmbed": "diag_embed diagflat", "DiagonalScatter": "diagonal_scatter", "SelectScatter": "select_scatter",
    "SliceScatter": "slice_scatter", "AsStridedScatter": "as_strided_scatter", "MaskedScatter": "masked_scatter",
    "IndexAdd": "index_add", "IndexCopy": "index_copy", "IndexFill": "index_fill", "IndexReduce": "index_reduce",
    "ScatterReduce": "scatter_reduce", "Frexp": "frexp", "I0": "i0", "SpecialI0E": "i0e", "SpecialI1": "i1",
    "SpecialI1E": "i1e", "SpecialEntr": "entr", "SpecialErfcx": "erfcx", "SpecialLogNdtr": "log_ndtr", "SpecialNdtri": "ndtri",
    "SpecialXlog1Py": "xlog1py", "LinalgCholeskyEx": "cholesky cholesky_ex", "LinalgDet": "det", "LinalgEigh": "eigh eigvalsh",
    "LinalgInvEx": "inv inv_ex", "LinalgLstsq": "lstsq", "LinalgLuFactorEx": "lu lu_factor lu_factor_ex",
    "LinalgLuSolve": "lu_solve", "LinalgMatrixExp": "matrix_exp", "LinalgPinv": "pinv", "LinalgQr": "qr",
    "LinalgSlogdet": "slogdet", "LinalgSolveEx": "solve solve_ex", "LinalgSolveTriangular": "solve_triangular",
    "LinalgSvd": "svd svdvals", "LinalgHouseholderProduct": "householder_product", "CholeskyInverse": "cholesky_inverse",
    "CholeskySolve": "cholesky_solve", "TriangularSolve": "triangular_solve", "LuUnpack": "lu_unpack", "Ormqr": "ormqr",
}.items() for name in names.split(" ")}
NOT_TENSORS = ("tensors", "equation", "model", "obj", "elements")
# Names of parameters that are tensors in all functions that leave them without an annotation.
ALWAYS = ("input", "A", "B", "L", "LU", "LU_data", "LU_pivots", "b", "batch1", "batch2", "count", "index", "input1", "input2",
          "logits", "mask", "mat", "mat1", "mat2", "other", "pivots", "source", "src", "tau", "target", "tensor1", "tensor2",
          "vec", "vec1", "vec2", "weight", "x1", "x2", "y")
TENSORS = ("Tensor", "Tensor | None", "TensorBase | None", "Tensor | float", "float | Tensor")
# Those that take NumPy's words, axis for dim and keepdims for keepdim, as torch does, and do not see to it themselves.
AXIS = ("cosine_similarity", "cross", "gather", "index_add", "index_add_", "index_copy", "index_copy_", "index_fill",
        "index_fill_", "index_reduce", "index_select", "narrow", "pairwise_distance", "renorm", "scatter", "scatter_",
        "scatter_add", "scatter_add_", "scatter_reduce", "scatter_reduce_", "select", "split_with_sizes", "take_along_dim",
        "unsafe_chunk", "unsafe_split")
METHODS = ("diag_embed", "flip", "fliplr", "flipud", "index_add", "index_copy", "index_fill", "index_reduce", "kthvalue",
           "logcumsumexp", "masked_scatter", "mode", "nan_to_num", "nansum", "put", "renorm", "repeat", "roll", "rot90",
           "scatter_reduce", "take", "tile", "trace")


def door(function: Any, module: str) -> Any:
    """The function as `module` shows it: another for one in Python that takes a tensor first, else itself."""
    compiled = getattr(function, "__name__", "") in AXIS and hasattr(function, "__code__")
    if not compiled and (type(function) not in (FunctionType, partial) or function.__name__ in IN_A_STEP):
        return function
    if "at_door" in function.__dict__:
        return function.at_door
    names, kinds = parameters(function)
    if not names or kinds.get(names[0], "Tensor") not in TENSORS or names[0] in NOT_TENSORS:
        return function
    guard = update_wrapper(_guarded(function, explain, NODES.get(function.__name__)), function)
    guard.__module__ = module           # where pickle finds it
    guard.at_door = function.at_door = guard
    return guard


def doors(namespace: dict[str, Any]) -> None:
    """All public functions of a module get their door."""
    module = namespace["__name__"]
    for name in namespace.get("__all__") or [*namespace]:
        if name[0] != "_" and name in namespace:
            namespace[name] = door(namespace[name], module)


def methods(cls: type) -> None:
    """The methods that are one op in torch get their door."""
    for name in {*METHODS, *AXIS}:
        function = getattr(cls, name, None)
        if function is None:
            continue
        setattr(cls, name, update_wrapper(_guarded(function, explain, NODES.get(name)), function))


def written(function: Callable) -> Callable:
    """The function that decorators are around."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def parameters(function: Callable) -> tuple[tuple[str, ...], dict[str, str]]:
    """The names of a function's parameters, and how they are annotated."""
    function = written(function)
    code = function.__code__
    return code.co_varnames[:code.co_argcount + code.co_kwonlyargcount], function.__annotations__


def optional(function: Callable) -> set[str]:
    """The names of a function's parameters that need not be given."""
    function = written(function)
    code, defaults = function.__code__, function.__defaults__ or ()
    return {*code.co_varnames[code.co_argcount - len(defaults):code.co_argcount], *(function.__kwdefaults__ or ())}


def explain(function: Callable, args: tuple, kwargs: dict, error: Exception) -> tuple | None:
    """When the function has failed: (its result,) with NumPy's words turned into torch's; TypeError, if one that
    must be a tensor is none.
    """
    if function.__name__ in AXIS and not NUMPY.keys().isdisjoint(kwargs) and isinstance(error, TypeError):
        return (function(*args, **{NUMPY.get(name, name): value for name, value in kwargs.items()}),)
    names, kinds = parameters(function)
    room = function.__module__.split(".")[1]
    prefix = f"{room}_" if room in ("linalg", "special") else ""
    given = {**dict(zip(names, args)), **kwargs}
    may_be_none = optional(function)
    for position, name in enumerate(names):
        value = given.get(name, error)
        if value is error or hasattr(value, "grad_fn"):
            continue
        if isinstance(error, IndexError) and isinstance(value, (int, float)):       # it was taken as one: select(3, 0, 7)
            continue
        kind = kinds.get(name, "Tensor" if position == 0 or (name in ALWAYS and (value is not None or name not in may_be_none))
                         else "")
        if kind == "Tensor" or (kind.endswith("| None") and kind in TENSORS and value is not None) or (
                kind in TENSORS and not isinstance(value, (int, float)) and value is not None) or (
                isinstance(error, AttributeError) and error.obj is value):
            raise not_a_tensor(value, prefix + function.__name__, name, position + (names[0] != "self")) from None
    return None
