"""`bepcore generate`: a core as Verilog, with a JSON sidecar of its parameters and registers."""

import dataclasses

from bepsw.core import PRESETS, Core
from bepsw.errors import BepError

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    """Arguments of `bepcore generate`."""
    parser.add_argument("--core", metavar="PRESET", default="small", help=f"{'|'.join(PRESETS)} (default: small)")
    parser.add_argument("--out", metavar="DIR", required=True, help="folder for the files")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    group = parser.add_argument_group("parameters that differ from the preset (see bepsw.core.Core)")
    for field in dataclasses.fields(Core):
        group.add_argument(f"--{field.name.replace('_', '-')}", type=int, metavar="N")


def run(args):
    """Write the files."""
    raise BepError("This version of bepcore cannot generate hardware yet.")
