"""`bepcore build`: a bitstream for a board, with timing met, and what a host must know of it."""

from pathlib import Path

from bepsw.core import PRESETS
from bepsw.errors import BepError

from . import options, registers, runs, show, synth

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    """Arguments of `bepcore build`."""
    parser.add_argument("--board", metavar="NAME", required=True, help="board, as `bepcore boards` lists it")
    parser.add_argument("--core", metavar="PRESET", help=f"{'|'.join(PRESETS)} (default: what the board is for)")
    parser.add_argument("--clock", type=float, metavar="MHZ", help="clock of the core (default: the board's)")
    parser.add_argument(
        "--seeds",
        type=options.sizes,
        default=(1,),
        metavar="N,N",
        help="tried until timing is met (default: 1)",
    )
    parser.add_argument(
        "--no-data-set", action="store_true", help="leave the board's memory alone: all samples come over the line"
    )
    parser.add_argument("--out", metavar="DIR", help="folder for the files (default: build/BOARD)")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    options.add_parameters(parser)


def run(args):
    """Build, write, print."""
    # Imported late: the help text needs no Amaranth.
    from bepboards.bitstream import BITSTREAM, build_bitstream
    from bepboards.board import find_board

    board = find_board(args.board)
    if args.no_data_set:
        board = board.without_data_set()
    core = options.core_from(args, args.core or board.core)
    if not args.seeds or (args.clock is not None and not args.clock > 0):
        raise BepError("--clock and --seeds must be positive.")
    folder = runs.folder_for_files(args.out or Path("build") / board.name)
    screen = show.console(args)
    say = lambda text: screen.print(text, style="dim")  # noqa: E731
    build = build_bitstream(board, core, mhz=args.clock, seeds=args.seeds, out=folder, say=say)
    runs.write_text(folder / "registers.md", registers.page(args.core or board.core, core))
    record = build.as_dict() | {"bitstream": str(folder / BITSTREAM)}
    _print(screen, board, build)
    screen.print(f"{folder / BITSTREAM}: bepcore program --board {board.name} {folder / BITSTREAM}")
    show.emit(args, record)


def _print(screen, board, build):
    listing = synth.table(f"{board.title}, {board.part}")
    for name, used in build.used.items():
        have = getattr(board.device, name)
        listing.add_row(name.upper(), str(used), str(have), f"{100 * used / have:.0f} %")
    screen.print(listing)
    screen.print(
        f"[bold]{build.fmax} MHz[/bold] reached, {build.clock_hz / 1e6:g} MHz asked for; build id "
        f"{build.build_id:#010x}. {build.minutes} minutes."
    )
    if build.memory_bits is not None:
        asked, reached = min(build.clocks.values(), default=(0, 0))
        screen.print(
            f"Data set in the board's memory: {board.samples():,} samples of 784 bits; its clock: {reached} MHz, "
            f"{asked} MHz asked for."
        )
