"""What `bepcore estimate` prints: tables of resources, memories, speed, and of cores found."""

from . import show

__all__ = ["everything"]

_NAMES = {"comb": "COMB", "ff": "FF", "ebr": "EBR"}
_FULL = 0.93  # of the LUT sites: from there on nextpnr often finds no legal placement
_ROWS = 14  # submodules shown; --json has them all


def everything(screen, record):
    """Print a record of `bepcore.estimate.record_of` and what was added to it."""
    _resources(screen, record)
    _modules(screen, record["modules"])
    _memories(screen, record["memories"])
    _clock(screen, record)
    if "training" in record:
        _speed(screen, record)
    if "command" in record:
        _found(screen, record)


def _resources(screen, record):
    core = record["core"]
    listing = show.table(
        f"{core['segments']} segments of {core['lanes']} lanes, {core['slots']} slots, {core['threads']} threads, "
        f"{core['fronts']} fronts, {core['contexts']} contexts on LFE5U-{record['device'].upper()}",
        *("resource", "used", "of", "share"),
        numbers=("used", "of", "share"),
    )
    for kind, name in _NAMES.items():
        used, have = record["resources"][kind], record["available"][kind]
        listing.add_row(name, f"{used}", f"{have}", f"{100 * used / have:.0f} %")
    screen.print(listing)
    if record["resources"]["comb"] > _FULL * record["available"]["comb"]:
        screen.print("So full a device often has no legal placement.")


def _modules(screen, modules):
    columns = ("comb", "of it LUT RAM", "ff", "ebr")
    listing = show.table("By submodule", "submodule", *columns, numbers=columns)
    ordered = sorted(modules.items(), key=lambda item: -item[1]["comb"])
    kinds = ("comb", "ram", "ff", "ebr")
    for name, part in ordered[:_ROWS]:
        listing.add_row(name, *(str(part[kind]) for kind in kinds))
    rest = [part for _, part in ordered[_ROWS:]]
    listing.add_row(f"{len(rest)} others", *(str(sum(part[kind] for part in rest)) for kind in kinds))
    screen.print(listing)


def _memories(screen, memories):
    numbers = ("count", "width", "depth", "block RAMs", "LUT RAMs")
    listing = show.table("Memories", "memory", *numbers, numbers=numbers)
    for memory in memories:
        listing.add_row(*(str(memory[key]) for key in ("name", "count", "width", "depth", "ebr", "lut_ram")))
    screen.print(listing)


def _clock(screen, record):
    clock = record["clock"]
    safe = "below 50 MHz" if clock["at_least"] is None else f"≥ {clock['at_least']} MHz"
    screen.print(
        f"Clock: [bold]{safe}[/bold] (likely {clock['mhz']:.0f} MHz, ± {100 * clock['error']:.0f} %, from "
        f"{clock['builds']} routed builds)"
    )


def _speed(screen, record):
    numbers = ("cycles a sample", "samples/s")
    listing = show.table(
        f"{record['network']}, {record['classes']} classes, batch {record['batch']}, groups of "
        f"{'/'.join(map(str, record['gamma']))}, {100 * record['trigger_rate']:g} % of the samples train; at "
        f"{record['clock']['mhz']:.0f} MHz",
        *("", *numbers),
        numbers=numbers,
    )
    for name in ("training", "inference"):
        one = record[name]
        listing.add_row(name, f"{one['cycles']:.1f}", f"{one['samples_per_second']:,}")
    screen.print(listing)
    training = record["training"]
    screen.print(
        f"W port busy {training['weights']:.1f} cycles a training sample, H port {training['hidden']:.1f}: "
        f"{100 * training['roofline']:.0f} % of the roofline"
    )


def _found(screen, record):
    screen.print(f"Build it: [bold]{record['command']}[/bold]")
    if not record["runners_up"]:
        return
    chosen = ("lanes", "segments", "slots", "threads", "fronts", "contexts")
    numbers = (*chosen, "COMB", "EBR", "cycles", "samples/s")
    listing = show.table("Smaller and slower", *numbers, numbers=numbers)
    for other in record["runners_up"]:
        core, used = other["core"], other["resources"]
        listing.add_row(
            *(str(core[key]) for key in chosen),
            *(str(used["comb"]), str(used["ebr"])),
            *(f"{other['training']['cycles']:.1f}", f"{other['training']['samples_per_second']:,}"),
        )
    screen.print(listing)
