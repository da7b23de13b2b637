"""Exports a model with its preprocessing as one file without dependence on this package: C header, ONNX, or NumPy module."""
from __future__ import annotations

from tinygrad_c.tables.export.c import header
from tinygrad_c.tables.export.check import check_c, check_onnx, check_py
from tinygrad_c.tables.export.onnx import onnx_bytes
from tinygrad_c.tables.export.py import module

__all__ = ["check_c", "check_onnx", "check_py", "header", "module", "onnx_bytes"]
