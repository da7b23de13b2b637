"""Reading and writing of files, as in tables.files: here for the commands."""
from __future__ import annotations

from tinygrad_c.tables.files import check_writable, read_file, write_elsewhere, write_file

__all__ = ["check_writable", "read_file", "write_elsewhere", "write_file"]
