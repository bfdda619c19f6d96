"""Words of the driver: packed bit by bit the way the hardware reads them, and back."""

import numpy as np
import pytest

from bephw.types import HEADER_CLOSE, LABEL_BITS
from bepsw.driver_words import (
    hidden_from_words,
    hidden_to_words,
    pieces_of,
    sample_beats,
    unrolled_bits,
    weight_runs,
    weights_from_runs,
)
from bepsw.layout import Unrolled, place
from bepsw.registers import window_pieces
from bepsw.spec import Network, counter_range

from .bench import core_of, network_of, segments_of

CORES = [
    core_of(),
    core_of(lanes=8, segments=1, slots=1, operand_words=16, bits=2, weight_words=1024),
    core_of(lanes=40, segments=3, slots=3, bits=16),
    core_of(lanes=13, segments=2, slots=1, bits=5),
]
SHAPE = pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}S{c.segments}B{c.bits}")
SEED = pytest.mark.parametrize("seed", [1, 2, 3])


def matrices(core, seed):
    rng = np.random.default_rng([seed, core.lanes])
    network, *_ = network_of(rng, core)
    layout = place(network, core)
    return rng, [*layout.layers, layout.classifier]


def whole(pieces):
    return sum(int(piece) << 32 * i for i, piece in enumerate(pieces))


@SHAPE
@SEED
def test_counters_lie_lane_by_lane(core, seed):
    rng, layers = matrices(core, seed)
    pieces = window_pieces(core)["hidden"]
    low, high = counter_range(core.bits)
    for matrix in layers:
        hidden = rng.integers(low, high + 1, (matrix.rows, matrix.fan_in)).astype(np.int16)
        hidden.flat[0], hidden.flat[-1] = low, high
        words = hidden_to_words(hidden, matrix, core, pieces)
        assert words.shape == (matrix.hidden_words, pieces) and words.dtype == np.uint32
        for row in range(matrix.rows):
            lanes = [k & (1 << core.bits) - 1 for k in hidden[row].tolist()]
            for segment in range(matrix.segments):
                part = lanes[segment * core.lanes : (segment + 1) * core.lanes]
                assert whole(words[row * matrix.segments + segment]) == sum(
                    k << i * core.bits for i, k in enumerate(part)
                )
        back = hidden_from_words(words, matrix, core)
        assert back.dtype == np.int16 and np.array_equal(back, hidden)


@SHAPE
@SEED
def test_weights_lie_where_the_layout_says(core, seed):
    rng, layers = matrices(core, seed)
    pieces = window_pieces(core)["weights"]
    for matrix in layers:
        bits = rng.integers(0, 2, (matrix.rows, matrix.fan_in)).astype(bool)
        written = {}
        runs = list(weight_runs(bits, matrix, pieces))
        for start, run in runs:
            for row, value in enumerate(run, start=start):
                assert (row >> 6, row & 63) not in written
                written[row >> 6, row & 63] = whole(value)
        expected = {
            matrix.place_of(row, at): value
            for row in range(matrix.rows)
            for at, value in enumerate(segments_of(bits[row], core.lanes))
        }
        assert written == expected
        back = weights_from_runs([run for _, run in runs], matrix)
        assert back.dtype == bool and np.array_equal(back, bits)


def test_pieces_are_lowest_first():
    assert pieces_of([0x1122334455667788, 1], 3).tolist() == [[0x55667788, 0x11223344, 0], [1, 0, 0]]
    assert pieces_of([], 2).shape == (0, 2)


@pytest.mark.parametrize("lanes", [8, 9, 36, 72])
@pytest.mark.parametrize("close", [False, True])
@SEED
def test_samples_are_a_header_and_segments(lanes, close, seed):
    rng = np.random.default_rng(seed)
    count, inputs = 5, int(rng.integers(1, 5 * lanes))
    bits, labels = rng.integers(0, 2, (count, inputs)), rng.integers(0, 64, count)
    beats, last = sample_beats(bits, labels, close, lanes)
    values = [int.from_bytes(beat.tobytes(), "little") for beat in beats]
    per_sample = 1 + -(-inputs // lanes)
    assert beats.shape == (count * per_sample, -(-lanes // 8)) and last.dtype == bool
    for index in range(count):
        header, *segments = values[index * per_sample : (index + 1) * per_sample]
        assert header & (1 << LABEL_BITS) - 1 == labels[index]
        assert header >> HEADER_CLOSE == int(close and index == count - 1)
        assert segments == segments_of(bits[index], lanes)
    assert np.flatnonzero(last).tolist() == [(index + 1) * per_sample - 1 for index in range(count)]


def test_no_samples_are_no_beats():
    beats, last = sample_beats(np.zeros((0, 20), np.uint8), [], True, 9)
    assert len(beats) == len(last) == 0


def test_a_sequence_begins_every_step_with_a_segment():
    """3 steps of 5 bits and a state of 6, on segments of 8: [x_1 ; s_0] is 11 bits, s_0 all ones."""
    unrolled = Unrolled(steps=3, inputs=5, state=6, segments=2, full=0, copies=1, offset=5)
    x = np.arange(15) % 2
    bits = unrolled_bits([x, 1 - x], unrolled, 8)
    assert bits.shape == (2, unrolled.sample_segments * 8)
    assert "".join(map(str, bits[0])) == "01010111111000001010100001010000"
    assert "".join(map(str, bits[1])) == "10101111111000000101000010101000"


@pytest.mark.parametrize("seed", range(8))
def test_the_parts_of_a_sequence_come_back(seed):
    rng = np.random.default_rng(seed)
    core = core_of(rules=1, lanes=int(rng.integers(8, 20)), store_segments=80, max_fan_in=80, steps=12, beats=512)
    network = Network(
        widths=(int(rng.integers(1, 30)), int(rng.integers(1, 30))), classes=2, steps=int(rng.integers(1, 9))
    )
    unrolled = place(network, core).unrolled
    x = rng.integers(0, 2, (3, network.inputs))
    parts = unrolled_bits(x, unrolled, core.lanes).reshape(3, -1, core.lanes)
    first = parts[:, : unrolled.segments].reshape(3, -1)
    assert np.array_equal(first[:, : unrolled.inputs], x[:, : unrolled.inputs])
    assert first[:, unrolled.inputs : network.fan_ins[0]].all() and not first[:, network.fan_ins[0] :].any()
    later = parts[:, unrolled.segments :].reshape(3, network.steps - 1, -1)
    assert np.array_equal(later[:, :, : unrolled.inputs].reshape(3, -1), x[:, unrolled.inputs :])
    assert not later[:, :, unrolled.inputs :].any()
