"""The cocotb side of test_axi: cocotbext-axi's bus models on the IP block, with pauses on every channel."""

import json
import logging
import os
from random import Random
from types import SimpleNamespace

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource
from cocotbext.axi.constants import AxiResp
from networks import random_case

from bepsim.scoreboard import Scoreboard
from bepsw.core import Core
from bepsw.driver import Driver
from bepsw.errors import BepError
from bepsw.registers import IDENTITY, address

SETUP = json.loads(os.environ["BEPCORE_AXI"])
CORE = Core(**SETUP["core"])
PATIENCE = 200_000
logging.getLogger("cocotb.bepcore_axi").setLevel(logging.ERROR)  # a line a transfer otherwise


class Block:
    """The block's three interfaces behind bus models that pause at random, and the driver's transport over them.

    The transport's calls come from a thread, in which the host driver runs as it does everywhere else.
    """

    def __init__(self, dut, seed, share):
        self.dut, self.rng = dut, Random(seed)
        reset = dict(reset=dut.aresetn, reset_active_level=False)
        self.lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.aclk, **reset)
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.aclk, **reset)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.aclk, **reset)
        write, read = self.lite.write_if, self.lite.read_if
        for channel in (
            *(write.aw_channel, write.w_channel, write.b_channel),
            *(read.ar_channel, read.r_channel, self.source, self.sink),
        ):
            channel.set_pause_generator(self._pauses(self.rng.random() * share))

    def _pauses(self, share):
        rng = Random(self.rng.random())
        while True:
            yield rng.random() < share

    async def start(self):
        """Clock and reset; all inputs driven before the first edge."""
        self.dut.aresetn.value = 0
        Clock(self.dut.aclk, 2, unit="step", impl="gpi").start(start_high=False)
        await ClockCycles(self.dut.aclk, 5)
        self.dut.aresetn.value = 1
        await RisingEdge(self.dut.aclk)

    async def get(self, register):
        """The word of a register, by word address."""
        answer = await self.lite.read(4 * register, 4)
        assert answer.resp == AxiResp.OKAY
        return int.from_bytes(answer.data, "little")

    async def put(self, register, value):
        """Write a register, by word address."""
        answer = await self.lite.write(4 * register, int(value).to_bytes(4, "little"))
        assert answer.resp == AxiResp.OKAY

    def read(self, register):
        return resume(self.get)(register)

    def write(self, register, value):
        resume(self.put)(register, int(value) & 0xFFFFFFFF)

    def read_block(self, register, count):
        return np.array([self.read(register) for _ in range(count)], np.uint32)

    def write_block(self, register, values):
        for value in np.asarray(values).ravel():
            self.write(register, value)

    def stream(self, beats, last, results):
        return SimpleNamespace(results=np.array(resume(self._stream)(beats, last, results), np.uint64))

    async def _stream(self, beats, last, results):
        """Frames in with garbage above the lanes; results out, each a packet of one word, its margin extended."""
        spare = 8 * beats.shape[1] - CORE.lanes
        start = 0
        for end in np.flatnonzero(last) + 1:
            frame = beats[start:end].copy()
            for beat in frame:
                beat[-1] |= self.rng.getrandbits(8) << (8 - spare) & 0xFF if spare else 0
            await self.source.send(AxiStreamFrame(frame.tobytes()))
            start = end
        assert start == len(beats), "a frame without an end"
        words = []
        for _ in range(results):
            frame = await self.sink.recv()
            assert len(frame.tdata) == 4, "a result is not a packet of its own"
            word = int.from_bytes(bytes(frame.tdata), "little")
            margin = word >> 8 & (1 << CORE.z_bits + 1) - 1
            margin -= (margin >> CORE.z_bits) << CORE.z_bits + 1
            assert word >> 8 == margin & 0xFFFFFF, "the sign of a margin does not reach the top bit"
            words.append(word)
        await self.source.wait()
        assert self.sink.empty()
        return words

    def wait_idle(self):
        for _ in range(PATIENCE):
            if self.read(address("STATUS")) & 1:
                return
        raise BepError("The core is never idle.")


async def started(dut, share=None):
    block = Block(dut, SETUP["seed"], SETUP["share"] if share is None else share)
    await block.start()
    return block


@cocotb.test()
async def trains_to_the_bit(dut):
    """Loaded, trained and read back through the bus models: all as in the golden model, results and state."""
    block = await started(dut)
    case = random_case(SETUP["seed"], CORE, samples=SETUP["samples"])

    def train():
        driver = Driver(block, case.network, case.training, case.prototypes)
        board = Scoreboard(driver, case.model(CORE), timed=False, state_every=1000)
        board.train(case.bits, case.labels)
        board.infer(case.bits[:3])
        return board.report

    report = await bridge(train)()
    assert report.results == SETUP["samples"] + 3 and report.states == 2


@cocotb.test()
async def registers_under_random_accesses(dut):
    """Writes and reads side by side, whole and in part: a part is refused and changes nothing."""
    block = await started(dut)
    settings = {"MARGIN": CORE.max_width.bit_length() + 1, "BATCH": 16, "CLASS_COUNT": 7}

    async def use(name, bits, rng):
        kept = None
        for _ in range(25):
            kind, value = rng.randrange(3), rng.getrandbits(32)
            if kind == 0:
                await block.put(address(name), value)
                kept = value & (1 << bits) - 1
            elif kind == 1 and kept is not None:
                assert await block.get(address(name)) == kept
            elif kind == 2:
                first = rng.randrange(4)
                part = bytes(rng.randrange(1, min(3, 4 - first) + 1))
                answer = await block.lite.write(4 * address(name) + first, part)
                assert answer.resp == AxiResp.SLVERR, "a write of some bytes was not refused"

    tasks = [cocotb.start_soon(use(name, bits, Random(name))) for name, bits in settings.items()]
    identities = [await block.get(address("IDENTITY")) for _ in range(20)]
    for task in tasks:
        await task
    assert identities == [IDENTITY] * 20
    assert await block.get(address("ERRORS")) == 0


@cocotb.test()
async def reset_in_mid_sample(dut):
    """Half a sample and accesses in flight are gone; nothing is left over, and settings are those of a new core."""
    block = await started(dut, share=0)
    await block.put(address("BATCH"), 77)
    await block.put(address("CONTROL"), 3)
    await block.source.send(AxiStreamFrame(bytes(4 * -(-CORE.lanes // 8))))
    block.lite.init_read(4 * address("BATCH"), 4)
    await ClockCycles(dut.aclk, 6)
    dut.aresetn.value = 0
    await ClockCycles(dut.aclk, 2)
    assert not int(dut.s_axi_rvalid.value) and not int(dut.s_axi_bvalid.value) and not int(dut.m_axis_tvalid.value)
    dut.aresetn.value = 1
    await ClockCycles(dut.aclk, 200)
    assert int(dut.idle.value) and not int(dut.s_axi_rvalid.value)
    assert await block.get(address("BATCH")) == 1 and await block.get(address("CONTROL")) == 0
    assert block.sink.empty()
