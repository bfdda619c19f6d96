"""`bepcore program --board`: put a bitstream on a board."""

from bepsw.errors import BepError

from . import show

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    """--board, --flash and the file."""
    group = parser.add_argument_group("putting a bitstream on a board instead")
    group.add_argument("--board", metavar="NAME", help="board, as `bepcore boards` lists it")
    group.add_argument("--flash", action="store_true", help="into the flash memory, from which the board starts")
    group.add_argument("file", metavar="FILE", nargs="?", help="bitstream, as `bepcore build` writes it")


def run(args):
    """Check the file, call openFPGALoader."""
    # Imported late: the help text needs no Amaranth.
    from bepboards.board import find_board
    from bepboards.program import program

    if args.board is None or args.file is None:
        raise BepError("Name both the board and its bitstream: bepcore program --board NAME FILE.")
    board = find_board(args.board)
    program(board, args.file, flash=args.flash)
    show.console(args).print(f"{args.file} runs on {board.title}.")
    show.emit(args, {"board": board.name, "file": args.file, "flash": args.flash})
