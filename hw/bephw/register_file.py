"""The register bus: decode bepsw.registers, keep the settings, count, remember errors."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bepsw import registers
from bepsw.registers import address

from .admission import BATCH_BITS
from .delay import delay
from .types import LABEL_BITS, BusSignature

__all__ = ["COUNTER_BITS", "RESET_CYCLES", "RegisterFile"]

COUNTER_BITS = 48
RESET_CYCLES = 128  # more than the longest path of data through the core


class RegisterFile(wiring.Component):
    """Registers of the core. A write takes one cycle, a read three; a window read waits for its row.

    Members
    -------
    bus : In
    run, train, online, margin, batch, class_count : Out, settings
    set_pending, pending_value, pending : PENDING is kept by the admission
    reset : Out, `RESET_CYCLES` long, after power-on and on command
    idle : In; errors : In, pulses by bit; count_NAME : In, increments of the counters
    set_select, set_row, push, pull, value : Out, and select, row, piece, piece_ready : In, the window
    """

    def __init__(self, core):
        self.core = core
        counters = {f"count_{name}": In(range(core.lanes + 1)) for name in registers.COUNTERS}
        super().__init__(
            {
                "bus": In(BusSignature()),
                "run": Out(1),
                "train": Out(1),
                "online": Out(1),
                "margin": Out(core.max_width.bit_length() + 1),
                "batch": Out(BATCH_BITS, init=1),
                "class_count": Out(LABEL_BITS + 1),
                "pending": In(BATCH_BITS),
                "set_pending": Out(1),
                "value": Out(32),
                "reset": Out(1, init=1),
                "idle": In(1),
                "errors": In(len(registers.ERRORS)),
                **counters,
                "set_select": Out(1),
                "set_row": Out(1),
                "push": Out(1),
                "pull": Out(1),
                "select": In(range(len(registers.WINDOWS))),
                "row": In(32),
                "piece": In(32),
                "piece_ready": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        at, write = Signal(16), Signal()  # the request that is carried out in this cycle
        self._requests(m, at, write)
        counters = self._counters(m, at, write)
        errors = Signal(len(registers.ERRORS))
        cleared = Mux(write & (at == address("ERRORS")), self.value[: len(registers.ERRORS)], 0)
        m.d.sync += errors.eq((errors & ~cleared) | self.errors)
        readable = {
            "IDENTITY": registers.IDENTITY,
            "VERSION": registers.VERSION,
            **{name.upper(): getattr(self.core, name) for name in registers.CAPABILITIES},
            "CONTROL": Cat(self.run, self.train, self.online),
            "STATUS": self.idle,
            "ERRORS": errors,
            "MARGIN": self.margin,
            "BATCH": self.batch,
            "CLASS_COUNT": self.class_count,
            "PENDING": self.pending,
            "WINDOW_SELECT": self.select,
            "WINDOW_ADDRESS": self.row,
            "WINDOW_DATA": self.piece,
        }
        for name, counter in counters.items():
            readable[name.upper()] = counter[:32]
            readable[f"{name.upper()}_HIGH"] = counter[32:]
        answer = Signal(32, reset_less=True)
        m.d.comb += self.bus.rdata.eq(answer)
        with m.Switch(at):
            for name, value in readable.items():
                with m.Case(address(name)):
                    m.d.sync += answer.eq(value)
            with m.Default():
                m.d.sync += answer.eq(0)
        self._writes(m, at, write)
        return m

    def _requests(self, m, at, write):
        """Register a request, then decode it: writes are taken every cycle, a read answers two cycles later."""
        bus = self.bus
        m.d.sync += write.eq(0)
        with m.FSM(init="READY"):
            with m.State("READY"):
                m.d.comb += bus.ready.eq(bus.write)
                m.d.sync += [at.eq(bus.addr), self.value.eq(bus.wdata), write.eq(bus.valid & bus.write)]
                with m.If(bus.valid & ~bus.write):
                    m.next = "DECODE"
            with m.State("DECODE"):
                wide = at == address("WINDOW_DATA")
                m.d.comb += self.pull.eq(wide)
                with m.If(~wide | self.piece_ready):
                    m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += bus.ready.eq(1)
                m.next = "READY"

    def _writes(self, m, at, write):
        wdata = self.value
        # Delay lines have no reset: the reset lasts until they have run empty, after power-on as well.
        resetting = Signal(range(RESET_CYCLES), init=RESET_CYCLES - 1)
        m.d.sync += [self.reset.eq(resetting != 0), resetting.eq(resetting - (resetting != 0))]
        with m.If(write), m.Switch(at):
            with m.Case(address("CONTROL")):
                m.d.sync += Cat(self.run, self.train, self.online).eq(wdata)
            with m.Case(address("COMMAND")), m.If(wdata[0]):
                m.d.sync += resetting.eq(~0)
            with m.Case(address("PENDING")):
                m.d.comb += self.set_pending.eq(1)
            with m.Case(address("WINDOW_SELECT")):
                m.d.comb += self.set_select.eq(1)
            with m.Case(address("WINDOW_ADDRESS")):
                m.d.comb += self.set_row.eq(1)
            with m.Case(address("WINDOW_DATA")):
                m.d.comb += self.push.eq(1)
            for name, setting in (("MARGIN", self.margin), ("BATCH", self.batch), ("CLASS_COUNT", self.class_count)):
                with m.Case(address(name)):
                    m.d.sync += setting.eq(wdata)

    def _counters(self, m, at, write):
        """Running totals; cleared by COMMAND bit 1."""
        clear = write & (at == address("COMMAND")) & self.value[1]
        counters = {}
        for name in registers.COUNTERS:
            counter = Signal(COUNTER_BITS, name=name)
            m.d.sync += counter.eq(
                Mux(clear, 0, counter + delay(m, getattr(self, f"count_{name}"), 1, name=f"count_{name}"))
            )
            counters[name] = counter
        return counters
