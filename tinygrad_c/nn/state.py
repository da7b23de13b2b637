"""load_state_dict: check everything first, then copy. The error messages suggest what to rename."""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from tinygrad_c._base.warn import typename
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import no_grad
from tinygrad_c.nn.parameter import is_lazy
from tinygrad_c.nn.state_hooks import LOAD_AFTER, LOAD_BEFORE, call

if TYPE_CHECKING:
    from tinygrad_c.nn.module import Module


class IncompatibleKeys(NamedTuple):
    """The result of load_state_dict: missing names and unexpected names."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


def load(module: Module, state_dict: Mapping[str, Any], strict: bool, assign: bool) -> IncompatibleKeys:
    """Module.load_state_dict."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    if any(_has_own_way(each) for each in module.modules()):
        return _load_by_parts(module, state_dict, strict, assign)
    own = dict(module._named_state())
    extra = dict(module._with_extra_state())
    # A plain dict may lack num_batches_tracked: it may be from an older version or part of another dict. torch allows it.
    uncounted = "num_batches_tracked" if not hasattr(state_dict, "_metadata") else None
    missing = [name for name in (*own, *extra) if name not in state_dict and name.rpartition(".")[2] != uncounted]
    unexpected = [name for name in state_dict if name not in own and name not in extra]
    errors = []
    if strict and missing:
        errors.append(f"Missing key(s) in state_dict: {_quoted(missing)}. ")
    if strict and unexpected:
        errors.append(f"Unexpected key(s) in state_dict: {_quoted(unexpected)}. ")
        errors += _suggestions(missing, unexpected)
    errors += [error for name in own if name in state_dict for error in _mismatch(name, own[name], state_dict[name])]
    if errors:
        raise RuntimeError(f"Error(s) in loading state_dict for {type(module).__name__}:\n\t" + "\n\t".join(errors))
    with no_grad():
        for name, value in own.items():
            if name in state_dict:
                _take(value, state_dict[name], assign)
    for name, owner in extra.items():
        if name in state_dict:
            owner.set_extra_state(state_dict[name])
    return IncompatibleKeys(missing, unexpected)


def _take(own: Tensor, value: Tensor, assign: bool) -> None:
    if is_lazy(own):
        if is_lazy(value):
            return
        own.materialize(value.shape, dtype=value.dtype if assign else None)
    if assign:
        own.data = value.detach()
    else:
        own.copy_(value)


# ---- Module by module, as torch does it: for classes with a _load_from_state_dict of their own, and for hooks

def _has_own_way(module: Module) -> bool:
    from tinygrad_c.nn.module import Module
    return (type(module)._load_from_state_dict is not Module._load_from_state_dict
            or bool(module.__dict__.get(LOAD_BEFORE) or module.__dict__.get(LOAD_AFTER)))


def _load_by_parts(module: Module, state_dict: Mapping[str, Any], strict: bool, assign: bool) -> IncompatibleKeys:
    keys, errors = IncompatibleKeys([], []), []
    metadata = getattr(state_dict, "_metadata", None)
    before = [(value, type(value), None if is_lazy(value) else value.detach().clone()) for _, value in module._named_state()]

    def part(each: Module, state: dict[str, Any], prefix: str) -> None:
        local = dict((metadata or {}).get(prefix[:-1], {}))
        if assign:
            local["assign_to_params_buffers"] = True
        each._load_from_state_dict(state, prefix, local, True, keys.missing_keys, keys.unexpected_keys, errors)
        for name, child in each._modules.items():
            inner = f"{prefix}{name}."
            part(child, {key: value for key, value in state.items() if key.startswith(inner)}, inner)
        if any(result is not None for result in call(each, LOAD_AFTER, keys)):
            raise AssertionError("Hooks registered with ``register_load_state_dict_post_hook`` are not expected to return new "
                                 "values, if incompatible_keys need to be modified, it should be done inplace.")

    try:
        part(module, dict(state_dict), "")
        if strict:
            errors[:0] = [f"{what} key(s) in state_dict: {_quoted(names)}. "
                          for what, names in (("Unexpected", keys.unexpected_keys), ("Missing", keys.missing_keys)) if names]
        if errors:
            raise RuntimeError(f"Error(s) in loading state_dict for {type(module).__name__}:\n\t" + "\n\t".join(errors))
    except BaseException:
        with no_grad():
            for value, kind, old in before:             # nothing has changed, then
                value.data = value.data[:0].flatten() if old is None else old
                if type(value) is not kind:
                    value.__class__ = kind
        raise
    return keys


def load_own(module: Module, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], strict: bool,
             missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str]) -> None:
    """Module._load_from_state_dict: the parameters, buffers and extra state of this module, not of those in it."""
    from tinygrad_c.nn.module import Module
    call(module, LOAD_BEFORE, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
    own = module._own_state()
    known = {*own, *module._modules}
    version = local_metadata.get("version")
    with no_grad():
        for name, value in own.items():
            key = prefix + name
            if key in state_dict:
                wrong = _mismatch(key, value, state_dict[key])
                error_msgs += wrong
                if not wrong:
                    _take(value, state_dict[key], bool(local_metadata.get("assign_to_params_buffers")))
            elif strict and not (name == "num_batches_tracked" and (version is None or version < 2)):
                missing_keys.append(key)
    extra = prefix + "_extra_state"
    if type(module).set_extra_state is not Module.set_extra_state:
        known.add("_extra_state")
        if extra in state_dict:
            module.set_extra_state(state_dict[extra])
        elif strict:
            missing_keys.append(extra)
    if strict:
        unexpected_keys += [key for key in state_dict if key.startswith(prefix)
                            and key.removeprefix(prefix).partition(".")[0] not in known]


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _mismatch(name: str, own: Tensor, value: Any) -> list[str]:
    if not isinstance(value, Tensor):
        return [f'While copying the parameter named "{name}", expected torch.Tensor or Tensor-like object from '
                f"checkpoint but received {typename(value)}"]
    if is_lazy(own):
        return []
    if is_lazy(value):
        return [f"{name} in the checkpoint is an uninitialized parameter, and that of the current model has the shape "
                f"{own.shape}: call the net that was saved once, on a batch, before state_dict()"]
    if value.shape != own.shape:
        return [f"size mismatch for {name}: copying a param with shape {value.shape} from checkpoint, "
                f"the shape in current model is {own.shape}."]
    return []


def _suggestions(missing: list[str], unexpected: list[str]) -> list[str]:
    """A hint on what to rename, if the names are similar."""
    from difflib import get_close_matches  # imported here: it takes 2 ms

    prefixes = {name.split(".")[0] for name in unexpected}
    if len(prefixes) == 1:
        prefix = prefixes.pop() + "."
        if {name.removeprefix(prefix) for name in unexpected} == set(missing):
            return [f'All keys have the prefix "{prefix}"; write '
                    f'load_state_dict({{k.removeprefix("{prefix}"): v for k, v in state_dict.items()}})']
    pairs = [(name, get_close_matches(name, missing, 1)) for name in unexpected]
    near = ", ".join(f'"{name}" -> "{match[0]}"' for name, match in pairs if match)
    return [f"Did you mean to rename: {near}?"] if near else []
