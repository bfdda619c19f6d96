"""From words of memory to beats of the core: a header, then the sample's bits cut into segments of g lanes.

words ─► header beat
     └─► shifted behind the bits that wait ─► a segment as soon as g bits are there ─► beats
"""

from math import gcd

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from bephw.merge import merge
from bephw.types import HEADER_CLOSE, LABEL_BITS, sample_layout
from bepsw.permutation import INDEX_BITS

from .burst import COUNT_BITS
from .memory import WORD_BITS

__all__ = ["INPUT_BITS", "Unpack"]

INPUT_BITS = 17


class Unpack(wiring.Component):
    """Samples as `bepsw.driver_words.sample_beats` gives them; a word or a beat a cycle.

    A sample of K bits takes `cycles_of(K)` cycles while words are there and beats are taken.

    Members
    -------
    start : In, one-cycle pulse with the number of samples `length`
    stop : In, offer no further header: throw the words away that come between two samples
    inputs, close : In, bits of a sample; close the batch after the last one
    words : Out, words of a sample, of which the first is the header
    i : In, words; o : Out, beats
    boundary : Out, between two samples; done : Out, all samples have gone; sent : Out, one-cycle pulse a sample
    starved : Out, the core waits in this cycle because a word is not there
    """

    @staticmethod
    def cycles_of(core, inputs):
        """Cycles of a sample: header, words of bits, segments."""
        return 1 + -(-inputs // WORD_BITS) + -(-inputs // core.lanes)

    def __init__(self, core):
        self.core = core
        super().__init__(
            {
                "start": In(1),
                "length": In(INDEX_BITS + 1),
                "stop": In(1),
                "inputs": In(INPUT_BITS),
                "close": In(1),
                "words": Out(COUNT_BITS),
                "i": In(stream.Signature(WORD_BITS)),
                "o": Out(stream.Signature(sample_layout(core))),
                "boundary": Out(1),
                "done": Out(1),
                "sent": Out(1),
                "starved": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lanes = self.core.lanes
        waiting = Signal(lanes + WORD_BITS - 1, reset_less=True)  # bits that have come, the next segment lowest
        fill = Signal(range(lanes + WORD_BITS))
        full = Signal()  # a segment is there, or all that is left of the last one
        final = Signal()  # it is the last one
        words = Signal(COUNT_BITS)  # still to come
        bits = Signal(INPUT_BITS)  # not yet in a segment
        samples = Signal(INDEX_BITS + 1)
        body = Signal(COUNT_BITS)

        m.d.sync += [body.eq((self.inputs + WORD_BITS - 1) >> 4), self.words.eq(body + 1)]
        with m.If(self.start):
            m.d.sync += samples.eq(self.length)
        with m.Elif(self.sent):
            m.d.sync += samples.eq(samples - 1)
        m.d.comb += self.done.eq(samples == 0)
        with m.FSM(init="HEADER") as fsm:
            m.d.comb += self.boundary.eq(fsm.ongoing("HEADER"))
            with m.State("HEADER"):
                m.d.comb += [
                    self.starved.eq(self.o.ready & ~self.i.valid & ~self.done),
                    self.o.valid.eq(self.i.valid & ~self.stop),
                    self.i.ready.eq(self.o.ready | self.stop),
                    self.o.payload.data.eq(self.i.payload[:LABEL_BITS]),
                    self.o.payload.data[HEADER_CLOSE].eq(self.close & (samples == 1)),
                ]
                m.d.sync += [waiting.eq(0), fill.eq(0), full.eq(0), words.eq(body), bits.eq(self.inputs)]
                m.d.sync += final.eq(self.inputs <= lanes)
                with m.If(self.o.valid & self.o.ready):
                    m.next = "SEGMENTS"
            with m.State("SEGMENTS"):
                m.d.comb += [
                    self.o.valid.eq(full),
                    self.o.payload.data.eq(waiting[:lanes]),
                    self.o.payload.last.eq(final),
                    self.i.ready.eq(~full),
                    self.starved.eq(~full & ~self.i.valid),
                ]
                with m.If(full & self.o.ready):
                    m.d.sync += [
                        waiting.eq(waiting >> lanes),
                        fill.eq(fill - lanes),
                        full.eq((fill >= 2 * lanes) | (words == 0)),
                        bits.eq(bits - lanes),
                        final.eq(bits <= 2 * lanes),
                    ]
                    with m.If(final):
                        m.d.comb += self.sent.eq(1)
                        m.next = "HEADER"
                with m.Elif(~full & self.i.valid):
                    m.d.sync += [
                        waiting.eq(waiting | self._placed(fill)),
                        fill.eq(fill + WORD_BITS),
                        full.eq((fill + WORD_BITS >= lanes) | (words == 1)),
                        words.eq(words - 1),
                    ]
        return m

    def _placed(self, fill):
        """The word behind `fill` bits; only multiples of gcd(g, 16) occur."""
        lanes = self.core.lanes
        places = range(0, lanes, gcd(lanes, WORD_BITS))
        return merge(Mux(fill == place, self.i.payload << place, 0) for place in places)
