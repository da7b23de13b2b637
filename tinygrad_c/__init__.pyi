# Made by tools/stubs.py: run it again when names or signatures change.
import builtins
from math import (e as e, inf as inf, nan as nan, pi as pi)
from tinygrad_c import (accelerator as accelerator, amp as amp, autograd as autograd, backends as backends, compiler as
    compiler, cuda as cuda, datasets as datasets, distributed as distributed, distributions as distributions, explain as
    explain, export as export, func as func, jit as jit, linalg as linalg, multiprocessing as multiprocessing, nn as nn, optim
    as optim, random as random, serialization as serialization, special as special, testing as testing, utils as utils, version
    as version)
from tinygrad_c._base.device import (Device)
from tinygrad_c._tensor.printing import (set_printoptions as set_printoptions)
from tinygrad_c._tensor.reduce import (norm as norm)
from tinygrad_c._tensor.tensor import (Size as Size, Tensor as Tensor, bfloat16 as bfloat16, bool_, float16 as float16, float32
    as float32, float64 as float64, int16 as int16, int32 as int32, int64 as int64, int8 as int8, uint16 as uint16, uint32 as
    uint32, uint64 as uint64, uint8 as uint8)
from tinygrad_c.autograd import (enable_grad as enable_grad, inference_mode as inference_mode, no_grad as no_grad,
    set_grad_enabled as set_grad_enabled)
from tinygrad_c.core.array import (dtype as dtype, get_default_dtype as get_default_dtype, set_default_dtype as
    set_default_dtype)
from tinygrad_c.core.tape import (is_grad_enabled as is_grad_enabled, is_inference_mode_enabled as is_inference_mode_enabled)
from tinygrad_c.func import (vmap as vmap)
from tinygrad_c.kernels.runtime.memory import (empty_cache as empty_cache, memory_stats as memory_stats)
from tinygrad_c.kernels.runtime.threads import (get_num_threads as get_num_threads, set_num_threads as set_num_threads)
from tinygrad_c.linalg.elimination import (geqrf as geqrf, householder_product, lu_unpack as lu_unpack, ormqr as ormqr,
    triangular_solve as triangular_solve)
from tinygrad_c.linalg.factor import (pca_lowrank as pca_lowrank, svd_lowrank as svd_lowrank)
from tinygrad_c.linalg.norms import (chain_matmul as chain_matmul, matrix_exp as matrix_exp, matrix_power as matrix_power)
from tinygrad_c.linalg.systems import (det as det, inv, logdet as logdet)
from tinygrad_c.linalg.torch_names import (cholesky as cholesky, cholesky_inverse as cholesky_inverse, cholesky_solve as
    cholesky_solve, lu as lu, lu_solve as lu_solve, pinverse as pinverse, qr as qr, slogdet as slogdet, svd as svd)
from tinygrad_c.nn.functional.activation import (celu as celu, celu_ as celu_, hardshrink as hardshrink, prelu as prelu, rrelu
    as rrelu, rrelu_ as rrelu_, threshold as threshold, threshold_ as threshold_)
from tinygrad_c.nn.functional.conv import (conv1d as conv1d, conv2d as conv2d, conv3d as conv3d, conv_tbc as conv_tbc,
    conv_transpose1d as conv_transpose1d, conv_transpose2d as conv_transpose2d, conv_transpose3d as conv_transpose3d)
from tinygrad_c.nn.functional.distance import (cosine_similarity as cosine_similarity, pairwise_distance as pairwise_distance,
    pdist as pdist)
from tinygrad_c.nn.functional.dropout import (alpha_dropout as alpha_dropout, dropout as dropout)
from tinygrad_c.nn.functional.embeddings import (embedding as embedding, embedding_bag as embedding_bag)
from tinygrad_c.nn.functional.loss import (kl_div as kl_div, poisson_nll_loss as poisson_nll_loss)
from tinygrad_c.nn.functional.margin import (cosine_embedding_loss as cosine_embedding_loss, hinge_embedding_loss as
    hinge_embedding_loss, margin_ranking_loss as margin_ranking_loss, triplet_margin_loss as triplet_margin_loss)
