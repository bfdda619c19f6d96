"""The bridge to a simulated core, tried on a toy: every call, both simulators, random stalls."""

import socket
from itertools import pairwise

import numpy as np
import pytest

from bephw.export import to_verilog
from bepsim.simulator import build
from bepsim.stalls import Stalls
from bepsim.transport import SimTransport
from bepsim.wire import Line
from bepsw.errors import BepError

from .toy import POINTER, WINDOW, WINDOW_DEPTH, Toy, toy_result

NOWHERE = 0x300


@pytest.fixture(scope="module")
def verilog():
    return to_verilog(Toy(), "toy")


@pytest.fixture
def start(verilog, simulator, waves):
    """Function that starts a toy; its arguments are those of `SimTransport`."""
    made = build(verilog, "toy", simulator, waves=waves is not None)
    return lambda **options: SimTransport(made, waves=waves, **options)


def packets(seed, count, width=12):
    """Random packets as (values per packet, beats, last)."""
    rng = np.random.default_rng(seed)
    values = [rng.integers(0, 1 << width, rng.integers(1, 9)) for _ in range(count)]
    last = np.concatenate([np.arange(len(v)) == len(v) - 1 for v in values])
    flat = np.concatenate(values).astype("<u2")
    return values, flat.view(np.uint8).reshape(-1, 2), last


def expected(values):
    return [toy_result([int(x) for x in v], serial) for serial, v in enumerate(values)]


def test_registers_hold_what_was_written(start):
    with start() as core:
        for index in range(8):
            core.write(index, 0x01234567 * (index + 1) & 0xFFFFFFFF)
        assert [core.read(i) for i in range(8)] == [0x01234567 * (i + 1) & 0xFFFFFFFF for i in range(8)]
        core.reset()
        assert core.read(3) == 0


@pytest.mark.parametrize("count", [0, 1, 2, 255, 5 * WINDOW_DEPTH + 3])
def test_blocks_come_back_in_order(start, count):
    words = np.random.default_rng(count).integers(0, 1 << 32, count, dtype=np.uint32)
    with start() as core:
        core.write_block(WINDOW, words)
        assert core.read(POINTER) == count % WINDOW_DEPTH
        kept = min(count, WINDOW_DEPTH)
        core.write(POINTER, (count - kept) % WINDOW_DEPTH)
        back = core.read_block(WINDOW, kept)
        assert back.dtype == np.uint32
        assert np.array_equal(back, words[count - kept :])


def test_a_block_moves_a_word_each_clock(start):
    with start() as core:
        before = core.cycle()
        core.write_block(WINDOW, np.arange(1000))
        assert core.cycle() - before < 1000 + 8


def test_stream_gives_every_result_with_its_cycles(start):
    values, beats, last = packets(1, 40)
    with start() as core:
        log = core.stream(beats, last, 40)
        core.wait_idle()
    assert log.results.dtype == np.uint64
    assert log.results.tolist() == expected(values)
    ends = log.beat_cycle[last]
    delay = np.array([int(sum(v)) & 15 for v in values])
    assert np.array_equal(log.result_cycle - ends, delay + 2)  # the toy's latency, to the clock
    assert np.array_equal(log.beat_cycle[1:][last[:-1]] - log.result_cycle[:-1], np.ones(39, int))
    inside = np.diff(log.beat_cycle)[~last[:-1]]
    assert np.array_equal(inside, np.ones_like(inside))  # a beat each clock when nothing holds it


def test_beats_and_results_may_go_in_separate_calls(start):
    values, beats, last = packets(2, 1)
    with start() as core:
        half = core.stream(beats[:1], last[:1], 0)
        assert len(half.results) == 0 and len(half.beat_cycle) == 1
        assert core.stream(beats[1:], last[1:], 1).results.tolist() == expected(values)
        assert core.stream(beats[:0], last[:0], 0).results.size == 0


def test_both_simulators_agree_on_every_cycle(verilog, request):
    if request.config.getoption("--sim", default=None):
        pytest.skip("compares two simulators")
    _, beats, last = packets(3, 30)
    logs = []
    for simulator in ("verilator", "icarus"):
        with SimTransport(build(verilog, "toy", simulator), stalls=Stalls(7, 0.3, 0.3)) as core:
            log = core.stream(beats, last, 30)
            logs.append((log.results.tolist(), log.result_cycle.tolist(), log.beat_cycle.tolist(), core.cycle()))
    assert logs[0] == logs[1]


