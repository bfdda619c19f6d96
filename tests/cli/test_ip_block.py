"""`bepcore generate --wrap axi`: the files of the IP block, and what FuseSoC and Verilator's lint find in them."""

import json
import re
import subprocess

import pytest

from bepsim.toolbox import environment as simulator_environment

from .conftest import last_json

yaml = pytest.importorskip("yaml", reason="needs PyYAML")


@pytest.fixture
def block(inside, tmp_path):
    """Folder of a block with a core that differs from its preset."""
    record = last_json(
        inside("generate", "--core", "tiny", "--lanes", 11, "--slots", 2, "--wrap", "axi", "--out", "ip", "--json")
    )
    assert sorted(path.name for path in (tmp_path / "ip").iterdir()) == [
        f"bepcore_axi.{kind}" for kind in ("core", "json", "v", "vlt")
    ]
    assert {f"ip/bepcore_axi.{kind}" for kind in ("core", "json", "v", "vlt")} == set(record["files"])
    return tmp_path / "ip"


def lint(folder):
    """What Verilator says of the block with all warnings on and the waivers that come with it."""
    command = ["verilator", "--lint-only", "-Wall", "--top-module", "bepcore_axi", "bepcore_axi.vlt", "bepcore_axi.v"]
    env = simulator_environment("verilator")
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_the_files_agree(block):
    """The core file is CAPI2, names the Verilog and its top, and gives the parameters that the sidecar has."""
    text = (block / "bepcore_axi.core").read_text()
    assert text.startswith("CAPI=2:\n")
    core = yaml.safe_load(text)
    sidecar = json.loads((block / "bepcore_axi.json").read_text())
    assert core["filesets"]["rtl"]["files"] == ["bepcore_axi.v"] and core["filesets"]["lint"]["files"] == [
        "bepcore_axi.vlt"
    ]
    top = core["targets"]["default"]["toplevel"]
    assert sidecar["top"] == top and f"module {top}(" in (block / "bepcore_axi.v").read_text()
    assert re.fullmatch(r"bepcore:bepcore:bepcore_axi:\d+\.\d+\.\d+", core["name"])
    given = {name: parameter["default"] for name, parameter in core["parameters"].items()}
    expected = {f"BEPCORE_{name.upper()}": value for name, value in sidecar["core"].items()}
    assert given == expected | {"BEPCORE_REGISTER_MAP": sidecar["register_map"]}
    assert given["BEPCORE_LANES"] == 11 and given["BEPCORE_SLOTS"] == 2
    assert set(core["targets"]["default"]["parameters"]) == given.keys()
    assert "16 bits of which 11 count" in sidecar["ports"]["s_axis"]


def test_ports_have_the_names_that_tools_know(block):
    verilog = (block / "bepcore_axi.v").read_text()
    top = verilog[verilog.index("module bepcore_axi(") :].partition("endmodule")[0]
    found = re.findall(r"^  (input|output) (?:\[(\d+):0\] )?(\w+);", top, re.M)
    ports = {name: (kind, int(high or 0) + 1) for kind, high, name in found}
    lite = {"aw": ("addr",), "w": ("data", "strb"), "b": ("resp",), "ar": ("addr",), "r": ("data", "resp")}
    widths = {"addr": 12, "data": 32, "strb": 4, "resp": 2}
    expected = {"aclk": ("input", 1), "aresetn": ("input", 1), "idle": ("output", 1)}
    for channel, fields in lite.items():
        there, back = ("output", "input") if channel in "br" else ("input", "output")
        expected |= {f"s_axi_{channel}{field}": (there, widths[field]) for field in fields}
        expected |= {f"s_axi_{channel}valid": (there, 1), f"s_axi_{channel}ready": (back, 1)}
    for stream, bits, there, back in (("s_axis", 16, "input", "output"), ("m_axis", 32, "output", "input")):
        expected |= {f"{stream}_tdata": (there, bits), f"{stream}_tlast": (there, 1)}
        expected |= {f"{stream}_tvalid": (there, 1), f"{stream}_tready": (back, 1)}
    assert ports == expected


def test_lint_is_clean(block):
    assert lint(block) == (0, "")


def test_lint_is_not_blind(block):
    """The waivers leave a real truncation to be told."""
    path = block / "bepcore_axi.v"
    broken = "wire [3:0] sum;\n  assign sum = {3'b0, aresetn} + 4'd3;\n  assign rst = ~ sum"
    path.write_text(path.read_text().replace("assign rst = ~ aresetn", broken))
    status, said = lint(block)
    assert status and "WIDTHTRUNC" in said


def test_refused(refused, tmp_path):
    assert "invalid choice: 'wishbone'" in refused("generate", "--wrap", "wishbone", "--out", "x")
    (tmp_path / "taken").write_text("")
    assert "taken is a file" in refused("generate", "--wrap", "axi", "--out", "taken")
    assert not (tmp_path / "x").exists()
