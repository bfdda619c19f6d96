"""BackwardIssue: cycles by formula, the W port, the banks, and the read-back of W."""

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring

from bephw.backward_issue import BackwardIssue
from bepsw.cycles import Timing
from bepsw.program import compile_program

from .bench import constants, core_of, drive, network_of, plain, trace

CORES = [
    core_of(),
    core_of(lanes=8, segments=1, slots=1, threads=1, contexts=2, operand_words=6, max_fan_in=48, max_width=20),
    core_of(lanes=8, segments=8, slots=8, operand_words=1, max_fan_in=64),
    core_of(segments=2, slots=2, lanes=13, operand_words=6, weight_words=256),
    core_of(rules=1),
]
SHAPE = pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}S{c.segments}R{c.slots}r{c.rules}")


class WithTable(wiring.Component):
    """BackwardIssue beside its step table."""

    def __init__(self, core, steps):
        self.core, self.table = core, steps
        self.inner = BackwardIssue(core)
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self.inner
        m.d.comb += inner.row.eq(constants(self.core, "backward", self.table, inner.step))
        return m


def token_of(core, layers=-1, **token):
    """A judged sample in which `layers` triggered, all of them if not said."""
    token = {"context": 1, "label": 3, "triggered": 1, "batch_end": 1} | token
    return token | ({"layers": layers & 63} if core.rules else {})


def schedule(steps, core, start, layers=-1):
    """Beats {cycle: (word address or None, beat, scan, rows)}, read-outs {cycle: position}, cycle of the hand-over."""
    beats, reads, at = {}, {}, start + 2  # IDLE, DECIDE
    for step in steps:
        chunks = step["words_per_row"] if step["walk"] else 1
        at += 1  # FETCH
        if not layers >> step["layer"] & 1:
            at += 2  # START, NEXT
            continue
        for chunk in range(chunks):
            at += 2  # START, WAIT
            for beat in range(step["beats"]):
                address = step["weight_base"] + beat * step["words_per_row"] + chunk if step["walk"] else None
                rows = step["last_rows"] if beat == step["beats"] - 1 else step["rows"]
                beats[at] = address, beat, int(chunk == 0), rows
                at += 1
            at += BackwardIssue.drain_of(core, walk=bool(step["walk"]))
            if step["walk"]:
                segments = step["last_segments"] if chunk == chunks - 1 else step["full_segments"]
                for segment in range(segments):
                    for slot in range(step["rows"]):
                        last = int(slot == step["rows"] - 1)
                        reads[at] = slot * step["full_segments"] + segment, int(slot == 0), last
                        at += 1
                at += BackwardIssue.settle
        at += 1  # NEXT
    return beats, reads, at - 1


def program_of(core, seed, depth=None, **options):
    rng = np.random.default_rng([seed, core.segments])
    network, _, thresholds = network_of(rng, core, depth=depth, **options)
    return compile_program(network, core, thresholds).tables["backward"]


@SHAPE
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_sample_follows_its_schedule_to_the_cycle(core, seed):
    follow(core, program_of(core, seed))


@pytest.mark.parametrize("seed, layers", [(1, 0b001), (2, 0b010), (3, 0b100), (4, 0b101), (5, 0b111)])
def test_layers_that_did_not_trigger_take_three_cycles(seed, layers):
    core = core_of(rules=1, prototype_segments=16)
    follow(core, program_of(core, seed, depth=3, rule="local"), layers)


@pytest.mark.parametrize("seed", [1, 2])
def test_rare_updates_walk_and_scan_one_after_the_other(seed):
    core = core_of(rules=1)
    follow(core, program_of(core, seed, depth=3, rarity=2))


def follow(core, steps, layers=-1):
    """Two samples in which `layers` trigger, to the cycle."""
    dut = WithTable(core, steps)
    token = token_of(core, layers)
    beats, reads, first = schedule(steps, core, 0, layers)
    more, others, end = schedule(steps, core, first + 1, layers)  # the next sample, right after
    beats, reads = beats | more, reads | others
    watch = [
        "tag",
        "walk_address",
        "read",
        "position",
        "first_slot",
        "last_slot",
        "updates.valid",
        "judged.ready",
        "job",
    ]
    inputs = [{"inner.judged.valid": 1, "inner.judged.payload": token}, *[{}] * end, {"inner.judged.valid": 0}]
    seen = trace(dut, inputs, [f"inner.{name}" for name in watch], after=5)
    seen = {name: seen[f"inner.{name}"] for name in watch}
    assert [cycle for cycle, tag in enumerate(seen["tag"]) if tag["valid"]] == list(beats)
    for cycle, (address, beat, scan, rows) in beats.items():
        tag = seen["tag"][cycle]
        assert (tag["beat"], tag["scan"], tag["rows"]) == (beat, scan, rows), cycle
        assert tag["walk"] == (address is not None) and not tag["peek"]
        assert address is None or seen["walk_address"][cycle] == address
    assert [cycle for cycle, read in enumerate(seen["read"]) if read] == list(reads)
    for cycle, expected in reads.items():
        got = seen["position"][cycle], seen["first_slot"][cycle], seen["last_slot"][cycle]
        assert got == expected, cycle
    handed = [cycle for cycle, valid in enumerate(seen["updates.valid"]) if valid]
    assert handed == [first + 1, end + 1]
    assert [cycle for cycle, ready in enumerate(seen["judged.ready"][: end + 1]) if ready] == [0, first + 1]


