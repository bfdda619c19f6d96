"""The registers of the data set: decode bepsw.dataset_registers, keep the settings, move words of the memory.

READY ─► DECODE ─► CHECK ─► ACT ─┬─────────────────────► GATHER ─► ANSWER
request                          └─► MOVE word, word ─┘
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from bephw.merge import merge
from bephw.types import BusSignature
from bepsw import dataset_registers as registers

from .memory import WORD_BITS, WordsSignature, command_layout

__all__ = ["Settings"]


class Settings(wiring.Component):
    """Registers and the host's way to the memory. One access at a time, `access_cycles` each.

    An access of DATA takes as long as its two words. Settings and DATA are refused while `busy`, DATA before `ready`.

    Members
    -------
    bus : In, registers of the block at registers.BASE; others read 0
    mode, seed, epoch, base, count, first, length, inputs, stride : Out, the settings
    start, stop : Out, one-cycle pulses
    commands, written : Out, read : In, words of the host; silent while `busy`
    ready, busy : In
    sent, starved : In, increments of counters, which a start clears; judged, wrong : In, counters
    """

    access_cycles = 6

    def __init__(self, address_bits):
        self.address_bits = address_bits
        settings = {name.lower(): Out(bits) for name, (bits, _) in registers.SETTINGS.items()}
        super().__init__(
            {
                "bus": In(BusSignature()),
                **settings,
                "start": Out(1),
                "stop": Out(1),
                "commands": Out(stream.Signature(command_layout(address_bits))),
                "written": Out(stream.Signature(WORD_BITS)),
                "read": In(WordsSignature()),
                "ready": In(1),
                "busy": In(1),
                "sent": In(1),
                "starved": In(1),
                "judged": In(32),
                "wrong": In(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        at, value, write = Signal(16), Signal(32), Signal()
        place = Signal(self.address_bits)  # of the next word
        words = Signal(32, reset_less=True)
        hits = {register.name: Signal(name=f"at_{register.name.lower()}") for register in registers.REGISTERS}
        for register in registers.REGISTERS:
            m.d.sync += hits[register.name].eq(at == register.address)
        acts = Signal()
        refused = {name: Signal(name=f"refused_{name}") for name in registers.ERRORS}
        settled = merge(hits[name] for name in registers.SETTINGS) & write
        # Registered: it decides over every bit of the settings.
        m.d.sync += refused["bad_access"].eq((settled | hits["DATA"]) & self.busy | hits["DATA"] & ~self.ready)

        m.d.sync += [self.start.eq(0), self.stop.eq(0)]
        with m.FSM(init="READY"):
            with m.State("READY"):
                m.d.sync += [at.eq(self.bus.addr), value.eq(self.bus.wdata), write.eq(self.bus.write)]
                with m.If(self.bus.valid):
                    m.next = "DECODE"
            with m.State("DECODE"):
                m.next = "CHECK"
            with m.State("CHECK"):
                m.next = "ACT"
            with m.State("ACT"):
                m.d.comb += acts.eq(1)
                m.d.sync += words.eq(Mux(write, value, 0))
                m.next = "GATHER"
                with m.If(hits["DATA"] & ~refused["bad_access"]):
                    m.next = "MOVE"
            with m.State("MOVE"), m.If(self._move(m, place, words, write)):
                m.next = "GATHER"
            with m.State("GATHER"):
                m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += self.bus.ready.eq(1)
                m.next = "READY"

        writes = acts & write & ~refused["bad_access"]
        for name in registers.SETTINGS:
            with m.If(writes & hits[name]):
                m.d.sync += getattr(self, name.lower()).eq(value)
        with m.If(writes & hits["ADDRESS"]):
            m.d.sync += place.eq(value)
        self._command(m, writes & hits["COMMAND"], value, refused)
        errors = Signal(len(registers.ERRORS))
        raised = Cat(refused["bad_access"] & acts, refused["bad_replay"])
        m.d.sync += errors.eq(errors & ~Mux(writes & hits["ERRORS"], value, 0) | raised)
        self._answer(m, hits, place, words, errors)
        return m

    def _move(self, m, place, words, write):
        """Move the two words of `words`, one after the other; whether the second one is through."""
        second, commanded, through = Signal(), Signal(), Signal()
        commands, written = self.commands, self.written
        m.d.comb += [
            commands.valid.eq(~commanded),
            commands.payload.address.eq(place),
            commands.payload.write.eq(write),
            written.valid.eq(write),
            written.payload.eq(words[:WORD_BITS]),
            through.eq(Mux(write, written.ready, self.read.valid)),
        ]
        m.d.sync += commanded.eq((commanded | commands.ready) & ~through)
        with m.If(through):
            m.d.sync += [second.eq(~second), place.eq(place + 1), words.eq(Cat(words[WORD_BITS:], self.read.payload))]
        return through & second

    def _command(self, m, writes, value, refused):
        """Start and stop; a replay of no samples, or of some beyond the range, is refused."""
        here = Signal()
        m.d.sync += here.eq((self.inputs != 0) & (self.first + self.length <= self.count) & (self.length != 0))
        with m.If(writes):
            m.d.comb += refused["bad_replay"].eq(value[0] & (self.busy | ~self.ready | ~here))
            m.d.sync += [self.start.eq(value[0] & ~refused["bad_replay"]), self.stop.eq(value[1])]

    def _answer(self, m, hits, place, words, errors):
        sent, starved = Signal(32), Signal(32)
        with m.If(self.start):
            m.d.sync += [sent.eq(0), starved.eq(0)]
        with m.Else():
            m.d.sync += [sent.eq(sent + self.sent), starved.eq(starved + self.starved)]
        kept = {
            "IDENTITY": registers.IDENTITY,
            "VERSION": registers.VERSION,
            "ADDRESS_BITS": self.address_bits,
            "STATUS": Cat(self.busy, self.ready),
            "ERRORS": errors,
            "ADDRESS": place,
            "DATA": words,
            "SENT": sent,
            "STARVED": starved,
            "JUDGED": self.judged,
            "WRONG": self.wrong,
            **{name: getattr(self, name.lower()) for name in registers.SETTINGS},
        }
        answer = Signal(32, reset_less=True)
        m.d.sync += answer.eq(merge(Mux(hits[name], word, 0) for name, word in kept.items()))
        m.d.comb += self.bus.rdata.eq(answer)
