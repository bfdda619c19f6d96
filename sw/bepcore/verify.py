"""`bepcore verify`: co-simulate the hardware against the golden model on real samples; exit 1 on any difference."""

from bepsw.errors import BepError

from . import options

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    """Arguments of `bepcore verify`."""
    options.add_data(parser)
    options.add_network(parser)
    options.add_rule(parser)
    options.add_simulator(parser)
    group = parser.add_argument_group("comparison")
    group.add_argument("--waves", metavar="FILE", help="write waveforms to this file (slow)")
    group.add_argument("--json", action="store_true", help="end with one JSON object on stdout")


def run(args):
    """Co-simulate and compare; returns 1 on a difference."""
    raise BepError("This version of bepcore cannot co-simulate yet.")
