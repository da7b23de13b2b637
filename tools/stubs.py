"""Write the type stubs (.pyi) of the compiled modules and of the package, for type checkers and editors.

    python tools/stubs.py

Signatures are read from the built modules. A function returns a Tensor unless its annotation or RETURNS says otherwise.
"""
from __future__ import annotations

import inspect
import re
import textwrap
from importlib import import_module
from pathlib import Path

import tinygrad_c

PACKAGE = Path(__file__).resolve().parent.parent / "tinygrad_c"
HEAD = "# Made by tools/stubs.py: run it again when names or signatures change.\n"
MODULES = ["core.array", "core.tape", "kernels.runtime.memory", "kernels.runtime.threads", "nn.call", "ops.create.create",
           "ops.elementwise.elementwise", "ops.elementwise.operators", "ops.indexing.index", "ops.loss.loss",
           "ops.matmul.products", "ops.norm.norm", "ops.random.random", "ops.reduce.reduce", "ops.reduce.softmax",
           "ops.shape.shape"]
RETURNS = {
    "dtype": "dtype_named get_default_dtype dtype_of result_dtype_of",
    "int": "dimensions numel address offset wrapped node_number",
    "bool": "is_contiguous_tensor is_grad_enabled is_inference_mode_enabled", "None": "set_default_dtype setitem",
    "tuple[int, ...]": "sizes strides", "tuple[Tensor, ...]": "unbind split chunk",
    # a number or list of any kind; one tensor or several, depending on the arguments; internal functions
    "Any": "item tolist max min cumulative_extreme nonzero in_place into_out backward grad record_function with_history "
           "register_tensor_class",
}
RETURN_OF = {name: kind for kind, names in RETURNS.items() for name in names.split()}
BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift"]
OPERATORS = "".join([
    "class Operators(TensorBase):\n",
    *(f"    def __{name}__(self) -> Tensor: ...\n" for name in ("neg", "pos", "abs", "invert")),
    *(f"    def __{letter}{name}__(self, other: Any) -> Tensor: ...\n" for letter in ("", "r") for name in BINARY),
    *(f"    def __i{name}__(self, other: Any) -> Self: ...\n" for name in BINARY if name != "matmul"),
    *(f"    def __{name}__(self, other: Any) -> Tensor: ...{'  # type: ignore[override]' * (name in ('eq', 'ne'))}\n"
      for name in ("eq", "ne", "lt", "le", "gt", "ge")),
    *(f"    def __{name}__(self) -> {name}: ...\n" for name in ("bool", "int", "float")), """\
    def __index__(self) -> int: ...
    def __round__(self, ndigits: int = 0) -> Tensor: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Tensor]: ...
    def __contains__(self, element: object) -> bool: ...
    def __getitem__(self, key: Any) -> Tensor: ...
    def __setitem__(self, key: Any, value: Any) -> None: ...
    def __hash__(self) -> int: ...
"""])
CLASSES = {     # by module: the public compiled classes
    "core.array": """\
class dtype:
    name: str
    code: int
    itemsize: int
    is_floating_point: bool
    is_signed: bool
    is_complex: bool
""",
    "nn.call": """\
class Callable:
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
""",
    "ops.elementwise.operators": OPERATORS,
    "ops.matmul.products": """\
class LinearActivation:
    linear: Any
    activation: Any
    def __init__(self, linear: Any, activation: Any) -> None: ...
    def __call__(self, input: Any) -> Any: ...
LinearReLU = LinearActivation
""",
    "ops.random.random": """\
class Generator:
    def __init__(self, device: Any = ...) -> None: ...
    def manual_seed(self, seed: int) -> Generator: ...
    def seed(self) -> int: ...
    def initial_seed(self) -> int: ...
    def get_state(self) -> Tensor: ...
    def set_state(self, new_state: Tensor) -> Generator: ...
""",
    "core.tape": """\
class TensorBase:
    requires_grad: bool
    grad: Tensor | None
    data: Tensor
    @property
    def grad_fn(self) -> Any: ...
    @property
    def is_leaf(self) -> bool: ...
    @property
    def retains_grad(self) -> bool: ...
    @property
    def _version(self) -> int: ...
    def backward(self, gradient: Any = ..., retain_graph: bool | None = ..., create_graph: bool = ...,
                 inputs: Any = ...) -> None: ...
    def retain_grad(self) -> None: ...
    def register_hook(self, hook: Callable[[Tensor], Any]) -> Any: ...
    def register_post_accumulate_grad_hook(self, hook: Callable[[Self], Any]) -> Any: ...
    def detach(self) -> Tensor: ...
    def detach_(self) -> Self: ...
    def is_inference(self) -> bool: ...
""",
}
IMPORTS = {     # a name in a stub, and the module it is imported from
    "Any": "from typing import Any", "Self": "from typing_extensions import Self",
    "Callable": "from collections.abc import Callable", "Iterator": "from collections.abc import Iterator",
    "dtype": "from tinygrad_c.core.array import dtype", "TensorBase": "from tinygrad_c.core.tape import TensorBase",
    "Tensor": "from tinygrad_c._tensor.tensor import Tensor",
}


