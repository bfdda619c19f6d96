"""The W plane: one bit a weight, S segments of g lanes wide, read a whole word a cycle.

There are two banks in the same memories, which the depth of a block RAM allows for nothing. Passes read the one in
use, in which W stands still during a mini-batch, while updates and the sweep write the new signs into the other; at
the end of the batch the banks are swapped. So no sample of the next batch has to wait for the sweep.

Every segment is a memory of its own with its own copy of the address, so that no net crosses the chip, and the
update writes one segment at a time: the sign bits of one word of hidden weights.

    read_address ─► copy a segment ─► block RAM ─► output register ─► fabric register ─► read_data
                 ▲
                 └ with `rules` a register before the copies: a core of every rule is larger, its wires are longer
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .delay import delay

__all__ = ["WeightPlane"]


class WeightPlane(wiring.Component):
    """W plane of two banks of `core.weight_words` words.

    Reads take `latency_of(core)` cycles, one a cycle. A write is in the memory three cycles later. One read and one
    write port; whoever uses it never reads a word within three cycles of writing it (training stages do not: in a
    batch they write the other bank, and online W changes only while no pass is running).

    Members
    -------
    read_address : In
    read_data : Out, S segments of g bits
    write_enable, write_address, write_position, write_data : In, one segment of one word; write_other : In, of the
        bank that is not in use
    swap : In, pulse: the other bank is in use from the next cycle on. A reset of the core leaves the banks as they are
    """

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
                "write_other": In(1),
                "swap": In(1),
            }
        )

    @staticmethod
    def latency_of(core):
        """Cycles from `read_address` to `read_data`."""
        return 5 if core.rules else 4

    def elaborate(self, platform):
        m = Module()
        in_use = Signal()
        m.d.sync += in_use.eq(in_use ^ self.swap)
        # Registered once before the copies: what chooses among writers is built once.
        values = {
            "write_enable": self.write_enable,
            "write_address": Cat(self.write_address, in_use ^ self.write_other),
            "write_position": self.write_position,
            "write_data": self.write_data,
        }
        write = [delay(m, value, 1, name=name) for name, value in values.items()]
        wanted = delay(m, Cat(self.read_address, in_use), self.latency_of(self.core) - 4, name="wanted")
        for i in range(self.core.segments):
            self._segment(m, i, wanted, *write)
        return m

    def _segment(self, m, i, wanted, enable, address, position, word):
        core = self.core
        memory = Memory(shape=core.lanes, depth=1 << len(wanted), init=[], attrs={"ram_style": "block"})
        m.submodules[f"segment_{i}"] = memory
        read, write = memory.read_port(), memory.write_port()

        # Kept: merging the copies would make one net of them again.
        read_address = Signal(len(wanted), name=f"read_address_{i}", attrs={"keep": 1}, reset_less=True)
        write_address = Signal(len(wanted), name=f"write_address_{i}", attrs={"keep": 1}, reset_less=True)
        write_enable = Signal(name=f"write_enable_{i}", reset_less=True)
        write_data = Signal(core.lanes, name=f"write_data_{i}", attrs={"keep": 1}, reset_less=True)
        m.d.sync += [
            read_address.eq(wanted),
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
