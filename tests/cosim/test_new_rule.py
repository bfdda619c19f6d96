"""A rule that no file of the project knows, from existing steps (docs/rules.md): other tables, the same hardware."""

import dataclasses

import numpy as np
import pytest

from bepsim.target import open_core
from bepsw import cycles, driver
from bepsw.cycles import CycleModel
from bepsw.golden import StepModel
from bepsw.program import compile_program
from bepsw.spec import MAX_LAYERS

from .networks import EVERY_RULE, random_case

CORE = EVERY_RULE["tiny"]


class OneJudge(StepModel):
    """Every layer learns towards its own prototypes when the last classifier's margin is below R."""

    def learn(self, sample, label):
        """One sample: (d, triggered, winners a layer)."""
        inputs, z, a = self.forward(sample.astype(bool))
        scores = (2 * (self.classifiers[-1] == a[-1]).sum(axis=1) - a[-1].size).astype(int)
        margin = self.judge(scores, label)
        triggered, counts = margin < self.thresholds.margins[-1], [0] * len(z)
        if triggered:
            desired, _ = self.desire(z, label)
            for layer in range(len(z)):
                winners = self.pick_winners(layer, z[layer], a[layer], desired[layer])
                self.update(layer, winners, inputs[layer], desired[layer])
                counts[layer] = winners.size
        self.pending += 1
        if self.pending == self.training.batch:
            self.sweep()
        return margin, triggered, counts


def compile_one_judge(network, core, thresholds):
    """The forward table without the lower classifiers; the last one's trigger is that of every layer."""
    program = compile_program(network, core, thresholds)
    layers = [step for step in program.tables["forward"] if not step["classifier"]]
    judge = program.tables["forward"][-1] | {"learns": (1 << MAX_LAYERS) - 1}
    return dataclasses.replace(program, tables=program.tables | {"forward": [*layers, judge]})


@pytest.fixture(scope="module")
def transport():
    with open_core(CORE, timeout=20_000) as running:
        yield running


@pytest.mark.parametrize("seed", range(6))
def test_a_new_rule_is_a_new_table(transport, monkeypatch, seed):
    case = random_case(seed, CORE, rule="local", samples=30, online=bool(seed % 2))
    monkeypatch.setattr(driver, "compile_program", compile_one_judge)
    monkeypatch.setattr(cycles, "compile_program", compile_one_judge)
    target, model = case.driver(transport), case.model(CORE, kind=OneJudge)
    target.load(model.state())
    expected = [model.learn(sample, label) for sample, label in zip(case.bits, case.labels, strict=True)]
    margins, triggered, winners = zip(*expected, strict=True)
    results = target.train(case.bits, case.labels)
    assert results.margin.tolist() == list(margins) and results.triggered.tolist() == list(triggered)
    got, wanted = target.state(), model.state()
    for name in ("hidden", "weights"):
        for pair in zip(getattr(got, name), getattr(wanted, name), strict=True):
            assert np.array_equal(*pair), name
    assert np.array_equal(got.generator, wanted.generator)
    use = CycleModel(case.network, CORE, case.training, model.thresholds).run(triggered, winners)
    assert target.counter("cycles") == use.cycles
