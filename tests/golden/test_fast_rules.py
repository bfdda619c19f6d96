"""`FastModel` against `StepModel` for recurrent networks, the local rules and the options: the same bits."""

import numpy as np
import pytest

from bepsw.golden import FastModel, StepModel, kernels, moves
from bepsw.spec import divisors, thresholds

from .test_fast_model import ENGINES, assert_same_results, assert_same_state

SHAPES = {
    "bep": dict(depth=3),
    "cell": dict(depth=1, steps=6),
    "cell-and-layer": dict(depth=2, steps=9),
    "deep-cell": dict(depth=5, steps=3),
    "one-step": dict(depth=2, steps=1),
    "local": dict(depth=3, rule="local"),
    "cpr": dict(depth=1, rule="cpr", gamma="width"),
}
OPTIONS = {
    "plain": dict(),
    "gateless": dict(gate=False),
    "threshold": dict(select="threshold", theta=0.4),
    "push": dict(select="threshold", theta=0.25, push=0.5),
    "rare": dict(rarity=3),
    "rare-push": dict(select="threshold", theta=1, push=0.2, rarity=1),
}


@pytest.mark.thin(5)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("online", [False, True], ids=["batch", "online"])
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_equal_after_every_call(shape, options, online, engine, setup, samples, at_the_ends):
    seed = 1000 + list(SHAPES).index(shape) * 20 + list(OPTIONS).index(options) * 2 + online
    s = setup(seed, widest=70, online=online, **SHAPES[shape], **OPTIONS[options])
    step = StepModel(s.network, s.training, s.prototypes, lanes=s.lanes)
    quick = FastModel(s.network, s.training, s.prototypes, lanes=s.lanes, engine=engine)
    for call in range(3):
        if call == 1:
            state = at_the_ends(s, step.state().generator)
            step.load(state)
            quick.load(state)
        if call == 2 and s.training.rule != "cpr":
            groups = [int(s.rng.choice(divisors(k))) for k in s.network.widths[1:]]
            limits = thresholds(s.network, s.training, error=0.3, groups=groups)
            step.configure(limits)
            quick.configure(limits)
        bits, labels = samples(s, int(s.rng.integers(5, 30)))
        close = bool(s.rng.integers(2))
        assert_same_results(step.train(bits, labels, close=close), quick.train(bits, labels, close=close))
        assert_same_state(step, quick)
        assert step.counters == quick.counters
        bits, _ = samples(s, 8)
        assert np.array_equal(step.infer(bits), quick.infer(bits))
    assert step.counters.updates > 0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("bits", [2, 3, 16])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_single_step_saturates_by_itself(shape, bits, engine, setup, samples, at_the_ends):
    """All counters at an end, many rows, many steps: a sum over samples or over time would come out differently."""
    s = setup(40, widest=20, bits=bits, r=2, p_r=1, batch=11, **{"gamma": "one", **SHAPES[shape]})
    step = StepModel(s.network, s.training, s.prototypes, lanes=s.lanes)
    quick = FastModel(s.network, s.training, s.prototypes, lanes=s.lanes, engine=engine)
    state = at_the_ends(s, step.state().generator)
    step.load(state)
    quick.load(state)
    data = samples(s, 40)
    assert_same_results(step.train(*data, close=True), quick.train(*data, close=True))
    assert_same_state(step, quick)
    assert step.counters == quick.counters and step.counters.saturations > 0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("options", ["plain", "rare-push"])
