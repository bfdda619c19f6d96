"""A fold of ItalyPowerDemand on a core: every bit and cycle as in the golden model, and it learns."""

import os
from pathlib import Path

import numpy as np
import pytest

from bepcore.prepare import prepare
from bepcore.settings import Settings
from bepcore.trials import Trial
from bepsim.scoreboard import Scoreboard
from bepsim.target import open_core
from bepsw import data
from bepsw.core import preset
from bepsw.driver import Driver
from bepsw.fit import epoch_order
from bepsw.golden import FastModel
from bepsw.run import new_run
from bepsw.spec import thresholds

DATA = Path(os.environ.get("BEPCORE_DATA", Path(__file__).parents[3] / "shared" / "data"))

CASES = {
    "63": ((63, 21), preset("small", rules=1, beats=512)),
    "255": ((255, 51), preset("reference", rules=1, beats=1100, store_segments=64)),
}


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "ucr").is_dir(), reason="the UCR sets are not here; set BEPCORE_DATA")
@pytest.mark.parametrize("case", CASES)
def test_a_fold_of_italian_days(case):
    """All 8 steps of all training samples of the fold, 3 epochs, thresholds moving with the training error."""
    (width, group), core = CASES[case]
    settings = Settings(
        data="ItalyPowerDemand", data_dir=str(DATA), task="sequence", window=8, levels=10, expand=width,
        hidden=(width, width), gamma=(group, group), nu=0.2, batch=10, validation=0, lanes=core.lanes,
    )  # fmt: skip
    dataset = Trial(settings=settings, folds=3, fold=0, join=True).dataset(data.load(settings.data, settings.data_dir))
    prepared = prepare(settings, dataset)
    bits, labels = prepared.train.bits, prepared.train.labels
    network, training = prepared.network, settings.training()
    state = new_run(network, training, lanes=core.lanes)
    model = FastModel(network, training, state.prototypes, lanes=core.lanes)
    with open_core(core) as transport:
        board = Scoreboard(Driver(transport, network, training, state.prototypes), model, state_every=20)
        for epoch in range(3):
            order = epoch_order(training.seed, epoch, len(bits))
            board.train(bits[order], labels[order], close=True)
            right = np.mean(board.driver.infer(bits) == labels)
            limits = thresholds(network, training, error=1 - float(right))
            board.driver.configure(limits)
            board.model.configure(limits)
        board.infer(prepared.test.bits)
        found = board.driver.infer(prepared.test.bits)
    assert board.report.timed == 3 * len(bits) > 2000
    assert np.mean(found == prepared.test.labels) > 0.85
