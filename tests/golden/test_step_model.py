"""`StepModel` against a second transcription of the algorithm: plain Python integers, ±1 and odd h, no numpy."""

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest

from bepsw.errors import BepError
from bepsw.golden import StepModel
from bepsw.spec import Network, Training, thresholds
from bepsw.target import Counters

LEVELS, DITHER = 10, 16


class Naive:
    """BEP on lists of ±1; H holds odd h = 2k+1."""

    def __init__(self, setup, state):
        self.setup, self.training = setup, setup.training
        self.h = [[[2 * int(k) + 1 for k in row] for row in layer] for layer in state.hidden]
        self.w = [[[1 if bit else -1 for bit in row] for row in layer] for layer in state.weights]
        self.classifier = [[1 if bit else -1 for bit in row] for row in setup.prototypes]
        self.bank = [int(x) for x in state.generator]
        self.pending = state.pending
        self.largest = 2**setup.network.bits - 1
        self.counters = Counters()
        self.groups, self.reinforce = setup.training.gamma, thresholds(setup.network, setup.training).reinforce

    def dot(self, x, y):
        return sum(a * b for a, b in zip(x, y, strict=True))

    def step(self, bits, label):
        t, widths = self.training, self.setup.network.widths
        a, z = [[1 if bit else -1 for bit in bits]], []
        for layer in self.w:
            z.append([self.dot(row, a[-1]) for row in layer])
            a.append([1 if value >= 0 else -1 for value in z[-1]])
        scores = [self.dot(row, a[-1]) for row in self.classifier]
        prediction = max(range(len(scores)), key=lambda c: (scores[c], -c))
        margin = scores[label] - max(s for c, s in enumerate(scores) if c != label)
        triggered = margin < ceil(Fraction(str(t.r)) * widths[-1])
        seen = dict(z=z, a=a[1:], scores=scores, prediction=prediction, margin=margin, triggered=triggered)
        self.counters.samples += 1
        if triggered:
            self.counters.triggered += 1
            seen.update(self.learn(a, z, label))
        self.pending += 1
        seen["swept"] = self.pending == t.batch
        if seen["swept"]:
            self.sweep()
        return seen

    def learn(self, a, z, label):
        widths, depth = self.setup.network.widths, len(z)
        gates = [[abs(v) <= floor(Fraction(str(self.training.nu)) * widths[n]) for v in z[n]] for n in range(depth)]
        desired = [None] * (depth - 1) + [self.classifier[label]]
        for n in range(depth - 2, -1, -1):
            sent = [g * d for g, d in zip(gates[n + 1], desired[n + 1], strict=True)]
            sums = [self.dot([row[i] for row in self.w[n + 1]], sent) for i in range(widths[n + 1])]
            desired[n] = [1 if value >= 0 else -1 for value in sums]
        winners = []
        for n in range(depth):
            won, size = [], self.groups[n]
            for first in range(0, widths[n + 1], size):
                wrong = [j for j in range(first, first + size) if a[n + 1][j] != desired[n][j]]
                if wrong:
                    won.append(min(wrong, key=lambda j: (abs(z[n][j]), j)))
            winners.append(won)
        for n in range(depth):
            for j in winners[n]:
                self.counters.updates += 1
                self.h[n][j] = [self.moved(h, desired[n][j] * x) for h, x in zip(self.h[n][j], a[n], strict=True)]
                if self.training.online:
                    self.w[n][j] = [1 if h > 0 else -1 for h in self.h[n][j]]
        return dict(gates=gates, desired=desired, winners=winners)

    def moved(self, h, sign):
        if abs(h + 2 * sign) > self.largest:
            self.counters.saturations += 1
            return h
        return h + 2 * sign

    def sweep(self):
        lanes = self.setup.lanes
        lanes8 = -(-lanes // 8) * 8
        for layer, threshold in zip(self.h, self.reinforce, strict=True):
            whole, fraction = threshold >> DITHER, threshold & ((1 << DITHER) - 1)
            for row in layer:
                for first in range(0, len(row), lanes):
                    u = sum(self.random_bit(LEVELS * lanes8 + i) << i for i in range(DITHER))
                    for lane, h in enumerate(row[first : first + lanes]):
                        r = sum(self.random_bit(level * lanes8 + lane) << level for level in range(LEVELS))
                        if r < whole or (r == whole and u < fraction):
                            row[first + lane] = self.moved(h, 1 if h > 0 else -1)
                    self.bank = [self.xorshift(x) for x in self.bank]
        self.w = [[[1 if h > 0 else -1 for h in row] for row in layer] for layer in self.h]
        self.counters.sweeps += 1
        self.pending = 0

    def random_bit(self, n):
        return self.bank[n // 64] >> n % 64 & 1

    def xorshift(self, x):
        for shift in (13, -7, 17):
            x ^= (x << shift if shift > 0 else x >> -shift) & (2**64 - 1)
        return x


def _plain(value):
    """Tuples and arrays as lists, bits as ±1 where the naive model has them."""
    return [_plain(v) for v in value] if isinstance(value, (tuple, list, np.ndarray)) else value


def _signs(layers):
    return [np.where(layer, 1, -1).tolist() for layer in layers]


def _compare(trace, seen):
    for name in ("z", "scores"):
        assert _plain(getattr(trace, name)) == seen[name], name
    assert _signs(trace.a) == seen["a"]
    assert (trace.prediction, trace.margin, trace.triggered) == (seen["prediction"], seen["margin"], seen["triggered"])
    assert trace.swept == seen["swept"]
    if seen["triggered"]:
        assert _signs(trace.desired) == seen["desired"]
        assert _plain(trace.gates) == seen["gates"]
        assert _plain(trace.winners) == seen["winners"]
    else:
        assert trace.desired == trace.gates == ()
        assert all(rows.size == 0 for rows in trace.winners)


def _compare_state(model, naive):
    state = model.state()
    assert [(2 * k.astype(int) + 1).tolist() for k in state.hidden] == naive.h
    assert _signs(state.weights) == naive.w
    assert state.generator.tolist() == naive.bank
    assert state.pending == naive.pending
    assert model.counters == naive.counters


@pytest.mark.parametrize("seed", range(30))
def test_every_intermediate_of_every_sample(seed, setup, samples, at_the_ends):
    s = setup(seed, widest=16, bits=[3, 4, 8, 16][seed % 4] if seed % 5 else 3)
    model = StepModel(s.network, s.training, s.prototypes, lanes=s.lanes)
    if seed % 3 == 0:
        model.load(at_the_ends(s, model.state().generator))
    naive = Naive(s, model.state())
    for bits, label in zip(*samples(s, 40), strict=True):
        _compare(model.step(bits, label), naive.step(bits.tolist(), int(label)))
        _compare_state(model, naive)


def test_saturation_reached_and_counted(setup, samples, at_the_ends):
    s = setup(3, widest=12, bits=3)
    model = StepModel(s.network, s.training, s.prototypes, lanes=s.lanes)
    model.load(at_the_ends(s, model.state().generator))
    naive = Naive(s, model.state())
    for bits, label in zip(*samples(s, 60), strict=True):
        model.step(bits, label)
        naive.step(bits.tolist(), int(label))
    assert model.counters.saturations == naive.counters.saturations > 0


@pytest.mark.parametrize("online", [False, True])
def test_weights_frozen_inside_a_batch(online, setup, samples):
    s = setup(5, widest=20, depth=2, bits=4, online=online, gamma="one")
    training = Training(gamma=s.training.gamma, r=2, batch=1000, online=online)
    model = StepModel(s.network, training, s.prototypes, lanes=8)
    before = model.state().weights
    model.train(*samples(s, 50))
    state = model.state()
    same = all(np.array_equal(w, b) for w, b in zip(state.weights, before, strict=True))
    follows = all(np.array_equal(w, k >= 0) for w, k in zip(state.weights, state.hidden, strict=True))
    assert (same, follows) == ((False, True) if online else (True, False))
    model.train(*samples(s, 0), close=True)
    state = model.state()
    assert all(np.array_equal(w, k >= 0) for w, k in zip(state.weights, state.hidden, strict=True))
    assert model.counters.sweeps == 1
    model.train(*samples(s, 0), close=True)
    assert model.counters.sweeps == 1, "an empty batch has nothing to close"


def test_reinforcement_draws_words_at_probability_zero(setup, samples):
    s = setup(6, widest=20, depth=2)
    training = Training(gamma=s.training.gamma, p_r=0, batch=1)
    model = StepModel(s.network, training, s.prototypes, lanes=8)
    before = model.state().generator
    model.train(*samples(s, 1))
    assert not np.array_equal(model.state().generator, before)


def test_inference_changes_nothing(setup, samples):
    s = setup(8, widest=20, online=False)
    model = StepModel(s.network, s.training, s.prototypes, lanes=s.lanes)
    model.train(*samples(s, 17))
    before, counters = model.state(), vars(model.counters).copy()
    bits, _ = samples(s, 20)
    predicted = model.infer(bits)
    after = model.state()
    for x, y in zip(before.hidden + before.weights, after.hidden + after.weights, strict=True):
        assert np.array_equal(x, y)
    assert np.array_equal(before.generator, after.generator) and before.pending == after.pending
    assert vars(model.counters) == counters
    for sample, prediction in zip(bits, predicted, strict=True):
        model.load(before)
        assert model.step(sample, 0).prediction == prediction


NETWORK = Network(widths=(6, 4), classes=2)
TRAINING = Training(gamma=(2,))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.train(np.zeros((2, 5), np.uint8), [0, 1]), "array \\(n, 6\\)"),
        (lambda m: m.train(np.full((2, 6), 2), [0, 1]), "nothing but 0 and 1"),
        (lambda m: m.train(np.zeros((2, 6)), [0, 1]), "nothing but 0 and 1"),
        (lambda m: m.train(np.zeros((2, 6), np.uint8), [0]), "one for each sample"),
        (lambda m: m.train(np.zeros((2, 6), np.uint8), [0, 2]), "outside 0 … 1"),
        (lambda m: m.train(np.zeros((2, 6), np.uint8), [0, -1]), "outside 0 … 1"),
        (lambda m: m.configure(thresholds(m.network, TRAINING, groups=(3,))), "does not divide"),
        (lambda m: StepModel(NETWORK, TRAINING, np.zeros((2, 5), bool), lanes=8), "classifier must have the shape"),
        (lambda m: StepModel(NETWORK, TRAINING, np.zeros((2, 4), bool), lanes=0), "number of lanes"),
        (lambda m: StepModel(NETWORK, Training(gamma=(3,)), np.zeros((2, 4), bool), lanes=8), "does not divide"),
    ],
)
def test_nonsense_refused_in_a_sentence(call, words):
    model = StepModel(NETWORK, TRAINING, np.eye(2, 4, dtype=bool), lanes=8)
    with pytest.raises(BepError, match=words):
        call(model)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dict(hidden=(np.zeros((4, 5), np.int16),)), "shapes"),
        (dict(weights=()), "shapes"),
        (dict(hidden=(np.full((4, 6), 128, np.int16),)), "cannot hold"),
        (dict(generator=np.zeros(1, np.uint64)), "lanes"),
        (dict(pending=100), "into a batch"),
    ],
)
def test_a_foreign_state_is_refused(change, words):
    model = StepModel(NETWORK, TRAINING, np.eye(2, 4, dtype=bool), lanes=8)
    state = model.state()
    with pytest.raises(BepError, match=words):
        model.load(type(state)(**{**vars(state), **change}))
