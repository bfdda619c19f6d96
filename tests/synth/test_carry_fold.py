"""The carry fold on random cells: every half that it changes computes the same, for every input and carry."""

import json
import random
from itertools import product

import pytest

from bepboards.synth.carry_fold import fold_into_carries
from bepboards.synth.netlist import Netlist

PINS = "ABCD"


def design(rng, lut_inputs, shared):
    """A carry cell whose pins are nets, constants, or a LUT of some of the nets."""
    nets = list(range(2, 6))  # the ports of the design
    lut_net, carry_in, sums, carry_out = 6, 7, (8, 9), 10
    pins = {}
    for half in "01":
        wires = [rng.choice(nets), lut_net if half == "0" else rng.choice(nets), rng.choice("01"), rng.choice("01")]
        rng.shuffle(wires)
        pins |= {f"{pin}{half}": [wire] for pin, wire in zip(PINS, wires, strict=True)}
    source = [rng.choice(nets) for _ in range(lut_inputs)] + ["0"] * (4 - lut_inputs)
    inits = {f"INIT{half}": f"{rng.getrandbits(16):016b}" for half in "01"}
    cells = {
        "lut": cell(
            "LUT4", {"INIT": f"{rng.getrandbits(16):016b}"}, dict(zip(PINS, source, strict=True)), {"Z": lut_net}
        ),
        "carry": cell(
            "CCU2C",
            {**inits, "INJECT1_0": "NO", "INJECT1_1": "NO"},
            {name: wires[0] for name, wires in pins.items()} | {"CIN": carry_in},
            {"S0": sums[0], "S1": sums[1], "COUT": carry_out},
        ),
    }
    ports = {"i": {"direction": "input", "bits": [*nets, carry_in]}}
    ports["o"] = {"direction": "output", "bits": [*sums, carry_out, *([lut_net] if shared else [])]}
    return json.dumps({"modules": {"top": {"ports": ports, "cells": cells, "netnames": {}}}})


def cell(kind, parameters, inputs, outputs):
    directions = dict.fromkeys(inputs, "input") | dict.fromkeys(outputs, "output")
    connections = {port: [bit] for port, bit in (inputs | outputs).items()}
    return {"type": kind, "parameters": parameters, "port_directions": directions, "connections": connections}


def lookup(init, pins):
    return int(init, 2) >> sum(pin << place for place, pin in enumerate(pins)) & 1


def outputs(netlist, values):
    """Outputs of the design at these input `values`, from the cells' definitions."""
    known = {"0": 0, "1": 1, **values}
    for name in netlist.of_type("LUT4"):
        lut = netlist.cells[name]
        pins = [known[lut["connections"][pin][0]] for pin in PINS]
        known[lut["connections"]["Z"][0]] = lookup(lut["parameters"]["INIT"], pins)
    wires = {port: bits[0] for port, bits in netlist.cells["carry"]["connections"].items()}
    carry = known[wires["CIN"]]
    for half in "01":
        init = netlist.cells["carry"]["parameters"][f"INIT{half}"]
        pins = [known[wires[f"{pin}{half}"]] for pin in PINS]
        propagate, generate = lookup(init, pins), lookup(init, [*pins[:2], 0, 0])
        known[wires[f"S{half}"]] = propagate ^ carry
        carry = carry if propagate else generate
    known[wires["COUT"]] = carry
    return [known[bit] for bit in netlist.ports["o"]["bits"]]


@pytest.mark.parametrize("lut_inputs", [1, 2, 3, 4])
def test_a_fold_changes_nothing(lut_inputs):
    folded = 0
    for seed in range(150):
        text = design(random.Random(seed), lut_inputs, shared=False)
        before, after = Netlist(text, "top"), Netlist(text, "top")
        folded += (saved := fold_into_carries(after))
        assert len(after.of_type("LUT4")) == 1 - saved
        for bits in product((0, 1), repeat=5):
            values = dict(zip(before.ports["i"]["bits"], bits, strict=True))
            assert outputs(before, values) == outputs(after, values), seed
    assert folded > (20 if lut_inputs < 3 else 0)


def test_a_lut_that_others_read_stays():
    for seed in range(50):
        netlist = Netlist(design(random.Random(seed), 2, shared=True), "top")
        assert fold_into_carries(netlist) == 0
