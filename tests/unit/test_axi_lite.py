"""LiteSlave: every order of address and data, strobes, stalls on all five channels, who goes first, and when."""

from random import Random

import pytest
from amaranth.hdl import ResetInserter, Signal, Value

from bephw.axi.lite_slave import LiteSlave, Response

from .bench import drive

BITS = 12
OKAY, SLVERR = Response.OKAY.value, Response.SLVERR.value


class Bus:
    """The register bus behind a slave, with what was asked; `rdata` is garbage but in the cycle of a transfer."""

    def __init__(self, rng, cycles=(1, 9)):
        self.dut = LiteSlave(BITS)
        self.rng, self.cycles = rng, cycles
        self.log = []  # ("w", addr, data) or ("r", addr, answer)

    async def serve(self, ctx):
        bus = self.dut.bus
        left, asked = self.rng.randint(*self.cycles), None
        while True:
            answer, ready = self.rng.getrandbits(32), left == 1
            ctx.set(bus.ready, ready)
            ctx.set(bus.rdata, answer)
            _, _, valid, *request = await ctx.tick().sample(bus.valid, bus.write, bus.addr, bus.wdata)
            assert asked is None or (valid and request == asked), "a request changed or went away"
            asked = request if valid and not ready else None
            if valid and ready:
                write, addr, data = request
                self.log.append(("w", addr, data) if write else ("r", addr, answer))
                left = self.rng.randint(*self.cycles)
            elif valid:
                left -= 1


def send(channel, fields, words, rng, gaps, sent=None):
    """Bench that sends words, tuples of `fields`, over a channel; `sent` takes the cycle of each handshake."""

    async def bench(ctx):
        axi, valid, ready = channel
        cycle = 0

        async def tick():
            nonlocal cycle
            _, _, taken = await ctx.tick().sample(getattr(axi, ready))
            cycle += 1
            return taken

        for word in words:
            while rng.random() < gaps:
                await tick()
            for name, value in zip(fields, word, strict=True):
                ctx.set(getattr(axi, name), value)
            ctx.set(getattr(axi, valid), 1)
            while not await tick():
                pass
            if sent is not None:
                sent.append(cycle - 1)
            ctx.set(getattr(axi, valid), 0)
            for name in fields:
                ctx.set(getattr(axi, name), 0)

    return bench


def take(channel, fields, count, rng, stalls, taken, seen=None):
    """Bench that takes `count` words; what is offered must stay. `seen` gets the cycle in which each is first there."""

    async def bench(ctx):
        axi, valid, ready = channel
        offered, cycle = None, 0
        while len(taken) < count:
            accept = rng.random() >= stalls
            ctx.set(getattr(axi, ready), accept)
            _, _, there, *word = await ctx.tick().sample(
                getattr(axi, valid), *(Value.cast(getattr(axi, name)) for name in fields)
            )
            assert offered is None or (there and word == offered), "an answer changed or went away"
            if there and offered is None and seen is not None:
                seen.append(cycle)
            offered = word if there and not accept else None
            if there and accept:
                taken.append(tuple(word))
            cycle += 1
        ctx.set(getattr(axi, ready), 0)

    return bench


class Master:
    """All five channels, each at its own pace."""

    def __init__(self, dut, rng, *, gaps=0.0, stalls=0.0):
        self.axi, self.rng, self.gaps, self.stalls = dut.axi, rng, gaps, stalls
        self.benches = []
        self.answers, self.words = [], []
        self.cycles = {name: [] for name in ("aw", "w", "ar", "b", "r")}

    def _send(self, name, fields, words, gaps):
        channel = (self.axi, f"{name}valid", f"{name}ready")
        self.benches.append(send(channel, fields, words, Random(self.rng.random()), gaps, self.cycles[name]))

    def _take(self, name, fields, count, taken):
        channel = (self.axi, f"{name}valid", f"{name}ready")
        rng = Random(self.rng.random())
        self.benches.append(take(channel, fields, count, rng, self.stalls, taken, self.cycles[name]))

    def write(self, writes, *, address_gaps=None, data_gaps=None):
        """Send (address, data, strobes)."""
        gaps = [self.gaps if g is None else g for g in (address_gaps, data_gaps)]
        self._send("aw", ("awaddr",), [write[:1] for write in writes], gaps[0])
        self._send("w", ("wdata", "wstrb"), [write[1:] for write in writes], gaps[1])
        self._take("b", ("bresp",), len(writes), self.answers)

    def read(self, addresses):
        self._send("ar", ("araddr",), [(address,) for address in addresses], self.gaps)
        self._take("r", ("rdata", "rresp"), len(addresses), self.words)


