"""Docstrings that are put together from several texts."""
from __future__ import annotations

import sys


def continued(doc: str | None, text: str, dedented: bool = sys.version_info >= (3, 13)) -> str:
    """doc, followed by text, whose lines are indented by 4 columns.

    The compiler of CPython 3.13 and later removes the indentation of docstrings, but not that of other strings: there
    the text loses its own, too, and an example stays in the same column as the paragraphs above it.
    """
    return (doc or "") + (text.replace("\n    ", "\n") if dedented else text)
