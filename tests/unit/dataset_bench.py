"""What the benches of the data set share: a memory with moods, and bus transfers."""

from collections import deque

__all__ = ["Memory", "access", "read", "write"]


class Memory:
    """Behind a `MemorySignature`: commands late at random, answers after a random time, in order.

    Parameters
    ----------
    port : the user's port, or None where only reads are wanted
    commands, answers : the streams of reads, if there is no port
    stalls : share of the cycles in which it takes nothing
    latency : cycles from a command to its answer, at least
    jitter : further cycles at most
    domain : its clock
    """

    def __init__(self, port, rng, *, commands=None, answers=None, stalls=0.0, latency=4, jitter=0, domain="sync"):
        self.port, self.rng, self.words = port, rng, {}
        self.commands, self.answers = commands or port.commands, answers or port.read
        self.stalls, self.latency, self.jitter = stalls, latency, jitter
        self.domain = domain
        self.most = self.asked = 0  # reads on their way

    async def serve(self, ctx):
        """Background bench."""
        commands, answers, port = self.commands, self.answers, self.port
        pending, writes, cycle = deque(), deque(), 0
        signals = [commands.valid, commands.payload]
        if port is not None:
            ctx.set(port.ready, 1)
            signals += [port.written.valid, port.written.payload]
        while True:
            taking = self.rng.random() >= self.stalls
            ctx.set(commands.ready, taking)
            filling = port is not None and bool(writes) and self.rng.random() >= self.stalls
            if port is not None:
                ctx.set(port.written.ready, filling)
            due = bool(pending) and pending[0][0] <= cycle
            ctx.set(answers.valid, due)
            if due:
                ctx.set(answers.payload, self.words.get(pending.popleft()[1], 0xDEAD))
                self.asked -= 1
            _, _, valid, command, *written = await ctx.tick(self.domain).sample(*signals)
            cycle += 1
            if filling:
                assert written[0], "the word of a write must be there with its command"
                self.words[writes.popleft()] = int(written[1])
            if valid and taking:
                address = int(command) if port is None else int(command.address)
                if port is not None and command.write:
                    assert written[0], "the word of a write must be there with its command"
                    writes.append(address)
                else:
                    assert not writes, "a read before the write ahead of it had its word"
                    when = cycle + self.latency - 1 + (int(self.rng.integers(self.jitter + 1)))
                    pending.append((max(when, pending[-1][0] if pending else 0), address))
                    self.asked += 1
                    self.most = max(self.most, self.asked)


async def access(ctx, bus, address, data=None):
    """One transfer on a bus; the data of a read."""
    ctx.set(bus.addr, address)
    ctx.set(bus.write, data is not None)
    ctx.set(bus.wdata, data or 0)
    ctx.set(bus.valid, 1)
    while True:
        _, _, ready, found = await ctx.tick().sample(bus.ready, bus.rdata)
        if ready:
            break
    ctx.set(bus.valid, 0)
    return int(found)


async def read(ctx, bus, address):
    return await access(ctx, bus, address)


async def write(ctx, bus, address, data):
    await access(ctx, bus, address, int(data))
