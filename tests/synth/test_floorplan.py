"""Block RAMs get places of their own, near what they are wired to, before nextpnr sees the netlist."""

import json

import numpy as np
import pytest

from bepboards.synth import place_route
from bepboards.synth.device import DEVICES, find_device
from bepboards.synth.floorplan import RAM, place_block_rams, wire_length
from bepboards.synth.netlist import Netlist
from bepboards.synth.synthesis import TOP

DEVICE = find_device("85f")
LANES = 4


def ring(count):
    """`count` block RAMs in a ring, in shuffled order; between neighbours a LUT a lane, all of them on one clock."""
    order, cells, bits = np.random.default_rng(1).permutation(count), {}, iter(range(3, 10**6))
    wires = {ram: {"i": [], "o": []} for ram in range(count)}
    for number in range(count):
        for lane in range(LANES):
            a, b = next(bits), next(bits)
            wires[order[number]]["o"].append(a)
            wires[order[(number + 1) % count]]["i"].append(b)
            directions = {"A": "input", "Z": "output"}
            cells[f"lut_{number}_{lane}"] = {
                "type": "LUT4",
                "port_directions": directions,
                "connections": {"A": [a], "Z": [b]},
            }
    for ram in range(count):
        connections = {"DIA": wires[ram]["i"], "DOA": wires[ram]["o"], "CLKA": [2]}
        directions = {"DIA": "input", "DOA": "output", "CLKA": "input"}
        cells[f"ram_{ram}"] = {"type": RAM, "port_directions": directions, "connections": connections}
    ports = {"clk": {"direction": "input", "bits": [2]}}
    module = {"ports": ports, "cells": cells, "netnames": {}}
    return Netlist(json.dumps({"modules": {TOP: module}}), TOP)


def places(netlist):
    return {name: cell["attributes"]["BEL"] for name, cell in netlist.cells.items() if cell["type"] == RAM}


def test_every_block_ram_has_a_place_of_its_own_on_the_device():
    netlist = ring(150)
    place_block_rams(netlist, DEVICE)
    found = set(places(netlist).values())
    assert len(found) == 150
    assert found <= {f"X{x}/Y{y}/{name}" for x, y, name in DEVICE.block_ram_sites}
    assert all("BEL" not in cell.get("attributes", {}) for cell in netlist.cells.values() if cell["type"] != RAM)


def test_the_places_shorten_the_wires():
    """Against the mean of places drawn by lot, with every LUT half-way between its two block RAMs."""
    netlist = ring(150)
    length = place_block_rams(netlist, DEVICE)
    rng, lots = np.random.default_rng(2), []
    order = np.random.default_rng(1).permutation(150)
    for _ in range(5):
        drawn = np.array([site[:2] for site in DEVICE.block_ram_sites])[rng.permutation(208)[:150]]
        at = {f"ram_{ram}": place for ram, place in enumerate(drawn)}
        for number in range(150):
            middle = (drawn[order[number]] + drawn[order[(number + 1) % 150]]) / 2
            at |= {f"lut_{number}_{lane}": middle for lane in range(LANES)}
        lots.append(wire_length(netlist, at))
    assert length < np.mean(lots) / 3


def test_a_seed_gives_the_same_places_and_another_one_others():
    seen = []
    for seed in (5, 5, 6):
        netlist = ring(40)
        place_block_rams(netlist, DEVICE, seed)
        seen.append(places(netlist))
    assert seen[0] == seen[1] != seen[2]


def test_more_starts_find_shorter_wires():
    """The first of them is that of a floorplan with one."""
    lengths = [place_block_rams(ring(40), DEVICE, 7, starts) for starts in (1, 3, 6)]
    assert lengths == sorted(lengths, reverse=True) and lengths[2] < lengths[0]


def test_wire_length_is_the_half_perimeter_of_every_net():
    netlist = ring(2)
    at = dict.fromkeys(netlist.cells, (0, 0)) | {"ram_0": (3, 4), "lut_0_0": (1, 0)}
    # Two RAMs, 8 LUTs; ram_0 is on 4 nets to LUTs and 4 from them, of which lut_0_0 is on one, and on the clock.
    assert wire_length(netlist, at) == 8 * 7 - 1 + 7 + 1


def test_there_are_as_many_sites_as_block_rams():
    for device in DEVICES.values():
        assert len(set(device.block_ram_sites)) in (0, device.ebr)


@pytest.mark.parametrize("placer, count, planned", [("static", 150, True), ("static", 50, False), ("heap", 150, False)])
def test_it_serves_the_placer_that_needs_it(monkeypatch, tmp_path, placer, count, planned):
    """nextpnr gets the netlist of each seed, with places only where block RAMs fill the device."""
    read = {}

    class Done:
        def wait(self):
            return 1

    def start(folder, arguments):
        name = arguments[arguments.index("--json") + 1]
        seed = arguments[arguments.index("--seed") + 1]
        read[seed] = places(Netlist((folder / name).read_text(), TOP)) if planned else (folder / name).read_text()
        return Done()

    monkeypatch.setattr(place_route, "nextpnr", start)
    netlist = ring(count)
    options = {"placer": placer, "floorplans": 2}
    place_route.place_and_route(netlist, DEVICE, tmp_path, speed=6, freq=100, seeds=(1, 2), **options)
    assert set(read) == {"1", "2"} and not list(tmp_path.glob("netlist*.json"))
    if planned:
        expected = ring(count)
        place_block_rams(expected, DEVICE, 1, 2)
        assert read["1"] == places(expected) and read["1"] != read["2"]
    else:
        assert "BEL" not in read["1"]
