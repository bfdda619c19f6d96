"""`bepcore generate`: a core as Verilog, bare or as an IP block, with a JSON sidecar: parameters and registers."""

import dataclasses
import json

from bepsw import registers
from bepsw.core import PRESETS
from bepsw.program import fields

from . import __version__, ip_block, options, runs, show

__all__ = ["add_arguments", "run", "sidecar"]


def add_arguments(parser):
    """Arguments of `bepcore generate`."""
    parser.add_argument("--core", metavar="PRESET", default="small", help=f"{'|'.join(PRESETS)} (default: small)")
    parser.add_argument("--wrap", choices=("axi",), help="AXI4-Lite and AXI4-Stream around it, and a FuseSoC core file")
    parser.add_argument("--out", metavar="DIR", required=True, help="folder for the files")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    options.add_parameters(parser)


def run(args):
    """Write bepcore.v and bepcore.json, or the files of the IP block."""
    core = options.core_from(args, args.core)
    folder = runs.folder_for_files(args.out)
    screen = show.console(args)
    screen.print(f"generating {core.width} W lanes, {core.lanes} counters a word …")
    if args.wrap == "axi":
        record = sidecar(core, ip_block.TOP, ip_block.ports(core))
        texts = ip_block.files(core)
    else:
        record = sidecar(core)
        texts = {"bepcore.v": _verilog(core)}
    texts[f"{record['top']}.json"] = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        runs.write_text(folder / name, text)
        screen.print(f"{folder / name}: {len(text) / 1024:.0f} KiB")
    show.emit(args, {"files": [str(folder / name) for name in texts], "core": core.as_dict()})


def _verilog(core):
    # Imported late: the help text needs no Amaranth.
    from bephw.export import to_verilog
    from bephw.trainer import Trainer

    return to_verilog(Trainer(core), "bepcore")


def sidecar(core, top="bepcore", ports=None):
    """Everything that a host must know about a generated core, as plain data; `ports` when they are not the core's."""
    return {
        "generator": f"bepcore {__version__}",
        "top": top,
        "register_map": registers.VERSION,
        "core": core.as_dict(),
        "ports": ports
        or {
            "clk": "clock, rising edge",
            "rst": "synchronous reset, active high",
            "samples": f"stream in: valid, ready, payload [{core.lanes}:0] = last, {core.lanes} data bits",
            "results": "stream out: valid, ready, payload = margin (signed), reserved, triggered, prediction [5:0]",
            "bus": "register bus: valid, write, addr (words), wdata; ready, rdata",
            "idle": "nothing is in flight",
        },
        "registers": [dataclasses.asdict(register) for register in registers.REGISTERS],
        "windows": {name: {"pieces": pieces} for name, pieces in registers.window_pieces(core).items()},
        "step_tables": fields(core),
    }
