"""Several ranks, by mpirun: they compute what one process computes, and the fault of one ends all. ranks.py is what they run."""
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from samples import paths

pytest.importorskip("mpi4py")
MPIRUN = shutil.which("mpirun")
if MPIRUN is None:
    pytest.skip("mpirun is not installed", allow_module_level=True)

RANKS = Path(__file__).with_name("ranks.py")


def mpirun(n, *program, seconds=120):
    """Exit status, output and errors of n ranks."""
    more = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
            "OMPI_MCA_mpi_yield_when_idle": "1", "TINYGRAD_C_NUM_THREADS": "1"}
    done = subprocess.run([MPIRUN, "-n", str(n), sys.executable, *map(str, program)], env=paths.environment(**more),
                          capture_output=True, text=True, timeout=seconds)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("n", [2, 3, 4])
def test_the_ranks_compute_what_one_process_computes(n):
    status, out, err = mpirun(n, RANKS, "good")
    assert status == 0, err
    told = re.findall(r"rank \d of \d: good is right", out)        # mpirun may mix the lines of two ranks
    assert sorted(told) == [f"rank {i} of {n}: good is right" for i in range(n)]


@pytest.mark.parametrize(("case", "words"), [
    ("shapes", "Detected mismatch between collectives on ranks. rank 0: all_reduce(SUM) of 3 elements, float32; "
               "rank 1: all_reduce(SUM) of 4 elements"),
    ("operations", "rank 0: broadcast of 3 elements, float32; rank 1: all_reduce(SUM) of 3"),
    ("models", "DDP expects same model across all ranks: params[0] is weight of sizes [1, 4]"),
    ("raises", "ValueError: a bad row"),
    ("killed", "signal 9"),
    ("absent", "Timed out waiting 2 s for the other ranks: rank 0 of 2 is in all_reduce"),
    ("lengths", "recv of 4 elements: rank 0 has sent 3"),
])
def test_the_fault_of_one_rank_ends_all_within_seconds(case, words):
    begin = time.monotonic()
    status, out, err = mpirun(2, RANKS, case, seconds=60)
    assert status != 0
    assert words in err + out, err
    assert "rank 0 of 2: " not in out or case == "lengths"
    assert time.monotonic() - begin < 45        # a few seconds where no other programs run


def test_alone_there_is_one_rank_without_mpirun():
    done = subprocess.run([sys.executable, "-c", """
import tinygrad_c as torch, tinygrad_c.distributed as dist
dist.init_process_group("mpi")
x = torch.ones(2)
dist.all_reduce(x)
dist.barrier()
print(dist.get_rank(), dist.get_world_size(), x.tolist(), dist.get_backend())
dist.destroy_process_group()
"""], env=paths.environment(), capture_output=True, text=True, timeout=60)
    assert done.stdout == "0 1 [1.0, 1.0] mpi\n", done.stderr


def test_wrong_arguments():
    import tinygrad_c.distributed as dist

    assert not dist.is_initialized()
    with pytest.raises(ValueError, match="Default process group has not been initialized"):
        dist.get_rank()
    with pytest.raises(ValueError, match="there is only 'mpi' here"):
        dist.init_process_group("gloo")
    with pytest.raises(ValueError, match="leave them out"):
        dist.init_process_group("mpi", init_method="tcp://localhost:1")
    with pytest.raises(AttributeError, match="all_gather, reduce_scatter_tensor"):
        getattr(dist, "all_to_all")  # noqa: B009
    assert not dist.is_initialized()


def test_train_splits_the_rows(tmp_path):
    """`mpirun -n 3 python -m tinygrad_c train`: the nets of one process, up to rounding."""
    pytest.importorskip("pandas")
    np = pytest.importorskip("safetensors.numpy").load_file
    rows = "".join(f"{i % 7},{(i * i) % 11},{3 * (i % 7) - (i * i) % 11}\n" for i in range(200))
    (tmp_path / "t.csv").write_text("a,b,y\n" + rows)
    train = ["-m", "tinygrad_c", "train", tmp_path / "t.csv", "--target", "y", "--task", "regression", "--epochs", 3, "--batch-size",
             50, "--lr", "0.01", "--quick", "--out"]
    status, out, err = mpirun(3, *train, tmp_path / "three")
    assert status == 0, err
    assert out.count("wrote ") == 1         # rank 0 alone tells
    assert "each step's rows are divided among 3 processes" in out
    done = subprocess.run([sys.executable, *map(str, train), str(tmp_path / "one")], env=paths.environment(), capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    three, one = np(tmp_path / "three" / "model.safetensors"), np(tmp_path / "one" / "model.safetensors")
    assert sorted(three) == sorted(one)
    for name in one:
        assert abs(three[name] - one[name]).max() < 2e-5, name
    status, _, err = mpirun(2, "-m", "tinygrad_c", "train", tmp_path / "none.csv")
    assert status != 0
    assert err.count("tinygrad_c: ") == 1
