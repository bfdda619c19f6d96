"""A Trainer in Amaranth's own simulator behind the calls that the driver makes; for corners, not for speed."""

from types import SimpleNamespace

import numpy as np
from amaranth.sim import Simulator

from bephw.trainer import Trainer

__all__ = ["UnitTransport"]


class UnitTransport:
    """The driver's transport; simulated time stands still between calls.

    Parameters
    ----------
    core : Core
    rng : numpy generator
    stalls : float
        Share of cycles in which a beat is late or a result is not taken.
    """

    def __init__(self, core, rng, *, stalls=0.0, limit=20_000):
        self.dut = Trainer(core)
        self.rng, self.stalls, self.limit = rng, stalls, limit
        self._call, self._answer = None, None
        self._simulator = Simulator(self.dut)
        self._simulator.add_clock(1e-6)
        self._simulator.add_testbench(self._serve, background=True)

    def read(self, address):
        return int(self.read_block(address, 1)[0])

    def write(self, address, value):
        self.write_block(address, [value])

    def read_block(self, address, count):
        return np.array(self._do(self._read, address, count), np.uint32)

    def write_block(self, address, values):
        self._do(self._write, address, [int(value) for value in values])

    def stream(self, beats, last, results):
        words = [int.from_bytes(beat.tobytes(), "little") for beat in beats]
        payloads = self._do(self._stream, list(zip(words, map(int, last), strict=True)), results)
        return SimpleNamespace(results=np.array(payloads, np.uint64))

    def wait_idle(self):
        self._do(self._idle)

    def clock(self, cycles):
        """Let time pass."""
        self._do(self._wait, cycles)

    def _do(self, call, *words):
        self._call = call, words
        steps = 0
        while self._call:
            self._simulator.advance()
            steps += 1
            assert steps < 2 * self.limit, "the core hangs"
        return self._answer

    async def _serve(self, ctx):
        while True:
            if self._call:
                call, words = self._call
                self._answer = await call(ctx, *words)
                self._call = None
            await ctx.tick()

    async def _transfer(self, ctx):
        bus = self.dut.bus
        ctx.set(bus.valid, 1)
        while True:
            _, _, ready, rdata = await ctx.tick().sample(bus.ready, bus.rdata)
            if ready:
                ctx.set(bus.valid, 0)
                return rdata

    async def _read(self, ctx, address, count):
        ctx.set(self.dut.bus.addr, address)
        ctx.set(self.dut.bus.write, 0)
        return [await self._transfer(ctx) for _ in range(count)]

    async def _write(self, ctx, address, values):
        ctx.set(self.dut.bus.addr, address)
        ctx.set(self.dut.bus.write, 1)
        for value in values:
            ctx.set(self.dut.bus.wdata, value)
            await self._transfer(ctx)

    async def _stream(self, ctx, beats, results):
        samples, out, taken, sent = self.dut.samples, self.dut.results, [], 0
        while sent < len(beats) or len(taken) < results:
            offer = sent < len(beats) and (
                self.stalls == 0 or ctx.get(samples.valid) or self.rng.random() >= self.stalls
            )
            ready = self.stalls == 0 or self.rng.random() >= self.stalls
            if offer:
                ctx.set(samples.payload, {"data": beats[sent][0], "last": beats[sent][1]})
            ctx.set(samples.valid, int(offer))
            ctx.set(out.ready, int(ready))
            signals = samples.ready, out.valid, out.payload.as_value()
            _, _, accepted, valid, payload = await ctx.tick().sample(*signals)
            if offer and accepted:
                sent += 1
                ctx.set(samples.valid, 0)
            if valid and ready:
                taken.append(payload)
        ctx.set(out.ready, 0)
        return taken

    async def _idle(self, ctx):
        while not ctx.get(self.dut.idle):
            await ctx.tick()

    async def _wait(self, ctx, cycles):
        for _ in range(cycles):
            await ctx.tick()
