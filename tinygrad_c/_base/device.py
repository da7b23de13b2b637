"""Device: where a tensor's memory is. Only the CPU is supported; other devices can be named and compared."""
from __future__ import annotations

KNOWN = ("cpu", "cuda", "mps", "xpu", "meta", "hip", "xla")


class Device:
    """A device: `device("cpu")` is accepted wherever torch accepts one.

    >>> tinygrad_c.device("cuda" if tinygrad_c.cuda.is_available() else "cpu")
    device(type='cpu')
    """

    __slots__ = ("index", "type")

    def __init__(self, type: str | Device | int = "cpu", index: int | None = None):
        if isinstance(type, int):
            raise RuntimeError(f"Cannot access accelerator device when none is available: device({type}) is a GPU's index, "
                               "and there is only the CPU here: write 'cpu'")
        kind, colon, number = str(type).partition(":")
        if colon and index is not None:
            raise RuntimeError(f"type (string) must not include an index because index was passed explicitly: {type}")
        if kind not in KNOWN:
            raise RuntimeError(f"Expected one of {', '.join(KNOWN)} device type at start of device string: {kind}. There is "
                               "only the CPU here: write 'cpu'")
        if colon and not number.isdigit():
            raise RuntimeError(f"Invalid device string: '{type}'")
        self.type, self.index = kind, int(number) if colon else index

    def __repr__(self) -> str:
        return f"device(type='{self.type}')" if self.index is None else f"device(type='{self.type}', index={self.index})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other) -> bool:
        return isinstance(other, (Device, str)) and str(other) == str(self)

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self):
        return Device, (str(self),)

    def __enter__(self) -> Device:
        check_device(self)
        return self

    def __exit__(self, *exception) -> None:
        pass


def check_device(device) -> None:
    """Raise for anything but the CPU: AssertionError for CUDA, as in torch without a GPU; else RuntimeError."""
    if device is not None and str(device) not in ("cpu", "cpu:0"):
        if str(device).startswith("cuda") or isinstance(device, int):
            no_cuda()
        if Device(device).type == "meta":
            raise RuntimeError("there is only the CPU here, not device 'meta': tensors without memory are left out. Leave the "
                               "device out: layers take little time to initialise, and to_empty(device='cpu') works on them")
        raise RuntimeError(f"there is only the CPU here, not device {str(device)!r}: write 'cpu', or leave the device out")


def no_cuda(*args, **kwargs):
    """Raise AssertionError: there is no GPU.

    >>> tinygrad_c.cuda.current_device()
    Traceback (most recent call last):
    AssertionError: Torch not compiled with CUDA enabled: there is only the CPU here...
    """
    raise AssertionError("Torch not compiled with CUDA enabled: there is only the CPU here; leave .cuda() out, or choose the "
                         "device by `'cuda' if torch.cuda.is_available() else 'cpu'`")
