"""Where every thread of the forward stage stands in a row of the table that repeats."""

from amaranth.hdl import Array, Mux, Signal

__all__ = ["Turns"]


class Turns:
    """The next turn, counted from 1, pre-activation words written and segments copied of every thread.

    Methods give statements for the states of `ForwardIssue`, `follow` and `look_ahead` for every cycle: it is no
    component, for it acts in the cycles of that.

    Members
    -------
    more : per thread, the turn that was picked last is not the last of its row
    after : per thread, its step once that pass has left the pipeline; found a cycle ahead
    reached : per thread, pre-activation words of its row so far
    now, first : of the thread that is picked next, its turn and whether it is the first
    left, first_turn : of the pass that streams, copies still to come and whether it is the first of its row
    """

    def __init__(self, core):
        turns, segments = range(core.store_segments + 1), range(core.store_segments + 1)

        def array(name, shape):
            return Array(Signal(shape, name=f"{name}_{i}") for i in range(core.threads))

        self.turn = array("turn", turns)
        self.more = array("more", 1)  # the turn before that is not the last of its row
        self.after = array("after", range(core.steps))
        self.reached = array("reached", range(core.beats + 1))
        self.copied = array("copied", segments)
        # Of the thread that is picked next, one cycle ahead.
        self.now, self.first = Signal(turns), Signal()
        self.beat, self.segment = Signal(range(core.beats + 1)), Signal(segments)
        # Of the pass that was picked in the cycle before, whose thread then hears of it.
        self.fresh, self.taken, self.repeat = Signal(), Signal(turns, name="turn_taken"), Signal(turns)
        # Of the pass that streams.
        self.index, self.left = Signal(segments, name="copy_index"), Signal(segments, name="copies_left")
        self.first_turn = Signal()

    def begin(self, thread):
        """A sample begins."""
        return self.turn[thread].eq(1)

    def look(self, thread):
        """`thread` may be picked in the next cycle."""
        return [
            self.now.eq(self.turn[thread]),
            self.first.eq(self.turn[thread] == 1),
            self.beat.eq(self.reached[thread]),
            self.segment.eq(self.copied[thread]),
        ]

    def picked(self, row, beat):
        """A thread is picked for a pass of `row`; not again before that has left the pipeline."""
        return [
            self.fresh.eq(1),
            self.taken.eq(self.now),
            self.repeat.eq(row.repeat),
            beat.eq(Mux(self.first, 0, self.beat)),
            self.index.eq(Mux(self.first, row.copy_base, self.segment)),
            self.left.eq(row.copies),
            self.first_turn.eq(self.first),
        ]

    def follow(self, m, thread):
        """`thread`, which streams, gets its next turn a cycle after it was picked; put it before the states.

        From the table to the threads is a long way, and nobody asks earlier.
        """
        more = self.taken != self.repeat
        m.d.sync += self.fresh.eq(0)
        with m.If(self.fresh):
            m.d.sync += [self.more[thread].eq(more), self.turn[thread].eq(Mux(more, self.taken + 1, 1))]

    def look_ahead(self, step):
        """In every cycle: where the `step` of each thread goes from here."""
        return [after.eq(step[number] + ~self.more[number]) for number, after in enumerate(self.after)]

    def leave(self, m, step, thread):
        """A pass of `thread` has left the pipeline; its `step` follows."""
        with m.Switch(thread):
            for number, after in enumerate(self.after):
                with m.Case(number) if number < len(self.after) - 1 else m.Default():
                    m.d.sync += step[number].eq(after)

    def copy(self, tag):
        """Combinational: what goes down the pipeline is a copy."""
        return [tag.copy.eq(1), tag.beat.eq(self.index), tag.last.eq(self.left == 1)]

    def copied_one(self, thread):
        """On to the next copy."""
        return [
            self.index.eq(self.index + 1),
            self.left.eq(self.left - 1),
            self.copied[thread].eq(self.index + 1),
        ]
