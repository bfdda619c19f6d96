"""The core for people who do not use Amaranth: AXI4-Stream in and out, AXI4-Lite registers, standard port names."""
