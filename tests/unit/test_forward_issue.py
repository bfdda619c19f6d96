"""ForwardIssue: passes without gaps, the oldest sample first, and no cycle of the W port wasted."""

from collections import deque

import numpy as np
import pytest
from amaranth.hdl import Const, Module
from amaranth.lib import wiring

from bephw.forward_issue import ForwardIssue
from bepsw.program import compile_program

from .bench import constants, core_of, drive, network_of, plain

CORES = [
    core_of(),
    core_of(threads=1, contexts=2, segments=1, slots=1, operand_words=8),
    core_of(segments=2, slots=2, operand_words=7, contexts=8, threads=3),
    core_of(threads=4, contexts=8),
    core_of(threads=3, contexts=8, rules=1, prototype_segments=32),
]


class WithTable(wiring.Component):
    """ForwardIssue beside its step table."""

    def __init__(self, core, steps):
        self.core, self.table = core, steps
        self.inner = ForwardIssue(core)
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self.inner
        m.d.comb += inner.row.eq(constants(self.core, "forward", self.table, inner.step))
        return m


class Passes:
    """What the issue did, cycle by cycle, checked against the rules of the docstring."""

    def __init__(self, core, steps):
        self.core, self.steps = core, steps
        self.samples = []  # of every live sample, oldest first: [thread, context, step, cycle from which it is ready]
        self.now = None  # sample whose pass streams, and words issued
        self.picked = None
        self.done = 0

    def accept(self, cycle, thread, context):
        self.samples.append([thread, context, 0, cycle + 2])

    def cycle(self, cycle, hold, streaming, shown):
        """One cycle; returns the sample whose pass ends in it."""
        if self.now is None and self.picked:
            self.now, self.picked = [self.picked, 0], None
        assert streaming == (self.now is not None), cycle
        if not streaming:
            ready = [sample for sample in self.samples if sample[3] <= cycle]
            if ready and not hold:
                self.picked = ready[0]
                self.picked[3] = 1 << 30
            return None
        (thread, context, index, _), word = self.now
        step = self.steps[index]
        address, operand_word, from_input, tag, half = shown
        per_row = step["words_per_row"]
        assert address == step["weight_base"] + word and operand_word == word % per_row
        assert from_input == step["from_input"] and half == step.get("half", 0)
        assert tag == {
            "valid": 1, "thread": thread, "context": context, "step": index, "beat": word // per_row,
            "first_word": int(word % per_row == 0), "last_word": int(word % per_row == per_row - 1),
            "last": int(word == step["words"] - 1),
            **({"half": half, "copy": 0, "first_turn": 1} if self.core.rules else {}),
        }  # fmt: skip
        self.now[1] += 1
        if self.now[1] < step["words"]:
            return None
        (sample, _), self.now = self.now, None
        if step["classifier"] and not step["last"]:  # nobody waits for these scores
            sample[2:] = index + 1, cycle + 2
            return None
        return sample


@pytest.mark.thin(3)
@pytest.mark.parametrize("core", CORES, ids=lambda c: f"S{c.segments}t{c.threads}r{c.rules}")
@pytest.mark.parametrize("holds", [0, 0.1])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_pass_and_its_order(core, holds, seed):
    rng = np.random.default_rng(seed)
    network, _, thresholds = network_of(rng, core, rule="local" if core.rules else "bep")
    steps = compile_program(network, core, thresholds).tables["forward"]
    dut = WithTable(core, steps)
    issue, rules = dut.inner, Passes(core, steps)
    gap, verdict = int(rng.integers(1, 30)), int(rng.integers(1, 30))
    layers, verdicts = {}, {}  # cycle: sample whose pass leaves the pipeline
    contexts = deque(range(core.contexts))

    word = issue.read_address, issue.operand_word, issue.from_input, issue.tag, issue.half if core.rules else Const(0)

    async def bench(ctx):
        hold, cycle = 0, 0
        while rules.done < 12:
            hold = 0 if hold and rng.random() < 0.2 else hold or int(rng.random() < holds)
            ctx.set(issue.hold, hold)
            layer, judged = layers.pop(cycle, None), verdicts.pop(cycle, None)
            ctx.set(issue.layer_done, layer is not None)
            ctx.set(issue.layer_thread, layer[0] if layer else int(rng.integers(core.threads)))
            ctx.set(issue.sample_done, judged is not None)
            ctx.set(issue.sample_thread, judged[0] if judged else int(rng.integers(core.threads)))
            assert ctx.get(issue.free) == (len(rules.samples) < core.threads), cycle
            accept = ctx.get(issue.free) and rng.random() < 0.5
            ctx.set(issue.accept, accept)
            ctx.set(issue.accept_context, contexts[0])
            _, _, given, streaming, *shown = await ctx.tick().sample(issue.accept_thread, issue.streaming, *word)
            shown[3] = plain(shown[3])
            assert shown[3]["valid"] == streaming
            ended = rules.cycle(cycle, hold, streaming, shown)
            if ended and ended[2] == len(steps) - 1:
                verdicts[cycle + verdict] = ended
            elif ended:
                layers[cycle + gap] = ended
            if judged:
                assert judged is rules.samples.pop(0), "samples must leave in order"
                rules.done += 1
            if layer:
                layer[2:] = layer[2] + 1, cycle + 2
            if accept:
                assert given not in [sample[0] for sample in rules.samples]
                rules.accept(cycle, given, contexts[0])
                contexts.rotate(-1)
            cycle += 1

    drive(dut, bench)


def test_two_threads_share_the_port_without_a_lost_cycle():
    """With passes long enough to cover the pipeline, the port rests one cycle a pass."""
    core = core_of(max_width=60, segments=1, slots=1, operand_words=1, weight_words=256)
    steps = [{"weight_base": 0, "words": 30, "words_per_row": 1, "classifier": 0, "last": 0, "from_input": 1}] * 2
    blank = dict.fromkeys(("layer", "full_segments", "last_segments", "rows", "last_rows", "fan_in", "beat_base",
                           "store_base", "out_starts"), 0)  # fmt: skip
    dut = WithTable(core, [blank | step for step in steps])
    issue, busy = dut.inner, []

    async def bench(ctx):
        ctx.set(issue.accept, 1)
        await ctx.tick().repeat(2)
        ctx.set(issue.accept, 0)
        ends = deque()
        for cycle in range(4 * 31):
            due = ends and ends[0][0] == cycle
            ctx.set(issue.layer_done, bool(due))
            if due:
                ctx.set(issue.layer_thread, ends.popleft()[1])
            _, _, streaming, tag = await ctx.tick().sample(issue.streaming, issue.tag)
            busy.append(streaming)
            if streaming and tag.last:
                ends.append((cycle + 25, tag.thread))

    drive(dut, bench)
    first = busy.index(1)
    assert busy[first : first + 4 * 31 - 2] == ([1] * 30 + [0]) * 3 + [1] * 29
