"""Simulate a design before and after synthesis side by side, on the same random inputs."""

import re
import subprocess
from importlib import resources
from pathlib import Path

import bepsim
from bepboards.synth.gate_level import gate_level_verilog
from bepboards.synth.synthesis import TOP, synthesise_rtlil
from bephw.export import to_rtlil, to_verilog

__all__ = ["CELL_MODELS", "differences", "synthesised"]

CELL_MODELS = (resources.files(bepsim) / "ecp5_models.v").read_text()
"""Verilog of the ECP5 cells."""

_BENCH = """\
module bench;
  reg clk = 0, rst = 1;
  reg [31:0] random = @SEED@;
  integer cycle, wrong = 0;
@WIRES@
  original original_i (.clk(clk), .rst(rst)@BEFORE@);
  @TOP@ after_i (.clk(clk), .rst(rst)@AFTER@);
  initial begin
    for (cycle = 0; cycle < @CYCLES@; cycle = cycle + 1) begin
@DRIVE@
      rst = cycle < 2;
      #1;
      if (cycle > @SKIP@ && {@OUT_BEFORE@} !== {@OUT_AFTER@}) wrong = wrong + 1;
      clk = 1;
      #1 clk = 0;
    end
    $display("wrong %0d", wrong);
  end
endmodule
"""


def synthesised(component, folder):
    """`Synthesis` of an Amaranth component, made in `folder`."""
    return synthesise_rtlil(to_rtlil(component, TOP), folder)


def differences(component, netlist, folder, *, cycles=3000, skip=8, seed=1):
    """Cycles in which any output of `component` and of its netlist differ; the first `skip` may hold anything."""
    before = to_verilog(component, "original")
    after = gate_level_verilog(netlist, TOP)
    ports = re.findall(r"^\s*(input|output)\s+(?:\[(\d+):0\]\s*)?(\w+)\s*;", after, re.M)
    ports = [(kind, int(high or 0) + 1, name) for kind, high, name in ports if name not in ("clk", "rst")]
    ins = [(width, name) for kind, width, name in ports if kind == "input"]
    outs = [(width, name) for kind, width, name in ports if kind == "output"]
    wires = [f"  reg [{width - 1}:0] {name};" for width, name in ins]
    wires += [f"  wire [{width - 1}:0] {name}_before, {name}_after;" for width, name in outs]
    # $random is 32 bits and signed; wider inputs take several.
    drive = [f"      {name} = {{{', '.join(['$random(random)'] * (-(-width // 32)))}}};" for width, name in ins]
    text = _BENCH
    for key, value in {
        "SEED": seed,
        "CYCLES": cycles,
        "SKIP": skip,
        "TOP": TOP,
        "WIRES": "\n".join(wires),
        "DRIVE": "\n".join(drive),
        "BEFORE": _connect(ins, outs, "_before"),
        "AFTER": _connect(ins, outs, "_after"),
        "OUT_BEFORE": ", ".join(f"{name}_before" for _, name in outs),
        "OUT_AFTER": ", ".join(f"{name}_after" for _, name in outs),
    }.items():
        text = text.replace(f"@{key}@", str(value))
    Path(folder, "bench.sv").write_text("\n".join((before, after, CELL_MODELS, text)))
    subprocess.run(["iverilog", "-g2012", "-s", "bench", "-o", "bench.vvp", "bench.sv"], cwd=folder, check=True)
    done = subprocess.run(["vvp", "-n", "bench.vvp"], cwd=folder, capture_output=True, text=True, check=True)
    return int(re.search(r"^wrong (\d+)$", done.stdout, re.M)[1])


def _connect(ins, outs, suffix):
    return "".join(f", .{name}({name})" for _, name in ins) + "".join(f", .{name}({name}{suffix})" for _, name in outs)
