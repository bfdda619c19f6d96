"""A small core synthesises and routes, and takes neither more logic nor more time than recorded, give or take 10 %."""

import json
from pathlib import Path

import pytest

from bepboards.synth.device import find_device
from bepboards.synth.flow import build_core
from bepsw.core import preset

pytestmark = [pytest.mark.synth, pytest.mark.slow]

BUDGET = Path(__file__).with_name("budget.json")
SHARE = 0.1


def test_the_budget_of_a_small_core(tmp_path):
    """A change that is worth its price goes into budget.json, with the reason in the commit."""
    budget = json.loads(BUDGET.read_text())
    build = build_core(
        preset(budget["core"]), find_device(budget["device"]), freq=budget["freq"], seeds=budget["seeds"], jobs=2
    )
    measured = {**{name: build.used[name] for name in ("comb", "ff", "ebr", "dsp")}, "fmax": build.fmax}
    for name in ("comb", "ff"):
        assert measured[name] <= (1 + SHARE) * budget[name], f"{name} is over its budget: {measured}"
    for name in ("ebr", "dsp"):
        assert measured[name] <= budget[name], f"{name} is over its budget: {measured}"
    assert measured["fmax"] >= (1 - SHARE) * budget["fmax"], f"slower than its budget: {measured}, {build.path}"
    assert build.unregistered == {}, "a block RAM lost its output register"
