"""`StepModel` against the equations (`literal`) for every rule and option, intermediate by intermediate."""

import numpy as np
import pytest

from bepsw.errors import BepError
from bepsw.golden import FastModel, StepModel
from bepsw.run import make_classifiers
from bepsw.spec import Network, Training

from .literal import LiteralBep, LiteralLocal, LiteralTime

OPTIONS = {
    "plain": dict(),
    "gateless": dict(gate=False, nu=0),
    "threshold": dict(select="threshold", theta=0.6),
    "push": dict(select="threshold", theta=0.5, push=0.8),
    "rare": dict(rarity=2),
    "rare-push": dict(select="threshold", theta=1.5, push=0.3, rarity=1, gate=False),
    "rarest": dict(rarity=8, r=2),
}
RULES = {
    "bep": (LiteralBep, dict(depth=3)),
    "one-cell": (LiteralTime, dict(depth=1, steps=5)),
    "cell-and-layers": (LiteralTime, dict(depth=3, steps=4)),
    "one-step": (LiteralTime, dict(depth=2, steps=1)),
    "local": (LiteralLocal, dict(depth=3, rule="local")),
    "cpr": (LiteralLocal, dict(depth=1, rule="cpr", gamma="width")),
}


def plain(value):
    """Tuples and arrays as lists, bits as ±1."""
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    return (np.where(value, 1, -1) if value.dtype == bool else value).tolist()


def follow(s, model, literal, data):
    """Both side by side; returns the traces."""
    traces = []
    for bits, label in zip(*data, strict=True):
        trace, seen = model.step(bits, label), literal.step(bits.tolist(), int(label))
        for name in ("prediction", "margin", "triggered"):
            assert getattr(trace, name) == seen[name], name
        assert plain(trace.z) == seen["z"]
        if seen["triggered"]:
            assert plain(trace.desired) == seen["desired"]
            assert plain(trace.winners) == seen["winners"]
        assert list(trace.layer_triggers) == seen.get("layer_triggers", [seen["triggered"]] * s.network.layers)
        state = model.state()
        assert [(2.0 * k + 1).tolist() for k in state.hidden] == literal.h
        assert [np.where(w, 1, -1).tolist() for w in state.weights] == literal.w
        assert state.generator.tolist() == literal.bank
        assert state.pending == literal.pending
        traces.append(trace)
    found = model.counters
    assert (found.updates, found.saturations, found.sweeps) == (literal.updates, literal.saturations, literal.sweeps)
    return traces


@pytest.mark.parametrize("ends", [False, True], ids=["start", "at-the-ends"])
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("rule", RULES)
def test_every_intermediate_of_every_sample(rule, options, ends, setup, samples, at_the_ends):
    literal, shape = RULES[rule]
    seed = list(RULES).index(rule) * 100 + list(OPTIONS).index(options) * 10 + ends
    s = setup(seed, widest=16, bits=3 if ends else 5, **{**dict(nu=0.3, r=0.5), **shape, **OPTIONS[options]})
    model = StepModel(s.network, s.training, s.prototypes, lanes=s.lanes)
    if ends:
        model.load(at_the_ends(s, model.state().generator))
    traces = follow(s, model, literal(s, model.state()), samples(s, 25))
    assert any(trace.triggered for trace in traces)
    if ends and s.training.rarity < 8:
        assert model.counters.saturations > 0


def test_steps_in_time_are_taken_in_order(setup, samples, at_the_ends):
    """At the end of the range, up then down ends one below it and down then up at it: only the order of t tells."""
    s = setup(1, depth=1, steps=7, bits=2, r=2, p_r=0, batch=1000, gamma="one", widest=10)
    model = StepModel(s.network, s.training, s.prototypes, lanes=8)
    model.load(at_the_ends(s, model.state().generator))
    before = model.state().hidden[0].astype(int)
    bits, labels = samples(s, 1)
    trace = model.step(bits[0], labels[0])
    inputs, _, _ = StepModel.forward(model, bits[0].astype(bool))
    forwards, backwards = (
        _moved(before, trace.winners[0], inputs[0][order], trace.desired[0][order])
        for order in (slice(None), slice(None, None, -1))
    )
    assert np.array_equal(model.state().hidden[0], forwards)
    assert not np.array_equal(forwards, backwards), "the sample must tell the orders apart"