@SHAPE
def test_the_cycle_model_knows_the_same_lengths(core):
    assert Timing.of(core).drain == BackwardIssue.drain_of(core, walk=False)
    assert Timing.of(core).walk_drain == BackwardIssue.drain_of(core, walk=True)
    assert Timing.of(core).settle == BackwardIssue.settle


def test_a_sample_that_did_not_trigger_takes_two_cycles():
    core = core_of()
    dut = WithTable(core, program_of(core, 1))
    token = {"context": 2, "label": 1, "triggered": 0, "batch_end": 1}
    inputs = [{"inner.judged.valid": 1, "inner.judged.payload": token}, {}, {}, {"inner.judged.valid": 0}]
    seen = trace(dut, inputs, ["inner.updates.valid", "inner.updates.payload", "inner.judged.ready"], after=3)
    assert seen["inner.judged.ready"][:5] == [1, 0, 1, 0, 1]
    assert seen["inner.updates.valid"][:6] == [0, 0, 1, 0, 1, 0]
    token = seen["inner.updates.payload"][2]
    assert [token[name] for name in ("context", "batch_end", "updates")] == [2, 1, 0]


@SHAPE
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_walk_and_the_forward_stage_never_read_at_once(core, seed):
    """`tag` reaches the W port `walk_delay_of(core)` later; forward passes start only while `hold` is low."""
    rng = np.random.default_rng(seed)
    dut = WithTable(core, program_of(core, seed, depth=3))
    issue, state = dut.inner, {"samples": 0, "waited": 0}

    async def bench(ctx):
        streaming, left, tags = 0, 0, [0] * BackwardIssue.walk_delay_of(core)
        ctx.set(issue.judged.payload, token_of(core))
        ctx.set(issue.judged.valid, 1)
        while state["samples"] < 16:
            ctx.set(issue.forward_streaming, streaming)
            _, _, hold, tag, ready = await ctx.tick().sample(issue.hold, issue.tag, issue.judged.ready)
            assert not (streaming and tags[0]), "two words at once"
            tags = [*tags[1:], tag.valid & tag.walk]
            state["waited"] += streaming and hold
            left -= streaming
            if not left and not hold and rng.random() < 0.3:  # pauses, and passes in the cycle that a walk begins in
                left = int(rng.integers(1, 14))
            streaming = int(left > 0)
            state["samples"] += ready

    drive(dut, bench)
    assert state["waited"], "the bench never made a walk wait"


BANKS = pytest.mark.parametrize("beats, banks", [(512, 2), (256, 4), (64, 8)])
WAIT = 300  # cycles in which every bank fills, and then in which a freed one does


def run_banks(core, winners, done, cycles):
    """Samples without a pause, `winners` entries each, banks given back in the cycles `done`: [(cycle, update)]."""
    dut = WithTable(core, program_of(core, 4, depth=1))
    issue, handed = dut.inner, []

    async def judge(ctx):
        while True:
            await ctx.tick()
            ctx.set(issue.judged.valid, 1)
            ctx.set(issue.judged.payload.triggered, 1)

    async def bench(ctx):
        left = 0  # entries of this sample still to write
        for cycle in range(cycles):
            ctx.set(issue.bank_done, cycle in done)
            ctx.set(issue.winner_write, left > 0)
            _, _, tag, valid, payload, bank = await ctx.tick().sample(
                issue.tag, issue.updates.valid, issue.updates.payload, issue.bank
            )
            left = winners if tag.valid and tag.beat == 0 else max(left - 1, 0)
            if valid:
                payload = plain(payload)
                assert payload["updates"] == (winners > 0)
                assert payload["count"] == winners or not winners
                assert (payload["bank"] + (winners > 0)) % core.winner_banks == bank
                handed.append((cycle, payload["bank"]))

    drive(dut, bench, background=(judge,))
    return handed