@pytest.mark.parametrize("seed", range(6))
def test_stalls_lose_nothing_and_keep_the_order(start, seed):
    rng = np.random.default_rng(seed)
    values, beats, last = packets(seed, 60)
    stalls = Stalls(seed, *(float(p) for p in rng.uniform(0, 0.95, 2)))
    with start(stalls=stalls) as core:
        first = core.stream(beats, last, 60)
        core.reset()
        again = core.stream(beats, last, 60)
    assert first.results.tolist() == expected(values)
    assert all(a < b for a, b in pairwise(first.beat_cycle))
    assert np.array_equal(again.result_cycle - again.beat_cycle[0], first.result_cycle - first.beat_cycle[0])


def test_stalls_hold_up_both_streams(start):
    _, beats, last = packets(9, 50)
    with start() as core:
        free = core.stream(beats, last, 50)
    with start(stalls=Stalls(1, 0.5, 0.0)) as core:
        slow_in = core.stream(beats, last, 50)
    with start(stalls=Stalls(1, 0.0, 0.5)) as core:
        slow_out = core.stream(beats, last, 50)
    assert np.diff(slow_in.beat_cycle).sum() > 1.2 * np.diff(free.beat_cycle).sum()
    latency = [log.result_cycle - log.beat_cycle[last] for log in (free, slow_in, slow_out)]
    assert np.array_equal(latency[0], latency[1])
    assert (latency[2] >= latency[0]).all() and latency[2].sum() > latency[0].sum()


def test_clocks_are_counted_from_reset(start):
    with start() as core:
        assert core.cycle() < 8
        core.idle_clocks(1000)
        assert 1000 <= core.cycle() < 1016
        core.reset()
        assert core.cycle() < 8


def test_every_wait_gives_up_and_says_for_what(start):
    _, beats, last = packets(4, 1)
    with start(timeout=300) as core:
        with pytest.raises(BepError, match=r"Nothing moved for 300 clocks while waiting for a read of register 0x300"):
            core.read(NOWHERE)
        with pytest.raises(BepError, match=r"3 words to 0x300"):
            core.write_block(NOWHERE, np.arange(3))
        with pytest.raises(BepError, match=r"beats to go in and 2 results to come out; .* 1 came out"):
            core.stream(beats, last, 2)
        with pytest.raises(BepError, match="beats to go in and 0 results"):
            core.stream(np.tile(beats, (2, 1)), np.tile(last, 2), 0)
        with pytest.raises(BepError, match="Nothing moved for 50 clocks while waiting for the core to be idle"):
            core.wait_idle(50)
        core.reset()
        core.write(2, 5)
        assert core.read(2) == 5


def test_what_moves_is_never_too_late(start):
    _, beats, last = packets(5, 50)
    with start(timeout=40) as core:
        core.write_block(WINDOW, np.arange(500))
        assert core.stream(beats, last, 50).results.size == 50


def test_waiting_for_idle_waits(start):
    values, beats, last = packets(6, 1)
    with start(timeout=100) as core:
        core.stream(beats, last, 1)
        core.wait_idle()
        core.stream(beats, last, 0)
        with pytest.raises(BepError, match="the core to be idle"):
            core.wait_idle(60)  # a result that nobody takes is in flight
        assert core.stream(beats[:0], last[:0], 1).results.tolist() == [toy_result([int(x) for x in values[0]], 1)]
        core.wait_idle()


def test_nonsense_is_refused(start):
    with start() as core, pytest.raises(BepError, match=r"Beats must have the shape \(n, 2\)"):
        core.stream(np.zeros((4, 3), np.uint8), np.zeros(4, bool), 0)
    with pytest.raises(BepError, match="with` statement"):
        core.read(0)
    with pytest.raises(BepError, match="p_result must be from 0 to"):
        Stalls(0, 0, 1)


def test_hanging_up_on_a_side_that_is_gone_is_quiet():
    """A message that was on its way when the other side died is dropped, and the socket is closed."""
    here, there = socket.socketpair()
    line = Line(here)
    line._stream.write(b"never sent\n")
    there.close()
    line.close()
    assert here.fileno() == -1
