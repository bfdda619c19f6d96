"""An H bank, a W plane and activations around the hidden engine, and the golden model of what they should hold."""

from collections import deque

import numpy as np

from bephw.hidden_bank import HiddenBank
from bepsw.golden.step import StepModel
from bepsw.program import compile_program
from bepsw.spec import counter_range

from .bench import network_of, plain, segments_of
from .recurrent import operands_of, recurrent_of

__all__ = ["HiddenBench"]


class HiddenBench:
    """Memories of a random network.

    Members
    -------
    model : the golden model; `sample` and `sweep` apply one step to it
    bank, plane : what the engine wrote, {address: lanes} and {(word, position): segment}, the latter online into the
        bank in use and else into the other one
    trail : per cycle, whether a job was taken, the engine was busy, a word was written
    """

    def __init__(self, core, rng, *, online, depth=None, recurrent=False, **options):
        self.core, self.rng, self.online = core, rng, online
        make = recurrent_of if recurrent else network_of
        network, training, thresholds = make(rng, core, depth=depth, online=online, **options)
        prototypes = rng.integers(0, 2, (network.classes, network.widths[-1]))
        self.model = StepModel(network, training, prototypes, lanes=core.lanes)
        low, high = counter_range(core.bits)
        for hidden in self.model.hidden:
            near = rng.choice([low, low + 1, -1, 0, high - 1, high], hidden.shape)
            hidden[:] = np.where(rng.random(hidden.shape) < 0.5, near, rng.integers(low, high + 1, hidden.shape))
        self.model.weights = [rng.integers(0, 2, w.shape).astype(bool) for w in self.model.weights]
        self.program = compile_program(network, core, thresholds)
        self.layers, self.steps = self.program.layout.layers, self.program.tables["hidden"]
        self.padding = [
            rng.integers(0, 1 << core.bits, (matrix.rows, matrix.segments * core.lanes - matrix.fan_in)).tolist()
            for matrix in self.layers
        ]  # what the lanes beyond the fan-in hold: it must stay
        self.bank, self.plane, self.activations, self.history = self.words(), {}, {}, {}
        self.trail, self.saturated, self.updated = [], 0, 0

    def words(self):
        """H words of the model's counters, {address: lanes}."""
        core, words = self.core, {}
        for matrix, hidden, padding in zip(self.layers, self.model.hidden, self.padding, strict=True):
            for row, counters in enumerate(hidden.tolist()):
                lanes = [k & (1 << core.bits) - 1 for k in counters] + padding[row]
                for segment in range(matrix.segments):
                    address = matrix.hidden_base + row * matrix.segments + segment
                    words[address] = lanes[segment * core.lanes : (segment + 1) * core.lanes]
        return words

    def segments(self, layer, row):
        """{(word, position): segment} of the signs of one row."""
        values = segments_of(self.model.hidden[layer][row] >= 0, self.core.lanes)
        return {self.layers[layer].place_of(row, at): value for at, value in enumerate(values)}

    def sample(self, context=0, most=1.0, only=None):
        """Activations of one sample, and at most a share of the rows as winners, or `only` one (layer, row).

        Returns [(layer, row, desired)] and the segments of W that are written with them.
        """
        winners, expected = [], {}
        for layer, matrix in enumerate(self.layers):
            bits = self.operands(context, layer)
            desired = self.rng.integers(0, 2, (len(bits), matrix.rows)).astype(bool)
            if layer == 0:
                self.keep_history(desired)
            if len(bits) == 1:
                bits, desired = bits[0], desired[0]
            rows = self.rng.permutation(matrix.rows)[: int(self.rng.integers(0, most * matrix.rows + 1))]
            if only:
                rows = np.arange(matrix.rows)[only[1] :][: layer == only[0]]
            winners += [(layer, int(row), int(np.atleast_2d(desired)[0, row])) for row in rows]
            self.model.update(layer, rows, bits, desired)
            for row in rows:
                expected |= self.segments(layer, row)
        return winners, expected

    def operands(self, context, layer):
        """Random operands of a layer, (1, fan-in) or (T, fan-in), put where its activations are read."""
        matrix, network = self.layers[layer], self.model.network
        bits = self.rng.integers(0, 2, (1, matrix.fan_in)).astype(bool)
        base = self.steps[layer]["store_base"]
        if layer == 0 and network.steps:
            x = self.rng.integers(0, 2, network.inputs)
            bits = operands_of(network, x, self.rng.integers(0, 2, (network.steps, matrix.rows)))
        for step, operand in enumerate(bits):
            for segment, value in enumerate(segments_of(operand, self.core.lanes)):
                if segment == matrix.segments - 1:  # beyond the fan-in, anything
                    value |= int(self.rng.integers(1 << self.core.lanes)) >> matrix.tail << matrix.tail
                at = base + max(0, step - 1) * matrix.segments + segment
                self.activations[context, int(layer == 0 and step == 0), at] = value
        return bits

    def keep_history(self, desired):
        """Desired activations of layer 1, (T, K_1), as the backward stage leaves them: a word for every beat."""
        matrix = self.layers[0]
        for step, row in enumerate(desired):
            for beat in range(matrix.beats):
                bits = row[beat * matrix.rows_per_word : (beat + 1) * matrix.rows_per_word]
                self.history[step * matrix.beats + beat] = sum(int(bit) << slot for slot, bit in enumerate(bits))

    def sweep(self):
        """A sweep; returns the segments of W that it writes."""
        self.model.sweep()
        expected = {}
        for layer, matrix in enumerate(self.layers):
            for row in range(matrix.rows):
                expected |= self.segments(layer, row)
        return expected

    def memories(self, engine, context=None):
        """Bench of the engine's ports with their latencies; it records every cycle."""

        async def bench(ctx):
            reads, stores = deque([[0] * self.core.lanes] * (HiddenBank.latency - 1)), deque([0])
            history = deque([0])
            signals = (
                engine.jobs.valid, engine.jobs.ready, engine.busy, engine.read_address, engine.write_enable,
                engine.write_address, engine.write_data, engine.weight_enable, engine.weight_address,
                engine.weight_position, engine.weight_data, engine.store_segment, engine.from_input, engine.updated,
                engine.saturated, engine.weight_other, *([] if context is None else [context]),
            )  # fmt: skip
            step_at = engine.history_index if self.core.rules else engine.busy
            while True:
                _, _, *values, step = await ctx.tick().sample(*signals, step_at)
                (valid, ready, busy, read, write, address, data, refresh, word, position, bits, segment, from_input,
                 updated, saturated, other, *sample) = map(plain, values)  # fmt: skip
                self.trail.append((valid and ready, busy, write))
                reads.append(self.bank.get(read, [0] * self.core.lanes))
                stores.append(self.activations.get((sample[0] if sample else 0, from_input, segment), 0))
                if write:
                    assert busy
                    self.bank[address] = data
                assert bool(refresh) == bool(write)
                if refresh:
                    assert other == (not self.online)
                    self.plane[word, position] = bits
                self.updated += updated
                self.saturated += saturated
                if self.core.rules:
                    history.append(self.history.get(step, 0))
                    ctx.set(engine.history, history.popleft())
                ctx.set(engine.read_data, reads.popleft())
                ctx.set(engine.activations, stores.popleft())

        return bench

    async def set_generator(self, ctx, engine):
        """Once around, with every state replaced."""
        ctx.set(engine.random_turn, 1)
        ctx.set(engine.random_replace, 1)
        for state in self.model.generator.state.tolist():
            ctx.set(engine.random_new, state)
            await ctx.tick()
        ctx.set(engine.random_turn, 0)
        ctx.set(engine.random_replace, 0)

    async def check_generator(self, ctx, engine):
        """Once around."""
        ctx.set(engine.random_turn, 1)
        for state in self.model.generator.state.tolist():
            assert ctx.get(engine.random_state) == state
            await ctx.tick()
        ctx.set(engine.random_turn, 0)
