"""From Verilog to a program that simulates it: the core inside its bench, compiled once and kept."""

import time
from dataclasses import dataclass
from pathlib import Path

from bepsw.errors import BepError

from . import cache, toolbox
from .bench import BENCH, Ports, bench_verilog, control_file, read_ports
from .process import Child

__all__ = ["Build", "build"]

_VERILATOR_ARGUMENTS = [
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


@dataclass(frozen=True)
class Build:
    """A compiled simulation, ready to start as often as wanted.

    simulator : `verilator` or `icarus`.
    folder : where the program lies, in the cache.
    ports : the core's widths.
    waves : whether it records waves.
    cached : whether it was there already.
    seconds : what making it took.
    """

    simulator: str
    folder: Path
    ports: Ports
    waves: bool
    cached: bool
    seconds: float

    @property
    def wave_suffix(self):
        """`.vcd` or `.fst`: Verilator's FST writer needs headers (lz4) that a machine rarely has."""
        return ".vcd" if self.simulator == "verilator" else ".fst"


def build(verilog, top, simulator="verilator", waves=False):
    """Compile module `top` of the text `verilog`, or find it in the cache.

    Raises
    ------
    BepError
        A tool is missing, the module's ports are not a core's, the simulator refuses the Verilog.
    """
    start = time.monotonic()
    env = toolbox.environment(simulator)
    ports = read_ports(verilog, top)
    sources = {"core.sv": verilog, "bench.sv": bench_verilog(ports, top)}
    arguments = []
    if simulator == "verilator":
        sources = {"control.vlt": control_file(), **sources}
        arguments = _VERILATOR_ARGUMENTS
    settings = repr((simulator, waves, arguments, env.get("MAKEFLAGS"), toolbox.versions(simulator, env)))
    key = cache.content_key(settings, *sources, *sources.values())

    def fill(folder):
        work = folder / "work"
        work.mkdir()
        for name, text in sources.items():
            (work / name).write_text(text)
        _compile(work, simulator, list(sources), arguments, waves, env)
        program = BENCH if simulator == "verilator" else "sim.vvp"
        (work / program).rename(folder / program)
        _discard(work)

    folder, cached = cache.entry(key, fill)
    return Build(simulator, folder, ports, waves, cached, time.monotonic() - start)


def _compile(work, simulator, sources, arguments, waves, env):
    arguments = dict(simulator=simulator, folder=str(work), sources=sources, arguments=arguments, waves=waves)
    child = Child("build", arguments, env=env, log=work / "log.txt", folder=work)
    try:
        status = child.wait()
    finally:
        child.kill()
    if status:
        raise BepError(f"{simulator.capitalize()} could not compile the design. Its last words:\n{child.last_words()}")


def _discard(work):
    for path in sorted(work.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    work.rmdir()
