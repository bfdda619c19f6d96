"""Small designs that meet what the netlist passes look for."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["Copies", "Counters", "Ram"]


class Ram(wiring.Component):
    """A memory with a register behind it; what is read while it is written is told apart by `clash`.

    flavour : `plain`, or what makes the register unfit for a block RAM: `reset`, `enable`, `shared`, `logic`, `port`.
    """

    def __init__(self, width, depth, flavour="plain"):
        self.width, self.depth, self.flavour = width, depth, flavour
        super().__init__(
            {
                "write": In(1),
                "write_address": In(range(depth)),
                "read_address": In(range(depth)),
                "data": In(width),
                "enable": In(1),
                "q": Out(width),
                "extra": Out(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=self.width, depth=self.depth, init=[], attrs={"ram_style": "block"})
        write, read = memory.write_port(), memory.read_port()
        clash = Signal(2)
        m.d.comb += [
            write.en.eq(self.write),
            write.addr.eq(self.write_address),
            write.data.eq(self.data),
            read.addr.eq(self.read_address),
            read.en.eq(1),
        ]
        m.d.sync += clash.eq(Cat(self.write & (self.write_address == self.read_address), clash[0]))
        output = Signal(self.width, reset_less=self.flavour != "reset")
        if self.flavour == "enable":
            with m.If(self.enable):
                m.d.sync += output.eq(read.data)
        else:
            m.d.sync += output.eq(~read.data if self.flavour == "logic" else read.data)
        if self.flavour == "shared":
            m.d.sync += self.extra.eq(Mux(clash[0], 0, read.data))
        elif self.flavour == "port":
            m.d.comb += self.extra.eq(Mux(clash[0], 0, read.data))
        late = Signal()
        m.d.sync += late.eq(clash[1] if self.flavour == "enable" else clash[0])
        # With an enable the register may hold the garbage for long; that flavour is not simulated.
        m.d.comb += self.q.eq(Mux(late, 0, output))
        return m


class Counters(wiring.Component):
    """Adders with logic in front of their operands: cleared, loaded, gated, subtracted."""

    def __init__(self, width=9):
        self.width = width
        names = ("clear", "load", "gate")
        super().__init__(
            {
                **{name: In(1) for name in names},
                "a": In(width),
                "b": In(width),
                **{name: Out(width) for name in ("cleared", "loaded", "gated", "difference", "both")},
            }
        )

    def elaborate(self, platform):
        m = Module()
        gate = self.gate.replicate(self.width)
        m.d.sync += [
            self.cleared.eq(Mux(self.clear, 0, self.cleared) + self.a),
            self.loaded.eq(Mux(self.load, self.b, self.loaded) + self.gate),
            self.gated.eq(self.gated + (self.a & gate)),
            self.difference.eq((self.a | gate) - (self.b ^ gate)),
            self.both.eq(Mux(self.clear, 0, self.both) + (self.a & gate)),
        ]
        return m


class Copies(wiring.Component):
    """Registers with the same input; those kept must stay apart."""

    def __init__(self, count, keep):
        self.count, self.keep = count, keep
        super().__init__({"a": In(1), "b": In(count), "o": Out(count)})

    def elaborate(self, platform):
        m = Module()
        for i in range(self.count):
            copy = Signal(name=f"copy_{i}", attrs={"keep": 1} if self.keep else {}, reset_less=True)
            m.d.sync += [copy.eq(self.a), self.o[i].eq(copy ^ self.b[i])]
        return m
