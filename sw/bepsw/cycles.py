"""The cycle model: when each sample's result leaves and how many cycles a run takes, from its steps and its data.

The stages of the core run side by side and meet in six places: contexts (the loader waits for a sample to retire),
fronts (it waits for one to reach the update stage), threads (a pass waits for its own predecessor), the W port (passes
and walks take turns), the winner banks, and the barrier at the end of a batch. The sweep runs beside the next batch
(online it does not) and holds up its updates.
The model follows these waits event by event with the lengths that the step tables
give; it is exact as long as samples are offered and results are taken without a pause.

    pass of n words     n + 1 cycles of the W port; its thread goes on `pass_gap` cycles after the last word, after a
                        classifier that is not the last one `score_gap`
                        copies of a recurrent layer's inputs go before its words, one a cycle
    scan of b beats     b + drain; 3 cycles where the layer did not trigger
    walk of b beats     b + drain, then R·s positions and `settle` per chunk
    update              the sum of s over the winner rows, T times where recurrent, with a pause between if s < 8
    sweep               all H words
"""

from dataclasses import dataclass, field

import numpy as np

from .program import compile_program

__all__ = ["CycleModel", "Timing", "Use", "popcount_latency"]


def _levels(n):
    """⌈log2 n⌉."""
    return (n - 1).bit_length()


def _turns(steps):
    """Steps of a table, each as often as it is taken."""
    return [step for step in steps for _ in range(step.get("repeat", 1))]


