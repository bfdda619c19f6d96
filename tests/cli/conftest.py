"""The commands as a user types them: one process each, in an empty folder, with no data but what the test gives."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bepcore.cli import main

SMALL = ("--hidden", "32,16", "--gamma", "8", "--thermometer", "2")
"""A network that trains an epoch of digits in some milliseconds."""

needs_compiler = pytest.mark.skipif(shutil.which("make") is None, reason="needs make and a C++ compiler")


@pytest.fixture
def environment(tmp_path):
    """The environment of a fresh user: no data folder, a cache of its own."""
    kept = {key: value for key, value in os.environ.items() if key != "BEPCORE_DATA"}
    return {**kept, "BEPCORE_CACHE": str(tmp_path / "cache"), "COLUMNS": "200"}


@pytest.fixture
def bepcore(tmp_path, environment):
    """Function (words, …) → finished process, run in `tmp_path`."""

    def run(*words, **options):
        command = [sys.executable, "-m", "bepcore", *map(str, words)]
        options = {"cwd": tmp_path, "env": environment, "timeout": 300, **options}
        return subprocess.run(command, capture_output=True, text=True, **options)

    return run


@pytest.fixture
def inside(tmp_path, environment, monkeypatch, capsys):
    """Function (words, …) → (exit status, stdout, stderr) of a command run in this process: many times faster."""
    for key in ("BEPCORE_CACHE", "COLUMNS"):
        monkeypatch.setenv(key, environment[key])
    monkeypatch.delenv("BEPCORE_DATA", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*words):
        capsys.readouterr()
        try:
            status = main([*map(str, words)])
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def kept(inside, monkeypatch):
    """As `inside`, with the user's own cache, so that a core is compiled once and not for every test."""
    monkeypatch.delenv("BEPCORE_CACHE")
    return inside


@pytest.fixture
def refused(inside):
    """Function (words, …) → the sentence that a command ends with; checks status 2 and that it is one sentence."""

    def run(*words):
        status, _, errors = inside(*words)
        lines = errors.strip().splitlines()
        assert status == 2 and len(lines) == 1 and lines[0].startswith("bepcore") and lines[0].endswith("."), errors
        return lines[0]

    return run


@pytest.fixture
def real_data():
    """Folder of the real data sets, or a skip."""
    folder = Path(os.environ.get("BEPCORE_DATA") or Path(__file__).parents[2].parent / "shared" / "data").resolve()
    if not (folder / "mnist").is_dir():
        pytest.skip("no real data here; set BEPCORE_DATA")
    return folder


def last_json(done):
    """The JSON object on the last line of stdout, of a finished process or of what `inside` gives."""
    status, output, errors = done if isinstance(done, tuple) else (done.returncode, done.stdout, done.stderr)
    assert status == 0, errors
    return json.loads(output.splitlines()[-1])


def trained_state(folder):
    """Every trained array of a run folder's checkpoint, and where the run stands."""
    with np.load(Path(folder) / "checkpoint.npz") as file:
        arrays = {name: file[name] for name in file.files if name != "meta"}
        progress = json.loads(file["meta"].tobytes())["progress"]
    return arrays, progress


def assert_same_run(one, other):
    """Two run folders hold the same network, generator, best epoch and metrics, to the bit."""
    (arrays, progress), (others, other_progress) = trained_state(one), trained_state(other)
    assert arrays.keys() == others.keys() and progress == other_progress
    for name, array in arrays.items():
        assert np.array_equal(array, others[name]), name