def _moved(k, rows, inputs, desired):
    k = k.copy()
    for below, wanted in zip(inputs, desired, strict=True):
        for j in rows:
            k[j] = np.clip(k[j] + np.where(below == wanted[j], 1, -1), -2, 1)
    return k


def test_the_state_before_the_first_step_is_all_ones(setup, samples):
    s = setup(2, depth=1, steps=1, widest=30)
    model = StepModel(s.network, s.training, s.prototypes, lanes=8)
    bits, labels = samples(s, 1)
    weights = np.where(model.state().weights[0], 1, -1)
    trace = model.step(bits[0], labels[0])
    x = np.where(bits[0], 1, -1)
    width = s.network.widths[0]
    assert np.array_equal(trace.z[0][0], weights[:, :width] @ x + weights[:, width:].sum(axis=1))


def test_padding_steps_are_steps(setup, samples):
    """The sequence length is a setting of the run: the same weights serve any T, and a longer T reads on."""
    s = setup(3, depth=1, steps=3, widest=20)
    longer = Network(widths=s.network.widths, classes=s.network.classes, bits=s.network.bits, steps=5)
    models = [StepModel(n, s.training, s.prototypes, lanes=8) for n in (s.network, longer)]
    models[1].load(models[0].state())
    bits, labels = samples(s, 1)
    short = models[0].step(bits[0], labels[0])
    long = models[1].step(np.concatenate([bits[0], np.zeros(2 * s.network.widths[0], np.uint8)]), labels[0])
    assert np.array_equal(short.z[0], long.z[0][:3]) and long.z[0].shape[0] == 5


@pytest.mark.parametrize("engine", ["step", "numpy", "numba"])
def test_no_gate_is_a_gate_as_wide_as_the_fan_in(engine, setup, samples):
    s = setup(4, depth=3, widest=40)
    data, states = samples(s, 40), []
    for change in (dict(gate=False, nu=0), dict(nu=1), dict(nu=0)):
        training = Training(gamma=s.training.gamma, r=1, **change)
        model = _model(engine, s.network, training, s.prototypes, 8)
        model.train(*data)
        states.append(model.state().hidden)
    off, wide, shut = states
    assert all(np.array_equal(x, y) for x, y in zip(off, wide, strict=True))
    assert not all(np.array_equal(x, y) for x, y in zip(off, shut, strict=True))


@pytest.mark.parametrize("engine", ["step", "numpy", "numba"])
@pytest.mark.parametrize("rarity", range(9))
def test_rare_steps_are_as_rare_as_asked(engine, rarity, setup, samples):
    """A whole batch without a sweep: the share of moved counters over all steps asked for is 2^−n."""
    network = Network(widths=(400, 100), classes=2, bits=16)
    training = Training(gamma=(1,), r=2, p_r=0, batch=1000, rarity=rarity)
    model = _model(engine, network, training, make_classifiers(network, training), 36)
    before = model.state()
    rng = np.random.default_rng(rarity)
    bits = rng.integers(0, 2, (1, 400)).astype(np.uint8)
    for sample in range(12):
        start = model.state()
        model.train(bits ^ np.uint8(sample & 1), rng.integers(0, 2, 1))
        moved = sum(np.count_nonzero(k != h) for k, h in zip(model.state().hidden, start.hidden, strict=True))
        asked = 400 * model.counters.updates
        model.counters.updates = 0
        deviation = 5 * np.sqrt(asked * 2.0**-rarity)
        assert moved == asked if rarity == 0 else abs(moved - asked * 2.0**-rarity) <= deviation
    same = np.array_equal(model.state().generator, before.generator)
    assert same == (rarity == 0), "words are drawn for rare steps, and only for them"