def function(name: str, value: object) -> str:
    """The stub of a compiled function."""
    signature = inspect.signature(value)
    parameters = [each.replace(default=... if each.default is not each.empty else each.empty)
                  for each in signature.parameters.values()]
    returned = RETURN_OF.get(name)
    if signature.return_annotation is not signature.empty:
        returned = signature.return_annotation.replace("TensorBase", "Tensor")
    text = str(signature.replace(parameters=parameters, return_annotation=signature.empty))
    text = text.replace("Ellipsis", "...").replace("'", "")
    return f"def {name}{text} -> {returned or 'Tensor'}: ...\n"


def stub(module: str) -> str:
    """The stub of a compiled module."""
    compiled = import_module(f"tinygrad_c.{module}")
    own = [(name, value) for name, value in vars(compiled).items() if getattr(value, "__module__", "") == compiled.__name__
           and not inspect.isclass(value) and callable(value) and not name.startswith("__")]
    for kind in re.findall(r"^class (\w+)", CLASSES.get(module, ""), re.M):
        missing = [name for name in vars(getattr(compiled, kind)) if name[0] != "_" and name not in CLASSES[module]]
        assert not missing, f"CLASSES: {module}.{kind} has {missing}"
    text = CLASSES.get(module, "") + "".join(function(name, value) for name, value in own)
    if module == "core.tape":        # internal names
        text += "def __getattr__(name: str) -> Any: ...\n"
    used = {*re.findall(r"\b\w+\b(?!=)", text)} - {*re.findall(r"^class (\w+)", text, re.M)}
    imports = sorted(line for word, line in IMPORTS.items() if word in used)
    return HEAD + "\n".join([*imports, "", text] if imports else [text])


def origin(name: str) -> tuple[str, str]:
    """The module and name that define a name of the package."""
    public = value = getattr(tinygrad_c, name)
    if inspect.ismodule(value):
        return "tinygrad_c", name
    if getattr(value, "guarded", None) is value:        # _base/public.py
        value = value.__wrapped__
    made_in, own = getattr(value, "__module__", None), getattr(value, "__name__", "")
    if made_in and any(getattr(import_module(made_in), own, None) is each for each in (value, public)):
        return made_in, own
    if name in tinygrad_c.LATER:
        return f"tinygrad_c.{tinygrad_c.LATER[name]}", name
    module = import_module("math" if type(value) is float else "tinygrad_c._tensor.tensor")
    return module.__name__, next(each for each in vars(module) if getattr(module, each) is value)      # float is float32


def package() -> str:
    """The stub of the package: an import for each of its names."""
    found: dict[str, list[str]] = {}
    others = {}
    for name in dir(tinygrad_c):
        if not name.startswith("_") and name not in ("is_tensor", "newaxis"):
            module, own = origin(name)
            found.setdefault(module, []).append(f"{own} as {own}" if own in dir(tinygrad_c) else own)
            if own != name:
                others[name] = own
    imports = [textwrap.fill(f"from {module} import ({', '.join(sorted({*names}))})", 128, subsequent_indent="    ")
               for module, names in sorted(found.items())]
    return HEAD + "\n".join(["import builtins", *imports, "", *(f"{name} = {own}" for name, own in others.items()),
                             "__version__: str", "newaxis: None", "def is_tensor(obj: object) -> builtins.bool: ...", ""])


def pages() -> dict[Path, str]:
    """The path and text of each stub."""
    return {PACKAGE / "__init__.pyi": package(), **{PACKAGE / f"{name.replace('.', '/')}.pyi": stub(name) for name in MODULES}}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text)
