"""Training on a board: the golden model behind the protocol, a simulated board, a port; and what is refused."""

import os
import pty
import select
import threading
from contextlib import contextmanager

import pytest

from bepsw.core import preset
from bepsw.link.device import Device
from bepsw.link.model_pipe import golden_pipe
from bepsw.stored import StoredDriver

from .conftest import assert_same_run, last_json, needs_compiler

SMALL = ("--core", "tiny", "--hidden", "12,8", "--gamma", "4", "--binarise", "median")
FEW = ("--samples", 40, "--validation", 10, "--epochs", 2, "--batch", 20)


@contextmanager
def port(answer):
    """A pseudo terminal whose other end is `answer(bytes) → bytes`; gives its name."""
    master, slave = pty.openpty()
    stop = threading.Event()

    def serve():
        while not stop.is_set():
            if select.select([master], [], [], 0.02)[0]:
                try:
                    os.write(master, answer(os.read(master, 4096)))
                except OSError:
                    return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        stop.set()
        thread.join()
        os.close(master)
        os.close(slave)


def test_the_golden_model_behind_the_protocol_trains_the_same(inside, tmp_path):
    for target in ("golden", "golden-link"):
        record = last_json(inside("train", *SMALL, *FEW, "--target", target, "--out", target, "--json"))
        assert record["target"] == target
    assert_same_run(tmp_path / "golden", tmp_path / "golden-link")
    one, two = (
        last_json(inside("infer", "golden", *SMALL[:2], "--target", target, "--json"))
        for target in ("golden", "golden-link")
    )
    assert one == two


@needs_compiler
def test_a_simulated_board_trains_the_same(kept, tmp_path):
    for target in ("golden", "sim-soc"):
        last_json(kept("train", *SMALL, *FEW, "--target", target, "--out", target, "--json"))
    assert_same_run(tmp_path / "golden", tmp_path / "sim-soc")


@needs_compiler
def test_a_simulated_board_trains_from_its_own_memory(kept, tmp_path, monkeypatch):
    """Loaded once, replayed in the order of the hardware, never streamed: the golden model's bits in that order."""
    hardware = ("--order", "hardware", "--json")
    for name in ("golden", "golden-link"):
        last_json(kept("train", *SMALL, *FEW, "--target", name, "--out", name, *hardware))
    last_json(kept("train", *SMALL, *FEW, "--target", "golden", "--out", "host", "--json"))
    loads = []
    monkeypatch.setattr(StoredDriver, "train", None)
    put = StoredDriver.put
    monkeypatch.setattr(StoredDriver, "put", lambda *args, **options: loads.append(1) or put(*args, **options))
    status, output, errors = kept("train", *SMALL, *FEW, "--target", "sim-soc", "--out", "board", *hardware)
    last_json((status, output, errors))
    assert "50 samples written into the memory of the board" in errors and loads == [1]
    assert_same_run(tmp_path / "golden", tmp_path / "golden-link")
    assert_same_run(tmp_path / "golden", tmp_path / "board")
    with pytest.raises(AssertionError):
        assert_same_run(tmp_path / "golden", tmp_path / "host")


def test_training_over_a_port(inside, tmp_path):
    """pyserial on a pseudo terminal, with the model of a device at the other end, in real time."""
    assert inside("train", *SMALL, *FEW, "--out", "golden")[0] == 0
    from bepcore.runs import open_run

    _, state = open_run(str(tmp_path / "golden"))
    device = golden_pipe(state, preset("tiny")).device
    with port(device.feed) as name:
        last_json(inside("train", *SMALL, *FEW, "--target", f"board:{name}", "--out", "port", "--json"))
    assert_same_run(tmp_path / "golden", tmp_path / "port")


def test_a_port_in_use(refused):
    import serial

    with port(lambda data: b"") as name, serial.Serial(name, exclusive=True):
        assert f"The port {name} is in use by another program" in refused("train", *SMALL, "--target", f"board:{name}")


def test_a_port_with_nobody_behind_it(refused):
    with port(lambda data: b"") as name:
        assert f"Nothing answers at {name}" in refused("train", *SMALL, "--target", f"board:{name}")


def test_a_port_with_another_device(refused):
    with port(lambda data: b"ERROR\r\n") as name:
        sentence = refused("train", *SMALL, "--target", f"board:{name}")
    assert f"What answers at {name} is no board with a Bepcore bitstream" in sentence


def test_a_board_with_another_build(refused):
    class Nothing:
        lanes, results = 8, []

    device = Device(Nothing(), build_id=7, clock_hz=100_000_000, base_divisor=868)
    with port(device.feed) as name:
        sentence = refused("train", *SMALL, "--target", f"board:{name}")
    assert f"The board at {name} carries build 00000007, and this core is build" in sentence


@pytest.mark.parametrize(
    "target, sentence",
    [
        ("board:/dev/ttyNowhere", "There is no port /dev/ttyNowhere; this machine has"),
        ("board:/dev/null", "/dev/null is no serial port that can be used"),
        ("board:", "there is no target 'board:'"),
        ("boards", "there is no target 'boards'; known are golden, golden-link, sim, sim-soc, and board:PORT"),
    ],
)
def test_what_is_no_port(refused, target, sentence):
    assert sentence in refused("train", *SMALL, "--target", target)


def test_a_port_that_is_forbidden(refused, monkeypatch):
    import serial

    def forbidden(*words, **options):
        raise serial.SerialException(13, "could not open port /dev/ttyUSB0: [Errno 13] Permission denied")

    monkeypatch.setattr(serial, "Serial", forbidden)
    assert "This user may not use the port /dev/ttyUSB0" in refused("train", *SMALL, "--target", "board:/dev/ttyUSB0")


def test_a_port_that_goes_away(inside, tmp_path):
    """The cable is pulled out while training: one sentence, and the run folder can be gone on with."""
    assert inside("train", *SMALL, *FEW, "--out", "golden")[0] == 0
    from bepcore.runs import CHECKPOINT, open_run

    _, state = open_run(str(tmp_path / "golden"))
    device = golden_pipe(state, preset("tiny")).device

    def answer(data):
        if (tmp_path / "pulled" / CHECKPOINT).exists():
            raise OSError("pulled out")
        return device.feed(data)

    words = ("--samples", 40, "--validation", 10, "--epochs", 200, "--batch", 20)
    with port(answer) as name:
        status, _, errors = inside("train", *SMALL, *words, "--target", f"board:{name}", "--out", "pulled")
    last = errors.strip().splitlines()[-1]
    assert status == 2 and last.startswith("bepcore: The board at") and "has not answered" in last, errors
    assert last.endswith("; go on with: bepcore train --resume pulled")
