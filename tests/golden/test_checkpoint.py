"""Checkpoints: nothing lost on the way through the file, and every damaged or foreign file refused in a sentence."""

import errno
import json
import os
import resource
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from bepsw import checkpoint
from bepsw.checkpoint import load_checkpoint, save_checkpoint
from bepsw.errors import BepError
from bepsw.fit import FitData, fit
from bepsw.golden import FastModel
from bepsw.run import new_run
from bepsw.spec import Network, Training

NETWORK = Network(widths=(13, 10, 7), classes=3, bits=6)
TRAINING = Training(gamma=(2, 7), r=0.3, batch=9, seed=1)


@pytest.fixture
def run():
    rng = np.random.default_rng(0)
    run = new_run(NETWORK, TRAINING, lanes=11, patience=3, notes={"data": "noise", "x": [1, 0.1]})
    model = FastModel(NETWORK, TRAINING, run.prototypes, lanes=11)
    bits, labels = rng.integers(0, 2, (70, 13)).astype(np.uint8), rng.integers(0, 3, 70)

    def stop(run, metrics):
        if (run.progress.epoch, run.progress.sample) == (2, 18):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(model, run, FitData(bits[:50], labels[:50], bits[50:], labels[50:]), epochs=5, chunk=9, callback=stop)
    run.state = replace(run.state, pending=4, weights=tuple(~w for w in run.state.weights))
    return run


def test_everything_comes_back(run, tmp_path):
    path = tmp_path / "run.npz"
    save_checkpoint(path, run)
    back = load_checkpoint(path, NETWORK)
    for name in ("network", "training", "lanes", "patience", "progress", "data_digest", "notes"):
        assert getattr(back, name) == getattr(run, name), name
        assert type(getattr(back, name)) is type(getattr(run, name))
    assert back.progress.metrics and back.progress.sample == 18
    assert np.array_equal(back.prototypes, run.prototypes)
    for x, y in ((back.state, run.state), (back.best_state, run.best_state)):
        assert x.pending == y.pending
        for a, b in zip(x.hidden + x.weights + (x.generator,), y.hidden + y.weights + (y.generator,), strict=True):
            assert a.dtype == b.dtype and np.array_equal(a, b)
    assert os.listdir(tmp_path) == ["run.npz"]


@pytest.mark.parametrize(
    ("network", "training"),
    [
        (replace(NETWORK, steps=5), replace(TRAINING, select="threshold", theta=0.5, push=0.1, rarity=3)),
        (NETWORK, replace(TRAINING, rule="local", gate=False)),
        (Network(widths=(13, 10), classes=3), Training(gamma=(10,), rule="cpr", batch=9)),
    ],
    ids=["recurrent", "local", "cpr"],
)
def test_every_rule_comes_back_and_goes_on_with_the_same_bits(network, training, tmp_path):
    rng = np.random.default_rng(1)
    bits, labels = rng.integers(0, 2, (60, network.inputs)).astype(np.uint8), rng.integers(0, 3, 60)
    data = FitData(bits[:45], labels[:45], bits[45:], labels[45:])
    runs = []
    for stop in (4, 2):
        run = new_run(network, training, lanes=11)
        fit(FastModel(network, training, run.prototypes, lanes=11), run, data, epochs=stop)
        runs.append(run)
    whole, halved = runs
    save_checkpoint(tmp_path / "run.npz", halved)
    back = load_checkpoint(tmp_path / "run.npz", network)
    assert (back.network, back.training) == (network, training)
    assert type(back.prototypes) is type(halved.prototypes)
    fit(FastModel(network, training, back.prototypes, lanes=11), back, data, epochs=4)
    assert back.progress == whole.progress
    for x, y in ((back.state, whole.state), (back.best_state, whole.best_state)):
        assert all(np.array_equal(a, b) for a, b in zip(x.hidden + x.weights, y.hidden + y.weights, strict=True))
        assert np.array_equal(x.generator, y.generator)


def test_a_checkpoint_from_before_the_rules_loads(run, tmp_path):
    save_checkpoint(tmp_path / "run.npz", run)

    def forget(meta, arrays):
        del meta["network"]["steps"]
        for name in ("rule", "gate", "select", "theta", "push", "rarity"):
            del meta["training"][name]

    rewrite(tmp_path / "run.npz", forget)
    back = load_checkpoint(tmp_path / "run.npz", NETWORK)
    assert (back.network, back.training) == (run.network, run.training)


@pytest.mark.parametrize(
    "change",
    [
        lambda meta, arrays: arrays.pop("prototypes_1"),
        lambda meta, arrays: arrays.update(prototypes_1=arrays["prototypes_2"]),
        lambda meta, arrays: arrays.update(prototypes_2=arrays["prototypes_2"].astype(int)),
        lambda meta, arrays: meta["training"].update(rule="bep"),
        lambda meta, arrays: meta["network"].update(steps=2),
    ],
)
def test_a_local_checkpoint_that_does_not_fit_is_refused(tmp_path, change):
    save_checkpoint(tmp_path / "run.npz", new_run(NETWORK, replace(TRAINING, rule="local"), lanes=11))
    load_checkpoint(tmp_path / "run.npz")
    rewrite(tmp_path / "run.npz", change)
    with pytest.raises(BepError, match="not a complete checkpoint"):
        load_checkpoint(tmp_path / "run.npz")


def test_without_a_best_state(run, tmp_path):
    run.best_state = None
    save_checkpoint(tmp_path / "run.npz", run)
    assert load_checkpoint(tmp_path / "run.npz").best_state is None