def test_a_layer_learns_by_its_own_trigger_alone(setup, samples):
    s = setup(6, depth=3, widest=30, rule="local", r=0.3, classes=2, p_r=0)
    model = StepModel(s.network, s.training, s.prototypes, lanes=8)
    mixed = 0
    for bits, label in zip(*samples(s, 60), strict=True):
        before = model.state().hidden
        trace = model.step(bits, label)
        mixed += any(trace.layer_triggers) and not all(trace.layer_triggers)
        for layer, hit in enumerate(trace.layer_triggers):
            assert hit == (trace.layer_margins[layer] < model.thresholds.margins[layer])
            if not hit:
                assert np.array_equal(model.state().hidden[layer], before[layer])
        assert trace.triggered == any(trace.layer_triggers)
        assert trace.prediction == np.argmax(trace.scores) and trace.margin == trace.layer_margins[-1]
    assert mixed


def _model(engine, network, training, prototypes, lanes):
    if engine == "step":
        return StepModel(network, training, prototypes, lanes=lanes)
    if engine == "numba":
        pytest.importorskip("numba")
    return FastModel(network, training, prototypes, lanes=lanes, engine=engine)


@pytest.mark.parametrize(
    ("network", "training", "words"),
    [
        (dict(widths=(4, 6), steps=2), dict(rule="local"), "feed-forward layers only"),
        (dict(widths=(4, 6), steps=2), dict(rule="cpr", gamma=(6,)), "feed-forward layers only"),
        (dict(widths=(4, 6, 6)), dict(rule="cpr", gamma=(6, 6)), "exactly one layer"),
        (dict(widths=(4, 6)), dict(rule="cpr", gamma=(3,)), "group size is its width"),
        (dict(widths=(4, 6)), dict(rule="adam"), "must be bep, local or cpr, not 'adam'"),
        (dict(widths=(4, 6)), dict(select="all"), "must be group or threshold, not 'all'"),
        (dict(widths=(4, 6)), dict(push=0.1), "push needs threshold selection"),
        (dict(widths=(4, 6)), dict(select="threshold", theta=-1), "theta must be a number from 0"),
        (dict(widths=(4, 6)), dict(select="threshold", push=1000), "push threshold must be a number from 0 to 256"),
        (dict(widths=(4, 6)), dict(rarity=9), "whole number from 0 to 8, not 9"),
        (dict(widths=(4, 6), steps=-1), dict(), "time steps must be a whole number from 0"),
        (dict(widths=(40000, 40000), steps=2), dict(), "fan-in of the recurrent layer"),
    ],
)
def test_nonsense_refused_in_a_sentence(network, training, words):
    with pytest.raises(BepError, match=words):
        network = Network(classes=2, **network)
        training = Training(**{"gamma": (1,) * network.layers, **training})
        training.check(network)


def test_classifiers_and_thresholds_of_another_rule_are_refused(setup):
    bep, local = (setup(5, depth=2, widest=10, rule=rule) for rule in ("bep", "local"))
    with pytest.raises(BepError, match="one classifier for each of the 2 layers"):
        StepModel(local.network, local.training, bep.prototypes, lanes=8)
    with pytest.raises(BepError, match="classifier of layer 1 must have the shape"):
        StepModel(local.network, local.training, local.prototypes[::-1], lanes=8)
    with pytest.raises(BepError, match="rule bep has one classifier"):
        StepModel(bep.network, bep.training, local.prototypes, lanes=8)
    models = [StepModel(s.network, s.training, s.prototypes, lanes=8) for s in (bep, local)]
    with pytest.raises(BepError, match="not those of the rule bep"):
        models[0].configure(models[1].thresholds)
    with pytest.raises(BepError, match="not those of the rule local"):
        models[1].configure(models[0].thresholds)