def popcount_latency(width):
    """Cycles of `bephw.popcount`: one for up to three bits, one more for every adder level above."""
    return 1 if width <= 3 else 1 + popcount_latency(width - 1 - (width - 1) // 2)


@dataclass(frozen=True)
class Timing:
    """Latencies of a core's units, in cycles.

    read : W plane. z : from the weights to a pre-activation. judge : from the last scores to the verdict.
    pass_gap : from the last word of a layer's pass to the pick of the same thread's next pass. score_gap : the same of
    a classifier's.
    drain, walk_drain, settle : of the backward stage, without and with a walk, and after a read-out.
    walk_delay : from a beat of a walk to its W word.
    queue : of a token queue. update_start, update_end : from a sample with winners to its first segment, and from the
    last segment to the next state. sweep_start : from the state before the sweep to its first segment.
    """

    read: int
    z: int
    judge: int
    pass_gap: int
    drain: int
    walk_drain: int
    walk_delay: int
    update_start: int
    score_gap: int = 2
    settle: int = 7
    queue: int = 2
    update_end: int = 10
    sweep_start: int = 5

    @classmethod
    def of(cls, core):
        """Timing of a core."""
        desired, read = 6, 5 if core.rules else 4
        scanned = desired + 2 + (2 if core.rules else 0) + 5 + _levels(core.slots) + 2
        z = popcount_latency(core.lanes) + _levels(core.segments) + 3 + 2
        return cls(
            read=read,
            z=z,
            judge=7 + 2 * _levels(core.slots),
            pass_gap=read + z + 7,
            drain=scanned,
            walk_drain=max(scanned, desired + 2 + 15 - 1),
            walk_delay=desired + 3 - read,
            update_start=10 + 1 + max(1, _levels(_levels(core.beats))) + 2,
        )


@dataclass
class Use:
    """Where cycles went.

    cycles : from the first beat of the first sample to the last retirement (the core's counter).
    results : int64 (n,), cycle in which each result leaves, counted from the first beat.
    forward, walk : words that passes and walks read: together the W port's work.
    update, sweep : segments that updates and sweeps stepped: together the H port's work.
    samples : n.
    """

    cycles: int = 0
    results: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    forward: int = 0
    walk: int = 0
    update: int = 0
    sweep: int = 0
    samples: int = 0

    @property
    def roofline(self):
        """Cycles below which no schedule of this core can go: the busier of the two ports."""
        return max(self.forward + self.walk, self.update + self.sweep)


class CycleModel:
    """Cycles of a network on a core.

    Parameters
    ----------
    network, core, training
        As for the core itself; the batch size and the mode come from `training`.
    thresholds
        Any; they do not change the cycles except through triggers and winners.
    """

    def __init__(self, network, core, training, thresholds):
        program = compile_program(network, core, thresholds)
        self.core, self.training, self.timing = core, training, Timing.of(core)
        self.input_segments = program.tables["input"][0]["segments"]
        forward = program.tables["forward"]
        forward = _turns(forward)
        self.passes = [step["words"] for step in forward]
        self.copies = [step.get("copies", 0) for step in forward]
        self.gaps = [self.timing.score_gap if step["classifier"] else self.timing.pass_gap for step in forward]
        self.steps = _turns(program.tables["backward"])
        hidden = program.tables["hidden"]
        self.segments = [step["segments"] for step in hidden]
        self.winner_segments = [step["segments"] * step.get("repeat", 1) for step in hidden]
        self.winner_pauses = [step.get("pad", 0) * (step.get("repeat", 1) - 1) for step in hidden]
        self.hidden_words = [step["words"] for step in program.tables["hidden"]]

    def run(self, triggered, winners, *, train=True, pending=0, close=False):
        """Cycles of one uninterrupted stream of samples.

        Parameters
        ----------
        triggered : bool (n,), or (n, L) with a local rule
            Which samples, or which layers of them, update.
        winners : int (n, L), winner rows per sample and layer; ignored where not triggered
        train : bool
            False for inference.
        pending : int
            Samples since the last sweep when the stream begins.
        close : bool
            The last sample closes its batch.

        Returns
        -------
        Use
        """
        line = _Line(self)
        use = Use(samples=len(triggered), results=np.zeros(len(triggered), np.int64))
        for index, trigger in enumerate(triggered):
            pending += 1
            batch_end = train and (pending >= self.training.batch or (close and index == len(triggered) - 1))
            if batch_end:
                pending = 0
            line.add(index, self._layers(trigger) if train else 0, winners[index], batch_end, train)
        line.finish()
        use.results[:] = line.results
        use.cycles = max(line.retired[-1], line.swept) if line.retired else 0
        use.forward, use.walk, use.update, use.sweep = line.words
        return use

    def _layers(self, trigger):
        """Layers that update, a bit each."""
        if np.ndim(trigger):
            return sum(1 << layer for layer, one in enumerate(trigger) if one)
        return -1 if trigger else 0


class _Line:
    """The stages and their clocks; samples enter in order, the W port is handed out in order of time."""

    def __init__(self, model):
        self.model, self.timing = model, model.timing
        self.loaded = []  # cycle of the last beat
        self.handed, self.retired, self.results = [], [], []
        self.words = [0, 0, 0, 0]
        self.samples = []  # (layers that trigger, winners, batch_end, barrier) of samples not yet entered
        self.port = 0  # first cycle in which a pass may be picked
        self.stream_end = -1  # last cycle in which a pass streams
        self.active = []  # threads: [sample, step, ready cycle], oldest first
        self.entered = 0
        self.accepted = -1
        self.freed = []  # cycle from which the thread of each judged sample is free
        self.backward = _Backward(self)
        self.update_free = self.swept = 0
        self.bank_free = []

    def add(self, index, layers, winners, batch_end, train):
        barrier = train and (batch_end or self.model.training.online)
        self.samples.append((layers, winners, batch_end, barrier))

    def finish(self):
        """Follow all samples to their retirement."""
        while self.entered < len(self.samples) or self.active:
            if not self._enter() and not self._grant():
                self.backward.advance(None)
        while self.backward.advance(None):
            pass

    def _enter(self):
        """Accept the next sample if all that it waits for is known; True if it was."""
        core, timing, index = self.model.core, self.timing, self.entered
        if index == len(self.samples) or len(self.active) == core.threads:
            return False
        barrier = index > 0 and self.samples[index - 1][3]
        needed = index if barrier else index - core.contexts + 1
        if len(self.retired) < needed or len(self.handed) < index - core.fronts + 1:
            return False
        header = 0 if index == 0 else self.loaded[-1] + 2
        if index >= core.contexts:
            header = max(header, self.retired[index - core.contexts] + 2)
        if index >= core.fronts:
            header = max(header, self.handed[index - core.fronts] + 2)
        self.loaded.append(header + self.model.input_segments)
        time = max(self.loaded[-1] + 1 + timing.queue, self.accepted + 2)
        if index >= core.threads:
            time = max(time, self.freed[index - core.threads])
        if barrier:
            time = max(time, self.retired[index - 1] + 3)
        self.accepted = time
        self.active.append([index, 0, time + 2])
        self.entered += 1
        return True

    def _grant(self):
        """Give the W port to the next pass, after every walk that asks for it before; True if something moved."""
        if not self.active:
            return False
        time = max(self.port, min(thread[2] for thread in self.active))
        if self.backward.advance(time):
            return True
        thread = next(thread for thread in self.active if thread[2] <= time)
        index, step, _ = thread
        words = self.model.passes[step]
        self.words[0] += words
        last = time + self.model.copies[step] + words
        self.port, self.stream_end = last + 1, last
        if step + 1 < len(self.model.passes):
            thread[1:] = [step + 1, last + self.model.gaps[step]]
            return True
        verdict = last + self.timing.read + self.timing.z + self.timing.judge
        self.active.remove(thread)
        self.freed.append(verdict + 2)
        self.results.append(verdict + self.timing.queue)
        self.backward.judged.append((index, verdict + self.timing.queue))
        return True

    def update(self, index, arrived, rows):
        """The update stage: `rows` winner rows per layer, then the sweep if the batch ends here."""
        timing, model = self.timing, self.model
        self.handed.append(arrived)
        _, _, batch_end, _ = self.samples[index]
        state = max(arrived + timing.queue, self.update_free)
        state += 1  # from taking the sample to deciding what to do
        if not any(rows) and not batch_end:
            self.retired.append(state + 1)
            self.update_free = state + 1
            return
        if any(rows):
            steps = sum(int(count) * s for count, s in zip(rows, model.winner_segments, strict=True))
            pauses = sum(int(count) * s for count, s in zip(rows, model.winner_pauses, strict=True))
            self.words[2] += steps
            state = state + timing.update_start + steps + pauses - 1 + timing.update_end
            self.bank_free.append(state + 1)
        if batch_end:
            steps = sum(model.hidden_words)
            self.words[3] += steps
            gaps = sum(1 for s in model.segments[:-1] if s == 1)
            if not model.training.online:  # retires before the sweep, which later updates wait for
                self.retired.append(state + 2)
            state = state + timing.sweep_start + steps + gaps - 1 + timing.update_end
            if not model.training.online:
                self.update_free = self.swept = state + 1
                return
        self.retired.append(state + 2)
        self.update_free = state + 2


class _Backward:
    """The backward stage: one sample at a time, its walks ask for the W port."""

    def __init__(self, line):
        self.line = line
        self.judged = []  # (sample, cycle in which its token is there)
        self.free = 0  # cycle in which the stage is idle again
        self.sample = None
        self.plan = []  # steps still to do
        self.layers = 0  # that triggered
        self.wait = 0  # cycle in which the step at hand asks for the W port
        self.chunk = None  # of a walk, None before its first
        self.handed = 0

    def advance(self, time):
        """Do the next thing that does not ask for the W port after `time`; True if something was done."""
        if self.sample is None:
            return self._next()
        if time is not None and self.plan[0]["walk"] and self.wait > time:
            return False
        self._step()
        return True

    def _next(self):
        """Begin with the next sample, or pass it on; False when there is none yet."""
        line = self.line
        if not self.judged:
            return False
        index, there = self.judged.pop(0)
        start = max(there, self.free)
        self.layers = line.samples[index][0]
        start += 1  # from taking the sample to deciding what to do
        if not self.layers:
            self.free = start + 1
            line.update(index, start + 1, [0])
            return True
        banks = line.model.core.winner_banks
        if self.handed >= banks:
            start = max(start, line.bank_free[self.handed - banks])
        self.sample, self.plan, self.chunk = index, list(line.model.steps), None
        self.wait = start + 3
        return True

    def _step(self):
        """Stream one chunk of the step at hand."""
        line, timing = self.line, self.line.timing
        step = self.plan[0]
        start = self.wait
        if not self.layers >> step["layer"] & 1:
            self._next_step(start - 1)
            return
        if step["walk"]:
            start = max(start, line.stream_end + 1)
            line.words[1] += step["beats"]
            line.port = max(line.port, start + step["beats"] + timing.walk_delay)
        end = start + step["beats"] + (timing.walk_drain if step["walk"] else timing.drain)
        if step["walk"]:
            begins = self.chunk is None
            chunk = step.get("first_chunk", 0) if begins else self.chunk
            last_chunk = chunk == step["words_per_row"] - 1
            segments = step["last_segments"] if last_chunk else step["full_segments"]
            if begins:
                segments = step.get("first_segments", segments)
            end += segments * step["rows"] + timing.settle
            if not last_chunk:
                self.chunk = chunk + 1
                self.wait = end + 2
                return
        self.chunk = None
        self._next_step(end)

    def _next_step(self, end):
        """On to the next step, or hand the sample over, after a step whose last cycle is `end`."""
        line = self.line
        self.plan.pop(0)
        if self.plan:
            self.wait = end + 4
        else:
            index = self.sample
            self.sample, self.free = None, end + 2
            rows = line.samples[index][1]
            self.handed += bool(any(rows))
            line.update(index, end + 2, rows)
