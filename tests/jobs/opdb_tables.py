"""What opdb.py does with one entry of each of torch's tables: its samples, and ("agree" | "differ" | ..., message) for each."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from jobs.beside_torch import (
    DTYPES,
    Differ,
    LeftOut,
    Ours,
    by_name,
    dtype_name,
    flat,
    function_here,
    gradients_agree,
    refused,
    same,
    with_ours,
)

import tinygrad_c

Found = Iterator[tuple[str, str]]
ORDER = [torch.float64, torch.float32, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]
# Their numbers are drawn, or whatever the memory held: dtype and shape are compared.
DRAWN = {
    "bernoulli", "cauchy", "exponential", "geometric", "log_normal", "multinomial", "normal", "uniform", "rand", "rand_like",
    "randint", "randint_like", "randn", "randn_like", "randperm", "empty", "empty_like", "empty_permuted", "empty_strided",
    "new_empty", "new_empty_strided", "pca_lowrank", "svd_lowrank", "resize_", "resize_as_", "nn.functional.dropout",
    "nn.functional.dropout2d", "nn.functional.dropout3d", "nn.functional.alpha_dropout", "nn.functional.feature_alpha_dropout",
    "nn.functional.rrelu", "nn.functional.fractional_max_pool2d", "nn.functional.fractional_max_pool3d"}
# Of torch's inside, undocumented: no program calls them by these names.
INSIDE = re.compile(r"^(_(?!_)|torch\.|native_|jiterator|ops\.|grid_sampler_)|_copy$|_backward$|^(slice|constant_pad_nd)$")
# Their vectors' signs are free: with out= only the sizes are compared.
SIGNS = {"svd", "linalg.svd", "linalg.eigh", "qr", "linalg.qr", "geqrf", "pca_lowrank", "svd_lowrank"}
# Which of equal elements is named is not told by torch: of whole numbers the indices are not compared.
TIES = {"kthvalue", "topk", "mode", "sort", "argsort", "median", "nanmedian"}


def ops() -> list:
    from torch.testing._internal.common_methods_invocations import op_db
    return op_db


def modules() -> list:
    from torch.testing._internal.common_modules import module_db
    return module_db


def optimizers() -> list:
    from torch.testing._internal.common_optimizers import optim_db
    return optim_db


def label(entry: Any) -> str:
    if hasattr(entry, "variant_test_name"):
        return f"{entry.name}:{entry.variant_test_name}" if entry.variant_test_name else entry.name
    return entry.name if hasattr(entry, "module_cls") else entry.optim_cls.__name__


def shown(x: Any) -> str:
    """A sample's arguments in short."""
    if isinstance(x, torch.Tensor):
        return f"{dtype_name(x.dtype)}{list(x.shape)}"
    if isinstance(x, (list, tuple)):
        return "(" + ", ".join(map(shown, x)) + ")"
    if isinstance(x, dict):
        return "{" + ", ".join(f"{k}={shown(v)}" for k, v in x.items()) + "}"
    return str(x)[:40]


def attempt(f: Callable, *args: Any, **kwargs: Any) -> tuple[Any, Exception | None]:
    try:
        return f(*args, **kwargs), None
    except Exception as error:
        return None, error


def op(info: Any) -> Found:
    """Every sample of an op."""
    if INSIDE.search(info.name):
        return
    here = function_here(info.op, info.name)
    if info.name.startswith("__"):
        here = getattr(tinygrad_c.Tensor, info.name, None)
    if here is None:
        _, error = attempt(lambda: getattr_path(info.name))
        yield ("left out", "") if error is not None and refused(error) else ("not here", f"{info.name}: {error}")
        return
    variants = variants_of(info)
    for dtype in ORDER:
        if not info.supports_dtype(dtype, "cpu"):
            continue
        gradient = dtype == torch.float64 and info.supports_autograd
        torch.manual_seed(0)
        samples, error = attempt(lambda: list(info.sample_inputs("cpu", dtype, requires_grad=gradient)))
        if error is not None:
            continue
        for number, sample in enumerate(samples):
            for name, theirs, ours in [("", info.op, here), *(variants if number % 7 == 0 or number < 40 else [])]:
                kind, message = one(info, sample, name, theirs, ours, gradient)
                if kind:
                    where = f" | {shown([sample.input, *sample.args])} {shown(sample.kwargs)}"
                    yield kind, message and f"{name} {message}{where}".strip()
    yield from errors(info, here)


