"""The port of a memory of 16-bit words: what the data set asks of SDRAM, block RAM or a model."""

from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["WORD_BITS", "MemorySignature", "WordsSignature", "command_layout"]

WORD_BITS = 16


def command_layout(address_bits):
    """One access of one word."""
    return data.StructLayout({"address": address_bits, "write": 1})


class WordsSignature(wiring.Signature):
    """Words that cannot be held up: `payload` is one in every cycle in which `valid` is high."""

    def __init__(self):
        super().__init__({"valid": Out(1), "payload": Out(WORD_BITS)})


class MemorySignature(wiring.Signature):
    """Port to a memory of 2^address_bits words, seen from its user.

    Commands take effect in their order. The words of reads come back in that order, at any time, and cannot be held
    up: the user must have room for what it has asked for. The word of a write is offered with its command or before
    it; it is taken with the command or later, in the order of the commands.

    Members
    -------
    commands : Out, stream of `command_layout`
    written : Out, stream of words
    read : In, words, `valid` and `payload`
    ready : In, the memory can be used; it never falls again
    """

    def __init__(self, address_bits):
        self.address_bits = address_bits
        super().__init__(
            {
                "commands": Out(stream.Signature(command_layout(address_bits))),
                "written": Out(stream.Signature(WORD_BITS)),
                "read": In(WordsSignature()),
                "ready": In(1),
            }
        )
