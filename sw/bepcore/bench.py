"""`bepcore bench`: the measurements that README and docs quote, one subcommand each."""

import importlib

__all__ = ["add_arguments", "run"]

_BENCHES = {
    "golden": ("bench_golden", "training samples a second of the golden model"),
    "cycles": ("bench_cycles", "clock cycles a training sample takes on a core, and where they go"),
    "synth": ("bench_synth", "routed builds of docs/results.md: logic, memory, clock"),
    "boards": ("bench_boards", "bitstreams of docs/results.md: logic, memory, clock, samples a second"),
    "estimate": ("bench_estimate", "estimates of resources and clock beside syntheses and routed builds"),
    "accuracy": ("bench_accuracy", "accuracies of docs/results.md, with their plots"),
    "sequences": ("bench_sequences", "accuracies of recurrent networks on time series"),
}


def add_arguments(parser):
    """Arguments of `bepcore bench`, those of its subcommands included."""
    benches = parser.add_subparsers(dest="bench", metavar="BENCH", required=True, parser_class=type(parser))
    for name, (file, words) in _BENCHES.items():
        module = importlib.import_module(f".{file}", __package__)
        bench = benches.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
        bench.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
        module.add_arguments(bench)
        bench.set_defaults(bench_run=module.run)


def run(args):
    """Run the bench that was asked for."""
    return args.bench_run(args)
