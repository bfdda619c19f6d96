"""Frames: what goes in comes out, nothing damaged does, and a stream of bytes is cut in the right places."""

import random
from pathlib import Path

import pytest

from bepsw.core import preset
from bepsw.link.frames import Splitter, pack, unpack
from bepsw.link.protocol import LINK_BASE, LINK_REGISTERS, MOST_BYTES, MOST_FRAME, MOST_WORDS, build_id, builds_of


def bodies(seed, count=60):
    rng = random.Random(seed)
    alphabets = [bytes(range(256)), b"\0", b"\0\1", bytes(range(1, 256)), b"\xff"]
    return [bytes(rng.choices(rng.choice(alphabets), k=rng.choice([1, 3, 7, 100, 249]))) for _ in range(count)]


@pytest.mark.parametrize("seed", range(3))
def test_round_trip_through_any_cuts(seed):
    sent, rng = bodies(seed), random.Random(seed)
    data = b"half a frame\0" + b"".join(map(pack, sent))
    splitter, received = Splitter(), []
    while data:
        cut = rng.choice([1, 2, 50, 400])
        received += splitter.feed(data[:cut])
        data = data[cut:]
    assert received == sent and splitter.damaged == 1


def test_one_delimiter_and_the_known_length():
    for body in bodies(7):
        frame = pack(body)
        assert frame.index(0) == len(frame) - 1 == len(body) + 5 and 0xFF not in frame[:1]


@pytest.mark.parametrize("seed", range(3))
def test_every_single_fault_is_seen(seed):
    body = bodies(seed, 1)[0][:40] + b"\0end"
    block = pack(body)[:-1]
    for at in range(len(block)):
        for bit in range(8):
            flipped = block[:at] + bytes([block[at] ^ 1 << bit]) + block[at + 1 :]
            assert unpack(flipped) != body and (0 in flipped or unpack(flipped) is None)
        assert unpack(block[:at] + block[at + 1 :]) is None
        if block[at : at + 1] * 2 != block[at : at + 2]:
            assert unpack(block[: at + 1] + block[at:]) is None


def test_noise_without_an_end_is_not_kept():
    splitter = Splitter()
    for _ in range(50):
        assert splitter.feed(b"\x55" * 1000) == []
    assert splitter.feed(b"\0" + pack(b"after")) == [b"after"]
    assert len(splitter._open) < 10 * MOST_FRAME


def test_what_the_hardware_relies_on():
    """Head, arguments and CRC of the longest frames fit; the lowest bits of an address number the link's registers."""
    assert 3 + 3 + 4 * MOST_WORDS + 4 <= MOST_FRAME and 3 + MOST_BYTES + 4 <= MOST_FRAME
    assert LINK_BASE % len(LINK_REGISTERS) == 0 and len(LINK_REGISTERS) & (len(LINK_REGISTERS) - 1) == 0


def test_build_ids_tell_cores_apart():
    ids = {build_id(preset(name)) for name in ("tiny", "small", "medium", "reference", "fast")}
    assert len(ids) == 5 and all(0 <= one < 1 << 32 for one in ids)
    assert build_id(preset("small")) == build_id(preset("small")) != build_id(preset("small", bits=7))


def test_build_ids_tell_data_sets_apart():
    """Whether there is one and how large it is; without one the id is what it always was."""
    core = preset("small")
    builds = builds_of(core)
    assert len(builds) == 33 and builds[build_id(core)] is None and builds[build_id(core, 24)] == 24
    assert build_id(core) == 0xD28FCCC0 and not builds.keys() & builds_of(preset("tiny")).keys()


def test_the_page_lists_the_links_registers():
    page = (Path(__file__).parents[2] / "docs" / "link.md").read_text(encoding="utf-8")
    for one in LINK_REGISTERS:
        assert f"| {one.address:#06x} | {one.name} | {one.access} | {one.text} |" in page, one.name
