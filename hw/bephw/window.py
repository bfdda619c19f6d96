"""The window into the core's memories: rows of any width through one 32-bit register.

32-bit pieces ⇄ row register ⇄ H bank, W plane, prototypes, generator, step tables
"""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bepsw.registers import WINDOWS, window_pieces

__all__ = ["Window"]


class Window(wiring.Component):
    """Row register with a piece counter.

    A write of the last piece commits the row one cycle later; a read of the first piece fetches the row and takes
    `fetch_cycles`, for the W plane until `peeked`.

    Members
    -------
    select, row : In and Out, memory and row number; set_select, set_row, value : In, host writes of them
    push : In, write a piece (`value`); pull : In, a piece is wanted; piece, piece_ready : Out
    idle : In, the core is idle: only then memories may be used; refused : Out, pulse, something was not allowed
    commit : Out, one-hot by memory; data : Out, the row to write
    fetching : Out, one-hot by memory, a row is being read
    hidden_row, generator_row, weights_row : In, what was read; peeked : In, `weights_row` has come
    """

    fetch_cycles = 6

    def __init__(self, core):
        self.core = core
        self.pieces = window_pieces(core)
        self.width = 32 * max(self.pieces.values())
        super().__init__(
            {
                "select": Out(range(len(WINDOWS))),
                "row": Out(32),
                "set_select": In(1),
                "set_row": In(1),
                "value": In(32),
                "push": In(1),
                "pull": In(1),
                "piece": Out(32),
                "piece_ready": Out(1),
                "idle": In(1),
                "refused": Out(1),
                "commit": Out(len(WINDOWS)),
                "commit_row": Out(32),
                "data": Out(self.width),
                "fetching": Out(len(WINDOWS)),
                "hidden_row": In(core.lanes * core.bits),
                "generator_row": In(64),
                "weights_row": In(core.lanes),
                "peeked": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        pieces = self.width // 32
        row = Array(Signal(32, name=f"piece_{i}", reset_less=True) for i in range(pieces))
        index, last = Signal(range(pieces)), Signal(range(pieces))
        left = Signal(range(self.fetch_cycles + 1))
        readable = Signal()
        selected = Signal(len(WINDOWS))
        m.d.comb += [
            selected.eq(1 << self.select),
            last.eq(Array(self.pieces[name] - 1 for name in WINDOWS)[self.select]),
            readable.eq(Cat(name in ("hidden", "weights", "generator") for name in WINDOWS).bit_select(self.select, 1)),
            self.data.eq(Cat(*row)),
            self.piece.eq(row[index]),
        ]
        m.d.sync += self.commit.eq(0)
        with m.If(self.set_select):
            m.d.sync += [self.select.eq(self.value), index.eq(0)]
        with m.If(self.set_row):
            m.d.sync += [self.row.eq(self.value), index.eq(0)]

        def step():
            return [index.eq(Mux(index == last, 0, index + 1)), self.row.eq(self.row + (index == last))]

        with m.If(self.push):
            m.d.comb += self.refused.eq(~self.idle)
            m.d.sync += [row[index].eq(self.value), *step(), self.commit_row.eq(self.row)]
            with m.If((index == last) & self.idle):
                m.d.sync += self.commit.eq(selected)
        with m.FSM(init="READY"):
            with m.State("READY"), m.If(self.pull):
                with m.If(~self.idle | ~readable):
                    m.d.comb += [self.refused.eq(1), self.piece_ready.eq(1)]
                with m.Elif(index == 0):
                    m.d.sync += left.eq(self.fetch_cycles)
                    m.next = "FETCH"
                with m.Else():
                    m.d.comb += self.piece_ready.eq(1)
                    m.d.sync += step()
            with m.State("FETCH"):
                m.d.comb += self.fetching.eq(selected)
                m.d.sync += left.eq(Mux(left == 0, 0, left - 1))
                fetched = Mux(self.select == WINDOWS.index("weights"), self.peeked, left == 0)
                with m.If(fetched):
                    source = Array([self.hidden_row, self.weights_row, self.generator_row])[
                        Mux(self.select == WINDOWS.index("generator"), 2, self.select == WINDOWS.index("weights"))
                    ]
                    m.d.sync += Cat(*row).eq(source)
                    m.next = "FETCHED"
            with m.State("FETCHED"):
                m.d.comb += self.piece_ready.eq(1)
                m.d.sync += step()
                m.next = "READY"
        return m
