"""A trial: one training with its test, from settings alone, and the file that keeps its outcome.

Cross-validation, sweeps and benches are many trials. A finished one is a file named by everything that decides its
outcome, so that what was interrupted goes on with what is missing, whoever asks for it; a long one leaves a checkpoint
beside that file while it trains.
"""

import hashlib
import json
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bepsw import data
from bepsw.checkpoint import load_checkpoint, save_checkpoint
from bepsw.errors import BepError
from bepsw.fit import fit
from bepsw.golden.start import initial_state

from . import __version__, runs
from .prepare import network_for, prepare
from .settings import Settings
from .targets import open_target

__all__ = ["Trial", "check", "checkpoint_of", "dataset_digest", "file_of", "folds_of", "load", "store", "train"]

_ELSEWHERE = ("data", "data_dir", "label")
"""Settings that say where the data is; what counts is what is in it."""

_KEEP_EVERY = 60
"""Seconds between two checkpoints of a trial: what an interruption may cost, and what a short trial need not write."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What one training is of.

    Parameters
    ----------
    settings : Settings
    folds, fold : int
        With folds, the fold that is tested on, the others being trained on; 0 folds for the data's own test part. The
        seed of the settings cuts the folds.
    join : bool
        Cut the folds from training and test part together.
    """

    settings: Settings
    folds: int = 0
    fold: int = 0
    join: bool = False

    def dataset(self, dataset):
        """The training and test data of this trial."""
        if not self.folds:
            return dataset
        _, y = data.pool(dataset, self.join)
        return data.folded(dataset, data.fold_indices(y, self.folds, self.settings.seed)[self.fold], self.join)


def check(trial, dataset):
    """Refuse now what would fail later: folds, geometry, settings, initial weights."""
    network = network_for(trial.settings, trial.dataset(dataset))
    settings = trial.settings
    initial_state(network, settings.training(), lanes=settings.lanes, **settings.start)


def folds_of(settings, dataset, folds, join):
    """The checked trials of a cross-validation; data without a test part of its own is used whole in any case."""
    _, y = data.pool(dataset, join := join or not dataset.own_test)
    data.fold_indices(y, folds, settings.seed)
    made = [Trial(settings=settings, folds=folds, fold=fold, join=join) for fold in range(folds)]
    check(made[0], dataset)
    return made


def train(trial, dataset, callback=None, checkpoint=None):
    """Train, select by validation accuracy, test once.

    Parameters
    ----------
    trial : Trial
    dataset : Dataset
        Whole; the trial takes its fold of it.
    callback : callable, optional
        As for `bepsw.fit.fit`.
    checkpoint : Path, optional
        Written at the end of an epoch, once a minute; where there is a whole one, training goes on from it, to the same
        bits.

    Returns
    -------
    dict
        JSON values: network, hidden_weights, test_accuracy, validation_accuracy (None without validation data),
        train_accuracy, best_epoch (from 1), curve and train_curve (validation and training accuracy of every epoch).
    """
    settings = trial.settings
    prepared = prepare(settings, trial.dataset(dataset))
    state = _begun(checkpoint) or prepared.new_run(settings)
    if checkpoint:
        callback = _keeping(checkpoint, callback)
    with open_target("golden", state) as target:
        fit(target, state, prepared.fit_data, epochs=settings.epochs, callback=callback)
        target.load(state.best_state)
        test = float(np.mean(target.infer(prepared.test.bits) == prepared.test.labels))
    progress = state.progress
    validated = progress.best_accuracy is not None
    return {
        "network": str(state.network),
        "hidden_weights": state.network.hidden_weights,
        "test_accuracy": test,
        "validation_accuracy": progress.best_accuracy,
        "train_accuracy": progress.metrics[progress.best_epoch].train_accuracy,
        "best_epoch": progress.best_epoch + 1,
        "curve": [round(epoch.validation_accuracy, 4) for epoch in progress.metrics] if validated else None,
        "train_curve": [round(epoch.train_accuracy, 4) for epoch in progress.metrics],
    }


def _begun(checkpoint):
    """The run that a trial has left in its checkpoint; None where there is none, or it is not whole."""
    try:
        return load_checkpoint(checkpoint) if checkpoint and checkpoint.is_file() else None
    except BepError:
        return None


def _keeping(checkpoint, callback):
    """`callback`, and a checkpoint whenever an epoch ends and the last one is old enough."""
    kept = time.monotonic()

    def keep(run, metrics):
        nonlocal kept
        if callback:
            callback(run, metrics)
        if metrics is not None and time.monotonic() - kept >= _KEEP_EVERY:
            save_checkpoint(checkpoint, run)
            kept = time.monotonic()

    return keep


def checkpoint_of(file):
    """Where a trial whose outcome goes into `file` keeps itself while it trains."""
    return file.with_suffix(".npz")


def dataset_digest(dataset):
    """CRC-32 of all samples and labels."""
    value = 0
    for array in (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test):
        value = zlib.crc32(np.ascontiguousarray(array), value)
    return value


def file_of(folder, trial, digest):
    """Where the outcome of a trial on data with this digest is kept."""
    record = {key: value for key, value in trial.settings.as_dict().items() if key not in _ELSEWHERE}
    text = json.dumps([__version__, digest, record, trial.folds, trial.fold, trial.join], sort_keys=True)
    return Path(folder) / "trials" / f"{hashlib.sha256(text.encode()).hexdigest()[:20]}.json"


def load(path):
    """The outcome kept in a file; None when there is none, or it is not whole."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))["outcome"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def store(path, trial, outcome):
    """Keep an outcome, with the settings for people, whole or not at all; its checkpoint has served its time."""
    record = {"settings": trial.settings.as_dict(), "folds": trial.folds, "fold": trial.fold, "join": trial.join}
    runs.write_json(path, {**record, "outcome": outcome})
    checkpoint_of(path).unlink(missing_ok=True)
