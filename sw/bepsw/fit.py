"""The epoch loop: shuffle, train, validate, select, move γ and the reinforcement on; stop anywhere and go on later.

It knows a `Target` and nothing of what is behind it. All that decides the result is in the `Run` and the data: the
order of an epoch follows from (seed, epoch) alone, so that a run that was stopped ends with the same bits as one
that was not.
"""

import dataclasses
import signal
import threading
import zlib
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from .checkpoint import save_checkpoint
from .errors import BepError
from .permutation import hardware_order
from .run import EpochMetrics, next_groups
from .signals import answered
from .spec import thresholds

__all__ = ["FitData", "epoch_order", "fit"]

_PURPOSE = 0x53  # keeps the stream apart from that of other users of the same seed
_CHUNK = 1000


@dataclass(frozen=True)
class FitData:
    """Binarised data: bits uint8 (n, K_0), labels (n,). Without validation samples the last epoch is selected."""

    train_bits: np.ndarray
    train_labels: np.ndarray
    validation_bits: np.ndarray
    validation_labels: np.ndarray

    def digest(self):
        """CRC-32 over all of it, to refuse going on with other data."""
        value = 0
        for array in (self.train_bits, self.train_labels, self.validation_bits, self.validation_labels):
            value = zlib.crc32(np.ascontiguousarray(array, dtype=np.uint8), value)
        return value


def epoch_order(seed, epoch, count):
    """Order of the samples in an epoch, int64 (count,): the ranks of raw PCG64 words, the same on every machine."""
    return np.argsort(np.random.PCG64([seed, _PURPOSE, epoch]).random_raw(count), kind="stable")


def fit(target, run, data, *, epochs, path=None, callback=None, chunk=None):
    """Train until `epochs` epochs are done, from wherever `run` stands; `run` is moved on in place and returned.

    Parameters
    ----------
    target : Target
        Golden model or hardware, built for the run's network and settings. Gets the run's state. One that holds
        these data itself (`stored.StoredDriver`) replays them, if the run's order is the hardware's.
    run : Run
        From `new_run` or `load_checkpoint`.
    data : FitData
    epochs : int
        Epochs in all, those already done included.
    path : path, optional
        Checkpoint file, written after every epoch and on an interruption.
    callback : callable, optional
        `callback(run, metrics)` after every chunk (metrics None) and every epoch (its `EpochMetrics`). It may raise
        KeyboardInterrupt to stop the run there.
    chunk : int, optional
        Samples between two looks at the keyboard, rounded up to whole batches; about 1000 if not given. It has no
        effect on the result.

    Raises
    ------
    BepError
        When data and run do not belong together, or a checkpoint cannot be written.
    KeyboardInterrupt
        After an interruption, with `run` and the checkpoint at the batch boundary that it stopped at. Only a second
        Ctrl-C, before that boundary, loses `run`; the checkpoint of the last epoch then remains.
    """
    _check(run, data, epochs)
    batch = run.training.batch
    chunk = -(-(chunk or _CHUNK) // batch) * batch
    target.load(run.state)

    def keep():
        run.state = target.state()
        if path:
            save_checkpoint(path, run)

    with _deferred_interrupt() as interrupted:

        def boundary(metrics=None):
            try:
                if callback:
                    callback(run, metrics)
                if interrupted():
                    raise KeyboardInterrupt
            except KeyboardInterrupt:
                keep()
                raise

        while run.progress.epoch < epochs:
            _train_epoch(target, run, data, chunk, boundary)
            metrics = _finish_epoch(target, run, data)
            keep()
            boundary(metrics)
    return run


def _check(run, data, epochs):
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 0:
        raise BepError(f"The number of epochs must be a whole number, not {epochs!r}.")
    if not len(data.train_labels):
        raise BepError("There is no training data.")
    digest = data.digest()
    if run.data_digest not in (None, digest):
        raise BepError("The run was started on other data; resume it with the data and settings that it began with.")
    run.data_digest = digest


def _train_epoch(target, run, data, chunk, boundary):
    """The rest of the epoch in progress."""
    progress, count = run.progress, len(data.train_labels)
    target.configure(thresholds(run.network, run.training, error=progress.error, groups=progress.groups))
    order = (hardware_order if run.order == "hardware" else epoch_order)(run.training.seed, progress.epoch, count)
    while progress.sample < count:
        chosen = order[progress.sample : progress.sample + chunk]
        labels = data.train_labels[chosen]
        before = dataclasses.replace(target.counters)
        close = progress.sample + chunk >= count
        if _replays(target, run):
            wrong, triggered = target.train_stored(progress.epoch, progress.sample, len(chosen), close=close)
        else:
            results = target.train(data.train_bits[chosen], labels, close=close)
            wrong, triggered = np.count_nonzero(results.prediction != labels), np.count_nonzero(results.triggered)
        progress.sample += len(chosen)
        progress.wrong += int(wrong)
        progress.triggered += int(triggered)
        after = target.counters
        progress.updates += after.updates - before.updates
        progress.saturations += after.saturations - before.saturations
        boundary()


def _replays(target, run):
    """Whether the target takes the samples from a memory of its own, in the order of the run."""
    return run.order == "hardware" and getattr(target, "stored", None) == run.data_digest


def _finish_epoch(target, run, data):
    """Validate, select, move the schedules on to the next epoch."""
    progress, count = run.progress, len(data.train_labels)
    accuracy = None
    if len(data.validation_labels):
        labels = data.validation_labels
        if _replays(target, run):
            wrong = target.infer_stored()
        else:
            wrong = np.count_nonzero(target.infer(data.validation_bits) != labels)
        accuracy = (len(labels) - int(wrong)) / len(labels)
    metrics = EpochMetrics(
        epoch=progress.epoch,
        train_accuracy=1 - progress.wrong / count,
        validation_accuracy=accuracy,
        trigger_rate=progress.triggered / count,
        updates=progress.updates,
        saturations=progress.saturations,
        gamma=progress.groups,
    )
    progress.stale += 1
    if accuracy is None or progress.best_epoch is None or accuracy > progress.best_accuracy:
        progress.best_epoch, progress.best_accuracy, progress.stale = progress.epoch, accuracy, 0
        run.best_state = target.state()
    if run.patience and progress.stale >= run.patience:
        progress.groups, progress.stale = next_groups(run.network, progress.groups), 0
    progress.error = progress.wrong / count
    progress.epoch += 1
    progress.sample = progress.wrong = progress.triggered = progress.updates = progress.saturations = 0
    progress.metrics.append(metrics)
    return metrics


@contextmanager
def _deferred_interrupt():
    """Hold Ctrl-C back until the next batch boundary; a second one interrupts at once, for a target that hangs.

    Yields a function that says whether it was pressed. Outside the main thread signals are left alone.
    """
    pressed = threading.Event()

    def press(signum, frame):
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    with answered(signal.SIGINT, press):
        yield pressed.is_set
