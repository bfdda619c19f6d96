"""`bepcore synth`: from core parameters to a routed ECP5 design: what it takes, how fast it is, what is slowest."""

from bepsw.core import PRESETS
from bepsw.errors import BepError

from . import options, show, workload

__all__ = ["add_arguments", "run", "table"]

_DEVICES = {"tiny": "25f", "small": "25f", "medium": "85f", "reference": "85f", "fast": "85f"}
_ROWS = 12  # rows of each list; --json has them all


def add_arguments(parser):
    """Arguments of `bepcore synth`."""
    parser.add_argument("--core", metavar="PRESET", default="small", help=f"{'|'.join(PRESETS)} (default: small)")
    parser.add_argument("--device", choices=("25f", "45f", "85f"), help="ECP5 size (default: what the preset is for)")
    parser.add_argument("--speed", type=int, choices=(6, 7, 8), default=6, help="speed grade (default: 6)")
    parser.add_argument("--freq", type=float, default=160.0, metavar="MHZ", help="what to aim for (default: 160)")
    parser.add_argument(
        "--seeds", type=options.sizes, default=(1,), metavar="N,N", help="seeds of placement (default: 1)"
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="seeds at a time (default: 2)")
    parser.add_argument("--placer", metavar="heap|static", help="placer of nextpnr (default: by size)")
    parser.add_argument(
        "--floorplans", type=int, default=1, metavar="N", help="starts of a large core's floorplan a seed (default: 1)"
    )
    parser.add_argument(
        "--technology", default="ecp5", metavar="ecp5|neutral", help="what is done beyond Yosys (default: ecp5)"
    )
    routes = parser.add_mutually_exclusive_group()
    routes.add_argument(
        "--route", type=int, metavar="N", help="place all seeds, then route the N that promise most (default: all)"
    )
    routes.add_argument("--no-route", action="store_true", help="stop after synthesis: resources and estimated paths")
    parser.add_argument("--out", metavar="DIR", help="folder for report, netlist and logs")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    workload.add_arguments(parser)
    options.add_parameters(parser)


def run(args):
    """Synthesise, place, route, print."""
    # Imported late: the help text needs no Amaranth.
    from bepboards.synth.device import find_device
    from bepboards.synth.place_route import PLACERS
    from bepboards.synth.technology import find_technology

    if args.placer not in (None, *PLACERS):
        raise BepError(f"There is no placer {args.placer!r}; choose {' or '.join(PLACERS)}.")
    if args.jobs < 1 or args.floorplans < 1 or not args.freq > 0 or not args.seeds:
        raise BepError("--jobs, --floorplans, --freq and --seeds must be positive.")
    if args.route is not None and not 1 <= args.route <= len(args.seeds):
        raise BepError(f"--route must be from 1 to the number of seeds, {len(args.seeds)}, not {args.route}.")
    workload.check(args)
    core, device = options.core_from(args, args.core), find_device(args.device or _DEVICES[args.core])
    if args.network is not None:
        workload.rates(args, core, args.freq)  # refuses a network that does not fit, before the long work
    screen, technology = show.console(args), find_technology(args.technology)
    if args.no_route:
        return _estimate(args, screen, core, device, technology)

    from bepboards.synth.flow import build_core

    build = build_core(
        core,
        device,
        speed=args.speed,
        freq=args.freq,
        seeds=args.seeds,
        jobs=args.jobs,
        placer=args.placer,
        floorplans=args.floorplans,
        routes=args.route,
        technology=technology,
        out=args.out,
        say=lambda text: screen.print(text, style="dim"),
    )
    record = build.as_dict()
    if args.network is not None:
        record |= workload.rates(args, core, build.fmax)
    _print(screen, args, build, record)
    show.emit(args, record)
    return 0


