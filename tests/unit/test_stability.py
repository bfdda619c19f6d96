"""Stability: sums of s*·z over time steps, row by row, against numpy, at the cycle the docstring names."""

import numpy as np
import pytest

from bephw.stability import Stability

from .bench import core_of, trace

CORES = [
    core_of(rules=1, slots=3, beats=40),
    core_of(rules=1, slots=1, segments=1, beats=9, max_fan_in=5, store_segments=3, max_width=5),
    core_of(rules=1, slots=8, segments=8, beats=4, store_segments=31),
]


@pytest.mark.parametrize("core", CORES, ids=lambda c: f"R{c.slots}b{c.beats}u{c.stability_bits}")
@pytest.mark.parametrize("gaps", [0, 0.4])
@pytest.mark.parametrize("seed", [1, 2])
def test_sums_of_every_row_after_every_step(core, gaps, seed):
    """Two samples, the second anew, with every z at ± the fan-in and as many steps as there can be."""
    rng = np.random.default_rng(seed)
    inputs, expected = [], []
    for sample in range(2):
        beats = int(rng.integers(1, core.beats // 2 + 1))
        u = np.zeros((beats, core.slots), int)
        extreme = sample == 1
        for step in range(core.store_segments):
            low = core.max_fan_in if extreme else -core.max_fan_in
            z = rng.integers(low, core.max_fan_in + 1, u.shape)
            desired = np.broadcast_to(np.arange(core.slots) % 2, u.shape) if extreme else rng.integers(0, 2, u.shape)
            u += np.where(desired, z, -z)
            for beat in range(beats):
                while rng.random() < gaps:
                    inputs.append({"valid": 0, "beat": int(rng.integers(beats)), "fresh": int(rng.integers(2))})
                expected.append((len(inputs), u[beat].copy()))
                bits = sum(int(bit) << slot for slot, bit in enumerate(desired[beat]))
                inputs.append(
                    {"valid": 1, "beat": beat, "fresh": int(step == 0), "z": z[beat].tolist(), "desired": bits}
                )
            inputs += [{"valid": 0}] * max(0, 1 + Stability.latency - beats)
    for cycle, now in enumerate(inputs):  # the address comes a cycle ahead
        if cycle:
            inputs[cycle - 1]["early"] = now.get("beat", 0)
    inputs[:0] = [{"early": inputs[0]["beat"], "valid": 0}]
    seen = trace(Stability(core), inputs, ["negative", "magnitude"], after=Stability.latency)
    for cycle, u in expected:
        at = cycle + 1 + Stability.latency
        assert seen["magnitude"][at] == np.abs(u).tolist(), cycle
        assert [seen["negative"][at] >> slot & 1 for slot in range(core.slots)] == (u < 0).astype(int).tolist(), cycle
    assert max(int(np.abs(u).max()) for _, u in expected) == core.max_fan_in * core.store_segments