from tinygrad_c.nn.functional.norm import (batch_norm as batch_norm, group_norm as group_norm, instance_norm as instance_norm,
    layer_norm as layer_norm, rms_norm as rms_norm)
from tinygrad_c.nn.functional.pooling import (adaptive_avg_pool1d as adaptive_avg_pool1d, avg_pool1d as avg_pool1d, max_pool1d
    as max_pool1d, max_pool2d as max_pool2d, max_pool3d as max_pool3d)
from tinygrad_c.nn.functional.vision import (channel_shuffle as channel_shuffle, pixel_shuffle as pixel_shuffle, pixel_unshuffle
    as pixel_unshuffle)
from tinygrad_c.ops.create.create import (arange as arange, as_tensor as as_tensor, clone as clone, empty_, empty_like_, eye as
    eye, from_numpy as from_numpy, full as full, full_like as full_like, linspace as linspace, numel as numel, ones as ones,
    ones_like as ones_like, tensor as tensor, zeros_, zeros_like as zeros_like)
from tinygrad_c.ops.create.dtypes import (can_cast as can_cast, channels_last as channels_last, channels_last_3d as
    channels_last_3d, contiguous_format as contiguous_format, finfo as finfo, iinfo as iinfo, is_same_size as is_same_size,
    is_signed as is_signed, layout as layout, memory_format as memory_format, preserve_format as preserve_format, promote_types
    as promote_types, result_type as result_type, strided as strided)
from tinygrad_c.ops.create.rare import (asarray as asarray, empty_permuted as empty_permuted, empty_strided as empty_strided,
    frombuffer as frombuffer, logspace as logspace, range as range, scalar_tensor as scalar_tensor)
from tinygrad_c.ops.elementwise.composed import (clamp_max as clamp_max, clamp_min as clamp_min, deg2rad as deg2rad, float_power
    as float_power, frac as frac, ldexp as ldexp, logit as logit, mvlgamma as mvlgamma, positive as positive, rad2deg as
    rad2deg, round as round, rsub as rsub, sinc as sinc)
from tinygrad_c.ops.elementwise.elementwise import (abs as abs, acos as acos, acosh as acosh, add as add, addcdiv as addcdiv,
    addcmul as addcmul, asin as asin, asinh as asinh, atan as atan, atan2 as atan2, atanh as atanh, bitwise_and as bitwise_and,
    bitwise_left_shift as bitwise_left_shift, bitwise_not as bitwise_not, bitwise_or as bitwise_or, bitwise_right_shift as
    bitwise_right_shift, bitwise_xor as bitwise_xor, ceil as ceil, clamp as clamp, copysign as copysign, cos as cos, cosh as
    cosh, digamma as digamma, div as div, eq as eq, erf as erf, erfc as erfc, erfinv as erfinv, exp as exp, exp2 as exp2, expm1
    as expm1, floor as floor, floor_divide as floor_divide, fmax as fmax, fmin as fmin, fmod as fmod, gcd as gcd, ge as ge, gt
    as gt, heaviside as heaviside, hypot as hypot, isfinite as isfinite, isinf as isinf, isnan as isnan, isneginf as isneginf,
    isposinf as isposinf, lcm as lcm, le as le, lerp as lerp, lgamma as lgamma, log as log, log10 as log10, log1p as log1p, log2
    as log2, logaddexp as logaddexp, logaddexp2 as logaddexp2, lt as lt, maximum as maximum, minimum as minimum, mul as mul,
    nan_to_num as nan_to_num, ne as ne, neg as neg, nextafter as nextafter, polygamma as polygamma, pow as pow, reciprocal as
    reciprocal, relu as relu, remainder as remainder, rsqrt as rsqrt, selu as selu, sigmoid as sigmoid, sign as sign, signbit as
    signbit, sin as sin, sinh as sinh, sqrt as sqrt, square as square, sub as sub, tan as tan, tanh as tanh, trunc as trunc,
    where as where, xlogy as xlogy)
from tinygrad_c.ops.elementwise.logic import (allclose as allclose, equal as equal, isclose as isclose, logical_and as
    logical_and, logical_not as logical_not, logical_or as logical_or, logical_xor as logical_xor)
from tinygrad_c.ops.elementwise.parts import (angle as angle, fill as fill, frexp as frexp, imag as imag, isreal as isreal, real
    as real, resolve_neg as resolve_neg)
