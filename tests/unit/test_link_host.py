"""The host's end of the link against the model of a device, in virtual time: faults, resets, rates, refusals."""

import itertools

import numpy as np
import pytest

from bepsw.core import preset
from bepsw.driver import Driver
from bepsw.errors import BepError, LinkLost
from bepsw.golden import FastModel
from bepsw.link.client import RATES, LinkClient
from bepsw.link.device import Device
from bepsw.link.frames import pack
from bepsw.link.model_pipe import Faults, ModelPipe, golden_pipe
from bepsw.link.protocol import LINK_BASE, MOST_BYTES, OK, READ, RESULTS_DEPTH, STREAM, WINDOW, WRITE, build_id
from bepsw.link.transport import LinkTransport, sample_bytes
from bepsw.registers import address
from bepsw.run import new_run
from bepsw.spec import Network, Training
from bepsw.stored import StoredDriver

from .link_bench import FakeCore

CORE = preset("tiny")
PATIENT = 60.0
"""Virtual seconds: no scenario here may take longer."""


def run_of(seed, widths=(20, 12, 8), batch=7):
    network = Network(widths=widths, classes=5, bits=8)
    return new_run(network, Training(gamma=(4, 4), batch=batch, seed=seed), lanes=CORE.lanes)


def samples(run, seed, count=50):
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (count, run.network.widths[0]), dtype=np.uint8)
    return bits, rng.integers(0, run.network.classes, count)


def driver_of(pipe, run, **options):
    return Driver(LinkTransport(LinkClient(pipe, **options), CORE), run.network, run.training, run.prototypes)


def same(one, other):
    return (
        all(np.array_equal(a, b) for a, b in zip(one.hidden + one.weights, other.hidden + other.weights, strict=True))
        and np.array_equal(one.generator, other.generator)
        and one.pending == other.pending
    )


def fake_pipe(**options):
    device = Device(FakeCore(), build_id=build_id(CORE), clock_hz=100_000_000, base_divisor=868)
    return ModelPipe(device, **options)


@pytest.mark.parametrize("share", [0, 0.01, 0.02])
@pytest.mark.parametrize("seed", range(4))
def test_training_over_a_bad_line_changes_no_bit(seed, share):
    run = run_of(seed)
    pipe = golden_pipe(run, CORE, faults=Faults(share, seed))
    driver = driver_of(pipe, run, session=seed)
    model = FastModel(run.network, run.training, run.prototypes, lanes=CORE.lanes)
    driver.load(run.state)
    model.load(run.state)
    bits, labels = samples(run, seed)
    for part in (slice(0, 30), slice(30, 50)):
        found, expected = driver.train(bits[part], labels[part]), model.train(bits[part], labels[part])
        for name in ("prediction", "margin", "triggered"):
            assert np.array_equal(getattr(found, name), getattr(expected, name)), name
        assert same(driver.state(), model.state())
    assert np.array_equal(driver.infer(bits), model.infer(bits))
    assert driver.counters == model.counters
    assert bool(driver.transport.client.repeats) == bool(share) and pipe.now() < PATIENT


@pytest.mark.parametrize("share", [0, 0.01, 0.02])
@pytest.mark.parametrize("seed", range(5))
def test_every_request_is_executed_once_and_in_order(seed, share):
    """400 requests, so that sequence numbers go round; the stand-in core logs every access."""
    pipe = fake_pipe(faults=Faults(share, seed))
    client = LinkClient(pipe, session=7)
    core = pipe.device.core
    core.accesses.clear()
    replies, expected = [], []
    for index in range(400):
        address = (index % 100).to_bytes(2, "little") + b"\0"
        if index % 3:
            client.post(WRITE, address + index.to_bytes(4, "little"))
            expected.append(("write", index % 100, index))
        else:
            client.post(READ, address + b"\2", lambda body, index=index: replies.append((index, body)))
            expected += [("read", index % 100)] * 2
    client.flush()
    assert core.accesses == expected
    assert [index for index, _ in replies] == [*range(0, 400, 3)] and {len(body) for _, body in replies} == {8}
    assert pipe.now() < PATIENT


