"""Ctrl-C, SIGTERM and a full disk while training: the run folder stays whole, and going on gives the same network."""

import os
import resource
import signal
import subprocess
import sys
import time

import pytest

from .conftest import SMALL, assert_same_run, trained_state

EPOCHS = 100


def start(tmp_path, environment, *words, **options):
    command = [sys.executable, "-m", "bepcore", "train", *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes, **options)


def wait_for(path, process, seconds=120):
    end = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None and time.monotonic() < end, process.communicate()
        time.sleep(0.01)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_and_resumed_is_the_same_as_uninterrupted(bepcore, tmp_path, environment, how):
    process = start(tmp_path, environment, *SMALL, "--epochs", EPOCHS, "--out", "stopped")
    wait_for(tmp_path / "stopped" / "checkpoint.npz", process)
    process.send_signal(how)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.count("\n") == 1 and "go on with: bepcore train --resume stopped" in errors
    _, progress = trained_state(tmp_path / "stopped")
    assert 0 < progress["epoch"] < EPOCHS
    names = sorted(path.name for path in (tmp_path / "stopped").iterdir())
    assert names == ["checkpoint.npz", "curve.png", "metrics.csv", "settings.json"]
    assert bepcore("train", "--resume", "stopped").returncode == 0
    assert bepcore("train", *SMALL, "--epochs", EPOCHS, "--out", "through").returncode == 0
    assert_same_run(tmp_path / "stopped", tmp_path / "through")


def test_a_checkpoint_that_does_not_fit_on_the_disk(bepcore, tmp_path, environment):
    """A limit on file size stands for the full disk: the write fails half-way with an error of the system."""
    limit = 4096

    def shrink():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    process = start(tmp_path, environment, *SMALL, "--epochs", 2, "--out", "full", preexec_fn=shrink)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2 and errors.count("\n") == 1
    assert "checkpoint full/checkpoint.npz could not be written (File too large)." in errors
    assert not (tmp_path / "full").exists()


def test_the_checkpoint_before_a_full_disk_can_be_resumed(bepcore, tmp_path, environment):
    assert bepcore("train", *SMALL, "--epochs", 2, "--out", "run").returncode == 0
    before = (tmp_path / "run" / "checkpoint.npz").read_bytes()

    def shrink():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))

    process = start(tmp_path, environment, "--resume", "run", "--epochs", 5, preexec_fn=shrink)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2 and "the previous one is intact" in errors
    assert (tmp_path / "run" / "checkpoint.npz").read_bytes() == before
    assert not [path for path in (tmp_path / "run").iterdir() if path.name.startswith(".")]
    assert bepcore("train", "--resume", "run", "--epochs", 5).returncode == 0
    assert bepcore("train", *SMALL, "--epochs", 5, "--out", "through").returncode == 0
    assert_same_run(tmp_path / "run", tmp_path / "through")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_really_is_full(bepcore, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        done = bepcore("train", *SMALL, "--epochs", 2, "--out", disk / "run")
        assert done.returncode == 2 and done.stderr.count("\n") == 1
        assert "No space left on device" in done.stderr
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", disk], check=True)