@pytest.mark.parametrize("shape", ["cell-and-layer", "local"])
def test_cutting_the_stream_changes_nothing(shape, options, engine, setup, samples, monkeypatch):
    s = setup(60, widest=50, **SHAPES[shape], **OPTIONS[options])
    whole, cut = (FastModel(s.network, s.training, s.prototypes, lanes=s.lanes, engine=engine) for _ in range(2))
    bits, labels = samples(s, 80)
    whole.train(bits, labels, close=True)
    monkeypatch.setattr("bepsw.golden.matrix._CELLS", 1)  # the numpy engine cuts batches by itself, too
    for start in range(0, 80, 7):
        cut.train(bits[start : start + 7], labels[start : start + 7], close=start + 7 >= 80)
    assert_same_state(whole, cut)
    assert whole.counters == cut.counters


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("shape", ["cell-and-layer", "local"])
def test_winner_counts_are_those_of_the_traces(shape, engine, setup, samples):
    s = setup(50, widest=60, online=False, **SHAPES[shape], **OPTIONS["push"])
    step = StepModel(s.network, s.training, s.prototypes, lanes=s.lanes)
    quick = FastModel(s.network, s.training, s.prototypes, lanes=s.lanes, engine=engine)
    bits, labels = samples(s, 50)
    traces = [step.step(b, y) for b, y in zip(bits, labels, strict=True)]
    quick.train(bits, labels)
    assert quick.winner_counts.tolist() == [[rows.size for rows in t.winners] for t in traces]
    assert quick.winner_counts.any(axis=0).all()


@pytest.mark.skipif(not kernels.AVAILABLE, reason="needs numba")
def test_long_sequences_of_wide_layers_keep_every_bit(setup, samples):
    """Stabilities above 2^20, where narrow keys would go wrong."""
    s = setup(70, depth=1, steps=4000, widest=3, r=2, gamma="width", classes=2)
    network = type(s.network)(widths=(500, 6), classes=2, bits=8, steps=4000)
    training = type(s.training)(gamma=(6,), r=2, batch=2)
    prototypes = np.zeros((2, 6), bool)
    prototypes[1] = True
    models = [StepModel(network, training, prototypes, lanes=72)]
    models += [FastModel(network, training, prototypes, lanes=72, engine=engine) for engine in ("numpy", "numba")]
    bits = np.ones((4, network.inputs), np.uint8)
    bits[1::2] = 0
    start = models[0].state()
    hidden = (np.where(np.arange(6)[:, None] % 2, 3, -3) * np.ones((6, 506), int)).astype(np.int16)
    hidden[:, :6] += np.arange(6, dtype=np.int16)[:, None]
    start = type(start)((hidden,), (hidden >= 0,), start.generator, 0)
    for model in models:
        model.load(start)
    traces = [models[0].step(b, y) for b, y in zip(bits, [0, 1, 0, 1], strict=True)]
    largest = max(np.abs(np.where(t.desired[0], t.z[0], -t.z[0]).sum(axis=0)).max() for t in traces)
    assert largest > 1 << 20
    for model in models[1:]:
        model.train(bits, np.array([0, 1, 0, 1]))
        assert_same_state(models[0], model)


@pytest.mark.skipif(not kernels.AVAILABLE, reason="needs numba")
@pytest.mark.parametrize("steps", [1, 2, 28, 255, 256, 300])
def test_steps_of_a_row_taken_at_once_are_those_taken_singly(steps):
    """The last sum that cannot saturate, and the first that might: a counter `room` short of an end, T steps."""
    low, high = -512, 511
    rng = np.random.default_rng(steps)
    for room in (0, steps - 1, steps, steps + 1):
        for end in (low + room, high - room):
            row = np.full(40, end, dtype=np.int16)
            row[20:] = rng.integers(low + steps, high - steps + 1, 20) if room >= steps else end
            desired = rng.integers(0, 2, steps).astype(np.uint8)
            inputs = rng.integers(0, 2, (steps, row.size)).astype(np.uint8)
            inputs[:, 0], inputs[:, 1], inputs[:, 2] = desired, 1 - desired, 1
            wanted, stuck = row.astype(np.int32), 0
            for x, d in zip(inputs, desired, strict=True):
                moved = wanted + np.where(x == d, 1, -1)
                wanted = np.clip(moved, low, high)
                stuck += int(np.count_nonzero(moved != wanted))
            ups = np.full(50, 77, dtype=np.uint8)
            assert moves.move_row_in_time(row, inputs, desired, low, high, ups) == stuck
            assert np.array_equal(row, wanted)
            assert (stuck == 0) == (room >= steps)