def getattr_path(name: str) -> Any:
    owner: Any = tinygrad_c
    for part in name.split("."):
        owner = getattr(owner, part)
    return owner


def variants_of(info: Any) -> list[tuple[str, Callable, Callable | None]]:
    """(name, torch's, ours) of the method, the one in place, out=, and the other names."""
    found = []
    for what, f in [("method", info.get_method()), ("in place", info.get_inplace()),
                    *((f"alias {a.name}", a.op) for a in info.aliases)]:
        if f is None or (what == "method" and f is info.op):
            continue
        name = what[6:].removeprefix("torch.") if what.startswith("alias") else getattr(f, "__name__", "")
        if isinstance(f, partial):      # with inplace=True
            mine = partial(by_name(info.name), *f.args, **f.keywords)
        elif name == "<lambda>":
            name, mine = "", with_ours(f)
        else:
            mine = by_name(name) if what.startswith("alias") else getattr(tinygrad_c.Tensor, name, None)
            mine = mine if callable(mine) else None
        found.append((f"{what} {name}" if what[0] != "a" else what, f, mine))
    if info.supports_out:
        found.append(("out=", info.op, function_here(info.op, info.name)))
    return found


def one(info: Any, sample: Any, name: str, theirs: Callable, ours: Callable | None, gradient: bool) -> tuple[str, str]:
    """One way to call one sample."""
    inplace, out = name.startswith("in place"), name == "out="
    if inplace and (sample.broadcasts_input or not isinstance(sample.input, torch.Tensor)):
        return "", ""
    to_ours = Ours()
    args, kwargs = (sample.input, *sample.args), dict(sample.kwargs)
    try:
        mine_args, mine_kwargs = to_ours(args), to_ours(kwargs)
    except LeftOut:
        return "left out", ""
    if inplace or out:
        args = (args[0].clone() if inplace else args[0], *args[1:])
        mine_args = (mine_args[0].clone() if inplace else mine_args[0], *mine_args[1:])
    torch.manual_seed(0)
    if out:
        gradient = False
        with torch.no_grad():
            plain, error = attempt(theirs, *args, **kwargs)
            if error is not None or not all(isinstance(x, torch.Tensor) for x in flat(plain)):
                return "", ""
            places = tuple(x.detach().clone().fill_(1).contiguous() for x in flat(plain))
            kwargs["out"] = places[0] if isinstance(plain, torch.Tensor) else places if not isinstance(plain, list) else [*places]
            try:
                mine_kwargs["out"] = Ours()(kwargs["out"])
            except LeftOut:
                return "left out", ""
            want, error = attempt(theirs, *args, **kwargs)
            if error is not None:
                return "", ""
    else:
        want, error = attempt(theirs, *args, **kwargs)
    if ours is None:
        _, absent = attempt(lambda: getattr(tinygrad_c.zeros(1), name.split()[-1]))
        if error is not None or (absent is not None and refused(absent)):
            return "left out" if error is None else "", ""
        return "not here", f"{name} of {info.name}"
    if out:
        with tinygrad_c.no_grad():
            got, wrong = attempt(ours, *mine_args, **mine_kwargs)
    else:
        got, wrong = attempt(ours, *mine_args, **mine_kwargs)
    if wrong is not None and refused(wrong):
        return "left out", ""
    if error is not None:
        return ("agree", "") if wrong is not None else ("differ", f"torch raises {type(error).__name__}: {str(error)[:80]!r}")
    if wrong is not None:
        return "differ", f"{type(wrong).__name__}: {str(wrong)[:160]!r}"
    try:
        values = info.name not in DRAWN and not kwargs.get("dropout_p") and not (
            info.name.endswith("head_attention_forward") and sample.args[9] and kwargs.get("training", True))
        if sample.output_process_fn_grad is not None and not out:
            want = sample.output_process_fn_grad(want)
            process = sample.output_process_fn_grad
            got = with_ours(process)(got) if hasattr(process, "__code__") else process(got)
        if out:
            values = values and info.name not in SIGNS
        if info.name in TIES and not args[0].is_floating_point():
            got, want = (got[0], want[0]) if isinstance(want, tuple) else (got, want)
            values = info.name != "argsort"
            out = False
        same(got, want, "value", values)
        if out:
            same(mine_kwargs["out"], kwargs["out"], "in out", values)
        if gradient and values:
            gradients_agree(got, want, to_ours.pairs, info.supports_gradgrad)
    except LeftOut:
        return "left out", ""
    except Differ as difference:
        return "differ", str(difference)
    except Exception as strange:
        return ("left out", "") if refused(strange) else ("differ", f"{type(strange).__name__}: {str(strange)[:200]!r}")
    return "agree", ""


