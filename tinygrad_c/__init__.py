"""tinygrad_c: a small, fast tensor autograd engine with PyTorch's API.

>>> import tinygrad_c as torch
>>> x = torch.tensor(3., requires_grad=True)
>>> (x * x).backward()
>>> x.grad
tensor(6.)
"""
from __future__ import annotations

from importlib import import_module
from math import e, inf, nan, pi
from types import ModuleType
from typing import Any

from tinygrad_c._base.device import Device as device
from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._base.public import guard as _guard, guard_all as _guard_all
from tinygrad_c._base import version
from tinygrad_c._base.version import __version__

try:
    from tinygrad_c.kernels.runtime.memory import empty_cache, memory_stats
except ImportError as error:        # the first compiled module
    from tinygrad_c._base.built import explain
    raise explain(error) from None
from tinygrad_c.kernels.runtime.threads import get_num_threads, set_num_threads
from tinygrad_c.core.array import dtype, get_default_dtype, set_default_dtype
from tinygrad_c.ops.elementwise.composed import (
    clamp_max, clamp_min, deg2rad, float_power, frac, ldexp, logit, mvlgamma, positive, rad2deg, round, rsub, sinc)
from tinygrad_c.ops.elementwise.elementwise import (
    abs, acos, acosh, add, addcdiv, addcmul, asin, asinh, atan, atan2, atanh, bitwise_and, bitwise_left_shift, bitwise_not,
    bitwise_or, bitwise_right_shift, bitwise_xor, ceil, clamp, copysign, cos, cosh, digamma, div, eq, erf, erfc, erfinv,
    exp, exp2, expm1, floor, floor_divide, fmax, fmin, fmod, gcd, ge, gt, heaviside, hypot, isfinite, isinf, isnan,
    isneginf, isposinf, lcm, le, lerp, lgamma, log, log1p, log2, log10, logaddexp, logaddexp2, lt, maximum, minimum, mul,
    nan_to_num, ne, neg, nextafter, polygamma, pow, reciprocal, relu, remainder, rsqrt, selu, sigmoid, sign, signbit, sin,
    sinh, sqrt, square, sub, tan, tanh, trunc, where, xlogy)
from tinygrad_c.ops.elementwise.logic import allclose, equal, isclose, logical_and, logical_not, logical_or, logical_xor
from tinygrad_c.ops.matmul.composed import addbmm, addmv, addr, baddbmm, bilinear, cross, inner, kron, outer, tensordot, vdot
from tinygrad_c.ops.matmul.products import addmm, bmm, dot, matmul, mm, mv
from tinygrad_c.ops.reduce.reduce import (
    all, amax, amin, any, argmax, argmin, cumprod, cumsum, max, mean, min, prod, std, sum, var)
from tinygrad_c.ops.reduce.scan import cummax, cummin, cumulative_trapezoid, diff, logcumsumexp, trapezoid
from tinygrad_c.ops.reduce.softmax import log_softmax, logsumexp, softmax
from tinygrad_c.ops.reduce.statistics import (
    aminmax, cdist, corrcoef, count_nonzero, cov, dist, median, mode, nanmean, nanmedian, nanquantile, nansum, quantile,
    renorm, std_mean, var_mean)
from tinygrad_c.ops.shape.diagonals import (
    diag, diag_embed, diagflat, diagonal_scatter, select_scatter, slice_scatter, trace, tril, tril_indices, triu,
    triu_indices, vander)
from tinygrad_c.ops.shape.join import (
    atleast_1d, atleast_2d, atleast_3d, block_diag, cartesian_prod, column_stack, combinations, dsplit, dstack, hsplit,
    hstack, meshgrid, repeat_interleave, split_with_sizes, tensor_split, tile, vsplit, vstack)
from tinygrad_c.ops.shape.rearrange import (
    adjoint, broadcast_shapes, broadcast_tensors, broadcast_to, flip, fliplr, flipud, movedim, ravel, roll, rot90,
    unflatten)
from tinygrad_c.ops.shape.shape import (
    as_strided, cat, chunk, diagonal, expand, flatten, narrow, permute, reshape, select, split, squeeze, stack, t,
    transpose, unbind, unsqueeze)
from tinygrad_c.ops.indexing.index import gather, index_select, masked_fill, masked_select, nonzero, scatter_add, take_along_dim
from tinygrad_c.ops.indexing.write import (
    index_add, index_copy, index_fill, index_put, index_put_, masked_scatter, put, scatter, scatter_reduce, take)
from tinygrad_c.ops.sorting.order import (
    argsort, bincount, bucketize, histc, isin, kthvalue, msort, searchsorted, sort, topk, unique, unique_consecutive)
from tinygrad_c.ops.create.create import (
    arange, as_tensor, clone, empty_ as empty, empty_like_ as empty_like, eye, from_numpy, full, full_like, linspace, numel,
    ones, ones_like, tensor, zeros_ as zeros, zeros_like)
from tinygrad_c.ops.random.random import (
    Generator, bernoulli, get_rng_state, initial_seed, manual_seed, multinomial, normal, rand, rand_like, randint,
    randint_like, randn, randn_like, randperm, seed, set_rng_state)
from tinygrad_c._tensor import take_examples
from tinygrad_c._tensor.printing import set_printoptions
from tinygrad_c._tensor.reduce import norm
from tinygrad_c._tensor.tensor import (
    Size, Tensor, bfloat16, bool_ as bool, float16, float32, float64, int16, int32, int64, int8, uint16, uint32, uint64, uint8)
