"""The commands that need the hardware: `verify`, `generate`, and `train` and `infer` on a simulated core."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from bepcore import verify
from bepsw.golden import FastModel

from .conftest import assert_same_run, last_json, needs_compiler

TINY = ("--core", "tiny", "--hidden", "24,16", "--gamma", "8", "--binarise", "median")

needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs Icarus Verilog")


@pytest.mark.parametrize(
    "simulator, samples",
    [pytest.param("icarus", 6, marks=needs_icarus), pytest.param("verilator", 60, marks=needs_compiler)],
)
def test_verify_says_identical_and_how_much_it_compared(kept, tmp_path, simulator, samples):
    recorded = ("--waves", "seen.fst") if simulator == "icarus" else ()
    status, output, errors = kept("verify", *TINY, "--sim", simulator, "--samples", samples, "--json", *recorded)
    record = json.loads(output)
    assert status == 0 and record["identical"] and record["difference"] is None
    assert record["samples"] == record["timed"] == samples and record["network"] == "64-24-16"
    assert record["weights"] == record["states"] * (64 * 24 + 24 * 16)
    assert "identical" in errors and f"digits: {samples} samples" in errors
    assert not recorded or (tmp_path / "seen.fst").stat().st_size > 1000


@needs_compiler
def test_verify_of_samples_that_the_hardware_replays(kept, monkeypatch):
    """Every result of two epochs in the hardware's order; in the order of another epoch they are different."""
    words = ("verify", *TINY, "--samples", 20, "--order", "hardware", "--epochs", 2, "--batch", 12)
    record = last_json(kept(*words, "--json"))
    assert record["identical"] and record["order"] == "hardware"
    assert record["samples"] == 40 and record["timed"] == 0 and record["results"] > 40
    honest = verify.hardware_order
    monkeypatch.setattr(verify, "hardware_order", lambda seed, epoch, count: honest(seed, 2 * epoch, count))
    status, output, _ = kept(*words)
    assert status == 1 and "different" in output


@needs_compiler
def test_verify_finds_a_difference(kept, monkeypatch):
    """The golden model is made to err in one prediction, the 31st: verify must say so, and where."""
    honest = FastModel.train

    def wrong(self, bits, labels, **options):
        results = honest(self, bits, labels, **options)
        seen = self.counters.samples
        if seen - len(bits) <= 30 < seen:
            results.prediction[30 - seen] ^= 1
        return results

    monkeypatch.setattr(FastModel, "train", wrong)
    status, output, _ = kept("verify", *TINY, "--samples", 60)
    assert status == 1 and "different" in output and "identical" not in output
    assert "30" in output or "31" in output


@needs_compiler
def test_training_on_a_simulated_core_gives_the_golden_network(kept, tmp_path):
    words = ("train", *TINY, "--samples", 150, "--validation", 30, "--epochs", 2, "--batch", 25)
    assert kept(*words, "--out", "golden")[0] == 0
    assert kept(*words, "--out", "hardware", "--target", "sim")[0] == 0
    assert_same_run(tmp_path / "golden", tmp_path / "hardware")
    one = last_json(kept("infer", "golden", "--samples", 50, "--json"))
    two = last_json(kept("infer", "golden", "--samples", 50, *TINY[:2], "--target", "sim", "--json"))
    assert one == two


@needs_compiler
def test_interrupting_a_simulated_core(kept, tmp_path, environment):
    """Ctrl-C in a terminal reaches the simulator too; the run folder stays whole and the golden model can go on."""
    words = ("train", *TINY, "--samples", 60, "--validation", 20, "--epochs", 150, "--batch", 20)
    command = [sys.executable, "-m", "bepcore", *map(str, words), "--out", "stopped", "--target", "sim"]
    environment = {key: value for key, value in environment.items() if key != "BEPCORE_CACHE"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, start_new_session=True, **pipes)
    end = time.monotonic() + 120
    while not (tmp_path / "stopped" / "checkpoint.npz").exists():
        assert process.poll() is None and time.monotonic() < end, process.communicate()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "go on with: bepcore train --resume stopped" in errors, errors
    assert kept("train", "--resume", "stopped")[0] == 0
    assert kept(*words, "--out", "through")[0] == 0
    assert_same_run(tmp_path / "stopped", tmp_path / "through")


def test_generate_writes_verilog_and_a_sidecar(inside, tmp_path):
    record = last_json(inside("generate", "--core", "tiny", "--slots", 2, "--out", "build/core", "--json"))
    assert record["core"]["slots"] == 2 and record["core"]["lanes"] == 8
    sidecar = json.loads((tmp_path / "build" / "core" / "bepcore.json").read_text())
    assert sidecar["core"] == record["core"] and sidecar["registers"]
    verilog = (tmp_path / "build" / "core" / "bepcore.v").read_text()
    assert "module bepcore(" in verilog.replace("module bepcore (", "module bepcore(")


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("verify", "--core", "tiny"), "does not fit this core: the widest layer needs max_width >= 128"),
        (("verify", "--hidden", "255,255"), "does not fit this core: the W plane needs weight_words >="),
        (("verify", "--core", "huge"), "no core preset 'huge'; the presets are tiny, small"),
        (("verify", "--samples", "0"), "at least 1, not 0"),
        (("verify", "--samples", "9999"), "There are 1154 training samples, not 9999"),
        (("verify", "--hidden", "0"), "Width K_1 must be"),
        (("verify", "--sim", "other"), "invalid choice: 'other'"),
        (("generate", "--out", "x", "--lanes", "7"), "lanes must be a whole number from 8"),
        (("generate", "--out", "x", "--core", "huge"), "no core preset 'huge'"),
        (("generate",), "required: --out"),
        (("train", "--target", "sim", "--core", "tiny", "--out", "x"), "does not fit this core"),
    ],
)
def test_what_does_not_fit(refused, tmp_path, words, sentence):
    assert sentence in refused(*words)
    assert not (tmp_path / "x").exists() and not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "simulator, sentence", [("icarus", "Icarus Verilog is missing: install it"), ("verilator", "Verilator needs")]
)
def test_a_missing_simulator(inside, monkeypatch, simulator, sentence):
    monkeypatch.setenv("PATH", "/nowhere")
    words = (*TINY, "--sim", simulator)
    for command in ("verify", "train"):
        options = ("--target", "sim") if command == "train" else ()
        status, _, errors = inside(command, *words, "--samples", 10, *options)
        assert status == 2 and errors.count("\n") == 1 and sentence in errors


def test_the_named_core_decides_the_random_bits(inside, tmp_path):
    """Other lanes, other bank of generators, another network."""
    words = ("train", "--hidden", "24", "--binarise", "median", "--samples", 200, "--epochs", 1)
    for core in ("tiny", "small"):
        assert inside(*words, "--core", core, "--out", core)[0] == 0
    one, two = (np.load(tmp_path / core / "checkpoint.npz")["state_generator"] for core in ("tiny", "small"))
    assert one.shape != two.shape
