"""`bepcore boards`: the boards that `bepcore build` knows, with device, clock, serial line and memory."""

from . import show

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    """Arguments of `bepcore boards`."""
    parser.add_argument("--json", action="store_true", help="print the boards as one JSON list instead")


def run(args):
    """Print the table."""
    # Imported late: the help text needs no Amaranth.
    from bepboards.board import BOARDS

    boards = [board.as_dict() for board in BOARDS.values()]
    numbers = ("speed", "oscillator", "clock")
    listing = show.table(
        None, "board", "device", "speed", "oscillator", "core", "clock", "SDRAM", "data set", numbers=numbers
    )
    for board in boards:
        listing.add_row(
            board["name"],
            f"{board['device']} {board['package']}",
            str(board["speed"]),
            f"{board['oscillator_mhz']:g} MHz",
            board["core"],
            f"{board['clock_mhz']:g} MHz",
            board["sdram"],
            f"{board['data_set_samples']:,} × 784 bits" if board["data_set_samples"] else "",
        )
    screen = show.console(args)
    screen.print(listing)
    for board in boards:
        screen.print(f"{board['name']} serial line: {board['uart']}", style="dim")
    show.emit(args, boards)
