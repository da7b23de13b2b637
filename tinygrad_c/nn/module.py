"""Module: a function with parameters, and the tree of its child modules.

Parameters, buffers and child modules are plain attributes in the instance's `__dict__`, so reading one costs no more than any
other attribute. The type of the attribute says what it is: a Parameter is a parameter, a Module is a child. The names of
buffers are in `_persistent`. There is no second registry that could disagree.
"""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable as Function
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from tinygrad_c._base.device import Device, check_device
from tinygrad_c._base.lazy import load
from tinygrad_c._base.warn import typename, warn_once
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import no_grad
from tinygrad_c.nn import state_hooks
from tinygrad_c.nn.call import Callable
from tinygrad_c.nn.parameter import Buffer, Parameter, is_lazy
from tinygrad_c.nn.state import IncompatibleKeys, load_own
from tinygrad_c.nn.state import load as load_state
from tinygrad_c.ops.create.create import empty_like_
from tinygrad_c.ops.optim_steps.update import zero_grad_

if TYPE_CHECKING:
    from tinygrad_c.nn import hooks

M = TypeVar("M", bound="Module")
REGISTRATION: dict[str, dict[Any, Function[..., Any]]] = {"parameter": {}, "buffer": {}, "module": {}}     # global_hooks.py


def _registered(kind: str, module: Any, name: str, value: Any) -> Any:
    """What the hooks of all modules make of a new parameter, buffer or child."""
    for hook in list(REGISTRATION[kind].values()):
        result = hook(module, name, value)
        if result is not None:
            value = result
    return value


