"""SDRAM of a board as a memory of 16-bit words: LiteDRAM's controller, the chip's start-up, its pins."""
