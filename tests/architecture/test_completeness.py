"""Every public op has a row in op_samples.py, or is in one of the lists below, with the reason."""
from __future__ import annotations

import inspect
from types import ModuleType

from samples.op_samples import OPS

import tinygrad_c
from tinygrad_c import Tensor

NOT_OPS = {
    # state and settings, not computations
    "is_tensor", "numel", "show_config", "memory_stats", "empty_cache", "get_default_dtype", "set_default_dtype",
    "set_printoptions",
    "is_grad_enabled", "get_num_threads", "set_num_threads",
    # torch's settings that have one value here: torch_compat/test_compat.py
    "are_deterministic_algorithms_enabled", "get_default_device", "get_float32_matmul_precision",
    "get_num_interop_threads", "is_complex", "is_floating_point", "is_inference", "is_nonzero", "set_default_device", "set_default_tensor_type",
    "set_float32_matmul_precision", "set_flush_denormal", "set_num_interop_threads", "typename", "use_deterministic_algorithms",
    "get_deterministic_debug_mode", "init_num_threads", "is_conj", "is_deterministic_algorithms_warn_only_enabled",
    "is_warn_always_enabled", "set_deterministic_debug_mode", "set_warn_always",
    # test_windows.py
    "bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window",
    # functions of functions: test_func.py; other libraries' memory: test_interchange.py
    "vmap", "from_dlpack", "to_dlpack", "is_inference_mode_enabled",
    # what shows a graph: test_explain.py; what writes a net in C: test_export_nets.py
    "explain", "export",
    # training steps: programs/test_compile.py, programs/test_epochs.py
    "compile", "train_many",
    # files: test_serialization.py
    "load", "save",
    # dtypes, and less common creation functions: test_convert.py
    "asarray", "can_cast", "empty_permuted", "empty_strided", "frombuffer", "is_same_size", "is_signed", "logspace", "promote_types", "range",
    "result_type", "scalar_tensor",
    # uninitialised
    "empty", "empty_like",
    # not differentiable everywhere: test_shape.py
    "as_strided",
    # all tensors are real: tensor/test_lazy_methods.py
    "imag", "real", "resolve_neg",
}
RANDOM = {"bernoulli", "binomial", "get_rng_state", "initial_seed", "manual_seed", "multinomial", "normal", "poisson", "rand",
          "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "seed", "set_rng_state"}       # test_random.py

NOT_METHODS = {
    # test_reshape_inplace.py
    "squeeze_", "unsqueeze_", "transpose_", "t_", "swapaxes_", "swapdims_", "resize_", "resize_as_", "fill_diagonal_", "cumsum_",
    "cumprod_",
    # linear algebra: test_linalg.py
    "det", "logdet", "slogdet", "inverse", "pinverse", "cholesky", "qr", "svd", "matrix_power", "matrix_exp",
    "cholesky_inverse", "cholesky_solve", "geqrf", "lu", "lu_solve", "orgqr", "ormqr", "triangular_solve",
    # tensor/test_lazy_methods.py
    "apply_", "map_", "as_strided_", "as_subclass", "dim_order", "is_conj", "is_inference", "is_neg", "is_set_to", "is_shared",
    "mvlgamma_", "polygamma_", "renorm_", "igamma_", "igammac_", "hardshrink", "resolve_neg",
    # test_pointwise.py
    "allclose", "equal", "sinc_", "deg2rad_", "rad2deg_", "float_power", "float_power_",
    # attributes
    "size", "stride", "dim", "numel", "nelement", "element_size", "data_ptr", "const_data_ptr", "is_contiguous", "is_floating_point", "type",
    "type_as",
    # the tape: test_tape.py
    "backward", "requires_grad_", "detach", "detach_", "retain_grad", "register_hook",
    "register_post_accumulate_grad_hook",
    # conversions: test_convert.py
    "new", "new_empty_strided", "ndimension", "is_signed", "is_nonzero", "is_same_size", "get_device", "storage_offset",
    "item", "tolist", "numpy", "to", "float", "double", "long", "int", "short", "char", "byte", "bool", "cpu", "cuda",
    "contiguous", "half", "bfloat16", "is_complex", "pin_memory", "is_pinned", "share_memory_",
    "new_tensor", "new_zeros", "new_ones", "new_full", "new_empty", "zero_", "fill_", "copy_",
    # another op, with the shape of a tensor
    "view_as", "reshape_as", "expand_as",
    # not differentiable everywhere: test_shape.py
    "as_strided",
    # random: test_random.py
    "uniform_", "normal_", "bernoulli_", "random_",
    "exponential_", "geometric_", "cauchy_", "log_normal_", "bernoulli", "multinomial",
}


def names() -> dict:
    """The names of the package, including those that are imported at first use."""
    return {name: getattr(tinygrad_c, name) for name in dir(tinygrad_c)}


def test_every_function_has_a_sample():
    public = {name for name, value in names().items() if not name.startswith("_") and callable(value)
              and not inspect.isclass(value) and not isinstance(value, tinygrad_c.dtype)
              and tinygrad_c.LATER.get(name) != "nn.functional"}        # tested under that name
    sampled = {id(vars(tinygrad_c)[name]) for name in OPS if name in vars(tinygrad_c)}
    missing = {name for name in public - NOT_OPS - RANDOM if id(vars(tinygrad_c)[name]) not in sampled
               and not inspect.unwrap(vars(tinygrad_c)[name]).__module__.startswith("tinygrad_c.linalg")}        # test_linalg.py
    assert not missing, f"write a row in op_samples.py for {sorted(missing)}"
    assert not (NOT_OPS | RANDOM) - public, "listed here, but gone"


def test_every_method_has_a_sample():
    public = {name: getattr(Tensor, name) for name in dir(Tensor) if not name.startswith("_") and callable(getattr(Tensor,
        name))}
    sampled = {op.method for op in OPS.values()} | {op.inplace for op in OPS.values()} | {"where"}
    values = {id(public[name]) for name in sampled if name in public}
    missing = {name for name, value in public.items() if name not in NOT_METHODS and id(value) not in values}
    assert not missing, f"write a row in op_samples.py for {sorted(missing)}, or name it as method= or inplace= of one"
    assert not NOT_METHODS - set(public), "listed here, but gone"


def test_every_named_method_exists():
    missing = {name for op in OPS.values() for name in (op.method, op.inplace) if name and not hasattr(Tensor, name)}
    assert not missing, f"_tensor/pointwise.py, or the methods of another topic, lack {sorted(missing)}"


def test_every_public_name_is_documented():
    undocumented = [name for name, value in names().items()
                    if not name.startswith("_") and (inspect.isroutine(value) or inspect.isclass(value)) and not value.__doc__]
    assert not undocumented
    undocumented = [name for name in dir(Tensor) if not name.startswith("_") and callable(getattr(Tensor, name))
                    and not getattr(Tensor, name).__doc__]
    assert not undocumented


def public_modules_of(module) -> list:
    """The public modules within a module, recursively."""
    inside = [value for name in dir(module) if type(value := getattr(module, name)) is ModuleType and name != "version"]
    return inside + [inner for each in inside for inner in public_modules_of(each)]


def test_dir_of_a_public_module_is_its_all():
    """dir() of a public module lists __all__, without helpers and imports; and every name exists."""
    modules = public_modules_of(tinygrad_c)
    assert {tinygrad_c.nn, tinygrad_c.nn.init, tinygrad_c.special, tinygrad_c.utils.data} <= set(modules)
    for module in modules:
        assert dir(module) == sorted(module.__all__), module.__name__
        assert len(set(module.__all__)) == len(module.__all__), module.__name__
        assert all(hasattr(module, name) for name in module.__all__), module.__name__