from tinygrad_c.autograd import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from tinygrad_c import autograd, nn, utils
from tinygrad_c.torch_compat import import_aliases

float = float32
double = float64
half = float16
long = int64
short = int16
int = int32
newaxis = None
concat = concatenate = cat
row_stack = vstack
moveaxis, swapaxes, swapdims = movedim, transpose, transpose
arcsin, arccos, arctan, arctan2, arcsinh, arccosh, arctanh = asin, acos, atan, atan2, asinh, acosh, atanh
fix, sgn = trunc, sign
not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge
absolute, negative, multiply, subtract, divide, true_divide, clip = abs, neg, mul, sub, div, div, clamp
ger, argwhere, trapz = outer, nonzero, trapezoid


def is_tensor(obj: object) -> bool:
    """Whether obj is a Tensor.

    >>> tinygrad_c.is_tensor(tinygrad_c.ones(2)), tinygrad_c.is_tensor([1., 1.])
    (True, False)
    """
    return isinstance(obj, Tensor)


# Imported at first use: submodule and names; '' has the names that are submodules themselves.
_find = lazy_names(globals(), {
    "": "accelerator amp backends compiler cuda datasets distributed distributions explain export func jit linalg "
        "multiprocessing optim random serialization special testing",
    "ops.elementwise.parts": "angle fill frexp imag isreal real resolve_neg",
    "ops.matmul.einsum": "einsum",
    "ops.reduce.gradient": "gradient",
    "ops.sorting.histogram": "histogram histogramdd nonzero_static unravel_index",
    "ops.shape.diagonals": "as_strided_scatter",
    "ops.shape.join": "unsafe_chunk unsafe_split",
    "ops.indexing.write": "index_reduce",
    "ops.create.dtypes":
        "can_cast channels_last channels_last_3d contiguous_format finfo iinfo is_same_size is_signed layout memory_format "
        "preserve_format promote_types result_type strided",
    "ops.create.rare": "asarray empty_permuted empty_strided frombuffer logspace range scalar_tensor",
    "ops.random.numpy_samplers": "binomial poisson",
    "autograd": "is_inference_mode_enabled",
    "func": "vmap",
    "nn.functional":
        "adaptive_avg_pool1d alpha_dropout avg_pool1d batch_norm celu celu_ channel_shuffle conv1d conv2d conv3d conv_tbc "
        "conv_transpose1d conv_transpose2d conv_transpose3d cosine_embedding_loss cosine_similarity dropout embedding "
        "embedding_bag group_norm hardshrink hinge_embedding_loss instance_norm kl_div layer_norm margin_ranking_loss "
        "max_pool1d max_pool2d max_pool3d native_channel_shuffle pairwise_distance pdist pixel_shuffle pixel_unshuffle "
        "poisson_nll_loss prelu rms_norm rrelu rrelu_ threshold threshold_ triplet_margin_loss",
    "utils.dlpack": "from_dlpack to_dlpack",
    "serialization": "load save",
    "linalg.torch_names":
        "chain_matmul cholesky cholesky_inverse cholesky_solve det inverse logdet lu lu_solve matrix_exp matrix_power pinverse "
        "qr slogdet svd",
    "linalg.elimination": "geqrf lu_unpack orgqr ormqr triangular_solve",
    "linalg.factor": "pca_lowrank svd_lowrank",
    "special.bessel": "i0 igamma igammac",
    "special.windows": "bartlett_window blackman_window hamming_window hann_window kaiser_window",
    "programs.compiler": "compile",
    "programs.epochs": "train_many",
    "torch_compat.amp": "GradScaler autocast",
    "torch_compat.config": "show_config",
    "torch_compat.switches":
        "AcceleratorError BFloat16Tensor BoolTensor ByteTensor CharTensor DoubleTensor FloatTensor HalfTensor IntTensor "
        "LongTensor OutOfMemoryError ShortTensor "
        "are_deterministic_algorithms_enabled get_default_device get_deterministic_debug_mode "
        "get_float32_matmul_precision get_num_interop_threads init_num_threads is_complex is_conj "
        "is_deterministic_algorithms_warn_only_enabled is_floating_point is_inference is_nonzero is_warn_always_enabled "
        "set_default_device set_default_tensor_type set_deterministic_debug_mode set_float32_matmul_precision "
        "set_flush_denormal set_num_interop_threads set_warn_always typename use_deterministic_algorithms",
}, _guard)[0]
LATER = _find.where


_guard_all(globals())
import_aliases.install()
take_examples(Tensor, globals())


def __getattr__(name: str) -> Any:
    if name not in LATER:
        if name.endswith("_") and not name.startswith("_") and hasattr(Tensor, name):     # abs_(x), which torch has as well
            return getattr(Tensor, name)
        if name in import_aliases.ALIASES:
            return import_module(f"tinygrad_c.{name}")
    return _find(name)


def __dir__() -> list[str]:
    public_modules = {"autograd", "nn", "utils", "version", *LATER}
    inside = {name for name, value in globals().items() if isinstance(value, ModuleType) and name not in public_modules}
    hidden = {"Any", "LATER", "ModuleType", "annotations", "import_module", "lazy_names", "take_examples"}
    return sorted({*globals(), *LATER} - inside - hidden)
