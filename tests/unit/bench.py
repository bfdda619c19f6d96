"""What the unit benches share: clocked traces of a component, random gaps and stalls, and words laid out in a core."""

from operator import attrgetter

import numpy as np
from amaranth.hdl import Array, ClockDomain, Const, Module
from amaranth.lib import data
from amaranth.sim import Simulator

from bepsw.core import Core
from bepsw.errors import BepError
from bepsw.program import compile_program, encode, row_bits
from bepsw.spec import Network, Training, divisors, thresholds

__all__ = [
    "constants",
    "core_of",
    "drive",
    "fields_of",
    "plain",
    "plane_words",
    "receiver",
    "rows_of",
    "segments_of",
    "sender",
    "trace",
]

LIMIT = 50_000


def core_of(**changes):
    """A small odd core: 9 lanes, 5 segments, 3 slots."""
    small = {
        "lanes": 9, "segments": 5, "slots": 3, "weight_words": 128, "hidden_words": 512, "max_width": 60,
        "max_fan_in": 150, "operand_words": 4, "beats": 64, "store_segments": 24, "prototype_segments": 8,
    }  # fmt: skip
    return Core(**(small | changes))


def drive(dut, *benches, background=(), limit=LIMIT):
    """Run async benches on `dut` until all have ended; fails after `limit` cycles.

    A bench in the background waits with a bare `ctx.tick()` only: cut off inside `until` or `repeat` it would warn.
    """
    top = Module()
    top.domains.sync = ClockDomain()  # there even for what is combinational
    top.submodules.dut = dut
    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    for bench in background:  # first, so that what they saw in a cycle is known to the others after it
        simulator.add_testbench(bench, background=True)
    for bench in benches:
        simulator.add_testbench(bench)
    steps = 0
    while simulator.advance():
        steps += 1
        assert steps < 2 * limit, f"still running after {limit} cycles"


def trace(dut, inputs, watch, *, after=20):
    """What every cycle shows, {name: list}, while `inputs` are applied, one dict {name: value} a cycle.

    A value stays until it is changed. Entry t was seen in the cycle in which `inputs[t]` was applied, so that an
    output of latency n to inputs[t] is entry t + n. `after` more cycles follow the last input.
    """
    seen = {name: [] for name in watch}
    signals = [attrgetter(name)(dut) for name in watch]

    async def bench(ctx):
        for step in [*inputs, *[{}] * after]:
            for name, value in step.items():
                ctx.set(attrgetter(name)(dut), value)
            _, _, *values = await ctx.tick().sample(*signals)
            for name, value in zip(watch, values, strict=True):
                seen[name].append(plain(value))

    drive(dut, bench, limit=len(inputs) + after + 10)
    return seen


def plain(value):
    """A sampled value as ints, lists and dicts."""
    if not isinstance(value, data.Const):
        return value
    layout = value.shape()
    if isinstance(layout, data.ArrayLayout):
        return [plain(value[i]) for i in range(layout.length)]
    return {name: plain(value[name]) for name, _ in layout}


def sender(stream, payloads, rng, *, gaps=0.4):
    """Bench that sends `payloads`; in a share `gaps` of the cycles it has nothing to send."""

    async def bench(ctx):
        for payload in payloads:
            while rng.random() < gaps:
                await ctx.tick()
            ctx.set(stream.payload, payload)
            ctx.set(stream.valid, 1)
            await ctx.tick().until(stream.ready)
            ctx.set(stream.valid, 0)

    return bench


def receiver(stream, received, count, rng, *, stalls=0.4):
    """Bench that appends `count` payloads to `received`; what is offered must stay until it is taken."""

    async def bench(ctx):
        offered = None
        while len(received) < count:
            ready = rng.random() >= stalls
            ctx.set(stream.ready, ready)
            _, _, valid, payload = await ctx.tick().sample(stream.valid, stream.payload)
            payload = plain(payload)
            if offered is not None:
                assert valid and payload == offered, "an offered payload changed or went away"
            offered = payload if valid and not ready else None
            if valid and ready:
                received.append(payload)
        ctx.set(stream.ready, 0)

    return bench


def constants(core, table, steps, index):
    """Row `index` of a step table that never changes, combinational."""
    rows = [Const(encode(core, table, step), row_bits(core)[table]) for step in steps]
    return Array(rows + rows[:1] * (core.steps - len(rows)))[index]


def network_of(rng, core, *, depth=None, online=False, gamma=None, rule="bep", **options):
    """A random network that fits `core`, with its settings and thresholds; `gamma` for all layers, else drawn."""
    while True:
        layers = depth or int(rng.integers(1, 5))
        # Half of the layers are narrow, so that a word of the next one holds several rows.
        most = rng.choice([core.max_width, min(core.max_width, 2 * core.lanes)], layers + 1)
        widths = [int(k) for k in rng.integers(1, most + 1)]
        widths[0] = int(rng.integers(1, core.max_fan_in + 1))
        network = Network(widths=widths, classes=int(rng.integers(2, core.classes + 1)), bits=core.bits)
        settings = {
            "gamma": [gamma or int(rng.choice(divisors(k))) for k in widths[1:]],
            "r": float(rng.choice([0, 0.4, 2])), "nu": float(rng.choice([0, 0.1, 0.3, 1])),
            "p_r": float(rng.choice([0, 0.5, 1])), "seed": int(rng.integers(1 << 16)), "online": online, "rule": rule,
        }  # fmt: skip
        training = Training(**settings | options)
        limits = thresholds(network, training)
        try:
            compile_program(network, core, limits)
        except BepError:
            continue
        return network, training, limits


def fields_of(layout, rng):
    """Random values for every field of a StructLayout."""
    return {name: int(rng.integers(1 << field.width)) for name, field in layout}


def segments_of(bits, lanes):
    """A 0/1 vector as segments of `lanes` bits, ints, the last one filled up with zeros."""
    bits = [int(bit) for bit in bits]
    return [sum(bit << i for i, bit in enumerate(bits[at : at + lanes])) for at in range(0, len(bits), lanes)]


def plane_words(matrix, bits, core, rng):
    """W words of a 0/1 matrix (rows, fan_in), {address: segments}; segments that no row uses are random."""
    words = {
        matrix.weight_base + word: [int(rng.integers(1 << min(core.lanes, 62))) for _ in range(core.segments)]
        for word in range(matrix.words)
    }
    for row, values in enumerate(np.asarray(bits)):
        for segment, value in enumerate(segments_of(values, core.lanes)):
            word, position = matrix.place_of(row, segment)
            words[word][position] = value
    return words


def rows_of(entry, rows_per_word):
    """[(row, desired)] of an entry of a winner bank, in slot order."""
    beats = [entry["beat"]] * len(entry["slots"])
    valid = [slot for slot in entry["slots"] if slot["valid"]]
    if entry["carried"]:
        beats[0] = entry["carried_beat"]
    return [(beat * rows_per_word + s["slot"], s["desired"]) for beat, s in zip(beats, valid, strict=False)]
