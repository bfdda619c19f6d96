"""The window into the core's memories: rows of any width through one 32-bit register.

written: 32-bit pieces ─► shift register ─► H bank, W plane, prototypes, generator, step tables
read:    H bank, W plane, generator ─► one piece of the row, all others 0 ─► OR ─► piece
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bepsw.generator import bank_size
from bepsw.registers import READABLE, WINDOWS, window_pieces, window_rows

from .hidden_bank import HiddenBank
from .merge import merge

__all__ = ["Window"]

_GATHER = 3  # cycles from a row that is there to its piece


class Window(wiring.Component):
    """Pieces into rows, rows into pieces; slow and small.

    A `push` takes 3 cycles, the last one of a row of the generator n + 6 with its n generators. A `pull` fetches the
    row anew for its piece: `fetch_cycles` + 6 cycles, n + 5 for the generator, for the W plane 5 after `peeked`.
    No sample that comes meanwhile reaches the memories before an access is over: `slowest`.

    The pieces of a row are all pushed or all pulled. An access that is not allowed takes one cycle and changes
    nothing, and every further one is refused until `set_row` or `set_select`: no row is written with a hole in it.

    Members
    -------
    select, row : Out, memory and row number; set_select, set_row, value : In, host writes of them
    push : In, write a piece (`value`); pull : In, read one; pulses while not `busy`, 4 cycles after any other
    busy : Out, from the cycle after `push` or `pull`; piece : Out, what was read, until the next access
    idle : In, the core is idle: only then memories may be used; refused : Out, pulse, something was not allowed
    commit : Out, one-hot by memory, a row has been written: `row`, `written(memory)`
    fetching : Out, the H bank shall read `row`; hidden_row : In, that word, HiddenBank.latency later
    peek : Out, the W plane shall read `row`; peeked : In, until `peek` falls, weights_row : In, it has come
    turn : Out, generator i takes the state of generator i + 1, the last one that of the first or, with `replace`,
        `written("generator")`; generator_row : In, state of the first generator
    """

    fetch_cycles = HiddenBank.latency + 3

    def __init__(self, core):
        self.core = core
        self.pieces = window_pieces(core)
        self.generators = bank_size(core.lanes)
        super().__init__(
            {
                "select": Out(range(len(WINDOWS))),
                "row": Out(range(max(window_rows(core).values()))),
                "set_select": In(1),
                "set_row": In(1),
                "value": In(32),
                "push": In(1),
                "pull": In(1),
                "busy": Out(1),
                "piece": Out(32),
                "idle": In(1),
                "refused": Out(1),
                "commit": Out(len(WINDOWS)),
                "fetching": Out(1),
                "hidden_row": In(core.lanes * core.bits),
                "peek": Out(1),
                "peeked": In(1),
                "weights_row": In(core.lanes),
                "turn": Out(1),
                "replace": Out(1),
                "generator_row": In(64),
            }
        )

        self.data = Signal(32 * max(self.pieces.values()), name="data", reset_less=True)

    @staticmethod
    def slowest(core):
        """Cycles from the one whose `idle` allows an access until its last use of the H bank or the generator."""
        return max(bank_size(core.lanes) + 3, Window.fetch_cycles + 1) + 5

    def written(self, name):
        """The pieces pushed last, as a row of memory `name`."""
        return self.data[-32 * self.pieces[name] :]

    def elaborate(self, platform):
        m = Module()
        # Registered: there is time between two accesses.
        selected = Signal(len(WINDOWS))
        last, readable = Signal(name="last"), Signal(name="readable")
        index = Signal(max(self.pieces.values()), init=1)  # one-hot
        ending = []  # the index is at the last piece
        for pieces in sorted(set(self.pieces.values())):
            ending.append(index[pieces - 1] & (selected & _mask(n for n in WINDOWS if self.pieces[n] == pieces)).any())
        m.d.sync += [
            selected.eq(1 << self.select),
            last.eq(Cat(ending).any()),
            readable.eq((selected & _mask(READABLE)).any()),
        ]
        shift = Signal()
        with m.If(shift):
            m.d.sync += self.data.eq(Cat(self.data[32:], self.value))
        with m.If(self.set_select):
            m.d.sync += self.select.eq(self.value)
        with m.If(self.set_row):
            m.d.sync += self.row.eq(self.value)
        capture = self._control(m, selected, index, last, readable, shift)
        self._gather(m, index, capture)
        return m

    def _control(self, m, selected, index, last, readable, shift):
        """The steps of an access; returns, by memory, that its row is there in the next cycle."""
        writing, allowed = Signal(name="writing"), Signal(name="allowed")
        filling, emptying = Signal(name="filling"), Signal(name="emptying")  # the row is written, or read, in part
        may_push, may_pull = Signal(name="may_push"), Signal(name="may_pull")
        broken = Signal()
        missed = Signal()  # no row of the generator so far
        left, ready = Signal(range(self.fetch_cycles + 1), name="left"), Signal(name="ready")
        settle = Signal(range(_GATHER))
        fetched, over = Signal(name="fetched"), Signal(name="over")
        turns, turning = Signal(range(self.generators), name="turns"), Signal(name="turning")
        generator, weights = (selected[WINDOWS.index(name)] for name in ("generator", "weights"))
        m.d.sync += [
            may_push.eq(self.idle & ~broken & ~emptying),
            may_pull.eq(self.idle & ~broken & ~filling & readable),
            left.eq(Mux(left == 0, 0, left - 1)),
            ready.eq(Mux(weights, self.peeked, left == 0)),
            settle.eq(_GATHER - 1),
            *(pulse.eq(0) for pulse in (shift, over, turning, self.commit, self.refused)),
        ]
        with m.If(over):
            m.d.sync += self.row.eq(self.row + 1)
        with m.FSM(init="READY") as fsm:
            with m.State("READY"):
                m.d.sync += left.eq(self.fetch_cycles)
                m.d.sync += [writing.eq(self.push), allowed.eq(Mux(self.push, may_push, may_pull))]
                with m.If(self.push | self.pull):
                    m.next = "CHECK"
            with m.State("CHECK"):
                m.d.sync += missed.eq(generator & (last | ~writing))
                with m.If(~allowed):
                    m.d.sync += [self.refused.eq(1), broken.eq(1)]
                    m.next = "READY"
                with m.Elif(writing):
                    m.d.sync += shift.eq(1)
                    m.next = "SHIFT"
                with m.Elif(generator):
                    m.next = "TURN"
                with m.Else():
                    m.next = "FETCH"
            with m.State("SHIFT"):
                m.next = "ADVANCE"
                with m.If(last & generator):
                    m.next = "TURN"
                with m.Elif(last):
                    m.d.sync += self.commit.eq(selected)
            with m.State("FETCH"):
                m.d.comb += fetched.eq(ready)
                with m.If(ready):
                    m.next = "GATHER"
            with m.State("TURN"):
                m.d.sync += [turning.eq(1), turns.eq(turns + 1)]
                with m.If(turns == self.generators - 1):
                    m.d.sync += turns.eq(0)
                    m.next = "GATHER"
            with m.State("GATHER"):
                m.d.sync += settle.eq(settle - 1)
                with m.If(settle == 0):
                    m.next = "ADVANCE"
            with m.State("ADVANCE"):
                m.d.sync += [index.eq(index << 1), filling.eq(writing), emptying.eq(~writing)]
                with m.If(last):
                    m.d.sync += [index.eq(1), filling.eq(0), emptying.eq(0), over.eq(1)]
                with m.If(missed):
                    m.d.sync += [self.refused.eq(1), broken.eq(1)]
                m.next = "READY"
        with m.If(self.set_select | self.set_row):
            m.d.sync += [index.eq(1), filling.eq(0), emptying.eq(0), broken.eq(0)]
        m.d.comb += self.busy.eq(~fsm.ongoing("READY"))
        m.d.sync += [
            self.fetching.eq(fsm.ongoing("FETCH") & selected[WINDOWS.index("hidden")]),
            # Falls with the answer, which may be a pulse or a level, so that one row is never asked for twice.
            self.peek.eq(fsm.ongoing("FETCH") & weights & ~self.peeked & ~ready),
        ]
        passed = self._turn(m, turns, turning, writing, missed)
        return {"hidden": fetched & ~weights, "weights": fetched & weights, "generator": passed}

    def _turn(self, m, turns, turning, writing, missed):
        """The generators once around, past the place where the wanted one is read or replaced; when to capture it."""
        here = Signal()
        m.d.sync += [
            here.eq(turns == self.row),
            self.turn.eq(turning),
            self.replace.eq(turning & here & writing),
        ]
        with m.If(turning & here):
            m.d.sync += missed.eq(0)
        return turning & here

    def _gather(self, m, index, capture):
        """The captured row's piece into `piece`, through registers that are 0 but for one cycle of one piece."""
        parts = []
        for name in READABLE:
            row = getattr(self, f"{name}_row")
            for piece in range(self.pieces[name]):
                chosen = Signal(name=f"chosen_{name}_{piece}")
                part = Signal(32, name=f"part_{name}_{piece}", reset_less=True)
                m.d.sync += [chosen.eq(capture[name] & index[piece]), part.eq(row[32 * piece :][:32])]
                with m.If(~chosen):
                    m.d.sync += part.eq(0)
                parts.append(part)
        with m.If(self.pull):
            m.d.sync += self.piece.eq(0)
        with m.Else():
            m.d.sync += self.piece.eq(merge(parts) | self.piece)


def _mask(names):
    """One-hot of memories."""
    return sum(1 << WINDOWS.index(name) for name in names)
