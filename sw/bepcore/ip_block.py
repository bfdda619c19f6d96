"""What `bepcore generate --wrap axi` writes: Verilog with AXI interfaces, its FuseSoC core file, its lint waivers.

The core file gives the core's parameters as Verilog defines, BEPCORE_LANES and so on, so that a design around the block
can size its streams and check what it instantiates.
"""

from importlib.resources import files as resources

from bepsw import registers

from . import __version__

__all__ = ["TOP", "core_file", "files", "ports"]

TOP = "bepcore_axi"
"""Name of the top module and stem of its files."""

_CORE = """\
CAPI=2:

name: bepcore:bepcore:{top}:{version}
description: Trains binary neural networks on the chip; AXI4-Lite registers, AXI4-Stream samples and results

filesets:
  rtl:
    files:
      - {top}.v
    file_type: systemVerilogSource
  lint:
    files:
      - {top}.vlt
    file_type: vlt

targets:
  default: &default
    filesets: [rtl]
    toplevel: {top}
    parameters:
{listed}
  lint:
    <<: *default
    filesets: [lint, rtl]
    flow: lint
    flow_options:
      tool: verilator
      verilator_options: [-Wall]

parameters:
{parameters}\
"""

_PARAMETER = """\
  {name}:
    datatype: int
    paramtype: vlogdefine
    default: {value}
    description: {text}
"""


def files(core):
    """{name: text} of an IP block with `core`; the sidecar is not among them.

    Raises
    ------
    BepError
        Yosys is missing or fails.
    """
    # Imported late: the help text needs no Amaranth.
    from bephw.axi.trainer import AxiTrainer
    from bephw.export import to_verilog

    return {
        f"{TOP}.v": to_verilog(AxiTrainer(core), TOP),
        f"{TOP}.core": core_file(core),
        f"{TOP}.vlt": resources("bephw").joinpath("axi", f"{TOP}.vlt").read_text(encoding="utf-8"),
    }


def core_file(core):
    """The FuseSoC core file (CAPI2) of a block with `core`."""
    values = [("BEPCORE_REGISTER_MAP", registers.VERSION, "Version of the register map")]
    values += [(f"BEPCORE_{name.upper()}", value, f"Core parameter {name}") for name, value in core.as_dict().items()]
    parameters = "".join(_PARAMETER.format(name=name, value=value, text=text) for name, value, text in values)
    listed = "\n".join(f"      - {name}" for name, _, _ in values)
    return _CORE.format(top=TOP, version=__version__, listed=listed, parameters=parameters)


def ports(core):
    """{port or interface: what it is}, for the sidecar."""
    from bephw.axi.trainer import ADDRESS_BITS, beat_bytes

    return {
        "aclk": "clock, rising edge",
        "aresetn": "synchronous reset, active low",
        "s_axi": f"AXI4-Lite slave, 32 data bits, {ADDRESS_BITS} address bits: registers at 4 × their word address",
        "s_axis": f"AXI4-Stream slave, {8 * beat_bytes(core)} bits of which {core.lanes} count: samples",
        "m_axis": "AXI4-Stream master, 32 bits: margin (signed) in 31…8, triggered in 6, prediction in 5…0",
        "idle": "nothing is in flight",
    }
