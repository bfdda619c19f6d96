"""The W plane: one bit a weight, S segments of g lanes wide, read a whole word a cycle.

Every segment is a memory of its own with its own copy of the address, so that no net crosses the chip, and the
update writes one segment at a time: the sign bits of one word of hidden weights.

    read_address ─► copy a segment ─► block RAM ─► output register ─► fabric register ─► read_data
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .delay import delay

__all__ = ["WeightPlane"]


class WeightPlane(wiring.Component):
    """W plane of `core.weight_words` words.

    Reads take `latency` cycles, one a cycle. A write is in the memory three cycles later. One read and one write
    port; whoever uses it never reads a word within three cycles of writing it (training stages do not: W changes
    only while no pass is running).

    Members
    -------
    read_address : In
    read_data : Out, S segments of g bits
    write_enable, write_address, write_position, write_data : In, one segment of one word
    """

    latency = 4

    def __init__(self, core):
        self.core = core
        address = range(core.weight_words)
        super().__init__(
            {
                "read_address": In(address),
                "read_data": Out(data.ArrayLayout(core.lanes, core.segments)),
                "write_enable": In(1),
                "write_address": In(address),
                "write_position": In(range(core.segments)),
                "write_data": In(core.lanes),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # Registered once before the copies: what chooses among writers is built once.
        names = ("write_enable", "write_address", "write_position", "write_data")
        write = [delay(m, getattr(self, name), 1, name=name) for name in names]
        for i in range(self.core.segments):
            self._segment(m, i, *write)
        return m

    def _segment(self, m, i, enable, address, position, word):
        core = self.core
        memory = Memory(shape=core.lanes, depth=core.weight_words, init=[], attrs={"ram_style": "block"})
        m.submodules[f"segment_{i}"] = memory
        read, write = memory.read_port(), memory.write_port()

        # Kept: merging the copies would make one net of them again.
        read_address = Signal(range(core.weight_words), name=f"read_address_{i}", attrs={"keep": 1}, reset_less=True)
        write_address = Signal(range(core.weight_words), name=f"write_address_{i}", attrs={"keep": 1}, reset_less=True)
        write_enable = Signal(name=f"write_enable_{i}", reset_less=True)
        write_data = Signal(core.lanes, name=f"write_data_{i}", attrs={"keep": 1}, reset_less=True)
        m.d.sync += [
            read_address.eq(self.read_address),
            write_address.eq(address),
            write_enable.eq(enable & (position == i)),
            write_data.eq(word),
        ]
        output = Signal(core.lanes, name=f"output_{i}", reset_less=True)
        fabric = Signal(core.lanes, name=f"fabric_{i}", reset_less=True)
        m.d.sync += [output.eq(read.data), fabric.eq(output)]
        m.d.comb += [
            read.addr.eq(read_address),
            read.en.eq(1),
            write.addr.eq(write_address),
            write.en.eq(write_enable),
            write.data.eq(write_data),
            self.read_data[i].eq(fabric),
        ]