def _estimate(args, screen, core, device, technology):
    """Resources and estimated arrival times of the netlist."""
    import tempfile

    from bepboards.synth.resources import by_module, check_fit, count
    from bepboards.synth.structure import arrivals
    from bepboards.synth.synthesis import synthesise

    with tempfile.TemporaryDirectory(prefix="bep-synth-") as folder:
        made = synthesise(core, folder, technology)
    check_fit(made.netlist, device)
    needs, late = count(made.netlist), arrivals(made.netlist)
    _print_use(screen, args.core, device, needs)
    _print_modules(screen, by_module(made.netlist))
    slow = show.table("Slowest registers, estimated before placement", *_SLOW, numbers=_SLOW[1:4])
    for register, ns, bits, depth, source in late[: 2 * _ROWS]:
        slow.add_row(register, f"{ns:.1f}", str(bits), str(depth), source)
    screen.print(slow)
    show.emit(
        args,
        {
            "core": core.as_dict(),
            "device": device.name,
            "technology": technology.name,
            "netlist": dict(needs),
            "modules": {module: dict(cells) for module, cells in by_module(made.netlist).items()},
            "arrivals": [dict(zip(("register", "ns", "inputs", "depth", "source"), row, strict=True)) for row in late],
        },
    )
    return 0


_SLOW = ("register", "ns", "inputs", "depth", "from")


def _print(screen, args, build, record):
    _print_use(screen, args.core, build.device, build.used)
    _print_modules(screen, build.modules)
    path = build.path
    if path is not None:
        steps = show.table(
            f"Critical path: {path.start} → {path.end}, {path.ns} ns, {path.routing} in wires, {path.levels} levels",
            "signal",
            "ns",
            numbers=("ns",),
        )
        for step in path.steps:
            steps.add_row(step.signal, f"{step.arrival:.2f}")
        screen.print(steps)
    slow = show.table("Registers within 10 % of it", "submodule", "register", "inputs", "ns", numbers=("inputs", "ns"))
    rows = [(m, r, n, ns) for m, registers in build.slow.items() for r, (n, ns) in registers.items()]
    for module, register, inputs, ns in sorted(rows, key=lambda row: -row[3])[:_ROWS]:
        slow.add_row(module, register.removeprefix(f"{module}."), str(inputs), f"{ns:.2f}")
    screen.print(slow)
    seeds = ", ".join(f"{seed}: {mhz or 'failed'}" for seed, mhz in build.fmax_by_seed.items())
    placed = ", ".join(f"{seed}: {mhz}" for seed, mhz in build.promise_by_seed.items())
    if placed:
        screen.print(f"MHz before routing, by seed: {placed}.")
    screen.print(f"[bold]{build.fmax} MHz[/bold] with seed {build.seed}; by seed: {seeds}. {build.minutes} minutes.")
    if args.network is not None:
        screen.print(
            f"{args.network}: {show.rate(record['training_rate'])} in training ({record['cycles']} cycles a sample, "
            f"{show.percent(args.trigger_rate)} of them trigger), {show.rate(record['inference_rate'])} in inference"
        )


def _print_use(screen, name, device, used):
    from bepboards.synth.device import RESOURCES

    listing = table(f"Core {name} on LFE5U-{device.name.upper()}")
    for resource in RESOURCES:
        have = getattr(device, resource)
        listing.add_row(
            resource.upper(), f"{used.get(resource, 0)}", f"{have}", f"{100 * used.get(resource, 0) / have:.0f} %"
        )
    screen.print(listing)


def table(title):
    """An empty table of used and available resources."""
    return show.table(title, "resource", "used", "of", "share", numbers=("used", "of", "share"))


def _print_modules(screen, modules):
    columns = ("comb", "lut", "carry", "ram", "ff", "ebr")
    listing = show.table("By submodule, before placement", "submodule", *columns, numbers=columns)
    for module, cells in list(modules.items())[:_ROWS]:
        listing.add_row(module, *(str(cells.get(column, 0)) for column in columns))
    rest = list(modules.values())[_ROWS:]
    listing.add_row(f"{len(rest)} others", *(str(sum(cells.get(c, 0) for cells in rest)) for c in columns))
    screen.print(listing)
