"""StepTable: every reader sees its own row, in the same cycle."""

import numpy as np
import pytest

from bephw.step_table import StepTable
from bepsw.program import TABLES, fields

from .bench import core_of, trace


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("seed", [1])
def test_rows_of_all_readers(table, seed):
    rng, core, readers = np.random.default_rng(seed), core_of(steps=7), 3
    rows = [
        {name: int(rng.integers(1 << bits)) for name, bits in fields(core)[table].items()} for _ in range(core.steps)
    ]
    inputs = [{"write_enable": 1, "write_address": i, "write_row": row} for i, row in enumerate(rows)]
    inputs.append({"write_enable": 0, "write_address": 0, "write_row": rows[1]})
    reads = rng.integers(core.steps, size=(40, readers)).tolist()
    inputs += [{"steps": read} for read in reads]
    seen = trace(StepTable(core, table, readers=readers), inputs, ["rows"], after=0)["rows"]
    for cycle, read in enumerate(reads, start=core.steps + 1):
        assert seen[cycle] == [rows[step] for step in read]
