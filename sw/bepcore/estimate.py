"""`bepcore estimate`: resources, clock class and speed of a core in a second, without synthesis; or the best core.

With --core the core is given. Without it, the best core for --network on --device is looked for; core parameters that
are given then stay as they are.
"""

from bepboards.synth.device import find_device
from bepboards.synth.resources import does_not_fit
from bepsw.core import PRESETS
from bepsw.errors import BepError
from bepsw.estimate.clock import clock
from bepsw.estimate.logic import clock_table, resources, total
from bepsw.estimate.memories import memories
from bepsw.estimate.rate import cycles, inference_cycles
from bepsw.estimate.search import Design, Search

from . import estimate_show, options, show, workload
from .synth import _DEVICES

__all__ = ["add_arguments", "command", "record_of", "run"]

_RUNNERS_UP = 4


def add_arguments(parser):
    """Arguments of `bepcore estimate`."""
    workload.add_arguments(parser)
    parser.add_argument("--device", choices=("25f", "45f", "85f"), help="ECP5 size (default: the preset's, or 85f)")
    parser.add_argument("--speed", type=int, choices=(6, 7, 8), default=6, help="speed grade (default: 6)")
    parser.add_argument("--core", metavar="PRESET", help=f"{'|'.join(PRESETS)}; without it, the best core is found")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    notes = {"classes": "of the network (default: 10) and of the core", "bits": "of both (default: 8)"}
    options.add_parameters(parser, "core parameters (see bepsw.core.Core)", notes)


def run(args):
    """Estimate the core, or find it; print."""
    workload.check(args)
    if args.core is None and args.network is None:
        raise BepError("Give a --network to find the best core for it, or a --core to estimate.")
    device = find_device(args.device or _DEVICES.get(args.core, "85f"))
    fixed = options.given(args, options.PARAMETERS)
    screen = show.console(args)
    if args.core is None:
        network = workload.network(args, fixed.get("bits", 8))
        designs = Search(
            network,
            workload.training(args, network),
            device,
            trigger_rate=args.trigger_rate,
            speed=args.speed,
            fixed=fixed,
        ).run()
        best, others = designs[0], _smaller(designs)[:_RUNNERS_UP]
    else:
        core = options.core_from(args, args.core)
        network = None if args.network is None else workload.network(args, core.bits)
        best, others = _given(args, core, network, device), None
    record = record_of(best, device, args.speed)
    if network is not None:
        training = workload.training(args, network)
        record |= _speed(best, network, training, args.trigger_rate)
    if others is not None:
        record["command"] = command(best.core, device, args.speed)
        record["runners_up"] = [
            record_of(other, device, args.speed, brief=True) | {"command": command(other.core, device, args.speed)}
            for other in others
        ]
    estimate_show.everything(screen, record)
    show.emit(args, record)
    return 0


def _given(args, core, network, device):
    """The `Design` of a core that the user names."""
    parts = resources(core)
    used = total(parts)
    for name in ("comb", "ff", "ebr"):
        if used[name] > getattr(device, name):
            raise does_not_fit(device, name, used[name], _outermost(parts))
    rate = None if network is None else cycles(network, core, workload.training(args, network), args.trigger_rate)
    return Design(core, parts, used, rate, clock(used["comb"], device, args.speed, clock_table()))


def _outermost(parts):
    """Resources by the first name of the submodules."""
    found = {}
    for name, part in parts.items():
        outer = found.setdefault(name.split(".")[0], dict.fromkeys(part, 0))
        for kind, value in part.items():
            outer[kind] += value
    return found


def _smaller(designs):
    """Of designs, best first, those that take less logic than all before them, the first left out."""
    kept = designs[:1]
    for design in designs[1:]:
        if design.used["comb"] < kept[-1].used["comb"]:
            kept.append(design)
    return kept[1:]


def record_of(design, device, speed, *, brief=False):
    """A design as plain values; a `brief` one without submodules and memories."""
    record = {
        "core": design.core.as_dict(),
        "device": device.name,
        "speed": speed,
        "resources": design.used,
        "available": {name: getattr(device, name) for name in ("comb", "ff", "ebr")},
        "clock": {
            "mhz": round(design.clock.mhz, 1),
            "error": design.clock.error,
            "at_least": design.clock.at_least,
            "builds": clock_table()["builds"],
        },
    }
    if design.rate is not None:
        record["training"] = {
            "cycles": round(design.rate.training, 2),
            "samples_per_second": round(design.samples_per_second),
            "weights": round(design.rate.weights, 2),
            "hidden": round(design.rate.hidden, 2),
            "roofline": round(design.rate.roofline, 4),
        }
    if brief:
        return record
    listed = [
        {
            "name": memory.name,
            "count": memory.count,
            "width": memory.width,
            "depth": memory.depth,
            "ebr": memory.count * memory.use.ebr,
            "lut_ram": memory.count * memory.use.ram,
        }
        for memory in memories(design.core)
    ]
    return record | {"modules": design.parts, "memories": listed}


def _speed(design, network, training, trigger_rate):
    spent = inference_cycles(network, design.core, training)
    return {
        "network": str(network),
        "classes": network.classes,
        "batch": 1 if training.online else training.batch,
        "gamma": list(training.gamma),
        "trigger_rate": trigger_rate,
        "inference": {"cycles": round(spent, 2), "samples_per_second": round(design.clock.mhz * 1e6 / spent)},
    }


def command(core, device, speed=6):
    """The `bepcore synth` that builds a core: the preset nearest to it, and what differs."""

    def changes(name):
        return {key: value for key, value in core.as_dict().items() if value != getattr(PRESETS[name], key)}

    name = min(PRESETS, key=lambda name: len(changes(name)))
    words = [f"--{key.replace('_', '-')} {value}" for key, value in changes(name).items()]
    grade = [] if speed == 6 else [f"--speed {speed}"]
    return " ".join(["bepcore synth", f"--core {name}", *words, f"--device {device.name}", *grade])
