"""`FastModel` against `StepModel`: the same bits after any number of samples, in both engines."""

from dataclasses import replace

import numpy as np
import pytest

from bepsw.errors import BepError
from bepsw.generator import DITHER_BITS, LEVELS, bank_size
from bepsw.golden import FastModel, StepModel, fast, kernels
from bepsw.spec import divisors, thresholds

ENGINES = ["numpy", pytest.param("numba", marks=pytest.mark.skipif(not kernels.AVAILABLE, reason="needs numba"))]

CASES = [
    dict(seed=0, depth=1, gamma="one", bits=3, online=False),
    dict(seed=1, depth=2, gamma="width", bits=3, online=False),
    dict(seed=2, depth=3, classes=64, bits=4, online=False),
    dict(seed=3, depth=4, classes=2, bits=16, online=False),
    dict(seed=4, depth=5, bits=2, online=True),
    dict(seed=5, depth=6, bits=8, online=True),
    dict(seed=6, depth=1, bits=3, online=True, gamma="width"),
    dict(seed=7, depth=2, bits=16, online=True, gamma="one"),
    dict(seed=8, depth=2, bits=8, online=False, widest=300),
    dict(seed=9, depth=3, bits=5, online=False, widest=300),
    dict(seed=10, depth=2, bits=8, online=True, widest=300),
    *(dict(seed=seed) for seed in range(11, 25)),
]
IDS = [f"seed{case['seed']}" for case in CASES]


def assert_same_state(one, other):
    one, other = one.state(), other.state()
    for name in ("hidden", "weights"):
        for layer, (x, y) in enumerate(zip(getattr(one, name), getattr(other, name), strict=True), start=1):
            assert x.dtype == y.dtype and x.shape == y.shape
            assert np.array_equal(x, y), f"{name} of layer {layer}, first at {np.argwhere(x != y)[0]}"
    assert np.array_equal(one.generator, other.generator)
    assert one.pending == other.pending


def assert_same_results(one, other):
    for name in ("prediction", "margin", "triggered"):
        x, y = getattr(one, name), getattr(other, name)
        assert x.dtype == y.dtype and np.array_equal(x, y), name


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_equal_after_every_call(case, engine, setup, samples, at_the_ends):
    s = setup(**case)
    step = StepModel(s.network, s.training, s.prototypes, lanes=s.lanes)
    quick = FastModel(s.network, s.training, s.prototypes, lanes=s.lanes, engine=engine)
    assert_same_state(step, quick)
    if case["seed"] % 3 == 0:
        state = at_the_ends(s, step.state().generator)
        step.load(state)
        quick.load(state)
    for call in range(5):
        bits, labels = samples(s, int(s.rng.integers(0, 40)))
        if call == 3:
            groups = [int(s.rng.choice(divisors(k))) for k in s.network.widths[1:]]
            limits = thresholds(s.network, s.training, error=0.3, groups=groups)
            step.configure(limits)
            quick.configure(limits)
        close = bool(s.rng.integers(2))
        assert_same_results(step.train(bits, labels, close=close), quick.train(bits, labels, close=close))
        assert_same_state(step, quick)
        assert step.counters == quick.counters
        bits, _ = samples(s, 10)
        assert np.array_equal(step.infer(bits), quick.infer(bits))


def test_the_cases_cover_what_they_should(setup):
    setups = [setup(**case) for case in CASES]
    widths = {k % 2 for s in setups for k in s.network.widths}
    assert widths == {0, 1}
    assert {s.network.layers for s in setups} == set(range(1, 7))
    assert {2, 64} <= {s.network.classes for s in setups}
    assert {2, 3, 16} <= {s.network.bits for s in setups}
    assert {s.training.online for s in setups} == {False, True}
    assert any(fan_in % s.lanes for s in setups for fan_in in s.network.widths[:-1])
    assert any(s.network.widths[0] > s.lanes > 64 for s in setups), "a second segment, and lanes beyond one word"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("bits", [2, 3, 8, 16])