def errors(info: Any, here: Callable) -> Found:
    """The inputs that must raise: the class, and the words that torch's own tests look for."""
    if info.error_inputs_func is None:
        return
    samples, _ = attempt(lambda: list(info.error_inputs("cpu")))
    for each in samples or []:
        yield raising(each.sample_input, each.error_type, each.error_regex, info.op, here)


def raising(sample: Any, kind: Any, words: str, theirs: Callable, here: Callable) -> tuple[str, str]:
    to_ours = Ours()
    try:
        args, kwargs = to_ours((sample.input, *sample.args)), to_ours(dict(sample.kwargs))
    except (LeftOut, AttributeError, ValueError):      # ValueError: NumPy has no more than 64 dimensions
        return "left out", ""
    where = f" | {shown([sample.input, *sample.args])} {shown(sample.kwargs)}"
    _, error = attempt(theirs, sample.input, *sample.args, **sample.kwargs)
    if error is None:
        return "left out", ""
    _, wrong = attempt(here, *args, **kwargs)
    return errors_agree(wrong, error, kind, words, where)


def errors_agree(wrong: Exception | None, error: Exception, kind: Any, words: str, where: str) -> tuple[str, str]:
    """What is raised here, beside torch's error: of the class, and with the words, that torch's own tests ask for."""
    if wrong is None:
        return "differ", f"error: nothing raised, torch {type(error).__name__}: {str(error)[:100]!r}{where}"
    if refused(wrong):
        return "left out", ""
    if not isinstance(wrong, kind):
        return "differ", (f"error: class {type(wrong).__name__}: {str(wrong)[:80]!r}, torch {type(error).__name__}: "
                          f"{str(error)[:80]!r}{where}")
    if not re.search(words, str(wrong)):
        return "differ", f"error: words {str(wrong)[:100]!r} lack {words[:100]!r}{where}"
    return "agree", ""


