"""What the tests of the command line share."""
import pytest
from samples.comparing import snapshot


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(here, capfd):
    """Run a command in an empty folder: its exit status, standard output and standard error."""
    def call(*argv):
        from tinygrad_c.cli import main

        status = main.main([str(a) for a in argv])
        captured = capfd.readouterr()
        return status, captured.out, captured.err
    return call


@pytest.fixture
def refused(run, here):
    """Run a command that has to fail: one line on standard error, status 2, and no file written or changed."""
    def call(*argv):
        before = snapshot(here)
        status, out, err = run(*argv)
        assert (status, out) == (2, "")
        assert err.startswith("tinygrad_c: ")
        assert err.count("\n") == 1
        assert snapshot(here) == before
        return err
    return call
