"""The words that travel between the stages of the core, and the register bus."""

from amaranth.hdl import signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from bepsw import program
from bepsw.spec import MAX_LAYERS

__all__ = [
    "HEADER_CLOSE",
    "LABEL_BITS",
    "BusSignature",
    "address_bits",
    "job_layout",
    "judged_layout",
    "result_layout",
    "sample_layout",
    "step_layout",
    "tag_layout",
    "token_layout",
    "trainer_ports",
    "update_layout",
    "winners_layout",
]

LABEL_BITS = 6
HEADER_CLOSE = LABEL_BITS
"""Bit of a sample's header beat that closes the mini-batch after this sample."""


class BusSignature(wiring.Signature):
    """Register bus of 32-bit words. A transfer happens where `valid` and `ready` are both high.

    Members
    -------
    valid, write, addr, wdata : Out
    ready, rdata : In, `rdata` holds in the cycle of the transfer
    """

    def __init__(self):
        super().__init__(
            {
                "valid": Out(1),
                "write": Out(1),
                "addr": Out(16),
                "wdata": Out(32),
                "ready": In(1),
                "rdata": In(32),
            }
        )


def sample_layout(core):
    """One beat of the sample stream: a header (label, close) and then ⌈K_0/g⌉ segments; `last` on the last."""
    return data.StructLayout({"data": core.lanes, "last": 1})


def result_layout(core):
    """One result: `prediction`, `triggered`, and the margin d (true score − best other)."""
    return data.StructLayout(
        {"prediction": LABEL_BITS, "triggered": 1, "reserved": 1, "margin": signed(core.z_bits + 1)}
    )


def token_layout(core):
    """A loaded sample on its way to the forward stage."""
    return data.StructLayout({"context": range(core.contexts), "label": LABEL_BITS, "close": 1})


def judged_layout(core):
    """A judged sample on its way to the backward and update stages; with `rules` also the layers that triggered."""
    layers = {"layers": MAX_LAYERS} if core.rules else {}
    return data.StructLayout(
        {"context": range(core.contexts), "label": LABEL_BITS, "triggered": 1, "batch_end": 1, **layers}
    )


def trainer_ports(core):
    """The outside of a trainer core: members of a component's signature."""
    return {
        "samples": In(stream.Signature(sample_layout(core))),
        "results": Out(stream.Signature(result_layout(core))),
        "bus": In(BusSignature()),
        "idle": Out(1),
    }


def update_layout(core):
    """A sample on its way to the update stage: `count` entries of winners in `bank` if it `updates`."""
    return data.StructLayout(
        {
            "context": range(core.contexts),
            "batch_end": 1,
            "updates": 1,
            "count": range(core.beats + 1),
            "bank": range(core.winner_banks),
        }
    )


def job_layout(core):
    """One row: `layer` of the hidden table, first H word, first W segment, a* (update only).

    With `rules` also its beat and its slot: where the a* of each step of a recurrent layer stands.
    """
    rules = {"beat": range(core.beats), "slot": range(core.slots)} if core.rules else {}
    return data.StructLayout(
        {
            "layer": range(core.steps),
            "sweep": 1,
            "desired": 1,
            "hidden_address": range(core.hidden_words),
            "weight_address": range(core.weight_words),
            "position": range(core.segments),
            **rules,
        }
    )


def step_layout(core, table):
    """A row of a step table as a structure."""
    return data.StructLayout(program.fields(core)[table])


def tag_layout(core):
    """What travels beside the datapath of a forward pass: whose word this is.

    With `rules` instead of a word it may be a `copy` of segment `beat` of the input store; `first_turn` of a row, and
    the `half` of the hidden operands that its pass reads.
    """
    rules = {"copy": 1, "first_turn": 1, "half": 1} if core.rules else {}
    return data.StructLayout(
        {
            "valid": 1,
            "thread": range(core.threads),
            "context": range(core.contexts),
            "step": range(core.steps),
            "beat": range(max(core.beats, core.store_segments) if core.rules else core.beats),
            "first_word": 1,
            "last_word": 1,
            "last": 1,
            **rules,
        }
    )


def winners_layout(core):
    """The winners of groups that end in one beat; a winner is in this beat or, of the open group, in an earlier one."""
    slot = data.StructLayout({"valid": 1, "slot": range(core.slots), "desired": 1})
    return data.StructLayout(
        {
            "layer": range(core.steps),
            "beat": range(core.beats),
            "carried": 1,
            "carried_beat": range(core.beats),
            "slots": data.ArrayLayout(slot, core.slots),
        }
    )


def address_bits(*counts):
    """Bits of an address that concatenates indices of `counts` values each."""
    return sum(ceil_log2(count) for count in counts)
