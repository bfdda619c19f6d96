"""PreActivation against z = 2·popcount(XNOR) − K, for rows that share a word and rows that span words."""

import numpy as np
import pytest
from amaranth.hdl import Array, Module, Mux
from amaranth.lib import wiring

from bephw.pre_activation import PreActivation
from bepsw.layout import place
from bepsw.spec import Network

from .bench import core_of, plane_words, segments_of, trace

CORES = [
    core_of(),
    core_of(segments=1, slots=1, operand_words=16, max_fan_in=144, weight_words=256),
    core_of(segments=8, slots=8, lanes=8),
    core_of(segments=2, slots=2, lanes=13, operand_words=6, max_fan_in=156),
    core_of(segments=4, slots=1, lanes=8, max_fan_in=127),
]


class WithSteps(wiring.Component):
    """PreActivation beside the constants of its steps."""

    def __init__(self, core, matrices):
        self.core, self.matrices = core, matrices
        self.inner = PreActivation(core)
        ports = {name: self.inner.signature.members[name] for name in ("tag", "weights", "operand", "tag_out", "z")}
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self.inner

        def constants(name, step):
            values = [getattr(matrix, name) for matrix in self.matrices]
            return Array(values + values[:1] * (self.core.steps - len(values)))[step]

        full, last = constants("full_segments", inner.sum_step), constants("last_segments", inner.sum_step)
        m.d.comb += [
            inner.tag.eq(self.tag),
            inner.weights.eq(self.weights),
            inner.operand.eq(self.operand),
            inner.row_segments.eq(Mux(inner.sum_last_word, last, full)),
            inner.fan_in.eq(constants("fan_in", inner.z_step)),
            self.tag_out.eq(inner.tag_out),
            self.z.eq(inner.z),
        ]
        return m


def operand_word(core, matrix, bits, word, rng):
    """Operand segments of one word: copied to every row slot; random where no row lies."""
    value = [int(rng.integers(1 << core.lanes)) for _ in range(core.segments)]
    segments = segments_of(bits, core.lanes)
    if matrix.words_per_row == 1:
        for slot in range(matrix.rows_per_word):
            value[slot * matrix.segments : (slot + 1) * matrix.segments] = segments
    else:
        part = segments[word * core.segments : (word + 1) * core.segments]
        value[: len(part)] = part
    return value


@pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}S{c.segments}R{c.slots}")
@pytest.mark.parametrize("gaps", [0, 0.3])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_equals_the_golden_product(core, gaps, seed):
    rng = np.random.default_rng(seed)
    limit = min(core.max_fan_in, core.lanes * core.segments * core.operand_words)
    widths = [int(rng.integers(1, limit + 1)), int(rng.integers(1, 14)), int(rng.integers(1, 14))]
    widths = [limit if seed == 1 else widths[0], *widths[1:]]
    layout = place(Network(widths=widths, classes=5), core)
    matrices = [*layout.layers, layout.classifier]
    inputs, expected, latency = [], [], PreActivation.latency_of(core)
    for step, matrix in enumerate(matrices * 2):
        step %= len(matrices)
        extreme = rng.random() < 0.3
        weights = rng.integers(0, 2, (matrix.rows, matrix.fan_in))
        bits = rng.integers(0, 2, matrix.fan_in)
        if extreme:
            weights[:], weights[0] = bits, 1 - bits  # z = ±K
        z = 2 * (weights == bits).sum(axis=1) - matrix.fan_in
        words = plane_words(matrix, weights, core, rng)
        for index in range(matrix.words):
            while rng.random() < gaps:
                inputs.append({"tag.valid": 0, "tag.step": int(rng.integers(core.steps))})
            beat, word = divmod(index, matrix.words_per_row)
            last_word = word == matrix.words_per_row - 1
            tag = {
                "valid": 1, "thread": int(rng.integers(core.threads)), "context": int(rng.integers(core.contexts)),
                "step": step, "beat": beat, "first_word": int(word == 0), "last_word": int(last_word),
                "last": int(index == matrix.words - 1),
            }  # fmt: skip
            if last_word:
                rows = z[beat * matrix.rows_per_word : (beat + 1) * matrix.rows_per_word]
                expected.append((len(inputs) + latency, tag, rows.tolist()))
            inputs.append(
                {
                    "tag": tag,
                    "weights": words[matrix.weight_base + index],
                    "operand": operand_word(core, matrix, bits, word, rng),
                }
            )
    inputs.append({"tag.valid": 0})
    seen = trace(WithSteps(core, matrices), inputs, ["tag_out", "z"], after=latency)
    assert [t for t, tag in enumerate(seen["tag_out"]) if tag["valid"]] == [cycle for cycle, _, _ in expected]
    for cycle, tag, rows in expected:
        assert seen["tag_out"][cycle] == tag
        assert seen["z"][cycle][: len(rows)] == rows, (cycle, tag)
