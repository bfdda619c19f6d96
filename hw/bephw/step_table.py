"""A step table: a few wide rows, written by the host, read wherever a stage needs a constant of its step."""

from amaranth.hdl import Module
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .types import step_layout

__all__ = ["StepTable"]


class StepTable(wiring.Component):
    """`core.steps` rows of `program.fields(core)[table]`.

    Reads are combinational (LUT RAM); fields that a reader leaves unused cost nothing. The host writes only while
    no sample is in flight.

    Members
    -------
    write_enable, write_address, write_row : In
    steps : In, one row index per reader
    rows : Out, one row per reader
    """

    def __init__(self, core, table, *, readers):
        self.core = core
        self.readers = readers
        self.layout = step_layout(core, table)
        super().__init__(
            {
                "write_enable": In(1),
                "write_address": In(range(core.steps)),
                "write_row": In(self.layout),
                "steps": In(data.ArrayLayout(range(core.steps), readers)),
                "rows": Out(data.ArrayLayout(self.layout, readers)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        memory = Memory(shape=self.layout, depth=self.core.steps, init=[], attrs={"ram_style": "distributed"})
        m.submodules.memory = memory
        write = memory.write_port()
        m.d.comb += [
            write.en.eq(self.write_enable),
            write.addr.eq(self.write_address),
            write.data.eq(self.write_row),
        ]
        for reader in range(self.readers):
            read = memory.read_port(domain="comb")
            m.d.comb += [read.addr.eq(self.steps[reader]), self.rows[reader].eq(read.data)]
        return m
