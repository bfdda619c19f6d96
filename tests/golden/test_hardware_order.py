"""The hardware's order in a run: which samples come when, in the checkpoint, and with a target that replays them."""

import json

import numpy as np
import pytest

from bepsw.checkpoint import load_checkpoint, save_checkpoint
from bepsw.errors import BepError
from bepsw.fit import FitData, fit
from bepsw.golden import FastModel
from bepsw.permutation import hardware_order
from bepsw.run import new_run
from bepsw.spec import Network, Training

from .test_fit import Stop, assert_same_run

NETWORK = Network(widths=(20, 12, 12), classes=3, bits=5)
TRAINING = Training(gamma=(2, 3), batch=8, seed=4)


def data(count=90):
    rng = np.random.default_rng(0)
    centres = rng.integers(0, 2, (3, 20))
    labels = rng.integers(0, 3, count)
    bits = (centres[labels] ^ (rng.random((count, 20)) < 0.15)).astype(np.uint8)
    return FitData(bits[30:], labels[30:], bits[:30], labels[:30])


def target(kind=FastModel, order="hardware"):
    run = new_run(NETWORK, TRAINING, lanes=8, patience=2, order=order)
    return kind(NETWORK, TRAINING, run.prototypes, lanes=8), run


class Watched(FastModel):
    """Keeps what it was trained on."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.seen = []

    def train(self, bits, labels, *, close=False):
        self.seen.append((bits.tolist(), labels.tolist(), close))
        return super().train(bits, labels, close=close)


class Replaying(Watched):
    """A target that holds the data itself: it is told positions, and may not be given samples."""

    def put(self, data):
        self.data, self.stored, self.asked = data, data.digest(), []

    def train(self, bits, labels, *, close=False):
        raise AssertionError("samples came from the host")

    def infer(self, bits):
        raise AssertionError("samples came from the host")

    def train_stored(self, epoch, first, length, *, close=False):
        self.asked.append((epoch, first, length, close))
        order = hardware_order(TRAINING.seed, epoch, len(self.data.train_labels))[first : first + length]
        labels = self.data.train_labels[order]
        results = FastModel.train(self, self.data.train_bits[order], labels, close=close)
        return np.count_nonzero(results.prediction != labels), np.count_nonzero(results.triggered)

    def infer_stored(self):
        return np.count_nonzero(FastModel.infer(self, self.data.validation_bits) != self.data.validation_labels)


def test_samples_come_in_the_hardware_order():
    (model, run), some = target(Watched), data()
    fit(model, run, some, epochs=3, chunk=40)
    for epoch in range(3):
        order = hardware_order(TRAINING.seed, epoch, 60)
        for part, close in ((order[:40], False), (order[40:], True)):
            assert model.seen.pop(0) == (some.train_bits[part].tolist(), some.train_labels[part].tolist(), close)


def test_a_target_that_replays_is_told_positions_and_ends_the_same():
    model, run = target(Replaying)
    model.put(data())
    fit(model, run, data(), epochs=3, chunk=32)
    assert model.asked == [(epoch, *part) for epoch in range(3) for part in ((0, 32, False), (32, 28, True))]
    assert_same_run(run, fit(*target(), data(), epochs=3))


def test_a_target_that_holds_other_data_or_another_order_is_sent_samples():
    for order, held in (("hardware", data(80)), ("host", data())):
        model, run = target(Replaying, order)
        model.put(held)
        with pytest.raises(AssertionError, match="came from the host"):
            fit(model, run, data(), epochs=1)


def test_stopped_and_resumed_is_identical(tmp_path):
    whole = fit(*target(), data(), epochs=3)
    path = tmp_path / "run.npz"
    model, run = target()
    with pytest.raises(KeyboardInterrupt):
        fit(model, run, data(), epochs=3, path=path, callback=Stop(11), chunk=8)
    resumed = load_checkpoint(path)
    assert resumed.order == "hardware" and resumed.progress.sample
    assert_same_run(fit(target()[0], resumed, data(), epochs=3), whole)
    other = fit(*target(order="host"), data(), epochs=3)
    assert other.order == "host"
    with pytest.raises(AssertionError):
        assert_same_run(other, whole)


def rewritten(path, change):
    """A checkpoint with its description changed."""
    with np.load(path) as file:
        arrays = dict(file)
    meta = json.loads(arrays["meta"].tobytes())
    change(meta)
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    np.savez(path, **arrays)
    return path


def test_checkpoints_of_before_have_the_order_of_the_host(tmp_path):
    _, run = target()
    save_checkpoint(tmp_path / "run.npz", run)
    path = rewritten(tmp_path / "run.npz", lambda meta: meta.pop("order"))
    assert load_checkpoint(path).order == "host"
    rewritten(path, lambda meta: meta.update(order="sorted"))
    with pytest.raises(BepError, match="not a complete checkpoint"):
        load_checkpoint(path)


def test_other_orders_are_refused():
    with pytest.raises(BepError, match="order of the samples"):
        new_run(NETWORK, TRAINING, lanes=8, order="sorted")
    assert new_run(NETWORK, TRAINING, lanes=8).order == "host"
