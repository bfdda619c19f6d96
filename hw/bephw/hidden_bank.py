"""The H bank: words of g saturating up/down counters, the memory that training changes.

address ─► copy a group of lanes ─► block RAM ─► output register ─► of four memories ─► of all of them ─► read_data
the counters after ±1, or the host ─► register ─► write port
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .delay import delay

__all__ = ["HiddenBank"]

_DEEPEST = 2048
_QUAD = 4  # memories that the first of the two multiplexers chooses from
_PART = 9  # bits with a choice of their own: those of one block RAM of every memory
_GROUP = 18  # lanes with an address of their own: at B = 8 these fill the nine-bit ports of block RAMs exactly


class HiddenBank(wiring.Component):
    """`core.hidden_words` words of g counters of B bits (two's complement k, h = 2k+1).

    Read latency `latency` cycles; reads from the next cycle on see a write. One read and one write port. Whoever uses
    it never reads an address in the cycle in which it is written. Deep banks are built of memories of 2048 words,
    the deepest that a block RAM of 18 kbit gives without wasting its ninth bits.

    Members
    -------
    read_address : In, read_data : Out
    write_enable, write_address, write_data : In
    """

    latency = 5

    def __init__(self, core):
        self.core = core
        word = data.ArrayLayout(core.bits, core.lanes)
        super().__init__(
            {
                "read_address": In(range(core.hidden_words)),
                "read_data": Out(word),
                "write_enable": In(1),
                "write_address": In(range(core.hidden_words)),
                "write_data": In(word),
            }
        )

    def elaborate(self, platform):
        m = Module()
        core = self.core
        deepest = min(_DEEPEST, 1 << (core.hidden_words - 1).bit_length())
        inside = (deepest - 1).bit_length()
        early = delay(m, self.read_address >> inside, 2, name="chosen")
        word = Signal(core.lanes * core.bits, reset_less=True)
        m.d.comb += self.read_data.eq(word)
        new = delay(m, self.write_data.as_value(), 1, name="write_data")
        for low in range(0, core.lanes, _GROUP):
            number = low // _GROUP
            bits = slice(low * core.bits, min(low + _GROUP, core.lanes) * core.bits)
            outputs = []
            for i, first in enumerate(range(0, core.hidden_words, deepest)):
                depth = min(deepest, core.hidden_words - first)
                outputs.append(self._group(m, f"{i}_{number}", i, inside, depth, new[bits]))
            for low_bit in range(0, len(new[bits]), _PART):
                part = slice(low_bit, min(low_bit + _PART, len(new[bits])))
                self._join(m, f"{number}_{low_bit}", word[bits][part], early, [output[part] for output in outputs])
        return m

    def _join(self, m, name, to, early, outputs):
        """The same bits of every memory to one word, in two cycles: the memories stand in rows all over the chip."""
        chosen = Signal.like(early, name=f"chosen_{name}", attrs={"keep": 1}, reset_less=True)
        m.d.sync += chosen.eq(early)
        quads, inner = [], (_QUAD - 1).bit_length()
        for first in range(0, len(outputs), _QUAD):
            quad = Signal(len(to), name=f"quad_{name}_{first // _QUAD}", reset_less=True)
            self._choose(m, quad, chosen[:inner], outputs[first:][:_QUAD])
            quads.append(quad)
        self._choose(m, to, delay(m, chosen >> inner, 1, name=f"chosen_quad_{name}"), quads)

    def _choose(self, m, to, chosen, words):
        """Register the chosen one of a few words; the last one where there is no such."""
        with m.Switch(chosen):
            for i, one in enumerate(words):
                with m.Case(i) if i < len(words) - 1 else m.Default():
                    m.d.sync += to.eq(one)

    def _group(self, m, name, bank, inside, depth, new):
        """Memory of a group of lanes with its own copies of the addresses: no net crosses the chip to all of them."""
        memory = Memory(shape=len(new), depth=depth, init=[], attrs={"ram_style": "block"})
        m.submodules[f"counters_{name}"] = memory
        read, write = memory.read_port(), memory.write_port()
        enable = Signal(name=f"write_enable_{name}", reset_less=True)
        read_at = Signal(inside, name=f"read_address_{name}", attrs={"keep": 1}, reset_less=True)
        write_at = Signal(inside, name=f"write_address_{name}", attrs={"keep": 1}, reset_less=True)
        m.d.sync += [
            read_at.eq(self.read_address[:inside]),
            write_at.eq(self.write_address[:inside]),
            enable.eq(self.write_enable & (self.write_address >> inside == bank)),
        ]
        m.d.comb += [
            read.addr.eq(read_at),
            read.en.eq(1),
            write.addr.eq(write_at),
            write.data.eq(new),
            write.en.eq(enable),
        ]
        return delay(m, read.data, 1, name=f"output_{name}")
