"""The IP block under bus models of other people (cocotbext-axi): it trains a network to the bit, whatever pauses."""

import json
import re
import xml.etree.ElementTree as xml
from functools import cache
from pathlib import Path

import pytest

from bephw.axi.trainer import AxiTrainer
from bephw.export import to_verilog
from bepsim import cache as kept
from bepsim import compile, toolbox
from bepsim.process import Child
from bepsw.core import Core, preset

pytest.importorskip("cocotbext.axi", reason="needs cocotbext-axi")

TOP = "bepcore_axi"
HERE = Path(__file__).parent
CORES = {
    "tiny": preset("tiny"),
    # A beat of 11 lanes has 5 bits to spare; four words of it are a result of another width.
    "odd": Core(
        lanes=11, segments=7, slots=5, bits=5, weight_words=64, hidden_words=300, max_width=50, max_fan_in=60,
        classes=12, contexts=8, fronts=4, threads=3, operand_words=3, beats=64, store_segments=8,
        prototype_segments=8,
    ),
}  # fmt: skip


@cache
def block(core):
    """Verilog of the block."""
    return to_verilog(AxiTrainer(core), TOP)


def compiled(core, simulator, env):
    """Folder of the block's simulation, kept like every other."""
    verilog = block(core)
    ports = re.search(rf"module {TOP}\((.*?)\)", verilog, re.S)[1].replace("\n", "").split(",")
    shown = [f'public_flat_rw -module "{TOP}" -var "{port.strip()}"' for port in ports]
    control = "\n".join(["`verilator_config", *shown, ""])
    settings = repr((simulator, compile.arguments_for(simulator), toolbox.versions(simulator, env)))

    def fill(folder):
        sources = {"block.sv": verilog} | ({"control.vlt": control} if simulator == "verilator" else {})
        compile.compile_sources(folder, simulator, sources, waves=False, env=env, settings=settings, top=TOP)

    return kept.entry(kept.content_key("axi", settings, control, verilog), fill)[0]


@pytest.mark.parametrize("core", ["tiny", pytest.param("odd", marks=pytest.mark.slow)])
@pytest.mark.parametrize("seed, share", [(500, 0.0), (501, 0.8)])
def test_the_block_under_bus_models(core, seed, share, tmp_path, simulator="verilator"):
    """Without pauses and with pauses on all channels; tests/cosim/axi_bench.py says what is compared."""
    core = CORES[core]
    env = toolbox.environment(simulator)
    folder = compiled(core, simulator, env)
    setup = {"core": core.as_dict(), "seed": seed, "share": share, "samples": 12}
    env |= {"BEPCORE_AXI": json.dumps(setup)}
    env["PYTHONPATH"] = f"{HERE}:{env.get('PYTHONPATH', '')}"
    arguments = dict(
        simulator=simulator, build=str(folder), folder=str(tmp_path), waves="", top=TOP, module="axi_bench"
    )
    child = Child("test", arguments, env=env, log=tmp_path / "log.txt", folder=tmp_path)
    try:
        child.wait(300)
    finally:
        child.kill()
    log = (tmp_path / "log.txt").read_text()
    cases = list(xml.parse(tmp_path / "results.xml").iter("testcase"))
    failed = [case.get("name") for case in cases if {child.tag for child in case} & {"failure", "error", "skipped"}]
    assert len(cases) == 3 and not failed, log[-8000:]
