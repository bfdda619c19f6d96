"""Where the block RAMs of a large core go: a floorplan before the placer sees the netlist.

Block RAMs stand in a few rows across the chip, and a core that trains fills nearly all of them. nextpnr places logic
and block RAMs together as if these could stand anywhere and then moves each to the nearest free place, which doubles
the wires. Here they get their places first, and the placer finds the best logic around them.

    random places ─► logic where its wires pull it, block RAMs fixed ─► block RAMs pulled too, held to their places ─┐
           ▲                                                                                                         │
           └──────────── each to the place with the shortest wires, by linear assignment ◄───────────────────────────┘

Where the first places were drawn badly, rows stay swapped: of several starts, which take some rounds each, the best go
on.

Quadratic placement with the bound-to-bound net model of Spindler, Schlichtmann and Johannes (Kraftwerk2, IEEE TCAD
27(8), 2008): minimising it is minimising the half perimeter of every net.
"""

from collections import defaultdict
from itertools import chain
from operator import itemgetter

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from .netlist import CONSTANTS

__all__ = ["RAM", "place_block_rams", "wire_length"]

RAM = "DP16KD"

_ROUNDS = 16
_FIRST, _BEST = 4, 3  # rounds after which only so many starts go on
_STEPS, _EXACT = 300, 1e-4  # of the solver: at most, and the rest of the pull that is left
_WIDEST = 400  # pins; clocks and resets go everywhere anyhow
_NEAR = 2.0  # tiles: nearer pins do not pull harder
_HOLD, _HARDER = 0.3, 1.3  # of a block RAM to its place in the first round; and so much more every round


def place_block_rams(netlist, device, seed=0, starts=1):
    """Give every block RAM of `netlist` a place on `device`, as the attribute BEL, which nextpnr follows.

    Takes about 20 s for a core of 40 000 cells, with 8 starts 100 s. The same seed gives the same places.

    Parameters
    ----------
    starts : first places drawn by lot; the shortest wires that come of them win.

    Returns
    -------
    float
        Half perimeter of all nets in tiles, with the logic where its wires pull it.
    """
    wires = _Wires(netlist)
    sites = list(device.block_ram_sites)
    where = np.array([site[:2] for site in sites], float)
    rng = np.random.default_rng(seed)
    begun = []
    for _ in range(starts):
        at = where.mean(axis=0) + rng.normal(0, 1, (len(wires.names), 2))
        at[wires.rams] = where[rng.permutation(len(sites))[: len(wires.rams)]]
        begun.append(_rounds(wires, at, where, range(_FIRST))[-1])
    begun.sort(key=itemgetter(0))
    rests = [_rounds(wires, at, where, range(_FIRST, _ROUNDS)) for _, at in begun[:_BEST]]
    best, at = min(chain.from_iterable(rests), key=itemgetter(0))
    places = at[wires.rams]
    named = {(x, y): f"X{x}/Y{y}/{bel}" for x, y, bel in sites}
    for ram, (x, y) in zip(wires.rams, places.astype(int), strict=True):
        netlist.cells[wires.names[ram]].setdefault("attributes", {})["BEL"] = named[x, y]
    return float(best)


def _rounds(wires, at, where, numbers):
    """Wire length and positions after each round, from `at` on; later ones hold block RAMs harder to their places."""
    found = []
    for number in numbers:
        if number:
            at = _assigned(wires, at, where, hold=_HOLD * _HARDER ** (number - 1))
        for _ in range(3 if number else 6):
            at = wires.pull(at, wires.is_ram)
        found.append((wires.length(at), at))
    return found


def _assigned(wires, at, where, hold):
    """Positions with the block RAMs pulled from where they are, if held there by `hold`, each put to a place then."""
    loose, nobody = at, np.zeros(len(at), bool)
    for _ in range(2):
        loose = wires.pull(loose, nobody, to=at, hold=np.where(wires.is_ram, hold, 0.0))
    _, chosen = linear_sum_assignment(wires.cost_of(loose, where))
    loose[wires.rams] = where[chosen]
    return loose


def wire_length(netlist, at):
    """Half perimeter of all nets of a netlist, cells being where `at`, {name: (x, y)}, says."""
    wires = _Wires(netlist)
    return float(wires.length(np.array([at[name] for name in wires.names], float)))


