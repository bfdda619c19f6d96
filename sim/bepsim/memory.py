"""A memory of block RAM behind the data set's port, for co-simulations: late at random, in order."""

from functools import cached_property
from importlib.resources import files

from amaranth.hdl import ClockSignal, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from bephw.dataset.memory import WORD_BITS, MemorySignature
from bephw.delay import delay

__all__ = ["BlockMemory"]

_LATENCY = 8


class BlockMemory(wiring.Component):
    """2^address_bits words; answers `_LATENCY` cycles after the command, takes commands in three of four cycles.

    Members
    -------
    port : In
    verilog : source of the module that it instantiates; Amaranth's own memories take minutes at this size
    """

    @cached_property
    def verilog(self):
        return files("bepsim").joinpath("word_memory.v").read_text()

    def __init__(self, address_bits):
        self.address_bits = address_bits
        super().__init__({"port": In(MemorySignature(address_bits))})

    def elaborate(self, platform):
        m = Module()
        port = self.port
        random = Signal(16, init=1)
        m.d.sync += random.eq(random << 1 | (random[15] ^ random[13] ^ random[12] ^ random[10]))
        command = port.commands.payload
        owed, address = Signal(), Signal(self.address_bits)  # a write that has not got its word
        taken = Signal()
        reading, write, answer = Signal(), Signal(), Signal(WORD_BITS)
        m.submodules.words = Instance(
            "word_memory",
            p_BITS=self.address_bits,
            i_clk=ClockSignal(),
            i_write=write,
            i_write_address=address,
            i_write_data=port.written.payload,
            i_read_address=command.address,
            o_read_data=answer,
        )
        m.d.comb += [
            port.ready.eq(1),
            port.commands.ready.eq((random[:2] != 0) & ~owed),
            taken.eq(port.commands.valid & port.commands.ready),
            reading.eq(taken & ~command.write),
            port.written.ready.eq(owed & random[4]),
            write.eq(port.written.valid & port.written.ready),
            port.read.valid.eq(delay(m, reading, _LATENCY, name="reading")),
            port.read.payload.eq(delay(m, answer, _LATENCY - 1, name="answer")),
        ]
        with m.If(taken & command.write):
            m.d.sync += [owed.eq(1), address.eq(command.address)]
        with m.Elif(write):
            m.d.sync += owed.eq(0)
        return m
