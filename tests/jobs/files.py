"""Files cut off, with bits flipped, bytes exchanged, inserted, repeated: what was saved comes back, or an exception says why not.

    python tests/jobs/files.py [--files 20000] [--seed 1] [--only NUMBER]

Of state dicts (.pt and .safetensors), the command line's models and checkpoints: never other numbers than were saved, and no
exception but RuntimeError, ValueError, OSError, UserError, UnpicklingError. Of tables: a Table, or a UserError.
"""
from __future__ import annotations

import gzip
import io
import os
import pickle
import random
import resource
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from jobs import batches

import tinygrad_c
from tinygrad_c import tables
from tinygrad_c.cli.errors import UserError
from tinygrad_c.tables import modelfile

ALLOWED = (RuntimeError, ValueError, OSError, UserError, pickle.UnpicklingError, MemoryError)
COUNTS = ("refused", "as saved", "read as tables")


def originals() -> dict[str, bytes]:
    tinygrad_c.manual_seed(0)
    net = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(3, 4), tinygrad_c.nn.ReLU(), tinygrad_c.nn.Linear(4, 2))
    opt = tinygrad_c.optim.Adam(net.parameters())
    net(tinygrad_c.ones(2, 3)).sum().backward()
    opt.step()
    file = io.BytesIO()
    tinygrad_c.save({"net": net.state_dict(), "opt": opt.state_dict(), "epoch": 3}, file)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.safetensors"
        tinygrad_c.save(net.state_dict(), path)
        tensors = path.read_bytes()
    weights = {name: p.detach().numpy() for name, p in net.state_dict().items()}
    import pandas
    frame = pandas.DataFrame({"a": np.arange(20.0), "t": list("uvwx") * 5, "y": np.arange(20.0)})
    small, _ = tables.fit(tables.from_frame(frame), "y", tables.Options(effort="quick", epochs=1, hidden=[3]))
    text = "a,b,y\n" + "".join(f'{i},"te,xt {i % 3}",{i * 0.5}\n' for i in range(12))
    return {"net.pt": file.getvalue(), "net.safetensors": tensors, "model.safetensors": modelfile.dump(small),
            "checkpoint.safetensors": modelfile.seal(weights, modelfile.TRAINING, {"step": 3}), "table.csv": text.encode(),
            "table.csv.gz": gzip.compress(text.encode(), mtime=0)}


def read(name: str, path: Path):
    """What is in the file, as plain data that can be compared."""
    if name.startswith("table"):
        tables.read_table(str(path))
        return None
    if name == "model.safetensors":
        model = modelfile.load(str(path))
        return modelfile.dump(model)
    if name == "checkpoint.safetensors":
        arrays, data = modelfile.unseal(str(path), (modelfile.TRAINING,), "a checkpoint", "")
        return sorted((n, a.tobytes()) for n, a in arrays.items()), data
    return plain(tinygrad_c.load(path))


def plain(x):
    if isinstance(x, tinygrad_c.Tensor):
        return str(x.dtype), tuple(x.shape), np.ascontiguousarray(x.detach().numpy()).tobytes()
    if isinstance(x, dict):
        return [(k, plain(v)) for k, v in x.items()]
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    return repr(x)


def spoil(data: bytes, draw: random.Random) -> bytes:
    spoiled = bytearray(data)
    for _ in range(draw.choice([1, 1, 1, 2, 5])):
        at = draw.randrange(len(spoiled) + 1)
        kind = draw.randrange(7)
        if kind <= 1 and at < len(spoiled):
            spoiled[at] ^= 1 << draw.randrange(8)
        elif kind == 2:
            del spoiled[at:]
        elif kind == 3:
            spoiled[at:at + draw.randrange(1, 9)] = draw.choice([b"\xff" * 8, bytes(8), draw.randbytes(8), b"\x80", b"9" * 8])
        elif kind == 4:
            spoiled[at:at] = draw.randbytes(draw.randrange(1, 20))
        elif kind == 5:
            other = draw.randrange(len(spoiled) + 1)
            spoiled[at:at] = spoiled[min(at, other):max(at, other)]
        else:
            del spoiled[at:at + draw.randrange(1, 30)]
        if not spoiled:
            break
    return bytes(spoiled)


def work(seed: int, numbers) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    files = originals()
    counts = dict.fromkeys(COUNTS, 0)
    with tempfile.TemporaryDirectory() as folder:
        good = {}
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
            good[name] = read(name, Path(folder) / name)
        for k in numbers:
            print(f"file {k}", file=sys.stderr, flush=True)
            draw = random.Random(f"{seed}/{k}")
            name = draw.choice(list(files))
            path = Path(folder) / name
            data = spoil(files[name], draw)
            path.write_bytes(data)
            try:
                found = read(name, path)
            except ALLOWED:
                counts["refused"] += 1
                continue
            except Exception as error:
                print(f"FAULT {k}: {name}: {type(error).__name__}: {error}".replace("\n", " ")[:400])
                continue
            if name.startswith("table"):
                counts["read as tables"] += 1
            elif found == good[name]:
                counts["as saved"] += 1
            else:
                print(f"FAULT {k}: {name}: other numbers than were saved, and no word of it")
    for name, number in counts.items():
        print(f"{name}: {number}")


def main(argv: list[str] | None = None) -> None:
    os.environ["PYTHONWARNINGS"] = "ignore"
    batches.main(argv, __doc__, __file__, work, COUNTS, 2000, files=20_000)


if __name__ == "__main__":
    main()
