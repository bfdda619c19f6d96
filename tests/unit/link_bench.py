"""What the benches of the link share: a serial line in the Amaranth simulator, and a stand-in for the core."""

__all__ = ["FakeCore", "byte_receiver", "byte_sender", "request"]


def request(session, sequence, operation, rest=b""):
    """Body of a request."""
    return bytes([session, sequence, operation]) + bytes(rest)


def byte_sender(line, data, bit, *, gap=lambda: 0):
    """Bench that sends `data` on a line of 8N1, `bit` seconds each, with `gap()` bits of idle line between bytes.

    Start it away from the clock's edges.
    """

    async def bench(ctx):
        for byte in data:
            for value in [0, *[byte >> i & 1 for i in range(8)], 1]:
                ctx.set(line, value)
                await ctx.delay(bit)
            if idle := gap():
                await ctx.delay(idle * bit)

    return bench


def byte_receiver(line, received, bit):
    """Background bench that appends to `received` the bytes on a line of `bit()` seconds a bit; asserts stop bits."""

    async def bench(ctx):
        while True:
            await ctx.edge(line, 0)
            bits = []
            for wait in [0.5, *[1] * 9]:
                await ctx.delay(wait * bit())
                bits.append(ctx.get(line))
            assert bits[0] == 0 and bits[9] == 1, "no frame of 8N1"
            received.append(sum(value << i for i, value in enumerate(bits[1:9])))

    return bench


class FakeCore:
    """Registers that keep what is written, and a stream that gives a result for every sample: its header's square."""

    lanes = 9

    def __init__(self):
        self.registers = {}
        self.results = []
        self.beats = []
        self.accesses = []

    def read(self, address):
        self.accesses.append(("read", address))
        return self.registers.get(address, address * 0x01010101 & 0xFFFFFFFF)

    def write(self, address, value):
        self.accesses.append(("write", address, value))
        self.registers[address] = value

    def beat(self, data, last):
        self.beats.append((data, last))
        if last:
            self.results.append(len(self.beats))
