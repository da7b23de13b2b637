"""Write docs/reference.md: which of PyTorch's names exist here, which are left out on purpose, and which do not exist.

    python docs/reference.py                write the page from docs/torch_names.txt and the package
    python docs/reference.py --record       first write docs/torch_names.txt from the installed torch
"""
from __future__ import annotations

import importlib
import sys
import textwrap
from pathlib import Path

from tinygrad_c._base.missing import sentence

HERE = Path(__file__).parent
PAGE, NAMES = HERE / "reference.md", HERE / "torch_names.txt"
SPACES = ["torch", "Tensor", "nn", "nn.functional", "nn.init", "nn.utils", "nn.utils.rnn", "nn.utils.parametrizations",
          "optim", "optim.lr_scheduler", "utils.data", "autograd", "autograd.function", "autograd.functional", "func", "linalg",
          "random", "cuda.amp", "distributions", "distributions.constraints", "distributions.transforms", "nn.utils.prune"]
MORE = {    # attributes and constants of torch, which have no docstring
    "torch": "float32 float64 float double float16 half bfloat16 int64 long int32 int int16 short int8 uint8 bool complex64 "
             "complex128 cfloat cdouble pi e inf nan newaxis Tensor Generator Size device dtype finfo iinfo strided "
             "contiguous_format channels_last preserve_format FloatTensor DoubleTensor LongTensor IntTensor ByteTensor "
             "BoolTensor",
    "Tensor": "T mT H mH shape dtype device grad grad_fn requires_grad is_leaf data ndim itemsize nbytes names real imag "
              "layout is_cuda is_sparse is_quantized retains_grad",
    "autograd": "Variable",
}
HEAD = """\
<!-- Made by docs/reference.py from docs/torch_names.txt and the package: run it again when names are added. -->

# PyTorch's names, and which of them are here

The documented names of PyTorch {version}, and which of them this package has. A name that is here has PyTorch's signature and
gives PyTorch's results, to the precision of the dtype; its docstring has the details. A name that is left out on purpose raises
an error with the reason. Any other name that is not here raises an error that suggests the most similar name.

"""


def record() -> None:
    """Write torch's names to torch_names.txt: classes and functions with a docstring, and MORE."""
    import torch
    parts = [f"# The documented names of torch {torch.__version__.split('+')[0]}: python docs/reference.py --record"]
    for space in SPACES:
        owner = torch if space == "torch" else torch.Tensor if space == "Tensor" else importlib.import_module(f"torch.{space}")
        listed = getattr(owner, "__all__", None) if space not in ("torch", "nn") else None
        names = [name for name in (listed or dir(owner)) if name[0] != "_" and name not in ("ABC", "abstractmethod")
                 and documented(getattr(owner, name, None))]
        parts.append(f"\n[{space}]\n" + textwrap.fill(" ".join(sorted({*names, *MORE.get(space, "").split()})), 128,
                                                      break_long_words=False, break_on_hyphens=False))
    NAMES.write_text("\n".join(parts) + "\n")


def documented(value: object) -> bool:
    """Whether the value is a class or function of torch with a docstring."""
    return callable(value) and isinstance(value.__doc__, str) and bool(value.__doc__.strip()) and not (
        getattr(value, "__module__", None) or "torch").startswith(("typing", "functools", "collections", "builtins", "types"))


def recorded() -> tuple[str, dict[str, list[str]]]:
    """The version of torch, and its names by namespace."""
    spaces: dict[str, list[str]] = {}
    first, *lines = NAMES.read_text().splitlines()
    for line in lines:
        if line.startswith("["):
            names = spaces[line.strip("[]")] = []
        elif line:
            names += line.split()
    return first.split("torch ")[1].split(":")[0], spaces


def owner_of(space: str) -> object | None:
    """Our namespace of this name. None if there is none."""
    import tinygrad_c
    if space in ("torch", "Tensor"):
        return tinygrad_c if space == "torch" else tinygrad_c.Tensor
    try:
        return importlib.import_module(f"tinygrad_c.{space}")
    except ImportError:
        return None


def has(owner: object | None, name: str) -> bool:
    return (owner is not None and hasattr(owner, name) and name != "cuda"
            and type(getattr(owner, name)).__name__ != "LeftOut")


def listing(names: list[str], lead: str = "") -> str:
    words = lead + (", ".join(f"`{name}`" for name in names) or "none")
    return textwrap.fill(words, 128, break_long_words=False, break_on_hyphens=False) + "\n\n"


def page() -> str:
    """The text of docs/reference.md."""
    version, spaces = recorded()
    found = {space: [name for name in names if has(owner_of(space), name)] for space, names in spaces.items()}
    left = {space: [name for name in names if name not in found[space] and sentence(name)] for space, names in spaces.items()}
    rest = {space: [n for n in names if n not in found[space] and n not in left[space]] for space, names in spaces.items()}
    text = HEAD.format(version=version)
    text += "| namespace | names | here | left out on purpose | not here |\n| --- | --- | --- | --- | --- |\n"
    for space in spaces:
        text += (f"| [`{space}`](#{space.replace('.', '').lower()}) | {len(spaces[space])} | {len(found[space])} | "
                 f"{len(left[space])} | {len(rest[space])} |\n")
    total = [sum(map(len, each.values())) for each in (spaces, found, left, rest)]
    text += f"| all | {total[0]} | {total[1]} | {total[2]} | {total[3]} |\n\n"
    for space in spaces:
        text += f"## {space}\n\n{listing(found[space])}"
        if left[space]:
            text += listing(left[space], "Left out on purpose: ")
        if rest[space]:
            text += listing(rest[space], "Not here: ")
    return text


if __name__ == "__main__":
    if "--record" in sys.argv:
        record()
    PAGE.write_text(page())
