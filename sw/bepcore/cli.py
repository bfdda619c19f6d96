"""The command `bepcore`: one parser, one file per subcommand, and the one place where an error becomes a sentence.

Exit status: 0 done, 1 a difference was found (`verify`), 2 something is wrong with the input or the machine (one
sentence on stderr), 130 interrupted, by Ctrl-C or by a request to end (SIGTERM).
"""

import argparse
import contextlib
import errno
import importlib
import os
import signal
import sys

from bepsw.errors import BepError
from bepsw.signals import answered

__all__ = ["main"]

_COMMANDS = {
    "train": "train a network",
    "infer": "classify data with a trained network",
    "cv": "train and test on the folds of a cross-validation",
    "sweep": "train over settings and seeds, on all cores or a cluster",
    "verify": "co-simulate the hardware against the golden model, bit for bit",
    "generate": "write a core as Verilog, with a JSON sidecar",
    "synth": "synthesise, place and route a core for an ECP5",
    "boards": "list the boards that bitstreams can be built for",
    "build": "build a bitstream for a board",
    "estimate": "estimate resources and speed of a core, or find the best one for a network",
    "program": "show the step tables of a network and a rule; or put a bitstream on a board",
    "registers": "print the register map",
    "data": "list, show and fetch data sets",
    "bench": "measure speed and accuracy",
}


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one sentence, without the usage text around it."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}; see '{self.prog} --help'.\n")


def main(argv=None):
    """Run one command; returns the exit status. Arguments are those of the process when `argv` is None."""
    try:
        with answered(signal.SIGTERM, _interrupt):
            args = _parser(argv).parse_args(argv)
            status = args.run(args) or 0
            sys.stdout.flush()
            return status
    except BepError as error:
        return _say(error)
    except KeyboardInterrupt as stop:
        print(f"bepcore: {str(stop) or 'Interrupted.'}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of a pipe (head, less) has gone; a second complaint at interpreter exit must not follow.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _say(_plain(error))
    except MemoryError:
        return _say("This machine has too little memory for that; try fewer samples or a smaller network.")


def _interrupt(signum, frame):
    """SIGTERM does what Ctrl-C does: runs keep their state, and place and route does not go on without us."""
    press = signal.getsignal(signal.SIGINT)
    # A process in the background of a script ignores Ctrl-C.
    (press if callable(press) else signal.default_int_handler)(signum, frame)


def _parser(argv):
    from . import __version__

    parser = Parser(prog="bepcore", description="FPGA cores that train binary neural networks on the chip.")
    parser.add_argument("--version", action="version", version=f"bepcore {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    words = sys.argv[1:] if argv is None else list(argv)
    wanted = next((word for word in words if not word.startswith("-")), None)
    for name, summary in _COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        # Only the command that runs is imported: plotting and compilers take longer to load than most commands.
        if name == wanted:
            module = importlib.import_module(f".{name}", __package__)
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser


def _plain(error):
    where = f" {error.filename}" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"The disk is full: cannot write{where}; free some space and run the same command again."
    if error.errno == errno.EFBIG:
        return f"A file may not grow as large as needed: cannot write{where}; raise the limit (ulimit -f)."
    return f"Cannot use{where or ' a file'}: {error.strerror or error}."


def _say(sentence):
    with contextlib.suppress(OSError):
        print(f"bepcore: {sentence}", file=sys.stderr)
    return 2
