"""Outlet: a beat a cycle, order under stalls, and whole samples only when it is stopped at any moment."""

import random

import pytest

from bephw.dataset.outlet import Outlet

from .bench import core_of, drive, plain, receiver, sender, trace


def beats_of(rng, samples):
    """Samples of a header and one to four segments."""
    lengths = [rng.randint(2, 5) for _ in range(samples)]
    return [{"data": rng.getrandbits(9), "last": int(i == n - 1)} for n in lengths for i in range(n)]


def test_a_beat_a_cycle_and_a_cycle_later():
    beats = beats_of(random.Random(1), 20)
    inputs = [{"i.payload": beat, "i.valid": 1, "o.ready": 1} for beat in beats]
    names = ("i.ready", "o.valid", "o.payload", "header", "sent", "empty", "between")
    seen = trace(Outlet(core_of()), [*inputs, {"i.valid": 0}], names, after=3)
    count = len(beats)
    assert seen["i.ready"] == [1] * (count + 4)
    assert seen["o.valid"] == [0] + [1] * count + [0] * 3 == [1 - empty for empty in seen["empty"]]
    assert seen["o.payload"][1 : count + 1] == beats
    assert seen["sent"][1 : count + 1] == [beat["last"] for beat in beats]
    firsts = [1] + [beat["last"] for beat in beats[:-1]]
    assert seen["header"][1 : count + 1] == firsts == seen["between"][1 : count + 1]


@pytest.mark.parametrize("gaps, stalls", [(0, 0), (0.4, 0.4), (0, 0.8), (0.8, 0)])
def test_it_keeps_order_and_holds_what_it_offers(gaps, stalls):
    rng, received = random.Random(5), []
    beats, dut = beats_of(rng, 60), Outlet(core_of())
    benches = sender(dut.i, beats, rng, gaps=gaps), receiver(dut.o, received, len(beats), rng, stalls=stalls)
    drive(dut, *benches)
    assert received == beats


def test_ready_of_the_core_reaches_nobody_before_it_in_the_same_cycle():
    """Full of two beats it takes no third, whatever the core says in that cycle; the beat that leaves makes room."""
    inputs = [{"i.payload": {"data": n, "last": 0}, "i.valid": 1, "o.ready": 0} for n in range(3)]
    seen = trace(Outlet(core_of()), [*inputs, {"o.ready": 1}, {"o.ready": 0}], ["i.ready", "o.payload"], after=1)
    assert seen["i.ready"] == [1, 1, 0, 0, 1, 0]
    assert [beat["data"] for beat in seen["o.payload"][1:]] == [0, 0, 0, 1, 1]


@pytest.mark.parametrize("seed", range(20))
def test_stopped_it_lets_the_sample_at_hand_end_and_throws_the_rest_away(seed):
    rng = random.Random(seed)
    dut, beats, taken = Outlet(core_of()), beats_of(rng, 12), []
    stops = rng.randint(0, 40)

    async def core(ctx):
        cycle, headers, sent = 0, 0, 0
        while cycle < 200:
            ctx.set(dut.stop, cycle >= stops)
            ready = rng.random() < 0.6 or (bool(taken) and not taken[-1]["last"])
            ctx.set(dut.o.ready, ready)
            signals = dut.o.valid, dut.o.payload, dut.header, dut.sent, dut.between, dut.empty
            _, _, valid, beat, header, ended, between, empty = await ctx.tick().sample(*signals)
            assert between == (not taken or taken[-1]["last"])
            assert header == (valid and ready and between)
            assert ended == (valid and ready and plain(beat)["last"])
            if valid and ready:
                assert cycle < stops or not header, "a header after the stop"
                taken.append(plain(beat))
            headers, sent, cycle = headers + header, sent + ended, cycle + 1
        assert empty and between and headers == sent == sum(beat["last"] for beat in taken)

    drive(dut, core, sender(dut.i, beats, rng, gaps=0.2))
    assert taken == beats[: len(taken)]
