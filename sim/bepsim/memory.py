"""A memory of block RAM behind the data set's port, for co-simulations: late at random, in order."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
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
    """

    def __init__(self, address_bits):
        self.address_bits = address_bits
        super().__init__({"port": In(MemorySignature(address_bits))})

    def elaborate(self, platform):
        m = Module()
        port = self.port
        m.submodules.words = words = Memory(shape=WORD_BITS, depth=1 << self.address_bits, init=[])
        write, read = words.write_port(), words.read_port()
        random = Signal(16, init=1)
        m.d.sync += random.eq(random << 1 | (random[15] ^ random[13] ^ random[12] ^ random[10]))
        command = port.commands.payload
        owed, address = Signal(), Signal(self.address_bits)  # a write that has not got its word
        taken = Signal()
        reading = Signal()
        m.d.comb += [
            port.ready.eq(1),
            port.commands.ready.eq((random[:2] != 0) & ~owed),
            taken.eq(port.commands.valid & port.commands.ready),
            reading.eq(taken & ~command.write),
            read.addr.eq(command.address),
            read.en.eq(1),
            port.written.ready.eq(owed & random[4]),
            write.addr.eq(address),
            write.data.eq(port.written.payload),
            write.en.eq(port.written.valid & port.written.ready),
            port.read.valid.eq(delay(m, reading, _LATENCY, name="reading")),
            port.read.payload.eq(delay(m, read.data, _LATENCY - 1, name="answer")),
        ]
        with m.If(taken & command.write):
            m.d.sync += [owed.eq(1), address.eq(command.address)]
        with m.Elif(write.en):
            m.d.sync += owed.eq(0)
        return m