def module(info: Any) -> Found:
    """Every input of a module: result, gradients of inputs and parameters, with the same weights; and its errors."""
    name = info.module_cls.__name__
    path = info.module_cls.__module__.removeprefix("torch.")
    kind = getattr(tinygrad_c.nn, name, None) if path.startswith("nn.modules") else None
    if kind is None:
        _, error = attempt(lambda: getattr(tinygrad_c.nn, name))
        yield ("left out", "") if error is not None and refused(error) else ("not here", f"nn.{name}: {error}")
        return
    for dtype in (torch.float64, torch.float32):
        for training in (True, False):
            torch.manual_seed(0)
            inputs, error = attempt(lambda: info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=True,
                                                                    training=training))
            for each in inputs or []:
                result, message = one_module(info.module_cls, kind, each, dtype, training, info.supports_gradgrad)
                yield result, message and f"{message} | {shown(each.constructor_input.args)} " \
                                          f"{shown(each.constructor_input.kwargs)}"
    if info.module_error_inputs_func is not None:
        for training in (True, False):
            for each in info.module_error_inputs_func(info, device="cpu", dtype=torch.float32, requires_grad=False,
                                                      training=training):
                yield module_error(info.module_cls, kind, each)


def one_module(cls: Any, kind: Any, sample: Any, dtype: Any, training: bool, second: bool) -> tuple[str, str]:
    build, forward = sample.constructor_input, sample.forward_input
    theirs = cls(*build.args, **build.kwargs).to(dtype).train(training)
    to_ours = Ours()
    try:
        args, kwargs = to_ours(build.args), to_ours(build.kwargs)
        inputs, words = to_ours(forward.args), to_ours(forward.kwargs)
    except LeftOut:
        return "left out", ""
    ours, wrong = attempt(lambda: kind(*args, **kwargs).to(DTYPES[dtype]).train(training))
    if wrong is not None:
        return ("left out", "") if refused(wrong) else ("differ", f"constructor: {type(wrong).__name__}: {wrong}")
    if "Lazy" in cls.__name__:      # they know their sizes after a first input
        theirs(*forward.args, **forward.kwargs), ours(*inputs, **words)
    if set(ours.state_dict()) != set(theirs.state_dict()):
        return "differ", f"state_dict: {sorted(ours.state_dict())}, torch {sorted(theirs.state_dict())}"
    ours.load_state_dict({key: Ours()(value) for key, value in theirs.state_dict().items()})
    parameters = dict(ours.named_parameters())
    pairs = to_ours.pairs + [(p, parameters[key]) for key, p in theirs.named_parameters() if p.requires_grad]
    want, error = attempt(theirs, *forward.args, **forward.kwargs)
    got, wrong = attempt(ours, *inputs, **words)
    if error is not None:
        return ("agree", "") if wrong is not None else ("differ", f"torch raises {type(error).__name__}: {str(error)[:80]!r}")
    if wrong is not None:
        return ("left out", "") if refused(wrong) else ("differ", f"{type(wrong).__name__}: {str(wrong)[:160]!r}")
    drawn = training and any(word in cls.__name__ for word in ("Dropout", "RReLU", "Fractional"))
    try:
        same(got, want, "value", not drawn)
        same({k: v for k, v in ours.state_dict().items()}, {k: v for k, v in theirs.state_dict().items()}, "state after")
        if dtype == torch.float64 and not drawn:
            gradients_agree(got, want, pairs, second)
    except LeftOut:
        return "left out", ""
    except Differ as difference:
        return "differ", str(difference)
    except Exception as strange:
        return "differ", f"{type(strange).__name__}: {str(strange)[:200]!r}"
    return "agree", ""


def module_error(cls: Any, kind: Any, each: Any) -> tuple[str, str]:
    sample = each.module_error_input
    build, forward = sample.constructor_input, sample.forward_input

    def call(make: Any, of: Callable) -> None:
        made = make(*of(build.args), **of(build.kwargs))
        if forward is not None:
            made(*of(forward.args), **of(forward.kwargs))

    _, error = attempt(call, cls, lambda x: x)
    if error is None:
        return "left out", ""
    _, wrong = attempt(call, kind, Ours())
    where = f" | {shown(build.args)} {shown(build.kwargs)} {shown(forward.args) if forward else ''}"
    return errors_agree(wrong, error, each.error_type, each.error_regex, where)


