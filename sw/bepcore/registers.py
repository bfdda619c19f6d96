"""`bepcore registers`: the register maps as pages, from the tables that hardware and driver use."""

import dataclasses
from pathlib import Path

from bepsw import dataset_registers, registers
from bepsw.core import preset
from bepsw.program import fields

from . import show

__all__ = ["add_arguments", "dataset_page", "page", "run"]

_HEAD = """\
# Register map

Made by `bepcore registers --out docs/registers.md` from `sw/bepsw/registers.py`, which the decoder and the host driver
use too. Addresses are those of 32-bit words. Version {version}.

| address | name | access | what |
|---|---|---|---|
"""

_WINDOW = """
## Memories behind the window

Choose a memory with WINDOW_SELECT and a row with WINDOW_ADDRESS; then every access of WINDOW_DATA moves 32 bits of the
row, lowest first, and after the last piece the row number moves on by itself. Only while the core is idle; and the
pieces of a row are all read or all written. What is not allowed changes nothing, reads 0 and raises `bad_access`, and
so does every further access of WINDOW_DATA until WINDOW_SELECT or WINDOW_ADDRESS is written. The number of pieces
follows from the core's parameters; here those of the preset `{name}`.

The weights are there twice. Rows of the lower half are the bank in use, which is also what any row reads; those of the
upper half, from 64·2^a on with 2^a the next power of two of WEIGHT_WORDS, are the bank that is swapped in at the end
of the next batch and must hold the signs of the hidden weights. The classifier belongs into both.

| number | memory | pieces a row | read back |
|---|---|---|---|
"""

_TABLES = """
## Step tables

Fields of a row, lowest bits first, with their widths in the preset `{name}`; what they mean stands in
`sw/bepsw/program.py`.

| table | fields |
|---|---|
"""


_DATASET = """\
# Registers of the data set

Made by `bepcore registers --dataset --out docs/dataset-registers.md` from `sw/bepsw/dataset_registers.py`, which the
decoder and the host use too. What they are for is in [dataset](dataset.md). Version {version}.

| address | name | access | bits | what |
|---|---|---|---|---|
"""


def dataset_page():
    """The page of the data set's registers in Markdown."""
    text = _DATASET.format(version=dataset_registers.VERSION)
    for register in dataset_registers.REGISTERS:
        bits, _ = dataset_registers.SETTINGS.get(register.name, (32, ""))
        text += f"| 0x{register.address:04x} | {register.name} | {register.access} | {bits} | {register.text} |\n"
    return text


def page(name="small", core=None):
    """The page in Markdown, with the widths of the core preset `name`, or of a `core` that began as that."""
    core = core or preset(name)
    text = _HEAD.format(version=registers.VERSION)
    for register in registers.REGISTERS:
        text += f"| 0x{register.address:02x} | {register.name} | {register.access} | {register.text} |\n"
    text += _WINDOW.format(name=name)
    for number, (window, pieces) in enumerate(registers.window_pieces(core).items()):
        text += f"| {number} | {window} | {pieces} | {'yes' if window in registers.READABLE else 'no'} |\n"
    text += _TABLES.format(name=name)
    every = fields(dataclasses.replace(core, rules=1))
    for table, widths in fields(core).items():
        text += f"| {table} | {_listed(widths.items())} |\n"
        if more := every[table].items() - widths.items():
            text += f"| … with `rules` = 1 | {_listed(field for field in every[table].items() if field in more)} |\n"
    return text


def _listed(widths):
    return ", ".join(f"{field} {bits}" for field, bits in widths)


def add_arguments(parser):
    """Arguments of `bepcore registers`."""
    parser.add_argument("--core", metavar="PRESET", default="small", help="core whose widths to show (default: small)")
    parser.add_argument("--dataset", action="store_true", help="show those of the data set in a board's memory instead")
    parser.add_argument("--out", metavar="FILE", help="write the page here instead of printing it")
    parser.add_argument("--json", action="store_true", help="print the registers as one JSON object instead")


def run(args):
    """Print or write the page."""
    table = dataset_registers if args.dataset else registers
    if args.json:
        rows = [[register.address, register.name, register.access] for register in table.REGISTERS]
        show.emit(args, {"version": table.VERSION, "registers": rows})
    text = dataset_page() if args.dataset else page(args.core)
    if args.out:
        part = Path(f"{args.out}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(args.out)
    elif not args.json:
        print(text, end="")
