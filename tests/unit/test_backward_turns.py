"""BackwardIssue with rows that repeat: every step in time, from which columns on, and what the job then holds."""

import numpy as np
import pytest

from bephw.backward_issue import BackwardIssue
from bepsw.program import compile_program

from .bench import trace
from .recurrent import CORES, name_of, recurrent_of
from .test_backward_issue import WithTable

JOB = ("beat_base", "desired_row", "sent_row", "offset", "fresh", "scan", "recurrent", "walk")


def turns_of(steps):
    """Every step with what its turn makes of it."""
    for step in steps:
        for turn in range(step["repeat"]):
            moved = {name: step[name] ^ turn & 1 for name in ("desired_row", "sent_row")}
            yield step | moved | {"beat_base": step["beat_base"] - turn * step["beats"]}


def schedule(steps, core, start):
    """{cycle: (address or None, beat, first chunk, rows, job)}, {cycle: position, first, last slot}, last cycle."""
    beats, reads, at = {}, {}, start + 2  # IDLE, DECIDE
    for step in turns_of(steps):
        at += 1  # FETCH
        first = step["first_chunk"] if step["walk"] else 0
        for chunk in range(first, step["words_per_row"] if step["walk"] else first + 1):
            at += 2  # START, WAIT
            for beat in range(step["beats"]):
                address = step["weight_base"] + beat * step["words_per_row"] + chunk if step["walk"] else None
                rows = step["last_rows"] if beat == step["beats"] - 1 else step["rows"]
                beats[at] = address, beat, int(chunk == first), rows, {name: int(step[name]) for name in JOB}
                at += 1
            at += BackwardIssue.drain_of(core, walk=bool(step["walk"]))
            if step["walk"]:
                segments = step["last_segments"] if chunk == step["words_per_row"] - 1 else step["full_segments"]
                for segment in range(step["first_segment"] if chunk == first else 0, segments):
                    for slot in range(step["rows"]):
                        last = int(slot == step["rows"] - 1)
                        reads[at] = slot * step["full_segments"] + segment, int(slot == 0), last
                        at += 1
                at += BackwardIssue.settle
        at += 1  # NEXT
    return beats, reads, at - 1


@pytest.mark.thin(3)
@pytest.mark.parametrize("core", CORES, ids=name_of)
@pytest.mark.parametrize("seed, steps", [(1, 1), (2, 2), (3, 3), (4, 4), (5, None), (6, None)])
def test_a_sequence_follows_its_schedule_to_the_cycle(core, seed, steps):
    rng = np.random.default_rng([seed, core.segments])
    network, _, limits = recurrent_of(rng, core, steps=steps)
    table = compile_program(network, core, limits).tables["backward"]
    dut = WithTable(core, table)
    token = {"context": 1, "label": 3, "triggered": 1, "batch_end": 1, "layers": 63}
    beats, reads, first = schedule(table, core, start=0)
    more, others, end = schedule(table, core, start=first + 1)  # the next sample, right after
    beats, reads = beats | more, reads | others
    watch = ["tag", "walk_address", "read", "position", "first_slot", "last_slot", "updates.valid", "job"]
    inputs = [{"inner.judged.valid": 1, "inner.judged.payload": token}, *[{}] * end, {"inner.judged.valid": 0}]
    seen = trace(dut, inputs, [f"inner.{name}" for name in watch], after=5)
    seen = {name: seen[f"inner.{name}"] for name in watch}
    assert [cycle for cycle, tag in enumerate(seen["tag"]) if tag["valid"]] == list(beats)
    for cycle, (address, beat, scan, rows, job) in beats.items():
        tag = seen["tag"][cycle]
        assert (tag["beat"], tag["scan"], tag["rows"]) == (beat, scan, rows), cycle
        assert {name: seen["job"][cycle][name] for name in JOB} == job, cycle
        assert address is None or seen["walk_address"][cycle] == address, cycle
    assert [cycle for cycle, read in enumerate(seen["read"]) if read] == list(reads)
    for cycle, expected in reads.items():
        assert (seen["position"][cycle], seen["first_slot"][cycle], seen["last_slot"][cycle]) == expected, cycle
    assert [cycle for cycle, valid in enumerate(seen["updates.valid"]) if valid] == [first + 1, end + 1]
