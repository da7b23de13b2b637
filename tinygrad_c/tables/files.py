"""Reads files with clear errors, and writes them atomically."""
from __future__ import annotations

import contextlib
import errno
import os
import sys
import tempfile
from pathlib import Path

from tinygrad_c.serialization import atomic
from tinygrad_c.tables.errors import UserError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def read_file(path: str) -> bytes:
    """All bytes of a file. Raises UserError if it does not exist or cannot be read."""
    try:
        if os.path.isdir(path):
            raise UserError("is a folder, not a file", path)
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise UserError("no such file", path) from None
    except (OSError, ValueError) as error:
        raise UserError(f"cannot be read: {_reason(error)}", path) from None


def write_file(path: str | Path, data: bytes) -> None:
    """Write `data` to `path` atomically; pipes and devices (/dev/stdout) are written directly. Raises UserError on failure."""
    try:
        atomic.write(path, data)
    except OSError as error:
        raise UserError(f"cannot be written: {_reason(error)}", str(path)) from None


def check_writable(folder: str | Path, names: list[str], nbytes: int = 0) -> None:
    """Create `folder` and a test file of `nbytes` in it before any work is done; `names` are the files to be written there."""
    folder = Path(folder)
    probe = folder / f".probe.{os.getpid()}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _fill(probe, nbytes)
        finally:
            with contextlib.suppress(OSError):
                probe.unlink()
    except (FileExistsError, NotADirectoryError):
        raise UserError("is not a folder: give --out a folder to write into", str(folder)) from None
    except (OSError, ValueError) as error:
        what = f"nothing of {nbytes / 1e6:.1f} MB" if getattr(error, "errno", None) in NO_ROOM else "nothing"
        raise UserError(f"{what} can be written there: {_reason(error)}; give --out another folder", str(folder)) from None
    for name in names:
        if (folder / name).is_dir():
            raise UserError("is a folder, where a file is to be written", str(folder / name))


def write_elsewhere(path: Path, data: bytes, refusal: UserError) -> Path:
    """Write to a temporary folder instead, and print the new path on standard error."""
    spare = Path(tempfile.mkdtemp(prefix="tinygrad_c-")) / path.name
    write_file(spare, data)
    print(f"tinygrad_c: {refusal}; it is saved as {spare}", file=sys.stderr)
    return spare


def _fill(path: Path, nbytes: int) -> None:
    """Create a file that occupies nbytes on the disk."""
    with open(path, "wb") as file:
        if nbytes and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, nbytes)
        else:
            for start in range(0, nbytes, 1 << 20):
                file.write(bytes(min(1 << 20, nbytes - start)))


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
