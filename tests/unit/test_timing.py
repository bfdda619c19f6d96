"""The cycle model's latencies are those of the components."""

import pytest

from bephw.backward_issue import BackwardIssue
from bephw.judge import Judge
from bephw.pre_activation import PreActivation
from bephw.weight_plane import WeightPlane
from bephw.window import Window
from bepsw.core import PRESETS
from bepsw.cycles import Timing

from .bench import core_of

CORES = [
    *PRESETS.values(),
    core_of(),
    core_of(rules=1),
    core_of(segments=1, slots=1),
    core_of(lanes=144, segments=64, slots=16),
]


@pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}S{c.segments}R{c.slots}")
def test_timing_of_a_core(core):
    timing = Timing.of(core)
    assert timing.read == WeightPlane.latency_of(core)
    assert timing.z == PreActivation.latency_of(core)
    assert timing.judge == Judge.latency_of(core)
    assert timing.settle == BackwardIssue.settle and timing.walk_delay == BackwardIssue.walk_delay_of(core)
    assert timing.drain == BackwardIssue.drain_of(core, walk=False)
    assert timing.walk_drain == BackwardIssue.drain_of(core, walk=True)


@pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}S{c.segments}R{c.slots}")
def test_no_sample_overtakes_an_access_of_the_window(core):
    """Allowed while idle, an access is over before a sample that comes in that cycle has been through two layers."""
    timing = Timing.of(core)
    assert Window.slowest(core) < 2 * timing.pass_gap + timing.judge
