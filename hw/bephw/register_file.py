"""The register bus: decode bepsw.registers, keep the settings, remember errors.

request ─► address, data ─► one strobe a register ─► (window, counter) ─► a word a block of registers ─► OR ─► answer
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bepsw import registers
from bepsw.registers import address

from .admission import BATCH_BITS
from .delay import delay
from .event_counters import EventCounters
from .merge import merge
from .types import LABEL_BITS, BusSignature

__all__ = ["RESET_CYCLES", "RegisterFile"]

_SETTINGS = ("CONTROL", "COMMAND", "ERRORS", "MARGIN", "BATCH", "CLASS_COUNT")  # written and kept here
_PAGE_BITS = max(register.address for register in registers.REGISTERS).bit_length()  # all registers are on page 0
RESET_CYCLES = 128  # more than the longest path of data through the core


class RegisterFile(wiring.Component):
    """Registers of the core. One access at a time, `access_cycles` each.

    An access of WINDOW_DATA waits as long as the window is busy, and a read of a counter up to
    `EventCounters.read_cycles`, for its turn. What a write does is done before the next access begins.

    Members
    -------
    bus : In
    run, train, online, margin, batch, class_count : Out, settings
    set_pending, pending : PENDING is kept by the admission
    value : Out, the data of a write, from its strobe until the access is over
    reset : Out, `RESET_CYCLES` long, after power-on and on command
    idle : In; errors : In, pulses by bit; count_NAME : In, increments of the counters
    set_select, set_row, push, pull : Out, strobes, and select, row, piece, window_busy : In, the window
    """

    access_cycles = 7

    def __init__(self, core):
        self.core = core
        self.counters = EventCounters(core)
        counts = {f"count_{name}": In(range(most + 1)) for name, most in EventCounters.most_of(core).items()}
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
                **counts,
                "set_select": Out(1),
                "set_row": Out(1),
                "push": Out(1),
                "pull": Out(1),
                "select": In(range(len(registers.WINDOWS))),
                "row": In(32),
                "piece": In(32),
                "window_busy": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.counters = counters = self.counters
        at = Signal(16)
        page = Signal()
        m.d.sync += page.eq(at[_PAGE_BITS:] == 0)
        hits = {}
        for register in registers.REGISTERS:
            hits[register.name] = Signal(name=f"at_{register.name.lower()}")
            m.d.sync += hits[register.name].eq(at[:_PAGE_BITS] == register.address)
        strobes = {name: Signal(name=f"write_{name.lower()}") for name in _SETTINGS}
        strobes |= {
            "PENDING": self.set_pending, "WINDOW_SELECT": self.set_select, "WINDOW_ADDRESS": self.set_row,
            "WINDOW_DATA": self.push,
        }  # fmt: skip
        write = self._access(m, at, page, hits, strobes)
        errors = self._settings(m, strobes)
        kept = {
            "CONTROL": Cat(self.run, self.train, self.online),
            "STATUS": self.idle,
            "ERRORS": errors,
            "MARGIN": self.margin,
            "BATCH": self.batch,
            "CLASS_COUNT": self.class_count,
            "PENDING": self.pending,
            "WINDOW_SELECT": self.select,
            "WINDOW_ADDRESS": self.row,
        }
        self._answer(m, at, page, hits, kept)
        here, inside = _block(at, [name.upper() for name in counters.names])
        m.d.sync += counters.wanted.eq(here & page & ~write)
        m.d.comb += [
            *(getattr(counters, f"count_{name}").eq(getattr(self, f"count_{name}")) for name in counters.names),
            counters.clear.eq(strobes["COMMAND"] & self.value[1]),
            Cat(counters.high, counters.index).eq(inside),
        ]
        return m

    def _access(self, m, at, page, hits, strobes):
        """READY: the request; DECODE; STROBE; ACT; WAIT for window or counter; GATHER; ANSWER."""
        bus = self.bus
        write = Signal()
        m.d.sync += [strobe.eq(0) for strobe in (*strobes.values(), self.pull)]
        with m.FSM(init="READY"):
            with m.State("READY"):
                m.d.sync += [at.eq(bus.addr), self.value.eq(bus.wdata), write.eq(bus.write)]
                with m.If(bus.valid):
                    m.next = "DECODE"
            with m.State("DECODE"):
                m.next = "STROBE"
            with m.State("STROBE"):
                m.d.sync += [strobe.eq(write & page & hits[name]) for name, strobe in strobes.items()]
                m.d.sync += self.pull.eq(~write & page & hits["WINDOW_DATA"])
                m.next = "ACT"
            with m.State("ACT"):
                m.next = "WAIT"
            with m.State("WAIT"), m.If(~self.window_busy & (~self.counters.wanted | self.counters.found)):
                m.next = "GATHER"
            with m.State("GATHER"):
                m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += bus.ready.eq(1)
                m.next = "READY"
        return write

    def _settings(self, m, strobes):
        """What writes change here: settings, the reset, the sticky errors (returned)."""
        # Delay lines have no reset: the reset lasts until they have run empty, after power-on as well.
        resetting = Signal(range(RESET_CYCLES), init=RESET_CYCLES - 1)
        m.d.sync += [self.reset.eq(resetting != 0), resetting.eq(resetting - (resetting != 0))]
        with m.If(strobes["COMMAND"] & self.value[0]):
            m.d.sync += [resetting.eq(~0), self.reset.eq(1)]
        settings = {
            "CONTROL": Cat(self.run, self.train, self.online), "MARGIN": self.margin, "BATCH": self.batch,
            "CLASS_COUNT": self.class_count,
        }  # fmt: skip
        for name, setting in settings.items():
            with m.If(strobes[name]):
                m.d.sync += setting.eq(self.value)
        errors = Signal(len(registers.ERRORS))
        cleared = Mux(strobes["ERRORS"], self.value[: len(registers.ERRORS)], 0)
        m.d.sync += errors.eq((errors & ~cleared) | delay(m, self.errors, 1, name="raised"))
        return errors

    def _answer(self, m, at, page, hits, kept):
        """One of four words that are 0 when another is meant: constant, kept here or there, piece, counter."""
        constants = {
            "IDENTITY": registers.IDENTITY,
            "VERSION": registers.VERSION,
            **{name.upper(): getattr(self.core, name) for name in registers.CAPABILITIES},
        }
        constant = Signal(32, reset_less=True)
        inside_constants = Signal()
        here, inside = _block(at, constants)
        m.d.sync += inside_constants.eq(here)
        with m.Switch(inside):
            for name, value in constants.items():
                with m.Case(address(name) % (1 << len(inside))):
                    m.d.sync += constant.eq(value)
            with m.Default():
                m.d.sync += constant.eq(0)
        with m.If(~inside_constants):
            m.d.sync += constant.eq(0)

        setting = Signal(32, reset_less=True)
        piece = Signal(32, reset_less=True)
        m.d.sync += [setting.eq(merge(Mux(hits[name], value, 0) for name, value in kept.items())), piece.eq(self.piece)]
        with m.If(~hits["WINDOW_DATA"]):
            m.d.sync += piece.eq(0)
        answer = Signal(32, reset_less=True)
        m.d.sync += answer.eq(constant | setting | piece | self.counters.value)
        with m.If(~page):
            m.d.sync += answer.eq(0)
        m.d.comb += self.bus.rdata.eq(answer)


def _block(at, names):
    """Whether `at`, on the first page, is in the aligned block that holds `names`, and the address inside it."""
    addresses = [address(name) for name in names]
    bits = (min(addresses) ^ max(addresses)).bit_length()
    return at[bits:_PAGE_BITS] == min(addresses) >> bits, at[:bits]