@pytest.mark.parametrize("online", [False, True])
def test_every_single_step_saturates_by_itself(engine, bits, online, setup, samples, at_the_ends):
    s = setup(40 + bits, widest=24, depth=2, bits=bits, online=online, gamma="one", classes=3)
    step = StepModel(s.network, s.training, s.prototypes, lanes=s.lanes)
    quick = FastModel(s.network, s.training, s.prototypes, lanes=s.lanes, engine=engine)
    state = at_the_ends(s, step.state().generator)
    limits = thresholds(s.network, s.training)
    for model in (step, quick):
        model.configure(replace(limits, margin=10**6, reinforce=(2**25, 2**26 - 1)))
        model.load(state)
    data = samples(s, 60)
    assert_same_results(step.train(*data, close=True), quick.train(*data, close=True))
    assert_same_state(step, quick)
    assert step.counters == quick.counters
    assert step.counters.saturations > 0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("above", [0, 1])
def test_the_dither_itself_is_not_below(above, engine, setup, samples):
    """A lane whose number equals t with a dither that equals f: too rare to be met by chance."""
    s = setup(90, widest=10, depth=1, bits=8, online=False)
    s.lanes, number, dither = 13, 0b1000000101, 0x8001
    flat = dither << LEVELS * 16 | sum((number >> level & 1) << 16 * level for level in range(LEVELS))
    bank = np.array([flat >> 64 * n & (1 << 64) - 1 for n in range(bank_size(s.lanes))], dtype=np.uint64)
    limits = thresholds(s.network, s.training)
    quick = FastModel(s.network, s.training, s.prototypes, lanes=s.lanes, engine=engine)
    # no sample triggers, so that nothing but the sweep moves a counter
    quick.configure(replace(limits, margin=-(10**6), reinforce=((number << DITHER_BITS | dither) + above,)))
    before = replace(quick.state(), generator=bank, pending=0)
    quick.load(before)
    quick.train(*samples(s, 1), close=True)
    moved = quick.state().hidden[0] != before.hidden[0]
    assert moved[0, 0] == bool(above)


@pytest.mark.parametrize("engine", ENGINES)
def test_winner_counts_are_those_of_the_traces(engine, setup, samples):
    s = setup(50, widest=60, depth=3, online=False)
    step = StepModel(s.network, s.training, s.prototypes, lanes=s.lanes)
    quick = FastModel(s.network, s.training, s.prototypes, lanes=s.lanes, engine=engine)
    bits, labels = samples(s, 50)
    traces = [step.step(b, y) for b, y in zip(bits, labels, strict=True)]
    quick.train(bits, labels)
    assert quick.winner_counts.tolist() == [[rows.size for rows in t.winners] for t in traces]
    assert quick.winner_counts.any()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("online", [False, True])
def test_cutting_the_stream_changes_nothing(engine, online, setup, samples):
    s = setup(60, widest=70, depth=2, online=online)
    whole, cut = (FastModel(s.network, s.training, s.prototypes, lanes=s.lanes, engine=engine) for _ in range(2))
    bits, labels = samples(s, 101)
    whole.train(bits, labels, close=True)
    for start in range(0, 101, 7):
        cut.train(bits[start : start + 7], labels[start : start + 7], close=start + 7 >= 101)
    assert_same_state(whole, cut)
    assert whole.counters == cut.counters


@pytest.mark.parametrize("engine", ENGINES)
def test_samples_may_be_read_only_bool_and_strided(engine, setup, samples):
    s = setup(70, widest=30, online=False)
    bits, labels = samples(s, 30)
    awkward = np.asfortranarray(bits.astype(bool))
    awkward.flags.writeable = False
    models = [FastModel(s.network, s.training, s.prototypes, lanes=s.lanes, engine=engine) for _ in range(2)]
    models[0].train(bits, labels)
    models[1].train(awkward, labels.astype(np.uint8))
    assert_same_state(*models)


def test_engines_by_name(setup, monkeypatch):
    s = setup(80)
    with pytest.raises(BepError, match="auto, numpy or numba"):
        FastModel(s.network, s.training, s.prototypes, lanes=8, engine="torch")
    monkeypatch.setattr(fast.kernels, "AVAILABLE", False)
    assert FastModel(s.network, s.training, s.prototypes, lanes=8).engine == "numpy"
    with pytest.raises(BepError, match="install it"):
        FastModel(s.network, s.training, s.prototypes, lanes=8, engine="numba")
