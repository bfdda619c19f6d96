"""Commands that cannot work: each is one sentence on stderr, status 2, and nothing is left behind."""

import gzip
import re
import shutil
import struct
import subprocess
import sys

import numpy as np
import pytest

from .conftest import SMALL


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("--hidden", "0"), "Width K_1 must be a whole number from 1"),
        (("--hidden", "255,0,3"), "Width K_2 must be"),
        (("--hidden", "1,2,3,4,5,6,7"), "1 to 6 hidden layers, not 7"),
        (("--hidden", "a"), "'a' is not a list of whole numbers"),
        (
            ("--hidden", "255,255", "--gamma", "50"),
            "group size 50 does not divide the 255 units of layer 1; 51 would do",
        ),
        (("--gamma", "1,2,3"), "2 layers but gamma lists 3 group sizes"),
        (("--bits", "1"), "Bits per hidden weight must be a whole number from 2 to 16, not 1"),
        (("--epochs", "0"), "--epochs must be at least 1"),
        (("--epochs", "many"), "invalid int value: 'many'"),
        (("--batch", "0"), "batch size must be"),
        (("--r", "nan"), "margin r must be a number from 0 to 2"),
        (("--nu", "-1"), "gate threshold nu must be"),
        (("--p-r", "2"), "reinforcement strength p_r must be"),
        (("--rule", "adam"), "invalid choice: 'adam'"),
        (("--rule", "cpr"), "exactly one layer whose group size is its width"),
        (("--rule", "local", "--target", "sim"), "for the local rules build it with rules = 1"),
        (("--theta", "0.3"), "add that or leave --theta out"),
        (("--push", "0.3"), "push needs threshold selection"),
        (("--rarity", "9"), "rarity of counter steps must be a whole number from 0 to 8"),
        (("--seed", "-1"), "seed must be a whole number from 0"),
        (("--lanes", "0"), "number of lanes must be"),
        (("--patience", "-1"), "--patience must be at least 0"),
        (("--thermometer", "0"), "thermometer bits must be a whole number from 1"),
        (("--expand", "-5"), "random expansion must be a whole number from 0"),
        (("--binarise", "median", "--thermometer", "3"), "A median threshold gives one bit"),
        (("--samples", "5000"), "There are 1154 training samples, not 5000"),
        (("--validation", "2000"), "validation share must be"),
        (("--validation", "nan"), "validation share must be"),
        (("--data", "minst"), "no data set 'minst'; known are digits, mnist"),
        (("--data", "mnist"), "run 'bepcore data fetch mnist'"),
        (("--data", "gone.csv"), "Cannot read .*gone.csv: No such file"),
        (("--data-dir", "gone", "--data", "mnist"), "data folder gone does not exist"),
        (
            ("--target", "board"),
            "there is no target 'board'; known are golden, golden-link, sim, sim-soc, and board:PORT",
        ),
        (("--out", "/proc/here"), "Cannot write into the run folder /proc/here"),
        (("--resume", "gone"), "could not be read"),
        (("--nonsense",), "unrecognized arguments: --nonsense"),
    ],
)
def test_arguments(refused, tmp_path, words, sentence):
    said = refused("train", *words)
    assert re.search(sentence, said), said
    assert not (tmp_path / "runs").exists()


def test_data_that_is_bad(refused, tmp_path):
    (tmp_path / "nan.csv").write_text("1,2,0\n3,nan,1\n" * 4)
    assert "Line 2, column 2" in refused("train", "--data", "nan.csv")
    folder = tmp_path / "images"
    folder.mkdir()
    for part, count in (("train", 30), ("t10k", 10)):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(np.ones((count, 3, 3), np.uint8)))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx((np.arange(count) % 3).astype(np.uint8)))
    images = folder / "train-images-idx3-ubyte"
    whole = images.read_bytes()
    images.write_bytes(whole[:-10])
    assert "cut short" in refused("train", "--data", folder)
    images.write_bytes(gzip.compress(whole)[:-10])
    assert "cut short" in refused("train", "--data", folder)
    images.write_bytes(whole)
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(np.full(10, 3, np.uint8)))
    assert "label 3 of test sample 1" in refused("train", "--data", folder)
    assert not (tmp_path / "runs").exists()


