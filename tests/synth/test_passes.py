"""What the flow does to a netlist keeps its behaviour: simulated against the design before synthesis."""

import pytest

from .designs import Copies, Counters, Ram
from .equal import differences, synthesised

pytestmark = pytest.mark.synth


@pytest.mark.parametrize(
    "width, depth",
    [(36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384), (40, 128), (27, 1024)],
    ids=lambda value: str(value),
)
def test_block_ram_with_its_output_register(width, depth, tmp_path):
    """Every port width of a DP16KD; the register behind it is gone, and nothing changes."""
    component = Ram(width, depth)
    made = synthesised(component, tmp_path)
    rams = made.netlist.of_type("DP16KD")
    assert rams and made.unregistered == {}
    assert all("OUTREG" in made.netlist.cells[ram]["parameters"]["REGMODE_B"] for ram in rams)
    assert not [name for name in made.netlist.of_type("TRELLIS_FF") if name.startswith("output")]
    assert differences(component, made.netlist, tmp_path, cycles=4 * depth + 1000) == 0


@pytest.mark.parametrize(
    "flavour, reason",
    [("reset", "has a reset"), ("enable", "has an enable"), ("shared", "2 readers"), ("logic", "is no flip-flop")],
)
def test_block_ram_that_keeps_its_output(flavour, reason, tmp_path):
    component = Ram(18, 1024, flavour)
    made = synthesised(component, tmp_path)
    (ram,) = made.netlist.of_type("DP16KD")
    assert reason in made.unregistered[ram]
    assert made.netlist.cells[ram]["parameters"]["REGMODE_B"] == "NOREG"
    if flavour != "enable":
        assert differences(component, made.netlist, tmp_path) == 0


def test_a_wrong_output_register_is_seen(tmp_path):
    """The comparison can fail: a block RAM without its register answers a cycle early."""
    component = Ram(9, 64)
    made = synthesised(component, tmp_path)
    (ram,) = made.netlist.of_type("DP16KD")
    made.netlist.cells[ram]["parameters"]["REGMODE_B"] = "NOREG"
    assert differences(component, made.netlist, tmp_path) > 100


def test_logic_in_front_of_adders_costs_nothing(tmp_path):
    """All of it for one prepared operand; where both are prepared, a LUT a bit stays."""
    component = Counters(width=9)
    made = synthesised(component, tmp_path)
    assert made.folded >= 45
    assert len(made.netlist.of_type("LUT4")) <= 9
    assert differences(component, made.netlist, tmp_path) == 0


def test_a_wrong_carry_is_seen(tmp_path):
    component = Counters(width=9)
    made = synthesised(component, tmp_path)
    cell = made.netlist.cells[made.netlist.of_type("CCU2C")[0]]
    init = int(cell["parameters"]["INIT0"], 2)
    cell["parameters"]["INIT0"] = f"{init ^ 1 << 15:016b}"
    assert differences(component, made.netlist, tmp_path) > 0


def test_kept_registers_stay_apart(tmp_path):
    """Without `keep` the copies become one register, with it they stay (opt_merge looks at cells, not signals)."""
    copies = {
        keep: [n for n in synthesised(Copies(6, keep), tmp_path).netlist.of_type("TRELLIS_FF") if n.startswith("copy")]
        for keep in (False, True)
    }
    assert (len(copies[False]), len(copies[True])) == (1, 6)
