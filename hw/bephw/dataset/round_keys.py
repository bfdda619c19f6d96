"""The round keys of an epoch: a xorshift generator runs through once and leaves a key a round in LUT RAM."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from bepsw.permutation import ROUNDS, WARM_UP

__all__ = ["RoundKeys"]


class RoundKeys(wiring.Component):
    """`bepsw.permutation.round_keys`: keys are ready `cycles` after `start`.

    Members
    -------
    start : In, one-cycle pulse; seed, epoch : In, in that cycle
    ready : Out, the keys of the last start are there
    round : In; factor, offset : Out, A_r and B_r of that round in the same cycle
    """

    cycles = WARM_UP + ROUNDS + 2

    def __init__(self):
        super().__init__(
            {
                "start": In(1),
                "seed": In(32),
                "epoch": In(31),
                "ready": Out(1),
                "round": In(range(ROUNDS)),
                "factor": Out(16),
                "offset": Out(16),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.keys = keys = Memory(shape=32, depth=ROUNDS, init=[], attrs={"ram_style": "distributed"})
        write, read = keys.write_port(), keys.read_port(domain="comb")
        state = Signal(64, reset_less=True)
        steps = Signal(range(WARM_UP + ROUNDS + 1))
        running = Signal()
        key = Signal(32)
        m.d.comb += [
            key.eq(state[32:] + state[:32]),
            write.en.eq(running & (steps > WARM_UP)),
            write.addr.eq(steps - WARM_UP - 1),
            write.data.eq(key),
            read.addr.eq(self.round),
            Cat(self.offset, self.factor).eq(read.data | 1 << 16),
        ]
        with m.If(self.start):
            m.d.sync += [
                state.eq(Cat(self.epoch, Const(1, 1), self.seed)),
                steps.eq(0),
                running.eq(1),
                self.ready.eq(0),
            ]
        with m.Elif(running):
            m.d.sync += [state.eq(_xorshift(state)), steps.eq(steps + 1)]
            with m.If(steps == WARM_UP + ROUNDS):
                m.d.sync += [running.eq(0), self.ready.eq(1)]
        return m


def _xorshift(state):
    """`bepsw.generator.step_bank` of one generator."""
    state = state ^ (state << 13)[:64]
    state = state ^ (state >> 7)
    return state ^ (state << 17)[:64]