@pytest.mark.parametrize(
    "other",
    [
        replace(NETWORK, widths=(13, 10, 14)),
        replace(NETWORK, widths=(13, 10)),
        replace(NETWORK, classes=4),
        replace(NETWORK, bits=8),
    ],
)
def test_another_network_is_refused(run, tmp_path, other):
    save_checkpoint(tmp_path / "run.npz", run)
    with pytest.raises(BepError, match="13-10-7 with 3 classes and 6 bits, not of a network"):
        load_checkpoint(tmp_path / "run.npz", other)


def test_truncated_anywhere_is_refused(run, tmp_path):
    path = tmp_path / "run.npz"
    save_checkpoint(path, run)
    whole = path.read_bytes()
    for size in [*range(0, len(whole), 97), len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(BepError, match="not a complete checkpoint"):
            load_checkpoint(path)


def test_a_flipped_bit_is_refused_or_without_effect(run, tmp_path):
    path = tmp_path / "run.npz"
    save_checkpoint(path, run)
    whole = path.read_bytes()
    refused = 0
    for place in range(0, len(whole), 41):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        try:
            back = load_checkpoint(path)
        except BepError:
            refused += 1
        else:  # dates and attributes of the zip entries are not covered by its sums, and do not matter
            assert back.progress == run.progress
            assert all(np.array_equal(a, b) for a, b in zip(back.state.hidden, run.state.hidden, strict=True))
    assert refused > 50


def rewrite(path, change):
    """Change the JSON or the arrays of a checkpoint, with sums that fit."""
    with np.load(path) as arrays:
        arrays = {name: arrays[name] for name in arrays.files}
    meta = json.loads(arrays["meta"].tobytes())
    change(meta, arrays)
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    "change",
    [
        lambda meta, arrays: meta.pop("progress"),
        lambda meta, arrays: meta["progress"].update(surprise=1),
        lambda meta, arrays: meta.update(kind="something else"),
        lambda meta, arrays: meta["network"].update(widths=[13, 10, 8]),
        lambda meta, arrays: meta["network"].update(bits=2),
        lambda meta, arrays: meta["training"].update(gamma=[3, 7]),
        lambda meta, arrays: meta.update(lanes=99),
        lambda meta, arrays: meta.update(pending=9),
        lambda meta, arrays: arrays.pop("best_hidden_2"),
        lambda meta, arrays: arrays.update(state_hidden_1=arrays["state_hidden_1"][:-1]),
        lambda meta, arrays: arrays.update(state_hidden_1=arrays["state_hidden_1"] + 0.5),
        lambda meta, arrays: arrays.update(prototypes=arrays["prototypes"][:, :-1]),
    ],
)
def test_contents_that_do_not_fit_are_refused(run, tmp_path, change):
    path = tmp_path / "run.npz"
    save_checkpoint(path, run)
    rewrite(path, change)
    with pytest.raises(BepError, match="not a complete checkpoint"):
        load_checkpoint(path)


def test_another_format_is_named(run, tmp_path):
    path = tmp_path / "run.npz"
    save_checkpoint(path, run)
    rewrite(path, lambda meta, arrays: meta.update(version=checkpoint.VERSION + 1))
    with pytest.raises(BepError, match="has format 2, this version reads format 1"):
        load_checkpoint(path)


def test_files_that_are_no_checkpoint(tmp_path):
    with pytest.raises(BepError, match=r"could not be read \(No such file"):
        load_checkpoint(tmp_path / "missing.npz")
    with pytest.raises(BepError, match="could not be read"):
        load_checkpoint(tmp_path)
    for name, content in (("text", b"hello"), ("empty", b""), ("npy", b"\x93NUMPY\x01\x00")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BepError, match="not a complete checkpoint"):
            load_checkpoint(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(BepError, match="not a complete checkpoint"):
        load_checkpoint(tmp_path / "zip")
    np.savez(tmp_path / "other.npz", x=np.arange(3))
    with pytest.raises(BepError, match="not a complete checkpoint"):
        load_checkpoint(tmp_path / "other.npz")
    np.savez(tmp_path / "object.npz", meta=np.array([{}], dtype=object))
    with pytest.raises(BepError, match="not a complete checkpoint"):
        load_checkpoint(tmp_path / "object.npz")


def full_at_sync(monkeypatch):
    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)


def full_while_writing(monkeypatch):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (700, before[1]))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("fill", [full_at_sync, full_while_writing])
def test_a_full_disk_leaves_the_old_checkpoint(run, tmp_path, monkeypatch, fill):
    path = tmp_path / "run.npz"
    save_checkpoint(path, run)
    before = path.read_bytes()
    run.progress.epoch = 3
    free = fill(monkeypatch)
    try:
        with pytest.raises(BepError, match=r"could not be written \(.+\); the previous one is intact"):
            save_checkpoint(path, run)
    finally:
        if free:
            free()
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.npz"]
    assert load_checkpoint(path).progress.epoch == 2


def test_the_old_file_is_replaced_and_never_written_into(run, tmp_path):
    path = tmp_path / "run.npz"
    save_checkpoint(path, run)
    before = path.read_bytes()
    run.progress.epoch = 3
    with open(path, "rb") as old:
        save_checkpoint(path, run)
        assert old.read() == before
    assert load_checkpoint(path).progress.epoch == 3


def test_a_folder_that_is_not_there(run, tmp_path):
    with pytest.raises(BepError, match=r"could not be written \(No such file or directory\)\.$"):
        save_checkpoint(tmp_path / "nowhere" / "run.npz", run)