def optimizer(info: Any) -> Found:
    """Ten steps with each set of settings, from the same parameters and gradients; and the settings that must raise."""
    cls = info.optim_cls
    kind = getattr(tinygrad_c.optim, cls.__name__, None)
    if kind is None:
        _, error = attempt(lambda: getattr(tinygrad_c.optim, cls.__name__))
        yield ("left out", "") if error is not None and refused(error) else ("not here", f"optim.{cls.__name__}: {error}")
        return
    # LBFGS: without a line search rounding grows from iteration to iteration, 20 to a step.
    for dtype in (torch.float64,) if info.step_requires_closure else (torch.float64, torch.float32):
        for each in info.optim_inputs_func(device="cpu", dtype=dtype):
            for pick in (dict, partial(with_flag, "foreach"), partial(with_flag, "fused")):
                kwargs = pick(each.kwargs)
                result, message = ten_steps(cls, kind, kwargs, dtype, info.step_requires_closure)
                if result:
                    yield result, message and f"{message} | {shown(kwargs)}"
    for each in info.optim_error_inputs_func(device="cpu", dtype=torch.float32):
        sample = each.optimizer_error_input
        _, error = attempt(cls, sample.params, **sample.kwargs)
        if error is None:
            continue
        to_ours = Ours()
        _, wrong = attempt(lambda: kind(to_ours(sample.params), **to_ours(sample.kwargs)))
        yield errors_agree(wrong, error, each.error_type, each.error_regex, f" | {shown(sample.kwargs)}")


def with_flag(flag: str, kwargs: dict) -> dict:
    return {**kwargs, flag: True}


def ten_steps(cls: Any, kind: Any, kwargs: dict, dtype: Any, closure: bool) -> tuple[str, str]:
    torch.manual_seed(1)
    weight = torch.randn(4, 3, dtype=dtype)
    theirs = [weight.clone().requires_grad_(), torch.randn(3, 3, dtype=dtype).requires_grad_()]
    x = torch.randn(6, 4, dtype=dtype)
    y = torch.randn(6, 3, dtype=dtype)
    ours = [Ours()(p) for p in theirs]
    u, v = Ours()(x), Ours()(y)
    first, error = attempt(cls, theirs, **kwargs)
    try:
        second, wrong = attempt(lambda: kind(ours, **Ours()(kwargs)))
    except LeftOut:
        return "left out", ""
    if error is not None:
        return "", ""
    if wrong is not None:
        return ("left out", "") if refused(wrong) else ("differ", f"{type(wrong).__name__}: {str(wrong)[:160]!r}")

    def step(optimizer: Any, p: list, a: Any, b: Any) -> Any:
        def loss() -> Any:
            optimizer.zero_grad()
            value = ((a @ p[0] @ p[1]).tanh() - b).square().mean()
            value.backward()
            return value
        if closure:
            return optimizer.step(loss)
        loss()
        return optimizer.step()

    try:
        for number in range(2 if closure else 10):
            got, want = step(second, ours, u, v), step(first, theirs, x, y)
            same(got, want, f"step {number} returns")
            same(ours, theirs, f"step {number}", loose=1000 if closure else 10)
        theirs_state, ours_state = first.state_dict(), second.state_dict()
        if set(theirs_state["param_groups"][0]) != set(ours_state["param_groups"][0]):
            raise Differ(f"param_groups: {set(theirs_state['param_groups'][0]) ^ set(ours_state['param_groups'][0])}")
        for key, state in theirs_state["state"].items():
            if set(state) != set(ours_state["state"].get(key, {})):
                raise Differ(f"state: {set(state) ^ set(ours_state['state'].get(key, {}))}")
    except Differ as difference:
        return "differ", str(difference)
    except Exception as strange:
        return "differ", f"{type(strange).__name__}: {str(strange)[:200]!r}"
    return "agree", ""


TABLES = {"ops": ops, "modules": modules, "optimizers": optimizers}
RUN = {"ops": op, "modules": module, "optimizers": optimizer}