class Module(Callable):
    """The base class of all layers and nets. Assign layers and Parameters in __init__; write the computation in forward.

    >>> class Net(Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.layer = Linear(2, 1)
    ...     def forward(self, x):
    ...         return self.layer(x).relu()
    >>> Net()
    Net(
      (layer): Linear(in_features=2, out_features=1, bias=True)
    )
    """

    training: bool
    _version: int = 1               # of what state_dict holds, for _load_from_state_dict of later versions
    _persistent: dict[str, bool]    # buffer name -> whether state_dict contains it

    def __init__(self) -> None:
        attributes = self.__dict__
        attributes["training"] = True
        attributes["_persistent"] = {}

    def _forward(self, *input: Any) -> Any:
        """The computation of the module. Every subclass defines it."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function; '
                                  f"write `def forward(self, x): ...` in class {type(self).__name__}")

    forward: Function[..., Any] = _forward      # declared like this, a subclass may use other parameters

    # ---- Assigning attributes.

    def __setattr__(self, name: str, value: Any) -> None:
        attributes = self.__dict__
        buffers = attributes.get("_persistent")
        if isinstance(value, (Parameter, Module)):
            if buffers is None:
                raise _no_init(self, "parameters" if isinstance(value, Parameter) else "module")
            buffers.pop(name, None)
            kind = "parameter" if isinstance(value, Parameter) else "module"
            if REGISTRATION[kind]:
                value = _registered(kind, self, name, value)
        elif value is not None and name in attributes:
            old = attributes[name]
            if isinstance(old, Parameter):
                raise TypeError(f"cannot assign '{typename(value)}' as parameter '{name}' (torch.nn.Parameter or None "
                                f"expected); write Parameter(value), or `with no_grad(): module.{name}.copy_(value)`")
            if isinstance(old, Module):
                raise TypeError(f"cannot assign '{typename(value)}' as child module '{name}' "
                                "(torch.nn.Module or None expected)")
            if buffers and name in buffers and not isinstance(value, Tensor):
                raise TypeError(f"cannot assign '{typename(value)}' as buffer '{name}' "
                                "(torch.nn.Buffer, torch.Tensor or None expected)")
        if isinstance(value, Buffer) and buffers is not None:
            buffers.setdefault(name, value.persistent)
        super().__setattr__(name, value)
        if isinstance(value, (list, tuple, dict)) and buffers is not None:
            self._warn_hidden_members(name, value)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._persistent.pop(name, None)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter with this name. None reserves the name.

        KeyError if the name is taken, is empty or contains a dot.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> layer.register_parameter("scale", Parameter(tinygrad_c.ones(1)))
        >>> layer.scale
        Parameter containing:
        tensor([1.], requires_grad=True)
        """
        self._check_new(name, "parameter", param, Parameter, "torch.nn.Parameter or None required")
        setattr(self, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is part of the module's state but is not trained, such as a running mean.

        `to` converts it. It is in the state_dict if it is persistent.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> layer.register_buffer("seen", tinygrad_c.zeros(1))
        >>> list(layer.state_dict())
        ['weight', 'bias', 'seen']
        """
        self._check_new(name, "buffer", tensor, Tensor, "torch Tensor or None required")
        super().__setattr__(name, _registered("buffer", self, name, tensor))
        self._persistent[name] = persistent

    def register_module(self, name: str, module: Module | None) -> None:
        """Add a child module with this name.

        >>> module = Module()
        >>> module.register_module("inner", tinygrad_c.nn.Linear(2, 1))
        >>> module.inner
        Linear(in_features=2, out_features=1, bias=True)
        """
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{typename(module)} is not a Module subclass")
        self._check_new(name, "module", module, Module, "")
        setattr(self, name, module)

    add_module = register_module

    def share_memory(self: M) -> M:
        """Move all parameters and buffers to memory that other processes can map: see multiprocessing.

        >>> tinygrad_c.nn.Linear(2, 1).share_memory().weight.is_shared()
        True
        """
        return self._apply(lambda tensor: tensor.share_memory_())

    def _check_new(self, name: str, what: str, value: Any, kind: type, wanted: str) -> None:
        if "_persistent" not in self.__dict__:
            raise _no_init(self, what)
        if not isinstance(name, str):
            raise TypeError(f"{what} name should be a string. Got {typename(name)}")
        if "." in name:
            raise KeyError(f"{what} name can't contain \".\", got: {name}")
        if name == "":
            raise KeyError(f"{what} name can't be empty string \"\"")
        if hasattr(self, name) and not self._is_registered(name, kind):
            raise KeyError(f"attribute '{name}' already exists")
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"cannot assign '{typename(value)}' object to {what} '{name}' ({wanted})")

    def _is_registered(self, name: str, kind: type) -> bool:
        """Whether the name already belongs to an attribute of this kind, or is reserved by None, and so can be replaced."""
        return name in self._persistent if kind is Tensor else isinstance(self.__dict__.get(name, ""), (kind, type(None)))

    def _warn_hidden_members(self, name: str, value: list | tuple | dict) -> None:
        """Warn once about modules or parameters in a plain list or dict: they would not be found, trained or saved."""
        inside = value.values() if isinstance(value, dict) else value
        hidden = [item for item in inside if isinstance(item, (Parameter, Module))]
        if not hidden:
            return
        known = {id(item) for module in self.modules() for item in (module, *module._parameters.values())}
        if any(id(item) not in known for item in hidden):
            kind = "Module" if isinstance(hidden[0], Module) else "Parameter"
            container = kind + ("Dict" if isinstance(value, dict) else "List")
            warn_once(f"{type(self).__module__}.{type(self).__qualname__}.{name}",
                      f"{type(self).__name__}.{name} is a plain {type(value).__name__} that holds {kind}s: parameters(), "
                      f"state_dict() and to() do not look into it, so an optimizer will not train them. "
                      f"Write self.{name} = nn.{container}(...)")

    # ---- Members, in the order of assignment.

    @property
    def _parameters(self) -> dict[str, Parameter]:
        return {name: value for name, value in self.__dict__.items() if isinstance(value, Parameter)}

    @property
    def _buffers(self) -> dict[str, Tensor | None]:
        return {name: self.__dict__[name] for name in self._persistent}

    @property
    def _modules(self) -> dict[str, Module]:
        return {name: value for name, value in self.__dict__.items() if isinstance(value, Module)}

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters of this module and its submodules, each once. Pass them to an optimizer.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> [p.shape for p in layer.parameters()]
        [torch.Size([1, 2]), torch.Size([1])]
        """
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_parameters(self, prefix: str = "", recurse: bool = True,
                         remove_duplicate: bool = True) -> Iterator[tuple[str, Parameter]]:
        """(name, parameter) pairs. The name is the path: 'layer.0.weight'.

        >>> net = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(2, 3), tinygrad_c.nn.BatchNorm1d(3))
        >>> [name for name, _ in net.named_parameters()]
        ['0.weight', '0.bias', '1.weight', '1.bias']
        """
        return self._named_members(Module._own_parameters, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers of this module and its submodules, each once.

        >>> net = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(2, 3), tinygrad_c.nn.BatchNorm1d(3))
        >>> len(list(net.buffers()))
        3
        """
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(self, prefix: str = "", recurse: bool = True,
                      remove_duplicate: bool = True) -> Iterator[tuple[str, Tensor]]:
        """(name, buffer) pairs. The name is the path.

        >>> net = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(2, 3), tinygrad_c.nn.BatchNorm1d(3))
        >>> [name for name, _ in net.named_buffers()]
        ['1.running_mean', '1.running_var', '1.num_batches_tracked']
        """
        return self._named_members(lambda module: module._buffers, prefix, recurse, remove_duplicate)

    def _own_parameters(self) -> dict[str, Parameter]:
        for name, value in self.__dict__.items():
            if isinstance(value, (list, dict)) and value and name[0] != "_":
                self._warn_hidden_members(name, value)
        return self._parameters

    def _named_members(self, own: Function[[Module], Mapping[str, Any]], prefix: str, recurse: bool,
                       remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, value in own(module).items():
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield (f"{path}.{name}" if path else name), value

    def children(self) -> Iterator[Module]:
        """The direct child modules, each once.

        >>> net = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(2, 3), tinygrad_c.nn.BatchNorm1d(3))
        >>> [type(each).__name__ for each in net.children()]
        ['Linear', 'BatchNorm1d']
        """
        for _, module in self.named_children():
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) pairs of the direct child modules.

        >>> net = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(2, 3), tinygrad_c.nn.BatchNorm1d(3))
        >>> [name for name, _ in net.named_children()]
        ['0', '1']
        """
        seen: set[int] = set()
        for name, module in self._modules.items():
            if id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def modules(self) -> Iterator[Module]:
        """This module and all its submodules, each once.

        >>> net = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(2, 3), tinygrad_c.nn.BatchNorm1d(3))
        >>> [type(each).__name__ for each in net.modules()]
        ['Sequential', 'Linear', 'BatchNorm1d']
        """
        for _, module in self.named_modules():
            yield module

    def named_modules(self, memo: set[int] | None = None, prefix: str = "",
                      remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """(path, module) pairs of this module (path '') and all its submodules.

        >>> net = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(2, 3), tinygrad_c.nn.BatchNorm1d(3))
        >>> [name for name, _ in net.named_modules()]
        ['', '0', '1']
        """
        memo = set() if memo is None else memo
        if id(self) in memo:
            return
        if remove_duplicate:
            memo.add(id(self))
        yield prefix, self
        for name, module in self._modules.items():
            yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def get_submodule(self, target: str) -> Module:
        """The submodule at a path like 'layer.0'. '' is this module. AttributeError if there is none.

        >>> net = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(2, 3), tinygrad_c.nn.BatchNorm1d(3))
        >>> net.get_submodule("0")
        Linear(in_features=2, out_features=3, bias=True)
        """
        module = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module) -> None:
        """Replace the submodule at a path like 'layer.0'.

        >>> net = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(2, 3), tinygrad_c.nn.BatchNorm1d(3))
        >>> net.set_submodule("1", tinygrad_c.nn.ReLU())
        >>> net[1]
        ReLU()
        """
        path, _, name = target.rpartition(".")
        if not name:
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        self.get_submodule(target)
        setattr(self.get_submodule(path), name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path like 'layer.0.weight'.

        >>> net = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(2, 3), tinygrad_c.nn.BatchNorm1d(3))
        >>> net.get_parameter("0.weight").shape
        torch.Size([3, 2])
        """
        return self._get(target, Parameter, "an nn.Parameter")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path like 'norm.running_mean'.

        >>> net = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(2, 3), tinygrad_c.nn.BatchNorm1d(3))
        >>> net.get_buffer("1.running_mean")
        tensor([0., 0., 0.])
        """
        return self._get(target, Tensor, "a buffer")

    def _get(self, target: str, kind: type, what: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        value = getattr(module, name)
        if not isinstance(value, kind) or (kind is Tensor and name not in module._persistent):
            raise AttributeError(f"`{name}` is not {what}")
        return value

    # ---- Methods that act on all members.

    def train(self: M, mode: bool = True) -> M:
        """Set training mode, or evaluation mode if mode is False, here and in all submodules. Dropout depends on it.

        >>> net = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(2, 3), tinygrad_c.nn.BatchNorm1d(3))
        >>> net.train(False)[1].training
        False
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Set evaluation mode: train(False).

        >>> net = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(2, 3), tinygrad_c.nn.BatchNorm1d(3))
        >>> net.eval()[1].training
        False
        """
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Set requires_grad of all parameters: False freezes the module.

        >>> net = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(2, 3), tinygrad_c.nn.BatchNorm1d(3))
        >>> any(p.requires_grad for p in net.requires_grad_(False).parameters())
        False
        """
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradients of all parameters to None, or fill them with zeros if set_to_none=False.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> layer(tinygrad_c.ones(1, 2)).sum().backward()
        >>> layer.zero_grad()
        >>> layer.weight.grad is None
        True
        """
        zero_grad_(list(self.parameters()), set_to_none)

    def apply(self: M, fn: Function[[Module], Any]) -> M:
        """Call fn on every submodule, children first, then on this module, for example to initialize weights.

        >>> net = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(2, 3), tinygrad_c.nn.BatchNorm1d(3))
        >>> _ = net.apply(lambda each: print(type(each).__name__))
        Linear
        BatchNorm1d
        Sequential
        """
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self: M, fn: Function[[Tensor], Tensor], recurse: bool = True) -> M:
        """Replace every parameter, gradient and buffer by fn of it. The Parameter objects stay the same."""
        with no_grad():
            for parameter in self.parameters(recurse):
                gradient = parameter.grad
                parameter.grad = None
                parameter.data = fn(parameter.data)
                parameter.grad = None if gradient is None else fn(gradient)
            for module in self.modules() if recurse else [self]:
                for name, buffer in module._buffers.items():
                    if is_lazy(buffer):
                        buffer.data = fn(buffer.data)
                    elif buffer is not None:
                        module.__dict__[name] = fn(buffer)
        return self

    def to(self: M, *args: Any, **kwargs: Any) -> M:
        """Change the float dtype of all parameters and float buffers: to(float64), to(other_tensor), to('cpu').

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> layer.to(tinygrad_c.float64).weight.dtype
        torch.float64
        """
        for each in (*args, kwargs.get("device")):
            if isinstance(each, (str, Device)):
                check_device(each)

        def convert(tensor: Tensor) -> Tensor:
            if not tensor.is_floating_point():
                return tensor
            converted = tensor.to(*args, **kwargs)
            if not converted.is_floating_point():
                raise TypeError("nn.Module.to only accepts floating point or complex dtypes, "
                                f"but got desired dtype={converted.dtype}")
            return converted
        return self._apply(convert)

    def to_empty(self: M, *, device: Any, recurse: bool = True) -> M:
        """Give all parameters and buffers new memory, without initial values. With recurse=False, this module's own alone.

        >>> tinygrad_c.nn.Linear(2, 1).to_empty(device="cpu").weight.shape
        torch.Size([1, 2])
        """
        check_device(device)
        return self._apply(lambda tensor: empty_like_(tensor), recurse)

    def compile(self, *args: Any, verify: int = 2, **kwargs: Any) -> None:
        """Record the forward pass, or forward and backward pass, when the module is called, and replay it without Python:
        compile(module) without a new object. A copy or a pickle of the module is not compiled.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> layer.compile()
        >>> layer(tinygrad_c.ones(2)).shape
        torch.Size([1])
        """
        if "forward" not in self.__dict__:          # no hooks, and not compiled yet
            self.__dict__["forward"] = load("programs.modules", "CompiledModule")(self, self.forward, verify)

    def cuda(self: M, device: Any = None) -> M:
        """Raises AssertionError: there is no GPU.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> layer.cuda()
        Traceback (most recent call last):
        AssertionError: Torch not compiled with CUDA enabled: there is only the CPU here...
        """
        return self.to("cuda")

    def float(self: M) -> M:
        """Change all parameters and float buffers to float32.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> layer.double().float().weight.dtype
        torch.float32
        """
        return self._apply(lambda tensor: tensor.float() if tensor.is_floating_point() else tensor)

    def double(self: M) -> M:
        """Change all parameters and float buffers to float64.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> layer.double().weight.dtype
        torch.float64
        """
        return self._apply(lambda tensor: tensor.double() if tensor.is_floating_point() else tensor)

    def half(self: M) -> M:
        """Change all parameters and float buffers to float16, to save them; .float() changes them back.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> layer.half().weight.dtype
        torch.float16
        """
        return self._apply(lambda tensor: tensor.half() if tensor.is_floating_point() else tensor)

    def bfloat16(self: M) -> M:
        """Change all parameters and float buffers to bfloat16, to save them; .float() changes them back.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> layer.bfloat16().weight.dtype
        torch.bfloat16
        """
        return self._apply(lambda tensor: tensor.bfloat16() if tensor.is_floating_point() else tensor)

    def type(self: M, dst_type: Any) -> M:
        """Change all parameters and buffers to a dtype.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> layer.type(tinygrad_c.float64).weight.dtype
        torch.float64
        """
        return self._apply(lambda tensor: tensor.type(dst_type))

    def cpu(self: M) -> M:
        """This module, unchanged: all memory is CPU memory.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> layer.cpu() is layer
        True
        """
        return self

    # ---- State.

    def state_dict(self, *, destination: dict[str, Any] | None = None, prefix: str = "",
                   keep_vars: bool = False) -> dict[str, Any]:
        """All parameters and persistent buffers by name. They share memory and are detached unless keep_vars=True.

        >>> net = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(2, 3), tinygrad_c.nn.BatchNorm1d(3))
        >>> list(net.state_dict())
        ['0.weight', '0.bias', '1.weight', '1.bias', '1.running_mean', '1.running_var', '1.num_batches_tracked']
        """
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        state_hooks.call(self, state_hooks.SAVE_BEFORE, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for changed in state_hooks.call(self, state_hooks.SAVE_AFTER, destination, prefix, metadata):
            destination = destination if changed is None else changed
        return destination

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        """Put what belongs to this module alone into destination. A subclass may write its own."""
        for name, value in self._own_state().items():
            destination[prefix + name] = value if keep_vars else value.detach()
        if type(self).get_extra_state is not Module.get_extra_state:
            destination[prefix + "_extra_state"] = self.get_extra_state()

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], strict: bool,
                              missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str]) -> None:
        """Take what belongs to this module alone from state_dict, and note what is wrong. A subclass may write its own: to
        rename keys of older versions, of which local_metadata.get("version") tells, before it calls super's.
        """
        load_own(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)

    def get_extra_state(self) -> Any:
        """Extra state for state_dict, besides the tensors. A class that needs it defines this and set_extra_state.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> layer.get_extra_state()
        Traceback (most recent call last):
        RuntimeError: Reached a code path in Module.get_extra_state() that should never ...
        """
        raise RuntimeError("Reached a code path in Module.get_extra_state() that should never be called. "
                           f"Write get_extra_state and set_extra_state in class {type(self).__name__}, or neither.")

    def set_extra_state(self, state: Any) -> None:
        """Restore what get_extra_state returned.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> layer.set_extra_state({})
        Traceback (most recent call last):
        RuntimeError: Reached a code path in Module.set_extra_state() that should never ...
        """
        raise RuntimeError("Reached a code path in Module.set_extra_state() that should never be called. "
                           f"Write get_extra_state and set_extra_state in class {type(self).__name__}, or neither.")

    def _with_extra_state(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """(name in the state_dict, module) of every module with a get_extra_state."""
        for path, module in self.named_modules():
            if type(module).get_extra_state is not Module.get_extra_state:
                yield f"{prefix}{path}{'.' if path else ''}_extra_state", module

    def _own_state(self) -> dict[str, Tensor]:
        """This module's parameters and persistent buffers."""
        buffers = {name: self.__dict__[name] for name, persistent in self._persistent.items() if persistent}
        return {**self._parameters, **{name: buffer for name, buffer in buffers.items() if buffer is not None}}

    def _named_state(self, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
        """(name, tensor) of each parameter and persistent buffer. A shared tensor appears under each of its names."""
        for name, value in self._own_state().items():
            yield prefix + name, value
        for name, module in self._modules.items():
            yield from module._named_state(f"{prefix}{name}.")

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> IncompatibleKeys:
        """Copy the values of a state_dict into the parameters and buffers of the same names.

        strict: raise RuntimeError for missing or unexpected names. Shapes must always match. If it raises,
        nothing has changed. Returns the missing and the unexpected names.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> layer.load_state_dict(tinygrad_c.nn.Linear(2, 1).state_dict())
        <All keys matched successfully>
        """
        return load_state(self, state_dict, strict, assign)

    # ---- Hooks.

    def register_state_dict_pre_hook(self, hook: Function[..., None]) -> state_hooks.StateHandle:
        """Call hook(module, prefix, keep_vars) before state_dict reads this module.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> handle = layer.register_state_dict_pre_hook(lambda module, prefix, keep_vars: print("saving"))
        >>> _ = layer.state_dict()
        saving
        """
        return state_hooks.register(self, state_hooks.SAVE_BEFORE, hook)

    def register_state_dict_post_hook(self, hook: Function[..., None]) -> state_hooks.StateHandle:
        """Call hook(module, state_dict, prefix, local_metadata) after state_dict has read this module: it may change the dict.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> handle = layer.register_state_dict_post_hook(lambda module, state, prefix, _: state.pop(prefix + "bias"))
        >>> list(layer.state_dict())
        Traceback (most recent call last):
        RuntimeError: state_dict post-hook must return None
        """
        def checked(*args: Any) -> None:
            if hook(*args) is not None:
                raise RuntimeError("state_dict post-hook must return None")
        return state_hooks.register(self, state_hooks.SAVE_AFTER, checked)

    def _register_state_dict_hook(self, hook: Function[..., Any]) -> state_hooks.StateHandle:
        """register_state_dict_post_hook, for a hook that may return another dict."""
        return state_hooks.register(self, state_hooks.SAVE_AFTER, hook)

    def register_load_state_dict_pre_hook(self, hook: Function[..., None]) -> state_hooks.StateHandle:
        """Call hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs) before this
        module takes its part of a state dict: it may rename keys of the dict, which is a copy.

        >>> layer = tinygrad_c.nn.Linear(1, 1)
        >>> def rename(module, state, prefix, *others):
        ...     state[prefix + "weight"] = state.pop(prefix + "W")
        >>> handle = layer.register_load_state_dict_pre_hook(rename)
        >>> layer.load_state_dict({"W": tinygrad_c.ones(1, 1), "bias": tinygrad_c.ones(1)})
        <All keys matched successfully>
        """
        return state_hooks.register(self, state_hooks.LOAD_BEFORE, hook)

    def _register_load_state_dict_pre_hook(self, hook: Function[..., None],
                                           with_module: bool = False) -> state_hooks.StateHandle:
        """register_load_state_dict_pre_hook, for a hook without the module as its first argument."""
        return state_hooks.register(self, state_hooks.LOAD_BEFORE, hook, with_module)

    def register_load_state_dict_post_hook(self, hook: Function[..., None]) -> state_hooks.StateHandle:
        """Call hook(module, incompatible_keys) after this module and those in it were loaded: it may change the two lists.

        >>> layer = tinygrad_c.nn.Linear(1, 1)
        >>> handle = layer.register_load_state_dict_post_hook(lambda module, keys: keys.missing_keys.clear())
        >>> layer.load_state_dict({"weight": tinygrad_c.ones(1, 1)})
        <All keys matched successfully>
        """
        return state_hooks.register(self, state_hooks.LOAD_AFTER, hook)

    def register_forward_pre_hook(self, hook: Function[..., Any], *, prepend: bool = False,
                                  with_kwargs: bool = False) -> hooks.RemovableHandle:
        """Call hook(module, args) before forward. A result that is not None replaces the arguments.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> handle = layer.register_forward_pre_hook(lambda module, args: print(args[0].shape))
        >>> _ = layer(tinygrad_c.ones(5, 2))
        torch.Size([5, 2])
        """
        return _register(self, "BEFORE", hook, prepend, with_kwargs)

    def register_forward_hook(self, hook: Function[..., Any], *, prepend: bool = False,
                              with_kwargs: bool = False, always_call: bool = False) -> hooks.RemovableHandle:
        """Call hook(module, args, output) after forward. A result that is not None replaces the output.

        always_call: also call it if forward raised an exception.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> handle = layer.register_forward_hook(lambda module, args, output: print(output.shape))
        >>> _ = layer(tinygrad_c.ones(5, 2))
        torch.Size([5, 1])
        """
        return _register(self, "AFTER", hook, prepend, with_kwargs, always_call)

    def register_full_backward_pre_hook(self, hook: Function[..., Any], prepend: bool = False) -> hooks.RemovableHandle:
        """Call hook(module, grad_output) before the module's backward pass. A result that is not None replaces grad_output.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> handle = layer.register_full_backward_pre_hook(lambda module, grad_output: print(grad_output))
        >>> layer(tinygrad_c.ones(1, 2)).sum().backward()
        (tensor([[1.]]),)
        """
        return _register(self, "BACKWARD_BEFORE", hook, prepend)

    def register_full_backward_hook(self, hook: Function[..., Any], prepend: bool = False) -> hooks.RemovableHandle:
        """Call hook(module, grad_input, grad_output) after the module's backward pass. Both gradients are tuples.

        A result that is not None replaces grad_input. An input that needs no gradient has None.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> handle = layer.register_full_backward_hook(lambda module, grad_input, grad_output: print(grad_output))
        >>> layer(tinygrad_c.ones(1, 2)).sum().backward()
        (tensor([[1.]]),)
        """
        return _register(self, "BACKWARD", hook, prepend)

    register_backward_hook = register_full_backward_hook

    # ---- Printing.

    def extra_repr(self) -> str:
        """The settings that repr shows between the parentheses.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> layer.extra_repr()
        'in_features=2, out_features=1, bias=True'
        """
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): " + _indent(repr(module)) for name, module in self._modules.items()]
        if len(lines) == 1 and not children:
            return f"{self._get_name()}({extra})"
        if not lines and not children:
            return f"{self._get_name()}()"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines + children) + "\n)"


def _register(module: Module, kind: str, *settings: Any) -> hooks.RemovableHandle:
    from tinygrad_c.nn import hooks  # imported here: few programs use hooks
    return hooks.register(module, getattr(hooks, kind), *settings)


def _indent(text: str) -> str:
    first, *rest = text.split("\n")
    return "\n".join([first, *("  " + line if line.strip() else "" for line in rest)])


def _no_init(module: Module, what: str) -> AttributeError:
    name = type(module).__name__
    return AttributeError(f"cannot assign {what} before Module.__init__() call; write super().__init__() as the first line of "
                          f"{name}.__init__")


def __getattr__(name: str) -> Any:
    if name.startswith("register_module_"):         # as torch.nn.modules.module.register_module_forward_hook
        return load("nn.global_hooks", name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
