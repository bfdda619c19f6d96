"""The H bank: words of g saturating up/down counters, the memory that training changes.

address ─► block RAM ─► output register ─► read_data        write port: the counters after ±1, or the host
"""

from amaranth.hdl import Module
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .delay import delay

__all__ = ["HiddenBank"]


class HiddenBank(wiring.Component):
    """`core.hidden_words` words of g counters of B bits (two's complement k, h = 2k+1).

    Read latency 2 cycles; a write is in the memory in the next cycle. One read and one write port. Whoever uses it
    never reads an address in the cycle in which it is written.

    Members
    -------
    read_address : In, read_data : Out
    write_enable, write_address, write_data : In
    """

    latency = 2

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
        memory = Memory(
            shape=self.core.lanes * self.core.bits,
            depth=self.core.hidden_words,
            init=[],
            attrs={"ram_style": "block"},
        )
        m.submodules.counters = memory
        read, write = memory.read_port(), memory.write_port()
        m.d.comb += [
            read.addr.eq(self.read_address),
            read.en.eq(1),
            write.addr.eq(self.write_address),
            write.data.eq(self.write_data),
            write.en.eq(self.write_enable),
        ]
        m.d.comb += self.read_data.eq(delay(m, read.data, 1, name="output"))
        return m
