"""OperandFill and OperandStore: an operand lands in every row slot, whatever the segments of a row."""

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bephw.operand_store import OperandFill, OperandStore

from .bench import core_of, trace

CORES = [
    core_of(),
    core_of(segments=1, slots=1),
    core_of(segments=8, slots=8, lanes=8, operand_words=1),
    core_of(segments=3, slots=2, operand_words=5),
]


def starts_of(core, s):
    """Slot starts and slots of an operand of s segments."""
    slots = min(core.slots, core.segments // s) if s <= core.segments else 1
    return sum(1 << slot * s for slot in range(slots)), slots


def operands(core, rng, count):
    """Random operands: (segments s, values)."""
    for _ in range(count):
        s = int(rng.integers(1, core.segments * core.operand_words + 1))
        yield s, [int(v) for v in rng.integers(1, 1 << core.lanes, s)]


def stream(core, rng, count, gaps):
    """Fill inputs per cycle, and what each should write: (mask, word) or None."""
    inputs, writes = [], []
    for s, values in operands(core, rng, count):
        starts, slots = starts_of(core, s)
        for q, value in enumerate(values):
            while rng.random() < gaps:
                noise = {"segment_valid": 0, "begin": int(rng.integers(2)), "starts": int(rng.integers(2))}
                inputs.append(noise)
                writes.append(None)
            begin = {"begin": int(q == 0), "starts": starts if q == 0 else int(rng.integers(1 << core.segments))}
            inputs.append({"segment_valid": 1, **begin})
            positions = [slot * s + q for slot in range(slots)] if s <= core.segments else [q % core.segments]
            writes.append((sum(1 << p for p in positions), 0 if s <= core.segments else q // core.segments, value))
    return inputs, writes


@pytest.mark.parametrize("core", CORES, ids=lambda c: f"S{c.segments}w{c.operand_words}")
@pytest.mark.parametrize("gaps", [0, 0.4])
@pytest.mark.parametrize("seed", [1, 2])
def test_every_segment_goes_to_every_slot(core, gaps, seed):
    inputs, writes = stream(core, np.random.default_rng(seed), 40, gaps)
    seen = trace(OperandFill(core), inputs, ["mask", "word"], after=0)
    for cycle, write in enumerate(writes):
        assert write is None or (seen["mask"][cycle], seen["word"][cycle]) == write[:2], cycle


class Filled(wiring.Component):
    """Fill and store together."""

    def __init__(self, core):
        self.fill, self.store = OperandFill(core), OperandStore(core, core.operand_words)
        inside = {name: flow for name, flow in self.fill.signature.members.items() if flow.flow == In}
        super().__init__(
            {
                **inside,
                "data": In(core.lanes),
                "read_address": In(range(core.operand_words)),
                "read_data": Out(self.store.read_data.shape()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.fill, m.submodules.store = fill, store = self.fill, self.store
        for name in ("segment_valid", "begin", "starts"):
            m.d.comb += getattr(fill, name).eq(getattr(self, name))
        m.d.comb += [
            store.write_enable.eq(self.segment_valid),
            store.write_mask.eq(fill.mask),
            store.write_address.eq(fill.word),
            store.write_data.eq(self.data),
            store.read_address.eq(self.read_address),
            self.read_data.eq(store.read_data),
        ]
        return m


@pytest.mark.parametrize("core", CORES, ids=lambda c: f"S{c.segments}w{c.operand_words}")
@pytest.mark.parametrize("seed", [1, 2])
def test_reads_the_operand_back_from_every_slot(core, seed):
    rng = np.random.default_rng(seed)
    inputs, reads = [], []
    for s, values in operands(core, rng, 12):
        starts, slots = starts_of(core, s)
        inputs += [
            {"segment_valid": 1, "begin": int(q == 0), "starts": starts, "data": value}
            for q, value in enumerate(values)
        ]
        # What comes without a segment is not written.
        inputs += [{"segment_valid": 0, "data": int(rng.integers(1 << core.lanes))}] * int(rng.integers(3))
        words = -(-s // core.segments)
        for word in range(words):  # the first read right after the last write
            expected = {}
            for slot in range(slots):
                for p in range(min(s, core.segments)):
                    if word * core.segments + p < s:
                        expected[slot * s + p] = values[word * core.segments + p]
            reads.append((len(inputs), expected))
            inputs.append({"segment_valid": 0, "read_address": word})
    seen = trace(Filled(core), inputs, ["read_data"], after=OperandStore.latency)["read_data"]
    for cycle, expected in reads:
        got = seen[cycle + OperandStore.latency]
        assert {p: got[p] for p in expected} == expected, cycle


def test_an_address_read_while_written_gives_the_old_word():
    core = core_of()
    write = {"write_enable": 1, "write_mask": 0b00101, "write_address": 6, "read_address": 6}
    inputs = [{**write, "write_data": 5}, {**write, "write_data": 9}, {"write_enable": 0, "write_data": 3}]
    seen = trace(OperandStore(core, 8), inputs, ["read_data"])["read_data"]
    assert seen[2] == [0] * 5 and seen[3] == [5, 0, 5, 0, 0] and seen[4] == [9, 0, 9, 0, 0]
