"""AXI4-Lite to the core's register bus: byte addresses, whole words, one access at a time.

aw ─► held ─┐                    ┌─► b
w  ─► held ─┼─► one at a time ─► bus
ar ─► held ─┘                    └─► r
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from ..types import BusSignature

__all__ = ["LiteSignature", "LiteSlave", "Response"]


class Response(enum.Enum, shape=2):
    """BRESP and RRESP."""

    OKAY = 0
    SLVERR = 2


class LiteSignature(wiring.Signature):
    """AXI4-Lite with 32 data bits and no protection bits, seen from the master.

    Parameters
    ----------
    address_bits : int
        Of a byte address.
    """

    def __init__(self, address_bits):
        super().__init__(
            {
                "awaddr": Out(address_bits), "awvalid": Out(1), "awready": In(1),
                "wdata": Out(32), "wstrb": Out(4), "wvalid": Out(1), "wready": In(1),
                "bresp": In(Response), "bvalid": In(1), "bready": Out(1),
                "araddr": Out(address_bits), "arvalid": Out(1), "arready": In(1),
                "rdata": In(32), "rresp": In(Response), "rvalid": In(1), "rready": Out(1),
            }
        )  # fmt: skip


class LiteSlave(wiring.Component):
    """Slave that carries out accesses on the register bus.

    It holds one write (address and data in any order) and one read. When both wait the write goes first, and then the
    read, because the next write comes a cycle too late. The two lowest address bits do not count. A write is of a whole
    word: with all strobes it is done; with none it is answered OKAY, with some SLVERR, and changes nothing. Reads are
    OKAY.

    `valid` and `ready` of every channel come from flip-flops. An access that finds the slave idle is answered n + 2
    cycles after its last handshake, with n the cycles of the access on the bus, and 2 after it if nothing is done.

    Members
    -------
    axi : In
    bus : Out
    """

    def __init__(self, address_bits):
        super().__init__({"axi": In(LiteSignature(address_bits)), "bus": Out(BusSignature())})

    def elaborate(self, platform):
        m = Module()
        axi, bus = self.axi, self.bus
        address_held, data_held, read_held = Signal(), Signal(), Signal()
        write_address, read_address = Signal.like(axi.awaddr), Signal.like(axi.araddr)
        data, strobes = Signal(32), Signal(4)
        m.d.comb += [axi.awready.eq(~address_held), axi.wready.eq(~data_held), axi.arready.eq(~read_held)]
        with m.If(axi.awvalid & axi.awready):
            m.d.sync += [address_held.eq(1), write_address.eq(axi.awaddr)]
        with m.If(axi.wvalid & axi.wready):
            m.d.sync += [data_held.eq(1), data.eq(axi.wdata), strobes.eq(axi.wstrb)]
        with m.If(axi.arvalid & axi.arready):
            m.d.sync += [read_held.eq(1), read_address.eq(axi.araddr)]

        writable, whole = Signal(), Signal()
        m.d.comb += [writable.eq(address_held & data_held), whole.eq(strobes.all())]
        with m.FSM(init="READY"):
            with m.State("READY"):
                with m.If(writable):
                    m.d.sync += [bus.write.eq(1), bus.addr.eq(write_address[2:]), bus.wdata.eq(data)]
                    m.d.sync += [
                        bus.valid.eq(whole),
                        axi.bvalid.eq(~whole),
                        axi.bresp.eq(Response.OKAY),
                    ]
                    with m.If(strobes.any() & ~whole):
                        m.d.sync += axi.bresp.eq(Response.SLVERR)
                    with m.If(whole):
                        m.next = "ACCESS"
                    with m.Else():
                        m.next = "ANSWER"
                with m.Elif(read_held):
                    m.d.sync += [bus.valid.eq(1), bus.write.eq(0), bus.addr.eq(read_address[2:])]
                    m.next = "ACCESS"
            with m.State("ACCESS"), m.If(bus.ready):
                m.d.sync += [
                    bus.valid.eq(0),
                    axi.rdata.eq(bus.rdata),
                    axi.bvalid.eq(bus.write),
                    axi.rvalid.eq(~bus.write),
                ]
                m.next = "ANSWER"
            with m.State("ANSWER"):
                with m.If(axi.bvalid & axi.bready):
                    m.d.sync += [axi.bvalid.eq(0), address_held.eq(0), data_held.eq(0)]
                    m.next = "READY"
                with m.If(axi.rvalid & axi.rready):
                    m.d.sync += [axi.rvalid.eq(0), read_held.eq(0)]
                    m.next = "READY"
        return m
