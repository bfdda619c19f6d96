"""Which word to read next: the samples in the forward stage and their steps through the forward table.

Each *thread* is a sample on its way through the layers. A pass (one step of one thread) streams its words without a
gap; while its results are still in the pipeline, another thread's pass uses the W port. The oldest sample goes
first, so samples leave in the order in which they came.

    token ─► thread ─► next: the oldest that is ready ─► PICK ─► STREAM its words ─► (pipeline) ─► layer_done ─► ready

A row of the table may repeat, a pass a turn. The steps of a recurrent layer are such turns: before the words of step t
go the copies of x_{t+1}, down the same pipeline, so that they reach the next operand ahead of s_t and nothing collides.
"""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .turns import Turns
from .types import step_layout, tag_layout

__all__ = ["ForwardIssue"]


class ForwardIssue(wiring.Component):
    """Issue of forward passes.

    A pass of n words takes n + 1 cycles of the W port (one to pick), and one for each copy. A thread can be picked two
    cycles after `accept` or `layer_done`; and so after the last word of a classifier that is not the last one, whose
    scores nobody waits for.

    Members
    -------
    accept, accept_context : In, start a sample; only while `free`
    accept_thread : Out, the thread that it gets
    free : Out, a thread is free
    hold : In, no new pass may start (the backward walk has or wants the W port)
    streaming : Out, words are being read
    step : Out, step wanted from the table; row : In, that row, combinational
    read_address : Out, W word; operand_word, from_input, with `rules` also half : Out, where its operand is
    tag : Out, beside the address
    layer_done, layer_thread : In, a layer's pass has left the pipeline, its thread goes on
    sample_done, sample_thread : In, a sample has its verdict, its thread is free
    """

    def __init__(self, core):
        self.core = core
        super().__init__(
            {
                "accept": In(1),
                "accept_context": In(range(core.contexts)),
                "accept_thread": Out(range(core.threads)),
                "free": Out(1),
                "hold": In(1),
                "streaming": Out(1),
                "step": Out(range(core.steps)),
                "row": In(step_layout(core, "forward")),
                "read_address": Out(range(core.weight_words)),
                "operand_word": Out(range(core.operand_words)),
                "from_input": Out(1),
                **({"half": Out(1)} if core.rules else {}),
                "tag": Out(tag_layout(core)),
                "layer_done": In(1),
                "layer_thread": In(range(core.threads)),
                "sample_done": In(1),
                "sample_thread": In(range(core.threads)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        threads = self.core.threads
        ready = Array(Signal(name=f"ready_{i}") for i in range(threads))
        step = Array(Signal(range(self.core.steps), name=f"step_{i}") for i in range(threads))
        context = Array(Signal(range(self.core.contexts), name=f"context_{i}") for i in range(threads))
        newest = Signal(range(threads))  # thread that the next sample gets
        oldest = Signal(range(threads))  # thread of the sample that leaves next
        self.turns = Turns(self.core) if self.core.rules else None

        self._threads(m, ready, step, context, newest, oldest)
        # The next to be picked, found one cycle ahead.
        picked, waiting, at = Signal(range(threads)), Signal(), Signal(range(self.core.contexts))
        with m.Switch(oldest):
            for first in range(threads):
                with m.Case(first) if first < threads - 1 else m.Default():
                    for age in reversed(range(threads)):
                        thread = (first + age) % threads
                        with m.If(ready[thread] | (age == threads - 1)):
                            m.d.sync += [picked.eq(thread), self.step.eq(step[thread]), at.eq(context[thread])]
                            if self.turns:
                                m.d.sync += self.turns.look(thread)
        m.d.sync += waiting.eq(Cat(ready).any())
        self._stream(m, ready, step, picked, waiting, at)
        return m

    def _threads(self, m, ready, step, context, newest, oldest):
        threads = self.core.threads
        used = Signal(range(threads + 1))
        m.d.sync += used.eq(used + self.accept - self.sample_done)
        m.d.comb += [self.free.eq(used != threads), self.accept_thread.eq(newest)]
        with m.If(self.accept):
            m.d.sync += [
                ready[newest].eq(1),
                step[newest].eq(0),
                context[newest].eq(self.accept_context),
                newest.eq(self._following(newest)),
            ]
            if self.turns:
                m.d.sync += self.turns.begin(newest)
        with m.If(self.layer_done):
            m.d.sync += [step[self.layer_thread].eq(step[self.layer_thread] + 1), ready[self.layer_thread].eq(1)]
            if self.turns:
                self.turns.leave(m, step, self.layer_thread)
        if self.turns:
            m.d.sync += self.turns.look_ahead(step)
        with m.If(self.sample_done):
            m.d.sync += oldest.eq(self._following(oldest))

    def _following(self, thread):
        return Mux(thread == self.core.threads - 1, 0, thread + 1)

    def _stream(self, m, ready, step, picked, waiting, context):
        """PICK a ready thread and STREAM its pass."""
        core = self.core
        left = Signal(range(core.weight_words + 1))
        words_per_row = Signal(range(core.operand_words + 1))
        one_word = Signal()  # words_per_row == 1
        thread, at = Signal(range(core.threads)), Signal(range(core.contexts))
        now = Signal(range(core.steps))
        beat, word = Signal(range(core.beats)), Signal(range(core.operand_words))
        last_word = Signal()  # registered: `word` leads far away
        goes_on = Signal() if core.rules else 0  # the thread need not wait for what comes of this pass
        beyond = Signal(range(core.steps)) if core.rules else 0  # now + 1
        m.d.comb += [
            self.operand_word.eq(word),
            self.tag.thread.eq(thread),
            self.tag.context.eq(at),
            self.tag.step.eq(now),
            self.tag.beat.eq(beat),
            self.tag.first_word.eq(word == 0),
            self.tag.last_word.eq(last_word),
            self.tag.last.eq(left == 1),
        ]
        if self.turns:
            m.d.comb += [self.tag.half.eq(self.half), self.tag.first_turn.eq(self.turns.first_turn)]
            self.turns.follow(m, thread)
        with m.FSM(init="PICK"):
            with m.State("PICK"), m.If(waiting & ~self.hold):
                m.d.sync += [
                    waiting.eq(0),
                    ready[picked].eq(0),
                    thread.eq(picked),
                    at.eq(context),
                    now.eq(self.step),
                    left.eq(self.row.words),
                    words_per_row.eq(self.row.words_per_row),
                    one_word.eq(self.row.words_per_row == 1),
                    last_word.eq(self.row.words_per_row == 1),
                    self.from_input.eq(self.row.from_input),
                    self.read_address.eq(self.row.weight_base),
                    beat.eq(0),
                    word.eq(0),
                ]
                if core.rules:
                    m.d.sync += [
                        self.half.eq(self.row.half ^ ~self.turns.now[0]),
                        goes_on.eq(self.row.classifier & ~self.row.last),
                        beyond.eq(self.step + 1),
                    ]
                m.next = "STREAM"
                if self.turns:
                    m.d.sync += self.turns.picked(self.row, beat)
                    with m.If(self.row.feeds):
                        m.next = "COPY"
            if self.turns:
                with m.State("COPY"):
                    m.d.comb += [self.streaming.eq(1), self.turns.copy(self.tag)]
                    m.d.sync += self.turns.copied_one(thread)
                    with m.If(self.turns.left == 1):
                        m.next = "STREAM"
            with m.State("STREAM"):
                m.d.comb += [self.streaming.eq(1), self.tag.valid.eq(1)]
                m.d.sync += [
                    self.read_address.eq(self.read_address + 1),
                    left.eq(left - 1),
                    word.eq(Mux(last_word, 0, word + 1)),
                    last_word.eq(Mux(last_word, one_word, word + 2 == words_per_row)),
                    beat.eq(beat + last_word),
                ]
                with m.If(left == 1):
                    m.next = "PICK"
                    if self.turns:
                        m.d.sync += self.turns.reached[thread].eq(beat + 1)
                if core.rules:
                    with m.If((left == 1) & goes_on):
                        m.d.sync += [ready[thread].eq(1), step[thread].eq(beyond)]