def test_several_requests_are_under_way():
    """Else a round trip would be waited for after every frame."""
    pipe = fake_pipe(round_trip=0.004)
    client = LinkClient(pipe, session=7)
    start = pipe.now()
    for _ in range(700):
        client.post(WRITE, bytes(3 + 200))
    client.flush()
    assert pipe.now() - start < 700 * 0.004 / (WINDOW - 2) + 700 * 230 * 10 / 3e6


@pytest.mark.parametrize("most, expected", [(10_000_000, 3_000_000), (2_500_000, 2_000_000), (500_000, 460_800)])
def test_the_fastest_rate_that_carries_an_echo(most, expected):
    pipe = fake_pipe(most=most)
    LinkClient(pipe)
    assert pipe.baud == expected and pipe.now() < 20


def test_no_faster_rate_works():
    pipe = fake_pipe(most=115_200)
    client = LinkClient(pipe)
    assert pipe.baud == 115_200 and len(client.call(READ, bytes([0, 0, 0, 3]))) == 12


def test_rates_that_the_clock_cannot_make_are_not_asked_for():
    """25 MHz: 3 Mbaud would be 8.3 clocks, 2 Mbaud 12.5; 1.5 Mbaud is 17, 2 % off."""
    device = Device(FakeCore(), build_id=1, clock_hz=25_000_000, base_divisor=217)
    pipe = ModelPipe(device)
    LinkClient(pipe)
    assert pipe.baud == 1_500_000


def test_a_pause_puts_the_board_back_to_the_base_rate_and_nothing_is_lost():
    pipe = fake_pipe()
    client = LinkClient(pipe)
    for pause in (0.5, 0.85, 0.99, 1.01, 30):
        client.call(READ, bytes([0, 0, 0, 1]))
        pipe._now += pause
        start = pipe.now()
        assert len(client.call(READ, bytes([9, 0, 0, 1]))) == 4
        assert pipe.now() - start < 3
    client.call(READ, bytes([0, 0, 0, 1]))
    assert pipe.baud == RATES[0]


def test_the_board_falls_back_while_requests_are_under_way():
    pipe = fake_pipe()
    client = LinkClient(pipe)
    for index in range(100):
        client.post(WRITE, index.to_bytes(2, "little") + b"\0" + bytes(4))
        if index % 30 == 10:
            pipe.device.silent_for_long()
    client.flush()
    assert [access[1] for access in pipe.device.core.accesses] == [*range(100)]


@pytest.mark.parametrize("at", range(0, 30, 4))
def test_a_reset_of_the_board_is_reported(at):
    run = run_of(1)
    pipe = golden_pipe(run, CORE)
    driver = driver_of(pipe, run)
    driver.load(run.state)
    bits, labels = samples(run, 1)
    write, count = pipe.write, itertools.count()

    def reset_on_the_way(data):
        if next(count) == at:
            pipe.device.reset()
        write(data)

    pipe.write = reset_on_the_way
    with pytest.raises(LinkLost, match="The board at the golden model was reset") as caught:
        for _ in range(20):
            driver.train(bits, labels)
    assert str(caught.value).count(".") == 1 and pipe.now() < PATIENT
    with pytest.raises(LinkLost, match="was reset"):
        driver.state()


