"""load_state_dict: check everything first, then copy. The error messages suggest what to rename."""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from tinygrad_c._base.warn import typename
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import no_grad

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
                if assign:
                    value.data = state_dict[name].detach()
                else:
                    value.copy_(state_dict[name])
    for name, owner in extra.items():
        if name in state_dict:
            owner.set_extra_state(state_dict[name])
    return IncompatibleKeys(missing, unexpected)


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _mismatch(name: str, own: Tensor, value: Any) -> list[str]:
    if not isinstance(value, Tensor):
        return [f'While copying the parameter named "{name}", expected torch.Tensor or Tensor-like object from '
                f"checkpoint but received {typename(value)}"]
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
