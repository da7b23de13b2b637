"""TableStream: every row once in an epoch, scaled by the whole table, in little memory."""
import os
import subprocess
import sys

import numpy as np
import pytest
from samples import paths

pa = pytest.importorskip("pyarrow")
import pyarrow.csv  # noqa: E402
import pyarrow.parquet  # noqa: E402, F401

from tinygrad_c.tables import stream  # noqa: E402
from tinygrad_c.tables.errors import UserError  # noqa: E402
from tinygrad_c.tables.stream import TableStream  # noqa: E402


@pytest.fixture
def table(tmp_path, monkeypatch):
    """3,000 rows in many blocks: whole numbers first, then others; gaps; a text with gaps; the row's number is a feature."""
    monkeypatch.setattr(stream, "BLOCK", 4096)
    monkeypatch.setattr(stream, "ROWS", 500)
    random = np.random.default_rng(0)
    n = 3000
    a = np.where(np.arange(n) < 1000, np.round(random.normal(100, 5, n)), random.normal(100, 5, n))
    columns = {"a": [None if i % 10 == 3 else v for i, v in enumerate(a)], "row": np.arange(n, dtype=np.float64),
               "city": [None if i % 50 == 0 else "Oslo" if i % 3 else "Rome" for i in range(n)],
               "y": [None if i % 100 == 7 else 3.0 * i for i in range(n)]}
    data = pa.table(columns)
    pa.csv.write_csv(data, tmp_path / "t.csv")
    pa.parquet.write_table(data, tmp_path / "t.parquet")
    pa.parquet.write_table(data.slice(0, 1200), tmp_path / "s1.parquet")
    pa.parquet.write_table(data.slice(1200), tmp_path / "s2.parquet")
    return tmp_path, a


def rows_of(rows, batches):
    """The numbers of the rows that came, from the standardised feature and the standardised target."""
    X, y = (np.concatenate([b[i].numpy() for b in batches]) for i in range(2))
    column = rows.stats["row"]
    found = np.round(X[:, 2].astype(np.float64) * column.std + column.mean).astype(int)
    np.testing.assert_allclose(y[:, 0] * rows.std + rows.mean, 3.0 * found, atol=0.05)
    return found.tolist()


@pytest.mark.parametrize("path", ["t.csv", "t.parquet", "s*.parquet"])
def test_every_row_with_a_target_once_in_another_order_each_epoch(table, path):
    folder, a = table
    rows = TableStream(str(folder / path), "y", batch_size=64, window=400)
    known = a[np.arange(3000) % 10 != 3]
    assert rows.stats["a"].mean == pytest.approx(known.mean(), rel=1e-12)
    assert rows.stats["a"].std == pytest.approx(known.std(), rel=1e-12)
    assert rows.stats["a"].missing == 300
    assert rows.width == 5          # a, whether a is missing, row, Oslo, Rome
    first, second = list(rows), list(rows)
    assert len(first) == len(rows) == -(-2970 // 64)
    expected = [i for i in range(3000) if i % 100 != 7]
    order = rows_of(rows, first)
    assert sorted(order) == sorted(rows_of(rows, second)) == expected
    assert order != rows_of(rows, second)
    again = TableStream(str(folder / path), "y", batch_size=64, window=400)
    assert all((a[0] == b[0]).all() for a, b in zip(first, again))
    # Shuffled within the window: neighbours are apart, but no row comes before its block is read.
    assert np.mean(np.abs(np.diff(order))) > 50
    X = np.concatenate([b[0].numpy() for b in first])
    assert abs(X[:, 0][X[:, 1] == 0].mean()) < 0.01
    np.testing.assert_array_equal(X[:, 3] + X[:, 4], [i % 50 != 0 for i in order])


def test_processes_share_the_rows(table):
    folder, _ = table
    parts = [rows_of(r, list(r)) for r in (TableStream(str(folder / "t.csv"), "y", rank=i, world_size=3) for i in range(3))]
    assert sorted(sum(parts, [])) == [i for i in range(3000) if i % 100 != 7]       # noqa: RUF017
    assert {len(p) for p in parts} == {990}


def test_classes(table):
    folder, _ = table
    rows = TableStream(str(folder / "t.csv"), "city", drop=["y"])
    assert rows.classes == ["Oslo", "Rome"]
    y = np.concatenate([b[1].numpy() for b in rows])
    assert y.dtype == np.int64
    assert len(y) == 2940
    assert (y == 1).sum() == sum(i % 3 == 0 and i % 50 != 0 for i in range(3000))


def test_damaged_and_missing_files(table):
    folder, _ = table
    pa.parquet.write_table(pa.parquet.read_table(folder / "s2.parquet"), folder / "s2.parquet", write_page_checksum=True)
    data = (folder / "s2.parquet").read_bytes()
    (folder / "s2.parquet").write_bytes(data[:1000] + bytes([data[1000] ^ 1]) + data[1001:])
    with pytest.raises(UserError, match=r"s2\.parquet: cannot be read to its end"):
        TableStream(str(folder / "s*.parquet"), "y")
    (folder / "s2.parquet").write_bytes(data[:len(data) // 2])
    with pytest.raises(UserError, match=r"s2\.parquet: cannot be read to its end"):
        TableStream(str(folder / "s*.parquet"), "y")
    with (folder / "t.csv").open("a") as file:
        file.write("1,many,Oslo,2\n")
    with pytest.raises(UserError, match=r"t\.csv: cannot be read to its end.*many"):
        TableStream(str(folder / "t.csv"), "y")
    with pytest.raises(UserError, match="did you mean 'city'"):
        TableStream(str(folder / "t.parquet"), "ciyt")
    with pytest.raises(UserError, match="no such file"):
        TableStream(str(folder / "none*.csv"), "y")
    with pytest.raises(ValueError, match="batch_size should be a positive integer"):
        TableStream(str(folder / "t.parquet"), "y", batch_size=0)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads the peak of memory in /proc")
def test_memory_does_not_grow_with_the_table(tmp_path):
    """40 MB and 100 MB of CSV take the same memory, up to a few megabytes."""
    code = """
import sys
from tinygrad_c.tables.stream import TableStream
import tinygrad_c.tables.stream
rows = TableStream(sys.argv[1], "y", window=20000)
count = sum(len(y) for X, y in rows)
with open("/proc/self/status") as file:         # ru_maxrss would begin with the memory of the process that started this one
    peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
print(count, peak // 1024)
"""
    line = ",".join(f"{i}.123456" for i in range(8)) + ",0.5\n"
    peaks = {}
    for size in (40, 100):
        with open(tmp_path / "big.csv", "w") as file:
            file.write("a,b,c,d,e,f,g,h,y\n")
            for _ in range(size):
                file.write(line * ((1 << 20) // len(line)))
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "big.csv")], env=paths.environment(), capture_output=True,
                              text=True, timeout=240)
        assert done.returncode == 0, done.stderr
        count, peaks[size] = map(int, done.stdout.split())
        assert count == size * ((1 << 20) // len(line))
    assert peaks[100] < peaks[40] + 30, peaks
    assert peaks[100] < 400, peaks
