# Made by tools/stubs.py: run it again when names or signatures change.
class dtype:
    name: str
    code: int
    itemsize: int
    is_floating_point: bool
    is_signed: bool
    is_complex: bool
def dtype_named(name: str) -> dtype: ...
def get_default_dtype() -> dtype: ...
def set_default_dtype(d) -> None: ...
