"""Modules as functions of their parameters; models of one structure stacked into one."""
from __future__ import annotations

from typing import Any

from tinygrad_c.ops.shape.shape import stack


def functional_call(module, parameter_and_buffer_dicts: dict | tuple, args: Any = None, kwargs: dict | None = None, *,
                    tie_weights: bool = True, strict: bool = False):
    """module(*args, **kwargs) with other parameters and buffers, by name. Afterwards the module has its own ones again.

    >>> layer = Linear(1, 1)
    >>> functional_call(layer, {"weight": tensor([[2.]]), "bias": tensor([1.])}, tensor([[3.]]))
    tensor([[7.]])
    """
    given: dict = {}
    for each in (parameter_and_buffer_dicts if isinstance(parameter_and_buffer_dicts, (tuple, list)) else [
            parameter_and_buffer_dicts]):
        given.update(each)
    own, places = {}, {}
    for path, each in module.named_modules(remove_duplicate=False):
        for last, value in (*each._parameters.items(), *each._buffers.items()):
            if value is not None:
                name = f"{path}.{last}" if path else last
                own[name], places[name] = value, (each.__dict__, last)
    unknown_names = [name for name in given if name not in own]
    missing = [name for name in own if name not in given]
    if unknown_names or (strict and missing):
        raise RuntimeError(f"Error(s) in loading state_dict for {type(module).__name__}: unexpected key(s) "
                           f"{', '.join(unknown_names) or 'none'}, missing key(s) "
                           f"{', '.join(missing) if strict else 'not checked'}")
    if tie_weights:
        by_tensor = {id(own[name]): value for name, value in given.items()}
        given = {**{name: by_tensor[id(t)] for name, t in own.items() if id(t) in by_tensor}, **given}
    kept = []
    try:
        for name, value in given.items():
            attributes, last = places[name]
            kept.append((attributes, last, attributes[last]))
            attributes[last] = value
        args = () if args is None else args if isinstance(args, tuple) else (args,)
        return module(*args, **(kwargs or {}))
    finally:
        for attributes, last, before in reversed(kept):
            attributes[last] = before


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """Remove the running statistics of every BatchNorm, so that it always uses the batch's: vmap cannot update them.

    >>> from tinygrad_c.nn import BatchNorm1d
    >>> replace_all_batch_norm_modules_(BatchNorm1d(2)).running_mean is None
    True
    """
    for module in root.modules():
        if any(each.__name__ == "_BatchNorm" for each in type(module).__mro__) and module.track_running_stats:
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root


def stack_module_state(models: list) -> tuple[dict, dict]:
    """(parameters, buffers) of models of the same structure, by name, stacked along a new first dimension, for vmap.

    >>> parameters, buffers = stack_module_state([Linear(2, 1) for _ in range(3)])
    >>> {name: value.shape for name, value in parameters.items()}
    {'weight': torch.Size([3, 1, 2]), 'bias': torch.Size([3, 1])}
    """
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    parameters = {name: stack([dict(m.named_parameters())[name].detach() for m in models]).requires_grad_()
                  for name, _ in models[0].named_parameters()}
    buffers = {name: stack([dict(m.named_buffers())[name] for m in models]) for name, _ in models[0].named_buffers()}
    return parameters, buffers
