"""One compilation: sources in a work folder become a program in it."""

import os
import shutil
import time

from bepsw.errors import BepError

from . import cache
from .bench import BENCH, control_file
from .process import Child

__all__ = ["arguments_for", "compile_sources", "program_name"]

_VERILATOR = [
    "--no-public-flat-rw",  # cocotb makes everything public; only the bench's ports are needed
    "-O3",
    "--x-assign",
    "fast",
    "--x-initial",
    "fast",
    "-Wno-fatal",
    "-Wno-lint",
    "-Wno-style",
]

_DAY = 86400
_ONE_UNIT = 1_200_000
"""Characters of Verilog up to which Verilator's C++ is one file.

That of a tiny core then compiles in 15 seconds, not in 25, most of which go into precompiled headers; that of `small`
would take 57 and not 37, for all of it is optimised.
"""
_SMALLEST = f"module {BENCH} (input clk, output reg q);\n  always @(posedge clk) q <= ~q;\nendmodule\n"


def arguments_for(simulator):
    """Compiler arguments beyond those that cocotb gives."""
    return list(_VERILATOR) if simulator == "verilator" else []


def program_name(simulator, top=BENCH):
    """File that a compilation leaves in the work folder."""
    return top if simulator == "verilator" else "sim.vvp"


def compile_sources(work, simulator, sources, *, waves, env, settings, top=BENCH):
    """Compile `sources` (name to text, the top module is the bench or `top`) in the folder `work`.

    `settings` is a text that changes whenever tools, arguments or environment do.

    Raises
    ------
    BepError
        The simulator refuses the sources; its last words are in the text.
    """
    if simulator == "verilator":
        sources = {"control.vlt": control_file(), **sources}
        if sum(map(len, sources.values())) < _ONE_UNIT:
            env = {**env, "MAKEFLAGS": f"{env['MAKEFLAGS']} VM_PARALLEL_BUILDS=0"}
        _copy_runtime(work, waves, env, settings)
    _run(work, simulator, sources, waves, env, top)


def _copy_runtime(work, waves, env, settings):
    """Put Verilator's own objects, the same in every simulation, into `work`: make finds nothing to do for them."""

    def fill(folder):
        _run(folder, "verilator", {"smallest.sv": _SMALLEST}, waves, env)
        for path in folder.iterdir():
            if not (path.name.startswith("verilated") and path.suffix == ".o"):
                path.unlink()

    runtime, _ = cache.entry(cache.content_key("runtime", settings), fill)
    later = time.time() + _DAY  # newer than the make file, which Verilator writes next and on which objects depend
    for path in runtime.glob("*.o"):
        shutil.copyfile(path, work / path.name)
        os.utime(work / path.name, (later, later))


def _run(work, simulator, sources, waves, env, top=BENCH):
    for name, text in sources.items():
        (work / name).write_text(text)
    arguments = dict(
        simulator=simulator,
        folder=str(work),
        sources=list(sources),
        arguments=arguments_for(simulator),
        waves=waves,
        top=top,
    )
    child = Child("build", arguments, env=env, log=work / "log.txt", folder=work)
    try:
        status = child.wait()
    finally:
        child.kill()
    if status:
        raise BepError(f"{simulator.capitalize()} could not compile the design. Its last words:\n{child.last_words()}")
