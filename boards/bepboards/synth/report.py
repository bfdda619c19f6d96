"""nextpnr's JSON report in the names of the source: what was used, how fast, and what is slowest."""

from collections import Counter
from dataclasses import dataclass

from .harness import PREFIX
from .source_names import module_of, signal_of

__all__ = ["KINDS", "Path", "Step", "critical_path", "slow_endpoints", "utilisation"]

KINDS = {"comb": "TRELLIS_COMB", "ff": "TRELLIS_FF", "ebr": "DP16KD", "dsp": "MULT18X18D"}
"""{resource: nextpnr's name}."""


@dataclass(frozen=True)
class Step:
    """A stretch of a path: the signal it goes through, ns since the clock edge at its end."""

    signal: str
    arrival: float


@dataclass(frozen=True)
class Path:
    """The slowest path between two registers.

    start, end : signals. ns : in all, of which `routing` in wires; levels : LUTs and carry chains on the way.
    steps : one per signal of the source.
    """

    start: str
    end: str
    ns: float
    routing: float
    levels: int
    steps: tuple


def utilisation(report):
    """{resource: cells used}, the harness included."""
    return {name: report["utilization"][kind]["used"] for name, kind in KINDS.items()}


def critical_path(report, clock=None):
    """The slowest `Path` from a clock edge to an edge of the same clock; None in a design that has none.

    clock : net of the clock, as in `Attempt.clocks`; any when None.
    """
    paths = [p for p in report["critical_paths"] if "async" not in p["from"] and p["from"] == p["to"]]
    if clock is not None:
        paths = [p for p in paths if p["from"].split()[-1].removeprefix("$glbnet$") == clock]
    if not paths:
        return None
    slowest = max(paths, key=lambda path: sum(step["delay"] for step in path["path"]))["path"]
    arrival, routing, levels, steps = 0.0, 0.0, 0, []
    for step in slowest:
        arrival += step["delay"]
        if step["type"] == "routing":
            routing += step["delay"]
            signal = signal_of(step["net"])
            if steps and steps[-1].signal == signal:
                steps.pop()
            steps.append(Step(signal, round(arrival, 2)))
        # Within a carry chain the steps are many and short, and the chain is one level.
        elif step["type"] == "logic" and not _carries_on(step):
            levels += 1
    return Path(
        start=signal_of(slowest[0]["from"]["cell"]),
        end=signal_of(slowest[-1]["to"]["cell"]),
        ns=round(arrival, 2),
        routing=round(routing, 2),
        levels=levels,
        steps=tuple(steps),
    )


def _carries_on(step):
    return step["from"]["port"] in ("FCI", "CIN")


def slow_endpoints(report, scopes, share=0.9):
    """Registers whose slowest input arrives later than `share` of the slowest of all.

    Parameters
    ----------
    scopes : paths of the submodules, as in `Netlist.scopes`.

    Returns
    -------
    dict
        {submodule: {register: (bits, ns)}}: modules by number of bits, registers by lateness.
    """
    late = Counter()
    for net in report.get("detailed_net_timings", []):
        for end in net["endpoints"]:
            if not end["cell"].startswith(PREFIX) and end["event"] != "<async>":
                late[end["cell"], end["port"]] = max(late[end["cell"], end["port"]], end["delay"][1])
    limit = share * max(late.values(), default=0)
    modules = {}
    for (cell, _), ns in late.items():
        if ns >= limit:
            registers = modules.setdefault(module_of(cell, scopes), {})
            bits, worst = registers.get(signal_of(cell), (0, 0.0))
            registers[signal_of(cell)] = bits + 1, max(worst, round(ns, 2))
    size = {module: sum(bits for bits, _ in registers.values()) for module, registers in modules.items()}
    return {
        module: dict(sorted(modules[module].items(), key=lambda item: (-item[1][1], item[0])))
        for module in sorted(modules, key=lambda module: (-size[module], module))
    }
