"""Functions of tables.files, for the commands."""
from __future__ import annotations

from tinygrad_c.tables.files import check_writable, read_file, write_elsewhere, write_file

__all__ = ["check_writable", "read_file", "write_elsewhere", "write_file"]