def run(bus, master):
    drive(bus.dut, *master.benches, background=(bus.serve,))


@pytest.mark.parametrize("seed", range(6))
def test_random_accesses(seed):
    """Addresses and data in any order and at any pace; the bus sees every whole write and every read once, in order."""
    rng = Random(seed)
    bus = Bus(rng)
    master = Master(bus.dut, rng, gaps=rng.uniform(0, 0.9), stalls=rng.uniform(0, 0.9))
    strobes = [rng.choice([15, 15, 15, 0, rng.randrange(1, 15)]) for _ in range(60)]
    writes = [(rng.getrandbits(BITS), rng.getrandbits(32), strobe) for strobe in strobes]
    reads = [rng.getrandbits(BITS) for _ in range(60)]
    master.write(writes, address_gaps=rng.uniform(0, 0.9))
    master.read(reads)
    run(bus, master)
    assert master.answers == [(OKAY if strobe in (0, 15) else SLVERR,) for _, _, strobe in writes]
    done = [("w", address >> 2, data) for address, data, strobe in writes if strobe == 15]
    assert [entry for entry in bus.log if entry[0] == "w"] == done
    asked = [entry for entry in bus.log if entry[0] == "r"]
    assert [addr for _, addr, _ in asked] == [address >> 2 for address in reads]
    assert master.words == [(answer, OKAY) for _, _, answer in asked]


@pytest.mark.parametrize("strobes", range(16))
def test_only_whole_words_are_written(strobes):
    rng = Random(strobes)
    bus = Bus(rng)
    master = Master(bus.dut, rng)
    master.write([(8, 0x11111111, strobes), (12, 0x22222222, 15)])
    run(bus, master)
    assert master.answers == [(OKAY if strobes in (0, 15) else SLVERR,), (OKAY,)]
    assert bus.log == [("w", 2, 0x11111111)] * (strobes == 15) + [("w", 3, 0x22222222)]


@pytest.mark.parametrize("cycles", [1, 2, 7])
@pytest.mark.parametrize("late", ["aw", "w", None])
@pytest.mark.parametrize("strobes", [15, 3, 0])
def test_cycles_of_a_write(cycles, late, strobes):
    """n + 2 after the later of the two handshakes; 2 when nothing is done."""
    rng = Random(1)
    bus = Bus(rng, cycles=(cycles, cycles))
    master = Master(bus.dut, rng)
    master.write([(4, 5, strobes)], address_gaps=0.8 * (late == "aw"), data_gaps=0.8 * (late == "w"))
    run(bus, master)
    last = max(master.cycles["aw"][0], master.cycles["w"][0])
    assert master.cycles["b"][0] - last == (cycles + 2 if strobes == 15 else 2)


@pytest.mark.parametrize("cycles", [1, 2, 7])
def test_cycles_of_a_read(cycles):
    rng = Random(2)
    bus = Bus(rng, cycles=(cycles, cycles))
    master = Master(bus.dut, rng, gaps=0.5)
    master.read([4])
    run(bus, master)
    assert master.cycles["r"][0] - master.cycles["ar"][0] == cycles + 2


def test_reads_and_writes_take_turns():
    """Neither waits for more than one of the other while both keep coming."""
    rng = Random(3)
    bus = Bus(rng)
    master = Master(bus.dut, rng)
    master.write([(4 * i, i, 15) for i in range(30)])
    master.read([4 * i for i in range(30)])
    run(bus, master)
    kinds = "".join(kind for kind, *_ in bus.log)
    assert kinds in ("wr" * 30, "rw" * 30)


def test_a_reset_drops_what_is_held():
    """After a reset in mid-access nothing is answered, and the next access is carried out as if new."""
    reset = Signal()
    rng = Random(4)
    bus = Bus(rng)
    dut, axi = bus.dut, bus.dut.axi

    async def bench(ctx):
        ctx.set(axi.awvalid, 1)
        ctx.set(axi.arvalid, 1)
        await ctx.tick()
        ctx.set(axi.awvalid, 0)
        ctx.set(axi.arvalid, 0)
        await ctx.tick().repeat(2)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        for _ in range(20):
            _, _, *flags = await ctx.tick().sample(
                axi.bvalid, axi.rvalid, dut.bus.valid, axi.awready, axi.wready, axi.arready
            )
            assert flags == [0, 0, 0, 1, 1, 1]

    drive(ResetInserter(reset)(dut), bench)