@pytest.mark.parametrize("cut", [1, 5, 11, 23, 60, 111])
@pytest.mark.parametrize("share", [0, 0.01])
def test_a_host_that_is_killed_and_one_that_comes_after_it(cut, share):
    """The first host dies in the middle of a frame, in mid-batch; the second has the state loaded and goes on."""
    run = run_of(3, widths=(30, 12, 8))  # a sample of 5 bytes is often cut by the end of a frame
    pipe = golden_pipe(run, CORE, faults=Faults(share, cut))
    first = driver_of(pipe, run, session=1)
    first.load(run.state)
    bits, labels = samples(run, 3)
    write, left = pipe.write, itertools.count(cut, -1)

    def die(data):
        if next(left) == 0:
            write(data[: len(data) // 2])
            raise KeyboardInterrupt
        write(data)

    pipe.write = die
    with pytest.raises(KeyboardInterrupt):
        while True:
            first.train(bits, labels)
    pipe.write = write
    pipe.set_baud(115_200)
    second = driver_of(pipe, run, session=2)
    second.load(run.state)
    model = FastModel(run.network, run.training, run.prototypes, lanes=CORE.lanes)
    model.load(run.state)
    found, expected = second.train(bits, labels), model.train(bits, labels)
    assert np.array_equal(found.margin, expected.margin) and same(second.state(), model.state())
    assert pipe.now() < PATIENT


def test_another_host_takes_over():
    pipe = fake_pipe()
    first = LinkClient(pipe, session=1)
    pipe.set_baud(115_200)
    LinkClient(pipe, session=2)
    with pytest.raises(LinkLost, match="Another program has taken over"):
        first.call(READ, bytes([0, 0, 0, 1]))


@pytest.mark.parametrize("seed", range(3))
def test_frames_of_random_bytes_do_nothing(seed):
    pipe = fake_pipe()
    client = LinkClient(pipe, session=1)
    noise = Faults(seed=seed)
    client.call(READ, bytes([0, 0, 0, 1]))
    accesses = len(pipe.device.core.accesses)
    for _ in range(200):
        pipe.write(noise.noise(40) + b"\0")
    assert len(pipe.device.core.accesses) == accesses
    assert len(client.call(READ, bytes([5, 0, 0, 2]))) == 8


class DeadPipe:
    """Nobody, or somebody who babbles."""

    name, baud = "/dev/ttyX", 115_200

    def __init__(self, babble=b""):
        self.babble, self.time = babble, 0.0

    def now(self):
        return self.time

    def set_baud(self, baud):
        self.baud = baud

    def write(self, data):
        self.time += len(data) * 10 / self.baud

    def read(self, seconds):
        self.time += 0.01 if self.babble else seconds
        return self.babble


@pytest.mark.parametrize(
    "pipe, sentence",
    [
        (DeadPipe(), "Nothing answers at /dev/ttyX: connect the board"),
        (DeadPipe(b"OK\r\n"), "What answers at /dev/ttyX is no board with a Bepcore bitstream"),
        (DeadPipe(b"\0\0\1\2\3\0"), "What answers at /dev/ttyX is no board with a Bepcore bitstream"),
    ],
)
def test_what_is_no_board(pipe, sentence):
    with pytest.raises(BepError, match=sentence):
        LinkClient(pipe)
    assert pipe.now() < 5


def test_a_board_with_another_build():
    run = run_of(1)
    pipe = golden_pipe(run, preset("tiny", contexts=4))
    with pytest.raises(BepError, match=r"carries build [0-9a-f]{8}, and this core is build [0-9a-f]{8}: program"):
        LinkTransport(LinkClient(pipe), CORE)


@pytest.mark.parametrize("name, sentence", [("VERSION", "speaks version 9 of the link"), ("IDENTITY", "not a Bepcore")])
def test_another_link(name, sentence):
    pipe = fake_pipe()
    pipe.device.constants[name] = 9
    with pytest.raises(BepError, match=sentence):
        LinkClient(pipe)


def test_a_board_that_dies():
    pipe = fake_pipe()
    client = LinkClient(pipe)
    pipe.device.feed = lambda data: b""
    start = pipe.now()
    with pytest.raises(LinkLost, match=r"has not answered for .* seconds"):
        client.call(READ, bytes([0, 0, 0, 1]))
    assert pipe.now() - start < 10


def test_a_core_that_gives_no_results():
    run = run_of(1)
    pipe = golden_pipe(run, CORE)
    driver = driver_of(pipe, run)
    driver.load(run.state)
    pipe.device.core.beat = lambda data, last: None
    with pytest.raises(LinkLost, match="gives no more results"):
        driver.train(*samples(run, 1))
    assert pipe.now() < PATIENT


@pytest.mark.parametrize("busy", [0, 20])
def test_patience_with_a_core_that_moves(busy):
    """As long as something changes, the wait goes on; from then on it has the same patience as any."""
    pipe = fake_pipe()
    core = pipe.device.core
    core.registers |= {address("STATUS"): 1, address("LANES"): core.lanes}
    transport = LinkTransport(LinkClient(pipe))
    core.registers[address("STATUS")] = 0
    begun = pipe.now()
    with pytest.raises(LinkLost, match="does not become idle"):
        transport.wait_idle(moved=lambda: int(min(pipe.now() - begun, busy)))
    assert busy < pipe.now() - begun < busy + 6


def test_a_board_without_a_data_set():
    run = run_of(1)
    transport = LinkTransport(LinkClient(golden_pipe(run, CORE)), CORE)
    assert transport.memory is None
    with pytest.raises(BepError, match="This board has no memory for a data set; where it would answer stands 0x0"):
        StoredDriver(transport, run.network, run.training, run.prototypes)


def test_no_more_samples_are_under_way_than_results_have_room():
    """A core that keeps its results back until it must give them: the count that waits never passes the queue."""
    pipe = fake_pipe()
    client = LinkClient(pipe)
    core, most, held, seen = pipe.device.core, [0], [], []
    enough = RESULTS_DEPTH - MOST_BYTES // 3  # a frame brings as many samples of 3 bytes
    count = 4 * enough

    def beat(data, last):
        if last:
            held.append(1)
            seen.append(1)
            most[0] = max(most[0], len(held) + len(core.results))

    core.beat = beat
    feed = pipe.device.feed

    def reluctant(data):
        if len(held) >= enough or len(seen) == count:
            core.results += held
            held.clear()
        return feed(data)

    pipe.device.feed = reluctant
    core.registers |= {0x22: 1, 0x02: core.lanes}
    transport = LinkTransport(client)
    last = np.arange(2 * count) % 2 == 1
    assert len(transport.stream(np.zeros((2 * count, 2), np.uint8), last, count).results) == count
    assert enough <= most[0] <= RESULTS_DEPTH


@pytest.mark.parametrize("lanes, segments", [(8, 1), (9, 3), (36, 22)])
def test_sample_bytes(lanes, segments):
    rng = np.random.default_rng(lanes)
    width = -(-lanes // 8)
    values = [[int(v) for v in rng.integers(0, 1 << min(lanes, 62), segments)] for _ in range(4)]
    beats = np.zeros((4, segments + 1, width), np.uint8)
    beats[:, 0, 0] = [3, 70, 0, 63]
    for index, row in enumerate(values):
        for at, value in enumerate(row, start=1):
            beats[index, at] = np.frombuffer(value.to_bytes(width, "little"), np.uint8)
    last = np.tile(np.arange(segments + 1) == segments, 4)
    data, size, found = sample_bytes(beats.reshape(-1, width), last, lanes)
    assert found == segments and size == 1 + -(-segments * lanes // 8) == len(data) // 4
    for index, row in enumerate(values):
        word = sum(value << (lanes * at) for at, value in enumerate(row))
        assert data[index * size : (index + 1) * size] == bytes([beats[index, 0, 0]]) + word.to_bytes(
            size - 1, "little"
        )


def test_samples_of_unequal_length_are_refused():
    with pytest.raises(BepError, match="equally many segments"):
        sample_bytes(np.zeros((5, 2), np.uint8), np.array([0, 1, 0, 0, 1], bool), 9)


def test_an_empty_stream_request_only_polls():
    pipe = fake_pipe()
    client = LinkClient(pipe)
    pipe.device.core.results += [5, 6]
    assert client.call(STREAM) == bytes([5, 0, 0, 0, 6, 0, 0, 0]) and client.call(STREAM) == b""


def test_leaving_puts_the_line_back():
    pipe = fake_pipe()
    client = LinkClient(pipe)
    client.close()
    assert pipe.device.divisor == pipe.device.base_divisor
    assert client.clock_hz == 100_000_000 and LINK_BASE == 0x8000


def test_replies_of_an_earlier_session_are_not_taken_for_ours():
    """They may still lie in the port when a host starts anew."""
    pipe = fake_pipe()
    client = LinkClient(pipe, session=7)
    pipe._inbox += b"".join(pack(bytes([7, sequence, OK, 1, 2, 3, 4])) for sequence in range(256))
    assert client.call(READ, bytes([9, 0, 0, 1])) == bytes([9] * 4)


def test_a_late_answer_to_hello_is_not_taken_for_another():
    """The first two HELLOs are answered when the next frame has gone out."""
    pipe = fake_pipe()
    write, late, count = pipe.write, bytearray(), itertools.count()

    def lag(data):
        before = bytes(late)
        late.clear()
        write(data)
        if next(count) < 2:
            late.extend(pipe._inbox)
            pipe._inbox.clear()
        pipe._inbox[:0] = before

    pipe.write = lag
    client = LinkClient(pipe, rates=())
    assert client.call(READ, bytes([9, 0, 0, 1])) == bytes([9] * 4)
