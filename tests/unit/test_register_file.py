"""RegisterFile: every register of the map by its address, counters, sticky errors, commands."""

import random

import pytest

from bephw.register_file import RESET_CYCLES, RegisterFile
from bepsw import registers
from bepsw.registers import address

from .bench import core_of, trace

ADDRESSES = {register.name: register.address for register in registers.REGISTERS}


def read(name):
    return {"bus.valid": 1, "bus.write": 0, "bus.addr": address(name)}


def write(name, value):
    return {"bus.valid": 1, "bus.write": 1, "bus.addr": address(name), "bus.wdata": value}


IDLE = {"bus.valid": 0}


def test_identity_version_and_every_capability():
    core = core_of(segments=6, contexts=8, threads=1)
    names = ["IDENTITY", "VERSION", *(name.upper() for name in registers.CAPABILITIES)]
    seen = trace(RegisterFile(core), [read(name) for name in names], ["bus.rdata", "bus.ready"], after=0)
    values = [getattr(core, name) for name in registers.CAPABILITIES]
    assert seen["bus.rdata"] == [registers.IDENTITY, registers.VERSION, *values] and set(seen["bus.ready"]) == {1}


@pytest.mark.parametrize("seed", [1, 2])
def test_settings_keep_what_was_written(seed):
    rng = random.Random(seed)
    widths = {"CONTROL": 3, "MARGIN": 7, "BATCH": 16, "CLASS_COUNT": 7}
    outputs = {"MARGIN": "margin", "BATCH": "batch", "CLASS_COUNT": "class_count"}
    kept = {"CONTROL": 0, "MARGIN": 0, "BATCH": 1, "CLASS_COUNT": 0}
    inputs, expected = [], []
    for _ in range(200):
        name = rng.choice(list(widths))
        if rng.random() < 0.5:
            value = rng.getrandbits(32)
            inputs.append(write(name, value) | {"bus.valid": rng.randrange(2)})
            if inputs[-1]["bus.valid"]:
                kept[name] = value & (1 << widths[name]) - 1
        else:
            inputs.append(read(name))
            expected.append((len(inputs) - 1, dict(kept), name))
    seen = trace(RegisterFile(core_of()), inputs, ["bus.rdata", "run", "train", "online", *outputs.values()], after=0)
    assert len(expected) > 50
    for cycle, state, name in expected:
        assert seen["bus.rdata"][cycle] == state[name]
        assert [seen[output][cycle] for output in outputs.values()] == [state[name] for name in outputs]
        flags = seen["run"][cycle] | seen["train"][cycle] << 1 | seen["online"][cycle] << 2
        assert flags == state["CONTROL"]


def test_a_write_elsewhere_changes_nothing():
    core = core_of()
    known = set(ADDRESSES.values())
    inputs = [write("CONTROL", 5), write("MARGIN", 9), write("BATCH", 17), write("CLASS_COUNT", 3)]
    for at in [*range(0x80), 0x100, 0x120, 0x8020, 0xFFFF]:
        writable = at in known and next(r for r in registers.REGISTERS if r.address == at).access != "r"
        if not writable:
            inputs.append({"bus.valid": 1, "bus.write": 1, "bus.addr": at, "bus.wdata": 0xFFFF_FFFF})
    first = len(inputs)
    inputs += [read(name) for name in ("CONTROL", "MARGIN", "BATCH", "CLASS_COUNT", "IDENTITY", "SAMPLES", "ERRORS")]
    watch = ["bus.rdata", "reset", "set_pending", "set_select", "set_row", "push", "pull"]
    seen = trace(RegisterFile(core), inputs, watch, after=0)
    assert seen["bus.rdata"][first:] == [5, 9, 17, 3, registers.IDENTITY, 0, 0]
    assert not any(value for name in watch[2:] for value in seen[name])
    assert seen["reset"] == [int(cycle < RESET_CYCLES) for cycle in range(len(inputs))], "only after power-on"


def test_what_is_no_register_reads_zero():
    unknown = [at for at in (*range(0x80), 0x1001, 0x8000) if at not in ADDRESSES.values()]
    inputs = [{"bus.valid": 1, "bus.addr": at} for at in unknown]
    assert not any(trace(RegisterFile(core_of()), inputs, ["bus.rdata"], after=0)["bus.rdata"])


