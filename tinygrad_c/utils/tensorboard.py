"""Write event files for TensorBoard: scalars and texts. TensorBoard itself is not needed.

A file is a sequence of records: the length (8 bytes), its checksum, the data, its checksum. The data is an Event in
protobuf encoding (wall_time 1, step 2, file_version 3, summary 5). A summary is a list of values (tag 1, simple_value 2,
tensor 8).
"""
from __future__ import annotations

import os
import struct
import time
from typing import Any

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._base.warn import warn_once

__all__ = ["SummaryWriter"]
__getattr__, __dir__ = lazy_names(globals())


def _table() -> list[int]:
    """The byte table of CRC-32C: polynomial 0x1EDC6F41, bit-reversed."""
    rows = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        rows.append(byte)
    return rows


TABLE = _table()


def _checksum(data: bytes) -> bytes:
    """Masked CRC-32C, as in the TFRecord format: rotated by 15 bits, plus a constant."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def _varint(n: int) -> bytes:
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def _field(number: int, data: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return _varint(number << 3 | 2) + _varint(len(data)) + data


class SummaryWriter:
    """Write scalars and texts to an events.out.tfevents file in `log_dir` (default: runs/<time>_<host>).

    The other methods of torch's writer (images, histograms, graphs, ...) are accepted; they warn once and write nothing.

    >>> import tempfile
    >>> with SummaryWriter(tempfile.mkdtemp()) as writer:
    ...     writer.add_scalar("loss", 0.5, global_step=1)
    """

    def __init__(self, log_dir: str | os.PathLike | None = None, comment: str = "", purge_step: int | None = None,
                 max_queue: int = 10, flush_secs: int = 120, filename_suffix: str = ""):
        import socket
        host = socket.gethostname()
        if not log_dir:
            log_dir = os.path.join("runs", time.strftime("%b%d_%H-%M-%S") + "_" + host + comment)
        self.log_dir = os.fspath(log_dir)
        os.makedirs(self.log_dir, exist_ok=True)
        self.purge_step = purge_step
        name = f"events.out.tfevents.{int(time.time()):010d}.{host}.{os.getpid()}.{len(os.listdir(self.log_dir))}"
        self._path = os.path.join(self.log_dir, name + filename_suffix)
        self._file = open(self._path, "ab")     # noqa: SIM115
        self._children: dict[str, SummaryWriter] = {}
        self._record(_field(3, b"brain.Event:2"), None, None)

    def _record(self, body: bytes, step: Any, walltime: float | None) -> None:
        event = struct.pack("<Bd", 9, time.time() if walltime is None else walltime)
        event += (b"\x10" + _varint(int(step)) if step is not None else b"") + body
        length = struct.pack("<Q", len(event))
        if self._file.closed:
            self._file = open(self._path, "ab")     # noqa: SIM115
        self._file.write(length + _checksum(length) + event + _checksum(event))

    def get_logdir(self) -> str:
        """The directory of the file.

        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> SummaryWriter(folder).get_logdir() == folder
        True
        """
        return self.log_dir

    def add_scalar(self, tag: str, scalar_value: Any, global_step: int | None = None, walltime: float | None = None,
                   new_style: bool = False, double_precision: bool = False) -> None:
        """Add one number, with a tag like "loss/train".

        >>> import tempfile
        >>> writer = SummaryWriter(tempfile.mkdtemp())
        >>> writer.add_scalar("loss", 0.5, global_step=1)
        >>> writer.close()
        """
        value = _field(1, tag.encode()) + b"\x15" + struct.pack("<f", float(scalar_value))
        self._record(_field(5, _field(1, value)), global_step, walltime)

    def add_scalars(self, main_tag: str, tag_scalar_dict: dict[str, Any], global_step: int | None = None,
                    walltime: float | None = None) -> None:
        """Add several numbers for one plot. Each is written to its own directory, log_dir/main_tag_tag.

        >>> import tempfile
        >>> writer = SummaryWriter(tempfile.mkdtemp())
        >>> writer.add_scalars("loss", {"train": 0.5, "test": 0.6}, global_step=1)
        """
        for tag, value in tag_scalar_dict.items():
            folder = os.path.join(self.log_dir, main_tag.replace("/", "_") + "_" + tag)
            if folder not in self._children:
                self._children[folder] = SummaryWriter(folder)
            self._children[folder].add_scalar(main_tag, value, global_step, walltime)

    def add_text(self, tag: str, text_string: str, global_step: int | None = None, walltime: float | None = None) -> None:
        """Add a text, shown as Markdown.

        >>> import tempfile
        >>> writer = SummaryWriter(tempfile.mkdtemp())
        >>> writer.add_text("note", "a first run")
        """
        plugin = _field(9, _field(1, _field(1, b"text")))
        tensor = _field(8, b"\x08\x07" + _field(2, _field(2, b"\x08\x01")) + _field(8, text_string.encode()))
        self._record(_field(5, _field(1, _field(1, (tag + "/text_summary").encode()) + plugin + tensor)), global_step, walltime)

    def add_hparams(self, hparam_dict: dict[str, Any], metric_dict: dict[str, Any], hparam_domain_discrete: Any = None,
                    run_name: str | None = None, global_step: int | None = None) -> None:
        """Add the hyperparameters as a text and the metrics as scalars.

        >>> import tempfile
        >>> writer = SummaryWriter(tempfile.mkdtemp())
        >>> writer.add_hparams({"lr": 0.1}, {"loss": 0.5})
        """
        self.add_text("hparams", "\n".join(f"    {name} = {value}" for name, value in hparam_dict.items()), global_step)
        for name, value in metric_dict.items():
            self.add_scalar(name, value, global_step)

    def flush(self) -> None:
        """Write buffered events to the file.

        >>> import tempfile
        >>> writer = SummaryWriter(tempfile.mkdtemp())
        >>> writer.flush()
        """
        for each in (self, *self._children.values()):
            if not each._file.closed:
                each._file.flush()

    def close(self) -> None:
        """Close the file.

        >>> import tempfile
        >>> writer = SummaryWriter(tempfile.mkdtemp())
        >>> writer.close()
        """
        for each in (self, *self._children.values()):
            each._file.close()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("add_"):
            raise AttributeError(f"'SummaryWriter' object has no attribute {name!r}")

        def left_out(*args: Any, **kwargs: Any) -> None:
            warn_once(("tensorboard", name), f"SummaryWriter.{name} is not supported and writes nothing: only scalars and "
                      "texts are written (add_scalar, add_scalars, add_text, add_hparams).")
        return left_out
