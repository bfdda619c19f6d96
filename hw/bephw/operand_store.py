"""The operand of a pass: the input bits of a layer, copied to every row slot of a word.

Rows of s segments lie one after another in a W word, so input segment q must stand at segments q, q+s, q+2s, …
The copies are made while writing: the `starts` mask has a one at the first segment of each slot, and rotates by one
with every segment that arrives. No multiplexer is needed at read time.

    segment ─► every memory        starts ─► rotating write mask ─► & enable ─► write enable of each memory
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .delay import delay

__all__ = ["OperandFill", "OperandStore"]


class OperandFill(wiring.Component):
    """Turn the segments of one operand, in order, into masked writes.

    Combinational from `begin` to `mask` and `word`; one segment a cycle. `begin` marks the first segment.

    Members
    -------
    segment_valid, begin : In
    starts : In(S), mask of slot starts, valid with `begin`
    mask : Out(S), memories to write if `segment_valid`
    word : Out, word of the operand, from 0
    """

    def __init__(self, core):
        self.core = core
        super().__init__(
            {
                "segment_valid": In(1),
                "begin": In(1),
                "starts": In(core.segments),
                "mask": Out(core.segments),
                "word": Out(range(core.operand_words)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        segments = self.core.segments
        mask = Signal(segments)
        word = Signal(range(self.core.operand_words))
        now = Mux(self.begin, self.starts, mask)
        here = Mux(self.begin, 0, word)
        m.d.comb += [self.mask.eq(now), self.word.eq(here)]
        with m.If(self.segment_valid):
            m.d.sync += [mask.eq(Cat(now[-1], now[:-1])), word.eq(here + now[-1])]
        return m


class OperandStore(wiring.Component):
    """S small memories of g bits, written under a mask, read as one word.

    Reads from the next cycle on see a write; `read_data` comes `latency` cycles after `read_address`, one word a cycle.
    An address that is read while it is written gives the old word.

    Members
    -------
    write_enable, write_mask, write_address, write_data : In
    read_address : In
    read_data : Out, S segments of g bits
    """

    latency = 2

    def __init__(self, core, depth):
        self.core = core
        self.depth = depth
        super().__init__(
            {
                "write_enable": In(1),
                "write_mask": In(core.segments),
                "write_address": In(range(depth)),
                "write_data": In(core.lanes),
                "read_address": In(range(depth)),
                "read_data": Out(data.ArrayLayout(core.lanes, core.segments)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # The enable comes late where it is made, so it meets the mask here and not at the mask's register.
        mask = delay(m, self.write_mask & self.write_enable.replicate(self.core.segments), 1, name="write_mask")
        address, word = (delay(m, getattr(self, name), 1, name=name) for name in ("write_address", "write_data"))
        for i in range(self.core.segments):
            memory = Memory(shape=self.core.lanes, depth=self.depth, init=[], attrs={"ram_style": "distributed"})
            m.submodules[f"segment_{i}"] = memory
            write, read = memory.write_port(), memory.read_port(domain="comb")
            output = Signal(self.core.lanes, name=f"output_{i}", reset_less=True)
            # Kept: merging the copies would make one net of them again, to every segment of the chip.
            read_at = Signal(range(self.depth), name=f"read_address_{i}", attrs={"keep": 1}, reset_less=True)
            m.d.sync += [read_at.eq(self.read_address), output.eq(read.data)]
            m.d.comb += [
                write.addr.eq(address),
                write.data.eq(word),
                write.en.eq(mask[i]),
                read.addr.eq(read_at),
                self.read_data[i].eq(output),
            ]
        return m
