"""A process of its own around cocotb's runner: `python -m bepsim.launch build|test '<arguments as JSON>'`.

The runner changes its environment, prints, and ends the interpreter when something is missing; none of that should
happen in a user's session. The parent prepares the environment and keeps what is printed in a log.
"""

import json
import sys
from pathlib import Path

from cocotb_tools.runner import get_runner

from .bench import BENCH

__all__ = ["main"]


def _build(simulator, folder, sources, arguments, waves, top=BENCH):
    get_runner(simulator).build(
        sources=[Path(folder, name) for name in sources],
        hdl_toplevel=top,
        build_dir=folder,
        build_args=arguments,
        timescale=("1ns", "1ns"),
        waves=waves,
        always=True,
    )


def _test(simulator, build, folder, waves, top=BENCH, module="bepsim.server"):
    wave_options = {"test_args": ["--trace-file", waves]} if simulator == "verilator" else {}
    if simulator == "icarus":
        wave_options = {"plusargs": [f"+dumpfile_path={waves}"]}
    get_runner(simulator).test(
        test_module=module,
        hdl_toplevel=top,
        hdl_toplevel_lang="verilog",
        build_dir=build,
        test_dir=folder,
        waves=bool(waves),
        **(wave_options if waves else {}),
    )


def main():
    """Do what the command line says."""
    action, arguments = sys.argv[1:]
    try:
        {"build": _build, "test": _test}[action](**json.loads(arguments))
    except RuntimeError:  # a command failed; it has said why, and a traceback would hide that
        sys.exit(1)


if __name__ == "__main__":
    main()
