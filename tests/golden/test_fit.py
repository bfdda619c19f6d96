"""The epoch loop: the schedules, selection, and stopping anywhere without a trace in the result."""

import os
import signal
import threading
from dataclasses import replace

import numpy as np
import pytest

from bepsw.checkpoint import load_checkpoint
from bepsw.errors import BepError
from bepsw.fit import FitData, epoch_order, fit
from bepsw.golden import FastModel, StepModel
from bepsw.run import new_run, next_groups
from bepsw.spec import Network, Training, thresholds

NETWORK = Network(widths=(20, 12, 12), classes=3, bits=5)
TRAINING = Training(gamma=(2, 3), batch=8, seed=4)


def data(count=90, seed=0):
    """Three noisy prototypes, so that there is something to learn."""
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 2, (3, 20))
    labels = rng.integers(0, 3, count)
    bits = (centres[labels] ^ (rng.random((count, 20)) < 0.15)).astype(np.uint8)
    return FitData(bits[30:], labels[30:], bits[:30], labels[:30])


def target(kind=FastModel, network=NETWORK, training=TRAINING, **more):
    run = new_run(network, training, lanes=8, patience=2)
    return kind(network, training, run.prototypes, lanes=8, **more), run


def assert_same_run(one, other):
    for x, y in ((one.state, other.state), (one.best_state, other.best_state)):
        for a, b in zip(x.hidden + x.weights + (x.generator,), y.hidden + y.weights + (y.generator,), strict=True):
            assert np.array_equal(a, b)
        assert x.pending == y.pending
    assert one.progress == other.progress


class Stop:
    """A callback that interrupts at its n-th call."""

    def __init__(self, at):
        self.left = at

    def __call__(self, run, metrics):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_it_learns_and_says_so():
    model, run = target()
    fit(model, run, data(400), epochs=12)
    last = run.progress.metrics[-1]
    assert run.progress.best_accuracy == max(m.validation_accuracy for m in run.progress.metrics) > 0.9
    assert last.train_accuracy > 0.85 > run.progress.metrics[0].train_accuracy
    assert [m.epoch for m in run.progress.metrics] == list(range(12))
    assert 0 < last.trigger_rate <= 1 and last.updates > 0 and last.saturations > 0
    model.load(run.best_state)
    found = np.mean(model.infer(data(400).validation_bits) == data(400).validation_labels)
    assert found == run.progress.best_accuracy


def test_fast_and_stepping_model_give_the_same_run():
    runs = []
    for kind in (FastModel, StepModel):
        model, run = target(kind)
        runs.append(fit(model, run, data(), epochs=4))
    assert_same_run(*runs)


@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize("at", [1, 4, 8, 9, 10, 18, 23])  # 8 chunks and the end of the epoch are 9 calls
def test_stopped_and_resumed_is_identical(at, online, tmp_path):
    training = replace(TRAINING, online=online)
    model, whole = target(training=training)
    fit(model, whole, data(), epochs=4)
    model, run = target(training=training)
    path = tmp_path / "checkpoint.npz"
    with pytest.raises(KeyboardInterrupt):
        fit(model, run, data(), epochs=4, path=path, callback=Stop(at), chunk=8)
    resumed = load_checkpoint(path, NETWORK)
    assert_position(resumed.progress, at)
    assert_same_run(fit(target(training=training)[0], resumed, data(), epochs=4, path=path), whole)
    assert_same_run(load_checkpoint(path), whole)
    assert_same_run(fit(model, run, data(), epochs=4), whole)  # and so is the run in memory


def assert_position(progress, calls):
    epoch, inside = divmod(calls, 9)
    assert (progress.epoch, progress.sample) == (epoch, min(8 * inside, 60))


def test_stopped_again_and_again(tmp_path):
    model, whole = target()
    fit(model, whole, data(), epochs=3)
    path = tmp_path / "checkpoint.npz"
    _, run = target()
    for _ in range(100):
        try:
            fit(target()[0], run, data(), epochs=3, path=path, callback=Stop(2), chunk=8)
            break
        except KeyboardInterrupt:
            run = load_checkpoint(path)
    assert_same_run(run, whole)


def test_the_chunk_has_no_effect():
    runs = [fit(*target(), data(), epochs=3, chunk=chunk) for chunk in (None, 1, 8, 24)]
    for run in runs[1:]:
        assert_same_run(run, runs[0])


def test_ctrl_c_waits_for_the_batch_boundary(tmp_path):
    path = tmp_path / "checkpoint.npz"

    class Interrupted(FastModel):
        def train(self, bits, labels, *, close=False):
            if self.counters.samples == 16:
                os.kill(os.getpid(), signal.SIGINT)
            return super().train(bits, labels, close=close)

    model, run = target(Interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(model, run, data(), epochs=2, path=path, chunk=8)
    assert signal.getsignal(signal.SIGINT) is before
    assert load_checkpoint(path).progress.sample == 24
    _, whole = target()
    assert_same_run(
        fit(target()[0], load_checkpoint(path), data(), epochs=2), fit(target()[0], whole, data(), epochs=2)
    )


def test_a_second_ctrl_c_breaks_a_target_that_hangs(tmp_path):
    path = tmp_path / "checkpoint.npz"

    class Hanging(FastModel):
        def train(self, bits, labels, *, close=False):
            if self.counters.samples > 60:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)
                raise AssertionError("not reached")
            return super().train(bits, labels, close=close)

    model, run = target(Hanging)
    with pytest.raises(KeyboardInterrupt):
        fit(model, run, data(), epochs=3, path=path, chunk=8)
    kept = load_checkpoint(path)
    assert (kept.progress.epoch, kept.progress.sample) == (1, 0)


