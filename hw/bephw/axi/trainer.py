"""The trainer core behind AXI interfaces, with the port names that integration tools know.

s_axis ─► samples ┌─────────┐ results ─► m_axis
s_axi ─► LiteSlave ─► bus   │ Trainer │ ─► idle
                  └─────────┘
"""

from amaranth.hdl import Cat, ClockDomain, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bepsw.registers import REGISTERS

from ..trainer import Trainer
from .lite_slave import LiteSignature, LiteSlave

__all__ = ["ADDRESS_BITS", "RESULT_BITS", "AxiTrainer", "beat_bytes"]

ADDRESS_BITS = max(12, max(register.address for register in REGISTERS).bit_length() + 2)
"""Of a byte address: 4 KiB, the smallest range that interconnects hand out."""

RESULT_BITS = 32


def beat_bytes(core):
    """Bytes of a sample beat: the g lanes, filled up."""
    return -(-core.lanes // 8)


class AxiTrainer(wiring.Component):
    """`Trainer(core)` with AXI4-Lite registers at 4 × their word address, and AXI4-Stream for samples and results.

    Latency and throughput are those of the core; a register access takes what `LiteSlave` says. No output depends on an
    input within a cycle.

    Members
    -------
    aclk, aresetn : In, clock and synchronous reset, active low; after it the core resets for `RESET_CYCLES`
    s_axi_* : slave, AXI4-Lite, 32 bits
    s_axis_* : slave, AXI4-Stream: beats of `beat_bytes(core)` bytes, header and segments, `tlast` on the last segment;
        bits above the lanes do not count
    m_axis_* : master, AXI4-Stream: a word a result, `tlast` on each; margin d with its sign in bits 31…8, else as
        `result_layout`
    idle : Out, nothing is in flight
    """

    def __init__(self, core):
        self.core = core
        lite = LiteSignature(ADDRESS_BITS).flip().members
        super().__init__(
            {
                "aclk": In(1),
                "aresetn": In(1),
                **{f"s_axi_{name}": member for name, member in lite.items()},
                "s_axis_tdata": In(8 * beat_bytes(core)),
                "s_axis_tlast": In(1),
                "s_axis_tvalid": In(1),
                "s_axis_tready": Out(1),
                "m_axis_tdata": Out(RESULT_BITS),
                "m_axis_tlast": Out(1),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = sync = ClockDomain(local=True)
        m.submodules.slave = slave = LiteSlave(ADDRESS_BITS)
        m.submodules.trainer = trainer = Trainer(self.core)
        wiring.connect(m, slave.bus, trainer.bus)
        for name, member in slave.axi.signature.members.items():
            here, there = getattr(self, f"s_axi_{name}"), getattr(slave.axi, name)
            m.d.comb += here.eq(there) if member.flow is Out else there.eq(here)
        results = trainer.results.payload
        low = Cat(results.prediction, results.triggered, results.reserved)
        margin = results.margin
        m.d.comb += [
            sync.clk.eq(self.aclk),
            sync.rst.eq(~self.aresetn),
            trainer.samples.payload.data.eq(self.s_axis_tdata),
            trainer.samples.payload.last.eq(self.s_axis_tlast),
            trainer.samples.valid.eq(self.s_axis_tvalid),
            self.s_axis_tready.eq(trainer.samples.ready),
            self.m_axis_tdata[: len(low)].eq(low),
            self.m_axis_tdata[len(low) :].eq(margin),
            self.m_axis_tlast.eq(1),
            self.m_axis_tvalid.eq(trainer.results.valid),
            trainer.results.ready.eq(self.m_axis_tready),
            self.idle.eq(trainer.idle),
        ]
        return m
