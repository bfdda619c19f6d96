"""The H bank: words of g saturating up/down counters, the memory that training changes.

address ─► block RAM ─► output register ─► read_data        write port: the counters after ±1, or the host
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .delay import delay

__all__ = ["HiddenBank"]

_DEEPEST = 2048


class HiddenBank(wiring.Component):
    """`core.hidden_words` words of g counters of B bits (two's complement k, h = 2k+1).

    Read latency `latency` cycles; a write is in the memory in the next cycle. One read and one write port. Whoever
    uses it never reads an address in the cycle in which it is written. Deep banks are built of memories of 2048 words,
    the deepest that a block RAM of 18 kbit gives without wasting its ninth bits.

    Members
    -------
    read_address : In, read_data : Out
    write_enable, write_address, write_data : In
    """

    latency = 3

    def __init__(self, core):
        self.core = core
        word = data.ArrayLayout(core.bits, core.lanes)
        super().__init__(
            {
                "read_address": In(range(core.hidden_words)),
                "read_data": Out(word),
                "write_enable": In(1),
                "write_address": In(range(core.hidden_words)),
                "write_data": In(word),
            }
        )

    def elaborate(self, platform):
        m = Module()
        core = self.core
        deepest = min(_DEEPEST, 1 << (core.hidden_words - 1).bit_length())
        inside = (deepest - 1).bit_length()
        chosen = delay(m, self.read_address >> inside, 2, name="chosen")
        word = Signal(core.lanes * core.bits, reset_less=True)
        m.d.comb += self.read_data.eq(word)
        for i, first in enumerate(range(0, core.hidden_words, deepest)):
            memory = Memory(
                shape=core.lanes * core.bits,
                depth=min(deepest, core.hidden_words - first),
                init=[],
                attrs={"ram_style": "block"},
            )
            m.submodules[f"counters_{i}"] = memory
            read, write = memory.read_port(), memory.write_port()
            m.d.comb += [
                read.addr.eq(self.read_address[:inside]),
                read.en.eq(1),
                write.addr.eq(self.write_address[:inside]),
                write.data.eq(self.write_data),
                write.en.eq(self.write_enable & (self.write_address >> inside == i)),
            ]
            output = delay(m, read.data, 1, name=f"output_{i}")
            with m.If(chosen == i):
                m.d.sync += word.eq(output)
        return m
