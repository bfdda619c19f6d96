"""Admission against a counting model: batches, the barrier, online order, room for results."""

import random
from types import SimpleNamespace

import pytest

from bephw.admission import Admission

from .bench import core_of, trace

WATCH = ("accept", "batch_end", "i.ready", "pending", "empty", "starved", "blocked")


class Model:
    """What the docstrings promise, cycle by cycle."""

    def __init__(self, core):
        self.contexts, self.results_limit = core.contexts, Admission.results_of(core)
        self.inside = self.results = self.pending = 0
        self.barrier = self.able = self.final = False  # the last two are decided a cycle ahead
        self.rules, self.batch = core.rules, 1  # of the cycle before: with rules a new size counts from then on

    def cycle(self, x):
        free, full = x.free and not self.barrier, self.results == self.results_limit
        accept = x.valid and self.able
        end = x.train and (x.close or self.final)
        shown = {
            "accept": accept, "i.ready": self.able, "pending": self.pending, "empty": self.inside == 0,
            "starved": self.able and not x.valid, "blocked": free and full and x.valid,
        }  # fmt: skip
        batch = self.batch if self.rules else x.batch
        self.able, self.final, self.batch = free and not full and not accept, self.pending + 1 >= batch, x.batch
        if accept:
            shown["batch_end"] = end
        if accept and x.train:
            self.pending = 0 if end else self.pending + 1
            self.barrier = x.online or end
        elif self.inside == 0:
            self.barrier = False
        self.inside += accept - x.retired
        self.results += accept - x.taken
        if x.set_pending:
            self.pending = x.new_pending
        return {name: int(value) for name, value in shown.items()}


@pytest.mark.parametrize("shape", [{}, {"contexts": 2, "threads": 1}, {"contexts": 16}, {"rules": 1}], ids=str)
@pytest.mark.parametrize("online", [0, 1])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_admits_like_the_model(shape, online, seed):
    rng, core = random.Random(seed), core_of(**shape)
    model, inputs, expected = Model(core), [], []
    x = SimpleNamespace(batch=rng.choice([1, 2, 5]), online=online, train=1)
    slow_results, slow_retire = rng.choice([0.1, 0.9]), rng.choice([0.1, 0.9])
    for cycle in range(600):
        if cycle % 150 == 149:
            x.train, x.batch = rng.choice([0, 1, 1]), rng.choice([0, 1, 2, 5, 40])
            slow_results, slow_retire = rng.choice([0.1, 0.9]), rng.choice([0.1, 0.9])
        x.valid, x.close = rng.random() < 0.8, rng.random() < 0.1
        x.free = model.inside < core.contexts and rng.random() < 0.9
        x.retired = model.inside > 0 and rng.random() < slow_retire
        x.taken = model.results > 0 and rng.random() < slow_results
        x.set_pending, x.new_pending = model.inside == 0 and rng.random() < 0.02, rng.randrange(4)
        inputs.append(
            {
                "i.valid": x.valid, "i.payload.close": x.close, "free": x.free, "train": x.train, "online": x.online,
                "batch": x.batch, "retired": x.retired, "result_taken": x.taken, "set_pending": x.set_pending,
                "new_pending": x.new_pending,
            }
        )  # fmt: skip
        expected.append(model.cycle(x))
    seen = trace(Admission(core), inputs, WATCH, after=0)
    assert sum(seen["accept"]) > 30
    for cycle, shown in enumerate(expected):
        assert {name: seen[name][cycle] for name in shown} == shown, cycle


def test_the_barrier_stands_from_the_end_of_a_batch_until_the_core_is_empty():
    always = {"i.valid": 1, "free": 1, "train": 1, "batch": 2}
    inputs = [always] * 8 + [{"retired": 1}, {"retired": 1}, {"retired": 0}, {}, {}, {}]
    seen = trace(Admission(core_of()), inputs, ["accept", "empty"], after=0)
    assert seen["accept"] == [0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]
    assert seen["empty"] == [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0]


def test_inference_neither_counts_nor_stops():
    always = {"i.valid": 1, "free": 1, "train": 0, "batch": 1, "online": 1, "i.payload.close": 1}
    leaves = [{"retired": 1, "result_taken": 1}, {"retired": 0, "result_taken": 0}] * 10
    seen = trace(Admission(core_of()), [always, always, *leaves], ["accept", "pending", "batch_end"], after=0)
    assert set(seen["accept"][1::2]) == {1} and set(seen["accept"][::2]) == {0}
    assert set(seen["pending"]) == {0} and set(seen["batch_end"]) == {0}


@pytest.mark.parametrize("pending, counted", [(65533, [65534, 0]), (65534, [0, 0]), (65535, [0, 0])])
def test_the_longest_batch_ends_where_it_should(pending, counted):
    start = {"set_pending": 1, "new_pending": pending, "train": 1, "batch": 65535, "free": 1}
    inputs = [start, {"set_pending": 0}, {}, {"i.valid": 1}, {}, {}, {}]
    seen = trace(Admission(core_of()), inputs, ["pending", "accept"], after=0)
    assert seen["pending"][2::2] == [pending, *counted]
    assert seen["accept"] == [0, 0, 0, 1, 0, int(counted[0] > 0), 0]