def test_an_out_folder_that_holds_a_run(inside, refused, tmp_path):
    assert inside("train", *SMALL, "--epochs", 1, "--out", "run")[0] == 0
    assert "run holds a run already; go on with --resume run" in refused("train", *SMALL, "--out", "run")


@pytest.fixture
def run(inside, tmp_path):
    """A finished run in `tmp_path`/run."""
    assert inside("train", *SMALL, "--epochs", 1, "--out", "run")[0] == 0
    return tmp_path / "run"


def test_resuming_with_other_settings(refused, run):
    assert "--hidden cannot change in a resumed run" in refused("train", "--resume", run, "--hidden", "5")
    assert "--out cannot change" in refused("train", "--resume", run, "--out", "x")
    assert "--online cannot change" in refused("train", "--resume", run, "--online")


def test_a_checkpoint_of_another_network(inside, refused, run, tmp_path):
    assert inside("train", "--hidden", "24", "--epochs", 1, "--out", "other")[0] == 0
    shutil.copy(tmp_path / "other" / "checkpoint.npz", run / "checkpoint.npz")
    said = refused("train", "--resume", run)
    assert "is of another run" in said and "settings.json says" in said


def test_a_checkpoint_that_is_damaged(refused, run, tmp_path):
    checkpoint = run / "checkpoint.npz"
    whole = checkpoint.read_bytes()
    for content in (b"", b"nothing like it", whole[: len(whole) // 2]):
        checkpoint.write_bytes(content)
        assert "not a complete checkpoint" in refused("train", "--resume", run)
        assert "not a complete checkpoint" in refused("infer", run)
    np.savez(checkpoint, x=np.zeros(3))
    assert "not a complete checkpoint" in refused("infer", run)
    checkpoint.unlink()
    assert "has no checkpoint.npz" in refused("infer", run)
    (run / "settings.json").write_text("{")
    checkpoint.write_bytes(whole)
    assert "settings.json is damaged" in refused("train", "--resume", run)


def test_resuming_on_other_data(refused, inside, tmp_path):
    rows = [f"{i % 7},{i % 5},{i % 2}" for i in range(60)]
    (tmp_path / "mine.csv").write_text("\n".join(rows))
    assert inside("train", "--data", "mine.csv", "--hidden", "8", "--epochs", 1, "--out", "run")[0] == 0
    rows[3] = "6,4,0"
    rows[8] = "6,4,1"
    (tmp_path / "mine.csv").write_text("\n".join(rows))
    assert "started on other data" in refused("train", "--resume", "run", "--epochs", 2)


def test_inference_on_the_wrong_data(refused, run, tmp_path):
    (tmp_path / "mine.csv").write_text("1,2,0\n3,4,1\n" * 4)
    assert "fitted on 64 features a sample but this data has 2" in refused("infer", run, "--data", "mine.csv")
    wide = ",".join(["1"] * 64)
    (tmp_path / "wide.csv").write_text(f"{wide},cat\n{wide},dog\n" * 4)
    assert "class 'cat', which the network was not trained on" in refused("infer", run, "--data", "wide.csv")
    assert "--unlabelled needs --data" in refused("infer", run, "--unlabelled")
    assert "--samples must be 1 to 355" in refused("infer", run, "--samples", "0")
    assert "Cannot write" in refused("infer", run, "--out", tmp_path / "gone" / "x.csv").splitlines()[-1]


def test_the_top_of_the_command(bepcore, refused):
    assert "required: COMMAND" in refused()
    mistake = bepcore("train", "--hidden", "0")
    assert mistake.returncode == 2 and not mistake.stdout
    assert mistake.stderr == "bepcore: Width K_1 must be a whole number from 1 to 65536, not 0.\n"
    assert "invalid choice: 'trane'" in refused("trane")
    done = bepcore("--help")
    assert done.returncode == 0 and all(word in done.stdout for word in ("train", "infer", "verify", "generate"))
    assert bepcore("--version").stdout.startswith("bepcore 0.")


def test_a_reader_that_goes_away(tmp_path, environment):
    command = [sys.executable, "-m", "bepcore", "data", "show", "digits"]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, **options)
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 0
    process.stderr.close()