from tinygrad_c.ops.indexing.index import (gather as gather, index_select as index_select, masked_fill as masked_fill,
    masked_select as masked_select, nonzero as nonzero, scatter_add as scatter_add, take_along_dim as take_along_dim)
from tinygrad_c.ops.indexing.write import (index_add as index_add, index_copy as index_copy, index_fill as index_fill, index_put
    as index_put, index_put_ as index_put_, index_reduce as index_reduce, masked_scatter as masked_scatter, put as put, scatter
    as scatter, scatter_reduce as scatter_reduce, take as take)
from tinygrad_c.ops.matmul.composed import (addbmm as addbmm, addmv as addmv, addr as addr, baddbmm as baddbmm, bilinear as
    bilinear, cross as cross, inner as inner, kron as kron, outer as outer, tensordot as tensordot, vdot as vdot)
from tinygrad_c.ops.matmul.einsum import (einsum as einsum)
from tinygrad_c.ops.matmul.products import (addmm as addmm, bmm as bmm, dot as dot, matmul as matmul, mm as mm, mv as mv)
from tinygrad_c.ops.random.numpy_samplers import (binomial as binomial, poisson as poisson)
from tinygrad_c.ops.random.random import (Generator as Generator, bernoulli as bernoulli, get_rng_state as get_rng_state,
    initial_seed as initial_seed, manual_seed as manual_seed, multinomial as multinomial, normal as normal, rand as rand,
    rand_like as rand_like, randint as randint, randint_like as randint_like, randn as randn, randn_like as randn_like, randperm
    as randperm, seed as seed, set_rng_state as set_rng_state)
from tinygrad_c.ops.reduce.gradient import (gradient as gradient)
from tinygrad_c.ops.reduce.reduce import (all as all, amax as amax, amin as amin, any as any, argmax as argmax, argmin as
    argmin, cumprod as cumprod, cumsum as cumsum, max as max, mean as mean, min as min, prod as prod, std as std, sum as sum,
    var as var)
from tinygrad_c.ops.reduce.scan import (cummax as cummax, cummin as cummin, cumulative_trapezoid as cumulative_trapezoid, diff
    as diff, logcumsumexp as logcumsumexp, trapezoid as trapezoid)
from tinygrad_c.ops.reduce.softmax import (log_softmax as log_softmax, logsumexp as logsumexp, softmax as softmax)
from tinygrad_c.ops.reduce.statistics import (aminmax as aminmax, cdist as cdist, corrcoef as corrcoef, count_nonzero as
    count_nonzero, cov as cov, dist as dist, median as median, mode as mode, nanmean as nanmean, nanmedian as nanmedian,
    nanquantile as nanquantile, nansum as nansum, quantile as quantile, renorm as renorm, std_mean as std_mean, var_mean as
    var_mean)
from tinygrad_c.ops.shape.diagonals import (as_strided_scatter as as_strided_scatter, diag as diag, diag_embed as diag_embed,
    diagflat as diagflat, diagonal_scatter as diagonal_scatter, select_scatter as select_scatter, slice_scatter as
    slice_scatter, trace as trace, tril as tril, tril_indices as tril_indices, triu as triu, triu_indices as triu_indices,
    vander as vander)
from tinygrad_c.ops.shape.join import (atleast_1d as atleast_1d, atleast_2d as atleast_2d, atleast_3d as atleast_3d, block_diag
    as block_diag, cartesian_prod as cartesian_prod, column_stack as column_stack, combinations as combinations, dsplit as
    dsplit, dstack as dstack, hsplit as hsplit, hstack as hstack, meshgrid as meshgrid, repeat_interleave as repeat_interleave,
    split_with_sizes as split_with_sizes, tensor_split as tensor_split, tile as tile, unsafe_chunk as unsafe_chunk, unsafe_split
    as unsafe_split, vsplit as vsplit, vstack as vstack)
from tinygrad_c.ops.shape.rearrange import (adjoint as adjoint, broadcast_shapes as broadcast_shapes, broadcast_tensors as
    broadcast_tensors, broadcast_to as broadcast_to, flip as flip, fliplr as fliplr, flipud as flipud, movedim as movedim, ravel
    as ravel, roll as roll, rot90 as rot90, unflatten as unflatten)
