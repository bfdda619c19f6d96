"""LiteDRAM and a chip that judges it: every word comes back, no rule is broken, and the core never waits."""

from contextlib import contextmanager

import numpy as np
import pytest

from bephw.dataset.unpack import Unpack
from bepsim.transport import SimTransport
from bepsw.core import preset
from bepsw.dataset_registers import address
from bepsw.driver_words import sample_beats
from bepsw.errors import BepError
from bepsw.fit import FitData, fit
from bepsw.golden import FastModel
from bepsw.permutation import hardware_order
from bepsw.run import new_run
from bepsw.spec import Network, Training
from bepsw.stored import Store, StoredDriver

from .sdram import PACE, build_looker, build_trainer, look

CYCLES = 400  # of a sample: 250 000 a second at 100 MHz
INPUTS = 784


@contextmanager
def running(build):
    """A transport whose memory is ready."""
    with SimTransport(build, timeout=1_000_000) as transport:
        for _ in range(50):
            if transport.read(address("STATUS")) & 2:
                break
            transport.idle_clocks(1000)
        else:
            pytest.fail("the memory does not get ready")
        yield transport


def samples(count, inputs=INPUTS):
    rng = np.random.default_rng(count)
    return rng.integers(0, 2, (count, inputs), dtype=np.uint8), rng.integers(0, 64, count)


def replay(transport, core, store, length, pace, **how):
    """Results of the looker: header, check, late, took, and the cycle of each."""
    transport.write(PACE, pace)
    store.replay(0, length, **how)
    log = transport.stream(np.zeros((0, -(-core.lanes // 8)), np.uint8), np.zeros(0, bool), length)
    transport.wait_idle()
    fields = {"header": (0, 8), "check": (8, 24), "late": (32, 16), "took": (48, 16)}
    found = {
        name: (log.results >> np.uint64(at) & np.uint64((1 << bits) - 1)).astype(int)
        for name, (at, bits) in fields.items()
    }
    return found | {"cycle": log.result_cycle}


def expected(bits, labels, order, close, lanes):
    beats, last = sample_beats(bits[order], labels[order], close, lanes)
    words = [int.from_bytes(beat.tobytes(), "little") for beat in beats]
    ends = np.flatnonzero(last) + 1
    return [look(words[end - len(words) // len(ends) : end], lanes) for end in ends]


@pytest.mark.parametrize("name", ["small", "reference"])  # g = 36 and g = 72
def test_random_samples_at_the_core_s_pace(name):
    """Two epochs of 300 images in random order, over hundreds of refreshes. At 400 cycles a sample nothing is late."""
    core, count = preset(name), 300
    bits, labels = samples(count)
    with running(build_looker(core)) as transport:
        store = Store(transport)
        store.load(bits, labels)
        back = store.read(count - 20, 20)
        assert np.array_equal(back[0], bits[-20:]) and np.array_equal(back[1], labels[-20:])
        for epoch in (0, 1):
            found = replay(transport, core, store, count, CYCLES, base=0, count=count, order=(5, epoch), close=True)
            order = hardware_order(5, epoch, count)
            assert list(zip(found["header"], found["check"], strict=True)) == expected(
                bits, labels, order, True, core.lanes
            )
            assert not found["late"][1:].any() and store.starved() == 0
            # From the second on the header and a segment or two wait at the core's door, so that they end sooner.
            assert (np.diff(found["cycle"])[1:] == CYCLES).all() and 0 <= CYCLES - np.diff(found["cycle"])[0] < 10
        fast = replay(transport, core, store, count, 1, base=0, count=count, order=(5, 2))
        # 300 of 512 numbers: 1.7 attempts a sample. What is left of the way from memory to core bounds it.
        # From header to last beat; the header is at the core's door a cycle before the core asks for it.
        assert fast["took"][1:].min() == Unpack.cycles_of(core, INPUTS) - 2
        mean = float(np.mean(np.diff(fast["cycle"])[20:]))
        print(f"{name}: {mean:.1f} cycles a sample as fast as it goes, largest {np.diff(fast['cycle'])[20:].max()}")
        assert mean < 80


def test_the_far_end_of_the_memory_and_every_bank_and_row_bit():
    """Samples at places whose address bits are one and all set are kept apart: 2^18 images fit 32 MB."""
    core = preset("small")
    places = [0, *(1 << bit for bit in range(18)), (1 << 18) - 1]
    bits, labels = samples(len(places))
    with running(build_looker(core)) as transport:
        store = Store(transport)
        assert store.words == 1 << 24
        for index, place in enumerate(places):
            store.load(bits[index : index + 1], labels[index : index + 1], first=place)
        for index, place in enumerate(places):
            found = replay(transport, core, store, 1, 1, base=place, count=1)
            assert list(zip(found["header"], found["check"], strict=True)) == expected(
                bits, labels, [index], False, core.lanes
            )
        with pytest.raises(BepError, match="262145 samples of 784 bits do not fit"):
            store.load(bits[:1], labels[:1], first=1 << 18)


def train_epochs(core, network, training, data, epochs):
    def start():
        return new_run(network, training, lanes=core.lanes, order="hardware")

    with running(build_trainer(core)) as transport:
        run, golden = start(), start()
        driver = StoredDriver(transport, network, training, run.prototypes)
        driver.put(data)
        stalled = []
        fit(driver, run, data, epochs=epochs, callback=lambda *_: stalled.append(driver.store.starved()))
    fit(FastModel(network, training, golden.prototypes, lanes=core.lanes), golden, data, epochs=epochs)
    for got, wanted in ((run.state, golden.state), (run.best_state, golden.best_state)):
        for a, b in zip((*got.hidden, *got.weights), (*wanted.hidden, *wanted.weights), strict=True):
            assert np.array_equal(a, b)
        assert np.array_equal(got.generator, wanted.generator)
    assert run.progress == golden.progress
    return stalled


def learnable(count, inputs, classes):
    rng = np.random.default_rng(count)
    centres = rng.integers(0, 2, (classes, inputs))
    labels = rng.integers(0, classes, count)
    return (centres[labels] ^ (rng.random((count, inputs)) < 0.25)).astype(np.uint8), labels


@pytest.mark.parametrize(
    "name, widths, gamma, count",
    [
        ("tiny", (100, 40, 24), (5, 6), 120),
        pytest.param("small", (784, 60, 40), (5, 8), 400, marks=pytest.mark.slow),
    ],
)
def test_an_epoch_from_sdram_is_the_golden_model_s(name, widths, gamma, count):
    core = preset(name)
    network, training = Network(widths=widths, classes=10, bits=core.bits), Training(gamma=gamma, batch=20, seed=3)
    bits, labels = learnable(count, widths[0], 10)
    part = count * 4 // 5
    data = FitData(bits[:part], labels[:part], bits[part:], labels[part:])
    # An empty core takes its first samples faster than the first indices come; then it waits for nothing.
    assert max(train_epochs(core, network, training, data, epochs=2)) < 100, "the core waited for SDRAM"
