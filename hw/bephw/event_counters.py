"""Running totals of what happens in the core: eight wide counters for the logic of one.

events ─► a few bits each ─► in turn, poured ─► total out of a LUT RAM ─► low half + ─► high half + ─► back
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from bepsw import registers

from .delay import delay
from .merge import merge

__all__ = ["COUNTER_BITS", "EventCounters"]

COUNTER_BITS = 48
_HALF = COUNTER_BITS // 2
_VISIT = 5  # cycles: choose, read and pour, add the low half, add the high half, write


class EventCounters(wiring.Component):
    """The n counters of `bepsw.registers.COUNTERS`.

    Each collects its events in a short sum that is added to its total every `round_cycles` cycles. What a read shows
    is exact for everything that was counted three cycles before `wanted` rose: a counter that stands still reads
    exactly, and a clear takes effect in one cycle for all of them. A read takes up to `read_cycles`.

    Members
    -------
    count_NAME : In, events of this cycle, up to `most_of(core)[NAME]`
    clear : In, pulse, forget everything counted so far
    wanted : In, held; index, high : In, which counter and which half of it is wanted
    found : Out, pulse; value : Out, 32 bits, from `found` until `wanted` falls, else 0
    """

    names = tuple(registers.COUNTERS)
    round_cycles = _VISIT * len(names)
    read_cycles = round_cycles + 2

    def __init__(self, core):
        self.core = core
        counts = {f"count_{name}": In(range(most + 1)) for name, most in self.most_of(core).items()}
        super().__init__(
            {
                **counts,
                "clear": In(1),
                "wanted": In(1),
                "index": In(range(len(self.names))),
                "high": In(1),
                "found": Out(1),
                "value": Out(32),
            }
        )
        self.totals = Memory(
            shape=COUNTER_BITS, depth=len(self.names), init=[], attrs={"ram_style": "distributed"}
        )  # fmt: skip

    @classmethod
    def most_of(cls, core):
        """Events of one cycle at most, by counter."""
        return dict.fromkeys(cls.names, 1) | {"saturations": core.lanes}

    def elaborate(self, platform):
        m = Module()
        m.submodules.totals = self.totals
        read, write = self.totals.read_port(domain="comb"), self.totals.write_port()
        phase = Signal(_VISIT, init=1)
        row = Signal(range(len(self.names)))
        # After a clear a total starts from 0 instead of from the RAM, once each.
        fresh = Signal(range(len(self.names) + 1), init=len(self.names))
        renew = Signal(init=1)
        m.d.sync += [phase.eq(phase.rotate_left(1)), renew.eq(fresh != 0)]
        with m.If(phase[-1]):
            m.d.sync += row.eq(Mux(row == len(self.names) - 1, 0, row + 1))
        with m.If(self.clear):
            m.d.sync += [fresh.eq(len(self.names)), renew.eq(1)]
        with m.Elif(phase[1] & renew):
            m.d.sync += fresh.eq(fresh - 1)

        poured = self._sums(m, phase[0], phase[1], row)
        before = Signal(COUNTER_BITS, reset_less=True)
        with m.If(phase[1]):
            m.d.sync += before.eq(read.data)
            with m.If(renew):
                m.d.sync += before.eq(0)
        low = Signal(_HALF, reset_less=True)
        carry = Signal(reset_less=True)
        high = Signal(COUNTER_BITS - _HALF, reset_less=True)
        total = Cat(low, high)
        m.d.sync += [Cat(low, carry).eq(before[:_HALF] + poured), high.eq(before[_HALF:] + carry)]
        m.d.comb += [read.addr.eq(row), write.addr.eq(row), write.data.eq(total), write.en.eq(phase[-1])]

        mine, take = Signal(name="mine"), Signal(name="take")
        m.d.sync += [mine.eq(self.wanted & (row == self.index)), self.found.eq(take)]
        m.d.comb += take.eq(mine & phase[-1])
        with m.If(take):
            m.d.sync += self.value.eq(Mux(self.high, total[32:], total[:32]))
        with m.Elif(~self.wanted):
            m.d.sync += self.value.eq(0)
        return m

    def _sums(self, m, choose, pour, row):
        """The short sums; `poured` is that of `row`, which has started again."""
        parts = []
        for index, (name, most) in enumerate(self.most_of(self.core).items()):
            events = delay(m, getattr(self, f"count_{name}"), 1, name=f"count_{name}")
            short = Signal(range(self.round_cycles * most + 1), name=f"sum_{name}", reset_less=True)
            chosen = Signal(name=f"chosen_{name}")
            m.d.sync += [chosen.eq(choose & (row == index)), short.eq(short + events)]
            with m.If(chosen | self.clear):
                m.d.sync += short.eq(events)
            parts.append(Mux(chosen, short, 0))
        poured = Signal(max(len(part) for part in parts), reset_less=True)
        with m.If(pour):
            m.d.sync += poured.eq(merge(parts))
        return poured