def test_it_runs_outside_the_main_thread():
    results = []
    thread = threading.Thread(target=lambda: results.append(fit(*target(), data(), epochs=1)))
    thread.start()
    thread.join()
    assert results[0].progress.epoch == 1


def test_reinforcement_is_rescaled_by_the_last_training_error():
    seen = []

    class Watched(FastModel):
        def configure(self, limits):
            seen.append(limits)
            super().configure(limits)

    model, run = target(Watched)
    fit(model, run, data(), epochs=3)
    wrong = [1.0] + [1 - m.train_accuracy for m in run.progress.metrics[:2]]
    for limits, error, metrics in zip(seen[1:], wrong, run.progress.metrics, strict=True):
        expected = thresholds(NETWORK, TRAINING, error=error, groups=metrics.gamma).reinforce
        assert limits.reinforce == pytest.approx(expected, abs=1)
    assert seen[1].reinforce > seen[2].reinforce


class Scripted(FastModel):
    """Validation accuracies by script: `right` of the 30 samples each time."""

    def __init__(self, *args, right, **more):
        self.right, self.labels = iter(right), data().validation_labels
        super().__init__(*args, **more)

    def infer(self, bits):
        predictions = self.labels.astype(np.uint8)
        predictions[next(self.right) :] ^= 1
        return predictions


def test_gamma_moves_on_after_patience_epochs_without_improvement():
    model, run = target(Scripted, right=[5, 10, 10, 9, 9, 9, 20, 20, 20, 20])
    fit(model, run, data(), epochs=10)
    gammas = [m.gamma for m in run.progress.metrics]
    assert gammas == [(2, 3)] * 4 + [(3, 4)] * 2 + [(4, 6)] * 3 + [(6, 12)]
    assert (run.progress.best_epoch, run.progress.best_accuracy) == (6, 20 / 30)


def test_patience_zero_keeps_gamma():
    run = new_run(NETWORK, TRAINING, lanes=8)
    model = Scripted(NETWORK, TRAINING, run.prototypes, lanes=8, right=[5] * 9)
    fit(model, run, data(), epochs=9)
    assert {m.gamma for m in run.progress.metrics} == {(2, 3)}
    assert run.progress.best_epoch == 0, "the first of equals"


def test_next_groups_are_the_next_larger_divisors():
    network = Network(widths=(9, 255, 12, 7), classes=2)
    steps = [(51, 1, 1)]
    for _ in range(6):
        steps.append(next_groups(network, steps[-1]))
    assert steps == [(51, 1, 1), (85, 2, 7), (255, 3, 7), (255, 4, 7), (255, 6, 7), (255, 12, 7), (255, 12, 7)]


def test_without_validation_the_last_epoch_is_selected():
    some = data()
    model, run = target()
    fit(model, run, FitData(some.train_bits, some.train_labels, some.train_bits[:0], some.train_labels[:0]), epochs=5)
    assert run.progress.best_epoch == 4 and run.progress.metrics[-1].validation_accuracy is None
    assert all(np.array_equal(a, b) for a, b in zip(run.best_state.hidden, run.state.hidden, strict=True))


def test_every_epoch_has_its_own_order_from_seed_and_epoch_alone():
    orders = [epoch_order(seed, epoch, 1000) for seed in (0, 1) for epoch in (0, 1)]
    assert all(np.array_equal(np.sort(order), np.arange(1000)) for order in orders)
    assert len({order.tobytes() for order in orders}) == 4
    assert np.array_equal(orders[3], epoch_order(1, 1, 1000))
    # kept literally: another numpy or machine must give the same
    assert epoch_order(7, 3, 12).tolist() == [
        6,
        3,
        8,
        11,
        5,
        7,
        1,
        4,
        0,
        2,
        9,
        10,
    ]  # kept literally: another numpy must give the same


def test_samples_come_in_the_order_of_their_epoch():
    seen = []

    class Watched(FastModel):
        def train(self, bits, labels, *, close=False):
            seen.append((bits.tolist(), labels.tolist(), close))
            return super().train(bits, labels, close=close)

    model, run = target(Watched)
    some = data()
    fit(model, run, some, epochs=3, chunk=40)
    for epoch in range(3):
        order = epoch_order(TRAINING.seed, epoch, 60)
        for part, close in ((order[:40], False), (order[40:], True)):
            assert seen.pop(0) == (some.train_bits[part].tolist(), some.train_labels[part].tolist(), close)


def test_other_data_and_nonsense_are_refused():
    model, run = target()
    fit(model, run, data(), epochs=1)
    with pytest.raises(BepError, match="started on other data"):
        fit(model, run, data(seed=1), epochs=2)
    with pytest.raises(BepError, match="number of epochs"):
        fit(model, run, data(), epochs=1.5)
    with pytest.raises(BepError, match="no training data"):
        fit(model, run, FitData(*(x[:0] for x in vars(data()).values())), epochs=1)
    with pytest.raises(BepError, match="patience"):
        new_run(NETWORK, TRAINING, lanes=8, patience=-1)
