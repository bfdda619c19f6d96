"""Judge against argmax and the margin of the true class."""

import numpy as np
import pytest

from bephw.judge import Judge

from .bench import core_of, trace

SHAPES = [(1, 1), (3, 3), (5, 5), (8, 8), (16, 16)]


def samples(rng, core, count, gaps, spread):
    """Random samples: inputs per cycle and (cycle of the verdict, prediction, margin, triggered)."""
    inputs, verdicts = [], []
    threshold = int(rng.integers(0, 2 * core.max_width + 1))
    limit = core.max_fan_in
    for _ in range(count):
        classes, rows = int(rng.integers(2, core.classes + 1)), int(rng.integers(1, core.slots + 1))
        scores = rng.integers(-spread, spread + 1, classes).clip(-limit, limit)
        if rng.random() < 0.2:
            scores[:] = rng.choice([-limit, limit], classes)
        label = int(rng.integers(classes))
        margin = int(scores[label] - np.delete(scores, label).max())
        if rng.random() < 0.5:
            threshold = int(np.clip(margin + rng.integers(-1, 2), 0, 2 * core.max_width))
        chunks = [scores[at : at + rows].tolist() for at in range(0, classes, rows)]
        for index, chunk in enumerate(chunks):
            while rng.random() < gaps:
                inputs.append({"valid": 0, "last": int(rng.integers(2)), "label": int(rng.integers(64))})
            padded = chunk + rng.integers(-limit, limit + 1, core.slots - len(chunk)).tolist()
            inputs.append(
                {
                    "valid": 1, "last": int(index == len(chunks) - 1), "scores": padded, "rows": len(chunk),
                    "label": label,
                }
            )  # fmt: skip
        verdicts.append((len(inputs) - 1 + Judge.latency_of(core), int(np.argmax(scores)), margin, threshold))
    return inputs, verdicts


@pytest.mark.thin(3)
@pytest.mark.parametrize("slots, segments", SHAPES)
@pytest.mark.parametrize("gaps, spread", [(0, 150), (0.4, 2)])
@pytest.mark.parametrize("seed", [1, 2])
def test_verdict_of_every_sample(slots, segments, gaps, spread, seed):
    core = core_of(lanes=16, slots=slots, segments=segments)
    inputs, verdicts = samples(np.random.default_rng(seed), core, 60, gaps, spread)
    inputs = [*inputs, *[{"valid": 0}] * (Judge.latency_of(core) + 2)]
    for cycle, *_, threshold in verdicts:  # the threshold that is in force when the verdict is made
        inputs[cycle - 1] = inputs[cycle - 1] | {"threshold": threshold}
    seen = trace(Judge(core), inputs, ["done", "prediction", "margin", "triggered"], after=0)
    assert [cycle for cycle, done in enumerate(seen["done"]) if done] == [cycle for cycle, *_ in verdicts]
    for cycle, prediction, margin, threshold in verdicts:
        got = seen["prediction"][cycle], seen["margin"][cycle], seen["triggered"][cycle]
        assert got == (prediction, margin, int(margin < threshold)), cycle


def verdict(core, scores, label, threshold):
    chunks = [scores[at : at + core.slots] for at in range(0, len(scores), core.slots)]
    inputs = [
        {
            "valid": 1, "last": int(i == len(chunks) - 1), "scores": c + [0] * (core.slots - len(c)), "rows": len(c),
            "label": label, "threshold": threshold,
        }
        for i, c in enumerate(chunks)
    ]  # fmt: skip
    watch = ["done", "prediction", "margin", "triggered"]
    seen = trace(Judge(core), [*inputs, {"valid": 0}], watch, after=Judge.latency_of(core))
    at = seen["done"].index(1)
    return [seen[name][at] for name in watch[1:]]


@pytest.mark.parametrize("label", [0, 1, 3, 5])
def test_a_tie_goes_to_the_lowest_class_whoever_is_true(label):
    assert verdict(core_of(), [3, 7, 7, 7, -2, 7], label, 0)[0] == 1


def test_the_margin_must_be_strictly_below_the_threshold():
    core = core_of()
    for threshold, triggered in ((4, 0), (5, 1), (6, 1)):
        assert verdict(core, [1, 5, -3, 0], 1, threshold) == [1, 4, triggered]
    assert verdict(core, [-9, -9], 1, 0) == [0, 0, 0] and verdict(core, [-8, -9], 1, 0) == [0, -1, 1]


def test_extreme_scores_do_not_wrap():
    core = core_of(max_width=150, max_fan_in=150)
    assert verdict(core, [150, -150], 0, 300) == [0, 300, 0]
    assert verdict(core, [150, -150], 1, 0) == [0, -300, 1]