@BANKS
@pytest.mark.parametrize("winners", [1, 5])
def test_banks_take_turns_and_a_sample_waits_for_a_free_one(winners, beats, banks):
    """Every bank is used before one waits, and each that is given back lets one sample through, no more."""
    core = core_of(max_width=60, max_fan_in=40, beats=beats)
    assert core.winner_banks == banks
    full = WAIT * banks
    handed = run_banks(core, winners, (full, full + WAIT, full + 2 * WAIT), full + 3 * WAIT)
    assert [bank for _, bank in handed] == [i % banks for i in range(banks + 3)]
    cycles = [cycle for cycle, _ in handed]
    length = cycles[1] - cycles[0]
    assert length < WAIT and cycles[:banks] == [cycles[0] + i * length for i in range(banks)], "none waits"
    # It waits where it decides, and goes on as if it had been taken when the bank was given back.
    assert cycles[banks:] == [full + length + i * WAIT for i in range(3)]


@BANKS
def test_a_bank_given_back_as_one_is_taken_is_not_lost(beats, banks):
    """The count of banks goes up and down in the same cycle."""
    core = core_of(max_width=60, max_fan_in=40, beats=beats)
    free = run_banks(core, 1, (), WAIT * banks)
    assert len(free) == banks
    second = free[1][0] - 1  # the cycle before it shows, in which its bank is counted
    handed = run_banks(core, 1, (second,), WAIT * (banks + 1))
    assert len(handed) == banks + 1 and handed[banks][0] - handed[banks - 1][0] == free[1][0] - free[0][0]


def test_a_sample_without_winners_uses_up_no_bank():
    handed = run_banks(core_of(max_width=60, max_fan_in=40), 0, (), 2000)
    assert len(handed) > 10 and {bank for _, bank in handed} == {0}


@BANKS
def test_a_full_set_of_banks_lets_samples_without_updates_through(beats, banks):
    core = core_of(max_width=60, max_fan_in=40, beats=beats)
    dut = WithTable(core, program_of(core, 4, depth=1))
    issue, handed = dut.inner, []

    async def bench(ctx):
        ctx.set(issue.judged.valid, 1)
        taken, written = 0, False
        while taken < banks + 5:
            ctx.set(issue.judged.payload.triggered, taken < banks)
            ctx.set(issue.winner_write, written)
            _, _, tag, ready, valid, payload = await ctx.tick().sample(
                issue.tag, issue.judged.ready, issue.updates.valid, issue.updates.payload
            )
            written = tag.valid and tag.beat == 0
            taken += ready
            if valid:
                handed.append(plain(payload)["updates"])

    drive(dut, bench, limit=(banks + 1) * WAIT)
    assert handed == [1] * banks + [0] * 4


def test_winners_of_one_sample_are_not_those_of_the_next():
    """Of three samples that trigger, the second has no winner: no update, no count, and its bank goes to the third."""
    core = core_of(max_width=60, max_fan_in=40)
    dut = WithTable(core, program_of(core, 4, depth=1))
    issue, handed = dut.inner, []

    async def bench(ctx):
        ctx.set(issue.judged.valid, 1)
        ctx.set(issue.judged.payload.triggered, 1)
        while len(handed) < 3:
            _, _, tag, valid, payload = await ctx.tick().sample(issue.tag, issue.updates.valid, issue.updates.payload)
            ctx.set(issue.winner_write, tag.valid and tag.beat == 0 and len(handed) != 1)
            if valid:
                payload = plain(payload)
                handed.append([payload[name] for name in ("updates", "count", "bank")])

    drive(dut, bench, limit=WAIT)
    assert handed == [[1, 1, 0], [0, 0, 1], [1, 1, 1]]


@SHAPE
def test_peek_reads_one_word_and_one_position(core):
    dut = WithTable(core, program_of(core, 2))
    position = core.segments - 1
    issue, done = dut.inner, []

    async def bench(ctx):
        ctx.set(issue.peek, 1)
        ctx.set(issue.peek_address, 7)
        ctx.set(issue.peek_position, position)
        beats = reads = 0
        while not done:
            _, _, tag, address, read, at, first, last, end = await ctx.tick().sample(
                issue.tag, issue.walk_address, issue.read, issue.position, issue.first_slot, issue.last_slot,
                issue.peek_done,
            )  # fmt: skip
            if tag.valid:
                assert address == 7 and tag.peek and tag.walk and tag.rows == 1
                beats += 1
            if read:
                assert (at, first, last) == (position, 1, 1)
                reads += 1
            if end:
                done.append((beats, reads))
        ctx.set(issue.peek, 0)
        await ctx.tick().repeat(3)
        assert not ctx.get(issue.hold)

    drive(dut, bench)
    assert done == [(1, 1)]
