"""A trial that is stopped goes on from its checkpoint, to the same bits, and a finished one leaves none."""

import dataclasses

import pytest

from bepcore import trials
from bepcore.presets import preset
from bepcore.show import console
from bepcore.workers import run_trials
from bepsw import data


@pytest.fixture
def trial():
    settings = preset("digits")
    return trials.Trial(settings=dataclasses.replace(settings, hidden=(32, 32), gamma=None, epochs=6, samples=300))


@pytest.fixture
def digits():
    return data.load("digits")


class Stop:
    """A callback that stops a training in its epoch `at`, counted from 0, and notes the epochs that it saw begin."""

    def __init__(self, at=None):
        self.at, self.seen = at, []

    def __call__(self, run, metrics):
        if run.progress.epoch not in self.seen:
            self.seen.append(run.progress.epoch)
        if metrics is None and run.progress.epoch == self.at:
            raise KeyboardInterrupt


def test_stopped_and_going_on_gives_what_going_through_does(trial, digits, tmp_path, monkeypatch):
    whole = trials.train(trial, digits)
    monkeypatch.setattr(trials, "_KEEP_EVERY", 0)
    path = tmp_path / "x.npz"
    for at in (2, 2, 5):  # the second time in the epoch that it begins again with
        with pytest.raises(KeyboardInterrupt):
            trials.train(trial, digits, Stop(at), path)
    last = Stop()
    assert trials.train(trial, digits, last, path) == whole
    assert last.seen[0] == 5, "it began anew"


def test_a_short_trial_writes_no_checkpoint(trial, digits, tmp_path):
    trials.train(trial, digits, checkpoint=tmp_path / "x.npz")
    assert not list(tmp_path.iterdir())


def test_a_damaged_checkpoint_counts_for_nothing(trial, digits, tmp_path):
    path = tmp_path / "x.npz"
    path.write_bytes(b"half a chec")
    seen = Stop()
    assert trials.train(trial, digits, seen, path) == trials.train(trial, digits)
    assert seen.seen[0] == 0


def test_workers_go_on_from_checkpoints_and_tidy_them_up(trial, digits, tmp_path, monkeypatch):
    """The checkpoint is that of a trial with another margin, which shows whether it was taken."""
    other = dataclasses.replace(trial, settings=dataclasses.replace(trial.settings, r=0.2))
    kept = trials.checkpoint_of(trials.file_of(tmp_path, trial, trials.dataset_digest(digits)))
    kept.parent.mkdir()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(trials, "_KEEP_EVERY", 0)
        trials.train(other, digits, Stop(5), kept)
    (outcome,), recorded = run_trials([(trial, digits)], tmp_path, screen=console(None), jobs=1)
    assert not recorded and outcome == trials.train(other, digits) != trials.train(trial, digits)
    assert [path.suffix for path in kept.parent.iterdir()] == [".json"]