@pytest.mark.parametrize("seed", [1])
def test_counters_add_up_and_clear(seed):
    rng, core = random.Random(seed), core_of(lanes=144)
    names = list(registers.COUNTERS)
    totals = dict.fromkeys(names, 0)
    inputs = []
    for _ in range(60):
        step = {f"count_{name}": rng.randrange(core.lanes + 1) for name in names}
        inputs.append(step | IDLE)
        for name in names:
            totals[name] += step[f"count_{name}"]
    inputs.append(IDLE | {f"count_{name}": 0 for name in names})
    reads = [read(f"{name.upper()}{high}") for name in names for high in ("", "_HIGH")]
    inputs += [*reads, write("COMMAND", 0), *reads, write("COMMAND", 2), *reads]
    seen = trace(RegisterFile(core), inputs, ["bus.rdata"], after=0)["bus.rdata"]
    expected = [part for name in names for part in (totals[name], 0)]
    first, n = 61, len(reads)
    assert seen[first : first + n] == seen[first + n + 1 :][:n] == expected and seen[-n:] == [0] * n


def test_reset_lasts_long_enough_to_run_empty():
    """After power-on and from the cycle after the command; a command during it starts it anew."""
    wait = [IDLE] * (RESET_CYCLES + 5)
    inputs = [*wait, write("COMMAND", 1), *wait, write("COMMAND", 3), *[IDLE] * 9, write("COMMAND", 1), *wait]
    seen = trace(RegisterFile(core_of()), inputs, ["reset"], after=0)["reset"]
    commands = [cycle for cycle, step in enumerate(inputs) if step is not IDLE]
    high = {*range(RESET_CYCLES)}
    for command in commands:
        high |= {*range(command + 2, command + 2 + RESET_CYCLES - 1)}
    assert {cycle for cycle, reset in enumerate(seen) if reset} == high


def test_errors_stick_until_a_one_is_written():
    core = core_of()
    check = [IDLE | {"errors": 0}, read("ERRORS")]
    inputs = [{"errors": 0b001}, *check, {"errors": 0b100} | IDLE, *check, write("ERRORS", 0b001), *check]
    inputs += [write("ERRORS", 0b100) | {"errors": 0b100}, *check, write("ERRORS", 0b111), *check]
    seen = trace(RegisterFile(core), inputs, ["bus.rdata"], after=0)["bus.rdata"]
    assert [seen[cycle] for cycle in (2, 5, 8, 11, 14)] == [0b001, 0b101, 0b100, 0b100, 0]


def test_pulses_and_values_of_the_window():
    core = core_of()
    inputs = [
        write("PENDING", 40), write("WINDOW_SELECT", 3), write("WINDOW_ADDRESS", 500), write("WINDOW_DATA", 0xDEADBEEF),
        read("PENDING") | {"pending": 77}, read("WINDOW_SELECT") | {"select": 5},
        read("WINDOW_ADDRESS") | {"row": 1 << 31}, read("STATUS"), read("STATUS") | {"idle": 1}, IDLE,
    ]  # fmt: skip
    names = ["set_pending", "set_select", "set_row", "push"]
    seen = trace(RegisterFile(core), inputs, [*names, "value", "bus.rdata"], after=0)
    for cycle, name in enumerate(names):
        assert [other for other in names if seen[other][cycle]] == [name]
        assert seen["value"][cycle] == inputs[cycle]["bus.wdata"]
    assert seen["bus.rdata"][4:9] == [77, 5, 1 << 31, 0, 1] and not any(sum(seen[name][4:]) for name in names)


def test_a_window_read_waits_for_its_piece():
    inputs = [read("WINDOW_DATA"), {}, {}, {"piece": 0xCAFE, "piece_ready": 1}, IDLE]
    seen = trace(RegisterFile(core_of()), inputs, ["bus.ready", "bus.rdata", "pull", "push"], after=0)
    assert seen["bus.ready"][:4] == [0, 0, 0, 1] and seen["pull"] == [1, 1, 1, 1, 0] and not any(seen["push"])
    assert seen["bus.rdata"][3] == 0xCAFE
