"""Write a file completely or not at all."""
from __future__ import annotations

import os
from contextlib import suppress


def write(path, data: bytes) -> None:
    """Write data to path. If this fails or the machine stops, the previous file is unchanged."""
    path = os.path.realpath(path)
    if os.path.exists(path) and not os.path.isfile(path):       # a pipe, /dev/null, a directory: cannot be replaced
        with open(path, "wb") as file:
            file.write(data)
        return
    temporary = f"{os.fsdecode(path)}.{os.getpid()}.{os.urandom(4).hex()}.tmp"
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(path):
            os.chmod(temporary, os.stat(path).st_mode & 0o777)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    with suppress(OSError):     # sync the rename; systems that cannot open a directory do not need it
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
