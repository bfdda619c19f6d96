"""HiddenBank: latency of reads, and a write that is there in the next cycle."""

import numpy as np
import pytest

from bephw import hidden_bank
from bephw.hidden_bank import HiddenBank

from .bench import core_of, trace


@pytest.mark.parametrize(
    "shape", [{}, {"bits": 2}, {"bits": 16, "lanes": 12}, {"hidden_words": 3}, {"hidden_words": 37}], ids=str
)
@pytest.mark.parametrize("deepest", [2048, 4])
@pytest.mark.parametrize("seed", [1])
def test_reads_what_was_written(shape, seed, deepest, monkeypatch):
    monkeypatch.setattr(hidden_bank, "_DEEPEST", deepest)
    rng = np.random.default_rng(seed)
    core = core_of(**({"hidden_words": 13} | shape))
    bank = np.zeros((core.hidden_words, core.lanes), int)
    inputs, expected = [], []
    for _ in range(300):
        write, read = (int(value) for value in rng.choice(core.hidden_words, 2, replace=False))
        word = rng.integers(1 << core.bits, size=core.lanes)
        enable = int(rng.random() < 0.6)
        expected.append(bank[read].tolist())
        if enable:
            bank[write] = word
        inputs.append(
            {"write_enable": enable, "write_address": write, "write_data": word.tolist(), "read_address": read}
        )
    seen = trace(HiddenBank(core), inputs, ["read_data"], after=HiddenBank.latency)["read_data"]
    assert seen[HiddenBank.latency :] == expected
