"""A toy with the trainer's outside: enough behaviour to try every part of the bridge, and nothing else."""

from amaranth import Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["Toy", "toy_result"]

WINDOW = 0x100  # data port of the memory window; every transfer moves the pointer on
POINTER = 0x101
WINDOW_DEPTH = 256
REGISTERS = 8


class Toy(wiring.Component):
    """Sums the beats of each packet and sends (sum, beats, serial number) some cycles after the last beat.

    The delay is the sum's low four bits: variable latency. While it waits it takes no beats, and while a result is not
    taken it takes none either: back-pressure both ways. Register k of 0 … 7 holds what was written; reads of the
    window take two cycles, all other transfers one.

    Parameters
    ----------
    width : int
        Data bits of a beat, g.
    """

    def __init__(self, width=12):
        self.width = width
        beat = data.StructLayout({"data": width, "last": 1})
        result = data.StructLayout({"sum": 32, "beats": 12, "serial": 16})
        super().__init__(
            {
                "samples": In(stream.Signature(beat)),
                "results": Out(stream.Signature(result)),
                "bus": In(
                    wiring.Signature(
                        {
                            "valid": Out(1),
                            "write": Out(1),
                            "addr": Out(16),
                            "wdata": Out(32),
                            "ready": In(1),
                            "rdata": In(32),
                        }
                    )
                ),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._packets(m)
        self._bus(m)
        return m

    def _packets(self, m):
        result = self.results.payload
        delay = Signal(4)
        busy = Signal()
        m.d.comb += [self.samples.ready.eq(~busy), self.idle.eq(~busy & (result.beats == 0))]
        total = Signal(32)
        m.d.comb += total.eq(result.sum + self.samples.payload.data)
        with m.If(self.samples.valid & self.samples.ready):
            m.d.sync += [result.sum.eq(total), result.beats.eq(result.beats + 1)]
            with m.If(self.samples.payload.last):
                m.d.sync += [busy.eq(1), delay.eq(total)]
        with m.If(busy & ~self.results.valid):
            m.d.sync += delay.eq(delay - 1)
            with m.If(delay == 0):
                m.d.sync += self.results.valid.eq(1)
        with m.If(self.results.valid & self.results.ready):
            m.d.sync += [self.results.valid.eq(0), busy.eq(0), result.sum.eq(0), result.beats.eq(0)]
            m.d.sync += result.serial.eq(result.serial + 1)

    def _bus(self, m):
        bus = self.bus
        m.submodules.window = window = Memory(shape=unsigned(32), depth=WINDOW_DEPTH, init=[])
        store, fetch = window.write_port(), window.read_port()
        pointer = Signal(range(WINDOW_DEPTH))
        fetched = Signal()
        m.d.comb += [store.addr.eq(pointer), fetch.addr.eq(pointer), store.data.eq(bus.wdata)]
        with m.If(bus.addr == WINDOW):
            m.d.comb += [bus.ready.eq(bus.write | fetched), bus.rdata.eq(fetch.data)]
            m.d.comb += store.en.eq(bus.valid & bus.write)
            m.d.sync += fetched.eq(bus.valid & ~bus.write & ~fetched)
            with m.If(bus.valid & bus.ready):
                m.d.sync += pointer.eq(pointer + 1)
        with m.Elif(bus.addr == POINTER):
            m.d.comb += [bus.ready.eq(1), bus.rdata.eq(pointer)]
            with m.If(bus.valid & bus.write):
                m.d.sync += pointer.eq(bus.wdata)
        with m.Elif(bus.addr < REGISTERS):
            m.d.comb += bus.ready.eq(1)
            with m.Switch(bus.addr):
                for index in range(REGISTERS):
                    register = Signal(32, name=f"register_{index}")
                    with m.Case(index):
                        m.d.comb += bus.rdata.eq(register)
                        with m.If(bus.valid & bus.write):
                            m.d.sync += register.eq(bus.wdata)
        # any other address never answers: the bridge's time-out is tried on it


def toy_result(beats, serial):
    """The result word of one packet, as the toy packs it."""
    return (sum(beats) & 0xFFFFFFFF) | len(beats) << 32 | (serial & 0xFFFF) << 44
