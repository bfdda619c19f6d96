"""ForwardIssue with rows that repeat: every turn's words, copies and halves, the oldest sample first."""

from collections import deque

import numpy as np
import pytest

from bepsw.program import compile_program

from .bench import drive, plain
from .recurrent import CORES, name_of, recurrent_of
from .test_forward_issue import WithTable


def passes_of(steps):
    """What a sample's thread issues, pass by pass: [(row, [(address or None, operand word, tag fields)])]."""
    passes = []
    for row, step in enumerate(steps):
        beats = step["words"] // step["words_per_row"]
        for turn in range(step["repeat"]):
            common = {"step": row, "half": step["half"] ^ turn & 1, "first_turn": int(turn == 0)}
            items = [
                (None, None, common | {
                    "valid": 0, "copy": 1, "beat": step["copy_base"] + turn * step["copies"] + i,
                    "last": int(i == step["copies"] - 1),
                })
                for i in range(step["copies"] if step["feeds"] else 0)
            ]  # fmt: skip
            for word in range(step["words"]):
                beat, part = divmod(word, step["words_per_row"])
                items.append((step["weight_base"] + word, part, common | {
                    "valid": 1, "copy": 0, "beat": turn * beats + beat, "first_word": int(part == 0),
                    "last_word": int(part == step["words_per_row"] - 1), "last": int(word == step["words"] - 1),
                }))  # fmt: skip
            passes.append((row, items))
    return passes


@pytest.mark.thin(5)
@pytest.mark.parametrize("core", CORES, ids=name_of)
@pytest.mark.parametrize("holds", [0, 0.1])
@pytest.mark.parametrize("seed, steps", [(1, 1), (2, 2), (3, 3), (4, 4), (5, None), (6, None)])
def test_every_turn_of_every_sample(core, holds, seed, steps):
    rng = np.random.default_rng([seed, core.lanes])
    network, _, limits = recurrent_of(rng, core, steps=steps)
    table = compile_program(network, core, limits).tables["forward"]
    passes = passes_of(table)
    assert len(passes) == network.steps + network.layers
    dut = WithTable(core, table)
    issue, gap, verdict = dut.inner, int(rng.integers(1, 30)), int(rng.integers(1, 30))
    watched = issue.accept_thread, issue.streaming, issue.read_address, issue.operand_word, issue.from_input, issue.tag
    live, events, state = [], {}, {"done": 0, "cycle": 0}  # live samples: [thread, context, next pass, ready from]

    async def bench(ctx):
        hold, contexts, now = 0, deque(range(core.contexts)), None
        while state["done"] < 8:
            cycle = state["cycle"]
            hold = 0 if hold and rng.random() < 0.2 else hold or int(rng.random() < holds)
            ctx.set(issue.hold, hold)
            kind, ended = events.pop(cycle, (None, None))
            ctx.set(issue.layer_done, kind == "layer")
            ctx.set(issue.sample_done, kind == "sample")
            for port in (issue.layer_thread, issue.sample_thread):
                ctx.set(port, ended[0] if ended else int(rng.integers(core.threads)))
            accept = ctx.get(issue.free) and rng.random() < 0.5
            ctx.set(issue.accept, accept)
            ctx.set(issue.accept_context, contexts[0])
            _, _, given, streaming, address, word, from_input, tag = await ctx.tick().sample(*watched)
            tag = plain(tag)
            if not streaming:
                assert now is None and not tag["valid"] and not tag["copy"], cycle
                ready = [sample for sample in live if sample[3] <= cycle]
                if ready and not hold:
                    row, items = passes[ready[0][2]]
                    ready[0][3], now = 1 << 30, [ready[0], row, deque(items)]
            else:
                sample, row, items = now
                expected, part, fields = items.popleft()
                assert (tag["thread"], tag["context"]) == tuple(sample[:2])
                assert {name: tag[name] for name in fields} == fields, cycle
                if expected is not None:
                    assert (address, word, from_input) == (expected, part, table[row]["from_input"])
                if not items:
                    final = sample[2] == len(passes) - 1
                    at = cycle + (verdict if final else gap)
                    while at in events:
                        at += 1
                    events[at] = "sample" if final else "layer", sample
                    now = None
            if kind == "layer":
                ended[2:] = ended[2] + 1, cycle + 2
            elif kind == "sample":
                assert ended is live.pop(0)
                state["done"] += 1
            if accept:
                live.append([given, contexts[0], 0, cycle + 2])
                contexts.rotate(-1)
            state["cycle"] += 1

    drive(dut, bench, limit=200_000)
