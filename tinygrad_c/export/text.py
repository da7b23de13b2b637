"""Pieces of C: names, numbers, strings."""

from __future__ import annotations

import re
from typing import Any

import numpy as np


def identifier(text: str, taken: set[str]) -> str:
    """A name that C allows, made of a column's; `taken` gets it."""
    word = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_") or "column"
    if word[0].isdigit() or word in KEYWORDS:
        word = "c_" + word
    base, number = word[:48], 2
    word = base
    while word in taken:
        word = f"{base}_{number}"
        number += 1
    taken.add(word)
    return word


# fmt: off
KEYWORDS = {
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern", "float",
    "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed", "sizeof", "static",
    "struct", "switch", "typedef", "union", "unsigned", "void", "volatile", "while", "bool", "true", "false", "asm",
    "class", "delete", "new", "this", "try", "catch", "template", "operator", "private", "public", "protected", "namespace",
    "using", "virtual", "and", "or", "not", "xor", "INFINITY", "NAN",
}
# fmt: on


def quoted(text: str) -> str:
    """A C string literal of the text's UTF-8 bytes; octal escapes end by themselves."""
    return '"' + "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode("utf-8")) + '"'


def real(value: float) -> str:
    """A double literal with all its bits."""
    value = float(value)
    return repr(value) if "e" in repr(value) or "." in repr(value) else f"{value!r}.0"


def single(values: Any) -> str:
    lines, row = [], []
    for v in np.asarray(values, dtype=np.float32).ravel():
        text = f"{v:.9g}"
        row.append((text if any(c in text for c in ".e") else text + ".0") + "f")
        if len(row) == 12:
            lines.append(", ".join(row))
            row = []
    lines += [", ".join(row)] if row else []
    return ",\n    ".join(lines)


def comment(text: str) -> str:
    """What may stand in a comment."""
    return re.sub(r"[^\x20-\x7e]", "?", text).replace("*/", "* /").replace("/*", "/ *").replace("\\", "/")[:80]
