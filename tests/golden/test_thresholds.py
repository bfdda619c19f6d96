"""From the papers' real numbers to the integers of the contract, at the edges where floating point would slip."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np
import pytest

from bepsw.errors import BepError
from bepsw.golden import init_hidden, initial_state
from bepsw.spec import REINFORCE_BITS, Network, Training, counter_range, divisors, thresholds


def net(*widths, **more):
    return Network(widths=widths, classes=10, **more)


@pytest.mark.parametrize(
    ("r", "width", "margin"),
    [(0.1, 30, 3), (0.5, 255, 128), (0.5, 256, 128), (0, 9, 0), (2, 9, 18), (0.3, 10, 3), (0.7, 10, 7), (1e-9, 9, 1)],
)
def test_margin_is_an_exact_ceiling(r, width, margin):
    assert thresholds(net(5, width), Training(gamma=(1,), r=r)).margin == margin


@pytest.mark.parametrize(
    ("nu", "fan_in", "gate"), [(0.05, 60, 3), (0.05, 255, 12), (0.29, 100, 29), (0, 9, 0), (1, 9, 9), (0.57, 100, 57)]
)
def test_gate_is_an_exact_floor(nu, fan_in, gate):
    assert thresholds(net(fan_in, 4), Training(gamma=(1,), nu=nu)).gates == (gate,)


def test_every_hundredth_of_every_width():
    for hundredths in range(101):
        for width in (1, 7, 30, 100, 255, 1000):
            limits = thresholds(net(width, width), Training(gamma=(1,), r=hundredths / 100, nu=hundredths / 100))
            exact = Decimal(hundredths) * width / 100
            assert limits.margin == int(exact.to_integral_value(ROUND_CEILING))
            assert limits.gates[0] == int(exact.to_integral_value(ROUND_FLOOR))


def test_reinforcement_follows_width_and_error():
    t = Training(gamma=(1, 1), p_r=0.5)
    full, quarter = (thresholds(net(9, 100, 400), t, error=e).reinforce for e in (1.0, 0.25))
    assert full[0] / (1 << REINFORCE_BITS) == pytest.approx(0.5 * np.sqrt(2 / (np.pi * 100)), rel=1e-6)
    assert full[0] == pytest.approx(2 * full[1], abs=2)
    assert full == pytest.approx([2 * q for q in quarter], abs=2)
    assert thresholds(net(9, 100, 400), t, error=0).reinforce == (0, 0)
    assert max(thresholds(net(9, 1), Training(gamma=(1,), p_r=1)).reinforce) < 1 << REINFORCE_BITS


def test_local_rules_reinforce_by_the_fan_in_and_judge_every_layer():
    network = net(400, 100, 25)
    t = Training(gamma=(1, 1), p_r=0.5, r=0.31, rule="local")
    local, bep = thresholds(network, t), thresholds(network, Training(gamma=(1, 1), p_r=0.5, r=0.31))
    assert local.margins == (31, 8) and local.margin == bep.margin == 8 and bep.margins == ()
    assert local.reinforce[1] == bep.reinforce[0], "layer 2 has the fan-in that layer 1 has units"
    assert local.reinforce[0] == pytest.approx(bep.reinforce[0] / 2, abs=2)
    assert thresholds(network, Training(gamma=(1, 1), r=0, rule="local")).margins == (1, 1)


@pytest.mark.parametrize(
    ("factor", "fan_in", "limit"),
    [(0.25, 16, 1), (0.25, 15, 0), (0.25, 784, 7), (0.1, 100, 1), (0.7, 100, 7), (1, 99, 9), (0, 9, 0), (1.1, 100, 11)],
)
def test_selection_thresholds_are_exact_floors_of_roots(factor, fan_in, limit):
    training = Training(gamma=(1,), select="threshold", theta=factor, push=factor)
    found = thresholds(net(fan_in, 4), training)
    assert found.select == found.push == (limit,)
    assert thresholds(net(fan_in, 4), Training(gamma=(1,), theta=factor)).select == ()
    assert thresholds(net(fan_in, 4), Training(gamma=(1,), select="threshold", theta=factor)).push == ()


def test_selection_thresholds_of_every_hundredth():
    for hundredths in range(0, 300, 7):
        for fan_in in (1, 2, 49, 100, 255, 1000):
            training = Training(gamma=(1,), select="threshold", theta=hundredths / 100)
            (limit,) = thresholds(net(fan_in, 4), training).select
            assert (100 * limit) ** 2 <= hundredths**2 * fan_in < (100 * (limit + 1)) ** 2


def test_a_recurrent_layer_counts_its_state_in_the_fan_in_and_its_steps_in_the_stability():
    network = net(10, 30, 20, steps=4)
    assert network.inputs == 40 and network.fan_ins == (40, 30) and network.shapes == ((30, 40), (20, 30))
    assert network.hidden_weights == 30 * 40 + 20 * 30 and str(network) == "4×10-30-20"
    t = Training(gamma=(1, 1), nu=0.5, select="threshold", theta=1)
    found = thresholds(network, t)
    assert found.gates == (15, 15), "the gate of a step is in units of the state that it is sent back to"
    assert found.select == (12, 5)
    assert thresholds(network, Training(gamma=(1, 1), gate=False)).gates == (40, 30)
    assert [k.shape for k in init_hidden(network, 0)] == [(30, 40), (20, 30)]


def test_reals_of_numpy_are_reals():
    t = Training(gamma=(1,), r=np.float64(0.1), nu=np.float64(0.29))
    found = thresholds(net(100, 30), t)
    assert (found.margin, found.gates) == (3, (29,))


def test_schedule_overrides_the_first_groups():
    assert thresholds(net(9, 12), Training(gamma=(3,)), groups=(6,)).groups == (6,)
    assert divisors(12) == [1, 2, 3, 4, 6, 12]


@pytest.mark.parametrize("bits", [2, 3, 8, 16])
def test_initial_counters_are_symmetric_and_within_the_spread(bits):
    network = net(300, 200, 30, bits=bits)
    low, high = counter_range(bits)
    for spread in (1, -low):
        hidden = init_hidden(network, 5, spread)
        assert [k.shape for k in hidden] == [(200, 300), (30, 200)]
        h = np.concatenate([2 * k.reshape(-1).astype(int) + 1 for k in hidden])
        assert 1 - 2 * spread <= h.min() <= (1 - 2 * spread) * 0.99
        assert (2 * spread - 1) * 0.99 <= h.max() <= 2 * spread - 1
        assert abs(h.mean()) < 5 * h.std() / np.sqrt(h.size)
    assert high == -low - 1
    assert not np.array_equal(init_hidden(network, 5, 1)[0], init_hidden(network, 6, 1)[0])
    state = initial_state(network, Training(gamma=(1, 1)), lanes=8)
    assert all(np.array_equal(w, k >= 0) for w, k in zip(state.weights, state.hidden, strict=True))


@pytest.mark.parametrize("spread", [0, 3, 16, -1, 2.0, True])
def test_a_spread_that_does_not_fit_is_refused(spread):
    with pytest.raises(BepError, match="power of two from 1 to 8"):
        init_hidden(net(4, 4, bits=4), 0, spread)


def test_a_symmetric_start_mirrors_the_recurrent_weights_and_nothing_else():
    network = Network(widths=(40, 30, 20), classes=4, steps=5)
    plain, mirrored = init_hidden(network, 3, 8), init_hidden(network, 3, 8, symmetric=True)
    recurrent = mirrored[0][:, 40:]
    assert np.array_equal(recurrent, recurrent.T)
    assert np.array_equal(np.tril(recurrent), np.tril(plain[0][:, 40:]))
    assert not np.array_equal(plain[0][:, 40:], recurrent)
    assert np.array_equal(mirrored[0][:, :40], plain[0][:, :40]) and np.array_equal(mirrored[1], plain[1])
    state = initial_state(network, Training(gamma=(1, 1), seed=3), lanes=8, spread=8, symmetric=True)
    assert np.array_equal(state.hidden[0], mirrored[0]) and np.array_equal(state.weights[0], mirrored[0] >= 0)


def test_a_feed_forward_network_cannot_start_symmetric():
    with pytest.raises(BepError, match="Only a recurrent network can start symmetric, and 4-4 is none"):
        init_hidden(net(4, 4), 0, 1, symmetric=True)