from tinygrad_c.ops.shape.shape import (as_strided as as_strided, cat as cat, chunk as chunk, diagonal as diagonal, expand as
    expand, flatten as flatten, narrow as narrow, permute as permute, reshape as reshape, select as select, split as split,
    squeeze as squeeze, stack as stack, t as t, transpose as transpose, unbind as unbind, unsqueeze as unsqueeze)
from tinygrad_c.ops.sorting.histogram import (histogram as histogram, histogramdd as histogramdd, nonzero_static as
    nonzero_static, unravel_index as unravel_index)
from tinygrad_c.ops.sorting.order import (argsort as argsort, bincount as bincount, bucketize as bucketize, histc as histc, isin
    as isin, kthvalue as kthvalue, msort as msort, searchsorted as searchsorted, sort as sort, topk as topk, unique as unique,
    unique_consecutive as unique_consecutive)
from tinygrad_c.programs.compiler import (compile as compile)
from tinygrad_c.programs.epochs import (train_many as train_many)
from tinygrad_c.serialization import (load as load, save as save)
from tinygrad_c.special.bessel import (i0 as i0, igamma as igamma, igammac as igammac)
from tinygrad_c.special.windows import (bartlett_window as bartlett_window, blackman_window as blackman_window, hamming_window
    as hamming_window, hann_window as hann_window, kaiser_window as kaiser_window)
from tinygrad_c.torch_compat.amp import (GradScaler as GradScaler, autocast as autocast)
from tinygrad_c.torch_compat.config import (show_config as show_config)
from tinygrad_c.torch_compat.switches import (AcceleratorError as AcceleratorError, BFloat16Tensor as BFloat16Tensor, BoolTensor
    as BoolTensor, ByteTensor as ByteTensor, CharTensor as CharTensor, DoubleTensor as DoubleTensor, FloatTensor as FloatTensor,
    HalfTensor as HalfTensor, IntTensor as IntTensor, LongTensor as LongTensor, OutOfMemoryError as OutOfMemoryError,
    ShortTensor as ShortTensor, are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled, get_default_device
    as get_default_device, get_deterministic_debug_mode as get_deterministic_debug_mode, get_float32_matmul_precision as
    get_float32_matmul_precision, get_num_interop_threads as get_num_interop_threads, init_num_threads as init_num_threads,
    is_complex as is_complex, is_conj as is_conj, is_deterministic_algorithms_warn_only_enabled as
    is_deterministic_algorithms_warn_only_enabled, is_floating_point as is_floating_point, is_inference as is_inference,
    is_nonzero as is_nonzero, is_warn_always_enabled as is_warn_always_enabled, set_default_device as set_default_device,
    set_default_tensor_type as set_default_tensor_type, set_deterministic_debug_mode as set_deterministic_debug_mode,
    set_float32_matmul_precision as set_float32_matmul_precision, set_flush_denormal as set_flush_denormal,
    set_num_interop_threads as set_num_interop_threads, set_warn_always as set_warn_always, typename as typename,
    use_deterministic_algorithms as use_deterministic_algorithms)
from tinygrad_c.utils.dlpack import (from_dlpack as from_dlpack, to_dlpack as to_dlpack)

absolute = abs
arccos = acos
arccosh = acosh
arcsin = asin
arcsinh = asinh
arctan = atan
arctan2 = atan2
arctanh = atanh
argwhere = nonzero
bool = bool_
clip = clamp
concat = cat
concatenate = cat
device = Device
divide = div
double = float64
empty = empty_
empty_like = empty_like_
fix = trunc
float = float32
ger = outer
greater = gt
greater_equal = ge
half = float16
int = int32
inverse = inv
less = lt
less_equal = le
long = int64
moveaxis = movedim
multiply = mul
native_channel_shuffle = channel_shuffle
negative = neg
not_equal = ne
orgqr = householder_product
row_stack = vstack
sgn = sign
short = int16
subtract = sub
swapaxes = transpose
swapdims = transpose
trapz = trapezoid
true_divide = div
zeros = zeros_
__version__: str
newaxis: None
def is_tensor(obj: object) -> builtins.bool: ...
