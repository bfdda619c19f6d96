"""The learning rules once more, as the papers' equations read: ±1 and odd h in plain Python, one loop a sum.

Nothing here is shared with `bepsw.golden`. BEP-TT keeps W_xs, W_ss and W_sy apart, as the paper does; the core's
order of a row (inputs, then state) appears only where its random words fall on it.
"""

from math import ceil, floor, pi, sqrt

LEVELS, DITHER, TOP = 10, 16, 26


def sign(x):
    return 1 if x >= 0 else -1


def dot(x, y):
    total = 0.0
    for a, b in zip(x, y, strict=True):
        total += a * b
    return total


def best(scores):
    return max(range(len(scores)), key=lambda c: (scores[c], -c))


def margin_of(scores, label):
    return scores[label] - max(s for c, s in enumerate(scores) if c != label)


class Literal:
    """State, options and reinforcement; a rule adds `judge_and_learn`."""

    def __init__(self, setup, state):
        self.t, self.network, self.lanes = setup.training, setup.network, setup.lanes
        self.h = [[[2.0 * int(k) + 1 for k in row] for row in layer] for layer in state.hidden]
        self.w = [[[1 if bit else -1 for bit in row] for row in layer] for layer in state.weights]
        given = setup.prototypes if isinstance(setup.prototypes, tuple) else (setup.prototypes,)
        self.classifiers = [[[1 if bit else -1 for bit in row] for row in p] for p in given]
        self.bank, self.pending = [int(x) for x in state.generator], state.pending
        self.saturations = self.updates = self.sweeps = 0

    def step(self, bits, label):
        seen = self.judge_and_learn([1 if bit else -1 for bit in bits], label)
        self.pending += 1
        if self.pending == self.t.batch:
            self.sweep()
        return seen

    def gate(self, z, width):
        return [1 if not self.t.gate or abs(v) <= floor(round(self.t.nu * width, 9)) else 0 for v in z]

    def send_back(self, matrix, gate, desired, width):
        columns = range(width)
        return [sign(sum(row[i] * g * d for row, g, d in zip(matrix, gate, desired, strict=True))) for i in columns]

    def chosen(self, layer, wrong, size, terms):
        """Rows to update; `terms` is how many products z, or u, sums."""
        if self.t.select == "threshold":
            push = -1 if self.t.push is None else floor(self.t.push * sqrt(terms))
            theta = floor(self.t.theta * sqrt(terms))
            return [j for j, bad in enumerate(wrong) if size[j] <= (theta if bad else push)]
        rows, group = [], self.t.gamma[layer]
        for first in range(0, len(wrong), group):
            candidates = [j for j in range(first, first + group) if wrong[j]]
            if candidates:
                rows.append(min(candidates, key=lambda j: (size[j], j)))
        return rows

    def update(self, layer, rows, moments):
        """`moments`: (inputs, a*) at t = 1 … T; one entry for a feed-forward layer."""
        for j in rows:
            self.updates += 1
            for inputs, desired in moments:
                self.move_row(layer, j, [desired[j] * x for x in inputs])
            if self.t.online:
                self.w[layer][j] = [sign(h) for h in self.h[layer][j]]

    def move_row(self, layer, j, directions):
        row = self.h[layer][j]
        taken = [True] * len(row) if self.t.rarity == 0 else self.random_row(len(row), 2 ** (TOP - self.t.rarity))
        for i, direction in enumerate(directions):
            if taken[i]:
                row[i] = self.moved(row[i], direction)

    def moved(self, h, direction):
        if abs(h + 2 * direction) > 2**self.network.bits - 1:
            self.saturations += 1
            return h
        return h + 2 * direction

    def sweep(self):
        for layer in self.h:
            width = len(layer[0]) if self.t.local else len(layer)
            p = min(int(self.t.p_r * sqrt(2 / (pi * width)) * 2**TOP), 2**TOP - 1)
            for row in layer:
                for i, taken in enumerate(self.random_row(len(row), p)):
                    if taken:
                        row[i] = self.moved(row[i], sign(row[i]))
        self.w = [[[sign(h) for h in row] for row in layer] for layer in self.h]
        self.sweeps += 1
        self.pending = 0

    def random_row(self, length, threshold):
        """One bit a weight: a word of the generator for every `lanes` of them."""
        taken, lanes8 = [], -(-self.lanes // 8) * 8
        for first in range(0, length, self.lanes):
            flat = sum(x << 64 * n for n, x in enumerate(self.bank))
            u = flat >> LEVELS * lanes8 & (1 << DITHER) - 1
            for lane in range(min(self.lanes, length - first)):
                r = sum((flat >> level * lanes8 + lane & 1) << level for level in range(LEVELS))
                taken.append((r << DITHER | u) < threshold)
            self.bank = [self.xorshift(x) for x in self.bank]
        return taken

    def xorshift(self, x):
        for shift in (13, -7, 17):
            x ^= (x << shift if shift > 0 else x >> -shift) & (2**64 - 1)
        return x


class LiteralBep(Literal):
    """BEP for an MLP with the options: desired activations from the top, a gate, rows, steps."""

    def judge_and_learn(self, x, label):
        a, z = [x], []
        for layer in self.w:
            z.append([dot(row, a[-1]) for row in layer])
            a.append([sign(v) for v in z[-1]])
        scores = [dot(p, a[-1]) for p in self.classifiers[0]]
        margin = margin_of(scores, label)
        seen = dict(prediction=best(scores), margin=margin, z=z)
        if margin >= ceil(round(self.t.r * len(a[-1]), 9)):
            return {**seen, "triggered": False}
        desired = [self.classifiers[0][label]]
        for n in range(len(z) - 1, 0, -1):
            gate = self.gate(z[n], len(a[n]))
            desired.insert(0, self.send_back(self.w[n], gate, desired[0], len(a[n])))
        winners = []
        for n, wanted in enumerate(desired):
            wrong = [u != v for u, v in zip(a[n + 1], wanted, strict=True)]
            winners.append(self.chosen(n, wrong, [abs(v) for v in z[n]], len(a[n])))
            self.update(n, winners[n], [(a[n], wanted)])
        return {**seen, "triggered": True, "desired": desired, "winners": winners}


class LiteralTime(Literal):
    """BEP-TT: s_t = sign(W_xs x_t + W_ss s_{t−1}), s_0 = +1; masks from u_j = Σ_t s*_{t,j}·z_{t,j}."""

    def judge_and_learn(self, bits, label):
        inputs, units = self.network.widths[:2]
        w_xs = [row[:inputs] for row in self.w[0]]
        w_ss = [row[inputs:] for row in self.w[0]]
        x = [bits[t * inputs : (t + 1) * inputs] for t in range(self.network.steps)]
        s, z = [[1] * units], []  # s[t] is s_t, z[t − 1] is z_t
        for x_t in x:
            z.append([dot(w_xs[j], x_t) + dot(w_ss[j], s[-1]) for j in range(units)])
            s.append([sign(v) for v in z[-1]])
        y, z_y = [s[-1]], []
        for layer in self.w[1:]:
            z_y.append([dot(row, y[-1]) for row in layer])
            y.append([sign(v) for v in z_y[-1]])
        scores = [dot(p, y[-1]) for p in self.classifiers[0]]
        margin = margin_of(scores, label)
        seen = dict(prediction=best(scores), margin=margin, z=[z, *z_y])
        if margin >= ceil(round(self.t.r * len(y[-1]), 9)):
            return {**seen, "triggered": False}
        above = [self.classifiers[0][label]]
        for n in range(len(z_y) - 1, -1, -1):
            gate = self.gate(z_y[n], len(y[n]))
            above.insert(0, self.send_back(self.w[n + 1], gate, above[0], len(y[n])))
        wanted = [above.pop(0)]  # s*_T
        for t in range(self.network.steps - 1, 0, -1):
            gate = [1 if not self.t.gate or abs(v) <= floor(round(self.t.nu * units, 9)) else 0 for v in z[t]]
            wanted.insert(0, self.send_back(w_ss, gate, wanted[0], units))
        u = [sum(wanted[t][j] * z[t][j] for t in range(len(z))) for j in range(units)]
        terms = self.network.steps * (inputs + units)
        winners = [self.chosen(0, [v < 0 for v in u], [abs(v) for v in u], terms)]
        self.update(0, winners[0], [(x[t] + s[t], wanted[t]) for t in range(len(z))])
        for n, desired in enumerate(above):
            wrong = [p != q for p, q in zip(y[n + 1], desired, strict=True)]
            winners.append(self.chosen(n + 1, wrong, [abs(v) for v in z_y[n]], len(y[n])))
            self.update(n + 1, winners[-1], [(y[n], desired)])
        return {**seen, "triggered": True, "desired": [wanted, *above], "winners": winners}


class LiteralLocal(Literal):
    """The local rule: a layer learns iff its own classifier errs, or is right by less than r·K_l."""

    def judge_and_learn(self, x, label):
        a, z, triggers, desired, winners = [x], [], [], [], []
        before = [[list(row) for row in layer] for layer in self.w]
        for layer in before:
            z.append([dot(row, a[-1]) for row in layer])
            a.append([sign(v) for v in z[-1]])
        for n, prototypes in enumerate(self.classifiers):
            scores = [dot(p, a[n + 1]) for p in prototypes]
            ordered = sorted(scores)
            prediction, margin = best(scores), margin_of(scores, label)
            tight = ordered[-1] - ordered[-2] < max(1, ceil(round(self.t.r * len(a[n + 1]), 9)))
            triggers.append(prediction != label or tight)
            desired.append(prototypes[label])
            winners.append([])
            if triggers[n]:
                wrong = [u != v for u, v in zip(a[n + 1], desired[n], strict=True)]
                winners[n] = self.chosen(n, wrong, [abs(v) for v in z[n]], len(a[n]))
                self.update(n, winners[n], [(a[n], desired[n])])
        seen = dict(prediction=prediction, margin=margin, z=z, layer_triggers=triggers, triggered=any(triggers))
        return {**seen, "desired": desired, "winners": winners} if any(triggers) else seen
