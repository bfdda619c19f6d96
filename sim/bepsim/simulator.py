"""From Verilog to a program that simulates it: the core inside its bench, compiled once and kept."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from . import cache, toolbox
from .bench import Ports, bench_verilog, control_file, read_ports
from .compile import arguments_for, compile_sources, program_name

__all__ = ["Build", "build"]


@dataclass(frozen=True)
class Build:
    """A compiled simulation, ready to start as often as wanted.

    simulator : `verilator` or `icarus`.
    folder : where the program lies, in the cache.
    ports : the core's widths, None behind another bench.
    waves : whether it records waves.
    cached : whether it was there already.
    seconds : what making it took.
    """

    simulator: str
    folder: Path
    ports: Ports | None
    waves: bool
    cached: bool
    seconds: float

    @property
    def wave_suffix(self):
        """`.vcd` or `.fst`: Verilator's FST writer needs headers (lz4) that a machine rarely has."""
        return ".vcd" if self.simulator == "verilator" else ".fst"


def build(verilog, top, simulator="verilator", waves=False, *, bench=None):
    """Compile module `top` of the text `verilog`, or find it in the cache.

    Parameters
    ----------
    bench : str, optional
        Verilog of the bench around it, with the ports of `bench.COMMANDS` and `bench.OUTCOMES`; that of a core if not
        given.

    Raises
    ------
    BepError
        A tool is missing, the module's ports are not a core's, the simulator refuses the Verilog.
    """
    start = time.monotonic()
    env = toolbox.environment(simulator)
    ports = read_ports(verilog, top) if bench is None else None
    sources = {"core.sv": verilog, "bench.sv": bench or bench_verilog(ports, top)}
    tools = toolbox.versions(simulator, env)
    settings = repr((simulator, waves, arguments_for(simulator), env.get("MAKEFLAGS"), tools))
    key = cache.content_key(settings, control_file(), *sources.values())

    def fill(folder):
        work = folder / "work"
        work.mkdir()
        compile_sources(work, simulator, sources, waves=waves, env=env, settings=settings)
        program = program_name(simulator)
        (work / program).rename(folder / program)
        shutil.rmtree(work)

    folder, cached = cache.entry(key, fill)
    return Build(simulator, folder, ports, waves, cached, time.monotonic() - start)
