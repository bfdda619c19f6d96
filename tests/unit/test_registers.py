"""The register map as a table: addresses, windows, names."""

import pytest

from bepsw import registers
from bepsw.generator import bank_size
from bepsw.program import TABLES, row_bits
from bepsw.registers import READABLE, REGISTERS, WINDOWS, address, window_pieces, window_rows
from bepsw.target import Counters

from .bench import core_of


def test_addresses_and_names_are_unique_and_fit_the_bus():
    assert len({register.address for register in REGISTERS}) == len(REGISTERS)
    assert len({register.name for register in REGISTERS}) == len(REGISTERS)
    assert all(0 <= register.address < 1 << 16 for register in REGISTERS)
    assert all(register.access in ("r", "rw", "w") and register.text.endswith(".") for register in REGISTERS)


def test_the_map_of_version_2_stays_where_it_is():
    fixed = {
        "IDENTITY": 0x00, "VERSION": 0x01, "LANES": 0x02, "STEPS": 0x11, "FRONTS": 0x12, "CONTROL": 0x20,
        "COMMAND": 0x21,
        "STATUS": 0x22, "ERRORS": 0x23, "MARGIN": 0x24, "BATCH": 0x25, "CLASS_COUNT": 0x26, "PENDING": 0x27,
        "WINDOW_SELECT": 0x30, "WINDOW_ADDRESS": 0x31, "WINDOW_DATA": 0x32, "CYCLES": 0x40, "CYCLES_HIGH": 0x41,
        "STALLED_OUT": 0x4E, "STALLED_OUT_HIGH": 0x4F,
    }  # fmt: skip
    assert {name: address(name) for name in fixed} == fixed
    assert int.from_bytes(b"BEPC", "big") == registers.IDENTITY and registers.VERSION == 2


def test_every_counter_of_a_target_is_a_register():
    assert set(Counters.__dataclass_fields__) <= set(registers.COUNTERS)


@pytest.mark.parametrize(
    "core",
    [core_of(), core_of(lanes=8, bits=4, segments=3, weight_words=100), core_of(lanes=33, weight_words=129)],
    ids=lambda c: f"g{c.lanes}",
)
def test_pieces_hold_a_row_and_no_more(core):
    bits = {"hidden": core.lanes * core.bits, "weights": core.lanes, "prototypes": core.lanes, "generator": 64}
    bits |= {f"{table}_table": row_bits(core)[table] for table in TABLES}
    pieces = window_pieces(core)
    assert tuple(pieces) == WINDOWS and set(bits) == set(WINDOWS)
    for name, count in pieces.items():
        assert 32 * (count - 1) < bits[name] <= 32 * count
    rows = window_rows(core)
    assert tuple(rows) == WINDOWS and set(READABLE) < set(WINDOWS)
    words = {128: 128, 100: 128, 129: 256}[core.weight_words]  # a bank begins at a power of two
    assert [rows[name] for name in READABLE] == [core.hidden_words, 2 * words * 64, bank_size(core.lanes)]
    assert rows["prototypes"] == core.classes * core.prototype_segments
    assert all(rows[f"{table}_table"] == core.steps for table in TABLES)