class _Wires:
    """Cells and the nets between them, as arrays.

    names : of the cells. is_ram, rams : which are block RAMs, their indices.
    pins : cell of every pin, net after net; of_net : net of every pin; first, size : of every net.
    """

    def __init__(self, netlist):
        self.names = list(netlist.cells)
        nets = defaultdict(set)
        for number, name in enumerate(self.names):
            for bits in netlist.cells[name]["connections"].values():
                for bit in bits:
                    if bit not in CONSTANTS:
                        nets[bit].add(number)
        nets = [sorted(net) for net in nets.values() if 1 < len(net) <= _WIDEST]
        self.is_ram = np.array([netlist.cells[name]["type"] == RAM for name in self.names])
        self.rams = np.flatnonzero(self.is_ram)
        self.size = np.array([len(net) for net in nets])
        self.pins = np.concatenate([np.array(net) for net in nets])
        self.of_net = np.repeat(np.arange(len(nets)), self.size)
        self.first = np.concatenate([[0], np.cumsum(self.size)[:-1]])
        self._others = {ram: [] for ram in self.rams}  # of each of its nets the pins of logic; all, where there is none
        for net in map(np.array, nets):
            logic = net[~self.is_ram[net]]
            for ram in net[self.is_ram[net]]:
                self._others[ram].append(logic if len(logic) else net[net != ram])

    def length(self, at):
        """Half perimeter of all nets."""
        pins = at[self.pins]
        return (np.maximum.reduceat(pins, self.first) - np.minimum.reduceat(pins, self.first)).sum()

    def cost_of(self, at, where):
        """Wire (block RAM, place) that a block RAM would add there to its nets."""
        cost = np.zeros((len(self.rams), len(where)))
        for row, ram in zip(cost, self.rams, strict=True):
            for others in self._others[ram]:
                low, high = at[others].min(axis=0), at[others].max(axis=0)
                row += (np.maximum(low - where, 0) + np.maximum(where - high, 0)).sum(axis=1) ** 2
        return cost

    def pull(self, at, fixed, to=None, hold=None):
        """Positions after one quadratic step from `at`; `fixed` cells stay, the others are held to `to` by `hold`."""
        moved = at.copy()
        free = np.flatnonzero(~fixed)
        number = np.full(len(at), -1)
        number[free] = np.arange(len(free))
        for axis in (0, 1):
            a, b, weight = self._springs(at[:, axis])
            diagonal, pull = np.full(len(free), 1e-6), 1e-6 * at[free, axis]
            inner = ~fixed[a] & ~fixed[b]
            rows, columns = number[a[inner]], number[b[inner]]
            for ends in (rows, columns):
                np.add.at(diagonal, ends, weight[inner])
            for one, other in ((a, b), (b, a)):
                edge = ~fixed[one] & fixed[other]
                np.add.at(diagonal, number[one[edge]], weight[edge])
                np.add.at(pull, number[one[edge]], weight[edge] * at[other[edge], axis])
            if to is not None:
                diagonal += hold[free]
                pull += hold[free] * to[free, axis]
            springs = sparse.coo_matrix((-weight[inner], (rows, columns)), shape=(len(free), len(free)))
            system = (springs + springs.T + sparse.diags(diagonal)).tocsr()
            moved[free, axis] = _solve(system, diagonal, pull, at[free, axis])
        return moved

    def _springs(self, at):
        """Bound-to-bound model along one axis: every pin of a net to the two at its ends; (cell, cell, weight)."""
        pins = self.pins[np.lexsort((at[self.pins], self.of_net))]
        low, high = pins[self.first], pins[self.first + self.size - 1]
        one = np.concatenate([pins, pins])
        other = np.concatenate([np.repeat(low, self.size), np.repeat(high, self.size)])
        weight = np.tile(1.0 / np.repeat(self.size - 1, self.size), 2)
        real = one != other
        one, other, weight = one[real], other[real], weight[real]
        return one, other, weight / np.maximum(np.abs(at[one] - at[other]), _NEAR)


def _solve(system, diagonal, pull, x):
    """Conjugate gradients with the diagonal as preconditioner, from `x` on.

    SciPy's own takes its inner products from BLAS, whose threads stand in each other's way beside other work.
    """
    residual = pull - system @ x
    enough = _EXACT * np.sqrt((pull * pull).sum())
    z = residual / diagonal
    direction, product = z, (residual * z).sum()
    for _ in range(_STEPS):
        if np.sqrt((residual * residual).sum()) <= enough:
            break
        moved = system @ direction
        step = product / (direction * moved).sum()
        x, residual = x + step * direction, residual - step * moved
        z = residual / diagonal
        product, before = (residual * z).sum(), product
        direction = z + product / before * direction
    return x
