"""Deal groups to sides so that every class keeps the requested fractions.

A class's deviation is its count on a side minus the expected count. The cost of a deal is
chi-square's: squared deviations over expected counts, summed over classes and sides, plus a tenth
of the same for all classes together, which breaks ties between equally good deals.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_TOTAL_WEIGHT = 0.1
_MAX_REPAIRS = 1000
_MAX_KINDS_TO_SWAP = 1500  # swaps of all pairs of kinds are tried: kinds squared
_WORTHWHILE = 1e-9


class NoDealError(Exception):
    """A class cannot be on every side."""

    def __init__(self, class_index: int) -> None:
        """Keep the class that is missing from a side."""
        super().__init__(class_index)
        self.class_index = class_index


@dataclass
class _Table:
    """A partial deal: the number of groups of each kind on each side.

    Groups with the same number of pictures of each class are of one kind, and interchangeable.
    """

    pictures: Ints  # (kinds, classes) pictures of each class in one group of the kind
    # (kinds, classes + 1) the same and their sum, scaled so that the cost is a plain sum of squares
    # over `fractions`
    weighed: Floats
    dealt: Ints  # (kinds, sides) groups
    fractions: Floats  # (sides,) requested

    @classmethod
    def empty(cls, pictures: Ints, multiplicity: Ints, fractions: Floats) -> "_Table":
        """A table before the first group is dealt."""
        count = (pictures * multiplicity[:, None]).sum(axis=0)
        total = pictures.sum(axis=1, keepdims=True)
        scale = np.append(count, count.sum() / _TOTAL_WEIGHT)
        weighed = np.concatenate([pictures, total], axis=1) / np.sqrt(scale)
        dealt = np.zeros((len(pictures), len(fractions)), np.int64)
        return cls(pictures, weighed, dealt, fractions)

    def deviations(self) -> Floats:
        """(classes + 1, sides) weighed deviations."""
        held: Floats = self.weighed.T @ self.dealt
        return held - held.sum(axis=1, keepdims=True) * self.fractions

    def groups_of_class(self) -> Ints:
        """(classes, sides) groups that hold the class."""
        held: Ints = (self.pictures > 0).T.astype(np.int64) @ self.dealt
        return held


def deal(pictures: Ints, fractions: Floats) -> Ints:
    """Deal groups to sides, the largest first, then improve the deal by moves and swaps.

    Args:
        pictures: (groups, classes) pictures of each class in each group; equal groups are dealt in
            this order (shuffle it for another deal).
        fractions: (sides,) shares, summing to 1.

    Returns:
        (groups,) side numbers. Every class is on every side.

    Raises:
        NoDealError: a class cannot be on every side.

    Examples:
        >>> groups = np.array([[6, 0], [2, 0], [2, 0], [0, 5], [0, 3], [0, 2]])  # of two classes
        >>> sides = deal(groups, np.array([0.6, 0.2, 0.2]))
        >>> [groups[sides == side].sum(axis=0).tolist() for side in range(3)]
        [[6, 5], [2, 3], [2, 2]]
    """
    kinds, kind_of = np.unique(pictures, axis=0, return_inverse=True)
    kind_of = kind_of.reshape(-1)
    table = _Table.empty(kinds, np.bincount(kind_of), fractions)
    sides = _deal_greedily(table, kind_of, np.argsort(-pictures.sum(axis=1), kind="stable"))
    before = table.dealt.copy()
    _fill_empty_sides(table)
    _repair(table)
    return _apply(sides, kind_of, before, table.dealt)


def _deal_greedily(table: _Table, kind_of: Ints, order: Ints) -> Ints:
    """Assign each group in turn to the side where it adds the least cost."""
    weighed = [[(k, v) for k, v in enumerate(row) if v] for row in table.weighed.tolist()]
    weight = (table.weighed**2).sum(axis=1).tolist()
    expected = np.outer(table.weighed[kind_of].sum(axis=0), table.fractions)
    deviation = (-expected).tolist()
    inverse = (1 / table.fractions).tolist()
    sides = np.empty(len(kind_of), np.int64)
    for group in order.tolist():
        kind = kind_of[group]
        costs = [
            (2 * sum(v * deviation[k][side] for k, v in weighed[kind]) + weight[kind])
            * inverse[side]
            for side in range(len(inverse))
        ]
        side = costs.index(min(costs))
        for k, v in weighed[kind]:
            deviation[k][side] += v
        table.dealt[kind, side] += 1
        sides[group] = side
    return sides


def _fill_empty_sides(table: _Table) -> None:
    """Move groups until every class is on every side, at the least cost."""
    while (table.groups_of_class() == 0).any():
        class_index, to = np.argwhere(table.groups_of_class() == 0)[0]
        costs = _move_costs(table)[:, :, to]
        holds = table.pictures[:, class_index] > 0
        allowed = holds[:, None] & (table.dealt > 0) & ~_indispensable(table)
        if not allowed.any():
            raise NoDealError(int(class_index))
        costs = np.where(allowed, costs, np.inf)
        kind, source = np.unravel_index(np.argmin(costs), costs.shape)
        table.dealt[kind, source] -= 1
        table.dealt[kind, to] += 1


def _repair(table: _Table) -> None:
    """Apply the best move or swap of two groups until none improves the deal."""
    for _ in range(_MAX_REPAIRS):
        best = min(_best_move(table), _best_swap(table), key=lambda step: step[0])
        cost, out, source, back, to = best
        if cost > -_WORTHWHILE:
            return
        table.dealt[out, source] -= 1
        table.dealt[out, to] += 1
        if back >= 0:
            table.dealt[back, to] -= 1
            table.dealt[back, source] += 1


_Step = tuple[float, int, int, int, int]  # cost, kind out, source, kind back (-1: none), to


def _best_move(table: _Table) -> _Step:
    """The move of one group that lowers the cost most."""
    costs = _move_costs(table)
    allowed = (table.dealt > 0) & ~_indispensable(table)
    costs = np.where(allowed[:, :, None], costs, np.inf)
    kind, source, to = np.unravel_index(np.argmin(costs), costs.shape)
    return float(costs[kind, source, to]), int(kind), int(source), -1, int(to)


def _best_swap(table: _Table) -> _Step:
    """The swap of two groups between two sides that lowers the cost most."""
    best: _Step = (np.inf, 0, 0, -1, 0)
    if len(table.dealt) > _MAX_KINDS_TO_SWAP:
        return best
    slope = _slopes(table)
    gram = table.weighed @ table.weighed.T
    square = np.diag(gram)
    apart = square[:, None] + square[None, :] - 2 * gram
    for source in range(len(table.fractions)):
        for to in range(source + 1, len(table.fractions)):
            tilt = slope[:, to] - slope[:, source]
            inverse = 1 / table.fractions[source] + 1 / table.fractions[to]
            costs = tilt[:, None] - tilt[None, :] + inverse * apart
            allowed = (table.dealt[:, source] > 0)[:, None] & (table.dealt[:, to] > 0)[None, :]
            allowed &= ~_would_empty(table, source) & ~_would_empty(table, to).T
            costs = np.where(allowed, costs, np.inf)
            out, back = np.unravel_index(np.argmin(costs), costs.shape)
            best = min(best, (float(costs[out, back]), int(out), source, int(back), to))
    return best


def _slopes(table: _Table) -> Floats:
    """(kinds, sides) twice the weighed deviation along each kind, over the side's fraction."""
    slope: Floats = 2 * (table.weighed @ table.deviations()) / table.fractions
    return slope


def _move_costs(table: _Table) -> Floats:
    """(kinds, source, to) change of cost when one group of the kind moves."""
    slope = _slopes(table)
    square = (table.weighed**2).sum(axis=1)
    inverse = 1 / table.fractions
    change = slope[:, None, :] - slope[:, :, None]
    change += square[:, None, None] * (inverse[None, :, None] + inverse[None, None, :])
    sides = np.arange(len(table.fractions))
    change[:, sides, sides] = np.inf
    return change


def _indispensable(table: _Table) -> Bools:
    """(kinds, sides) whether some class would leave the side with one group of the kind."""
    last = table.groups_of_class() == 1
    return ((table.pictures > 0).astype(np.int64) @ last.astype(np.int64)) > 0


def _would_empty(table: _Table, side: int) -> Bools:
    """(out, back) whether a class would leave `side` when `out` goes and `back` comes."""
    holds = table.pictures > 0
    needed = holds & (table.groups_of_class()[:, side] == 1)
    return (needed.astype(np.int64) @ (~holds).T.astype(np.int64)) > 0


def _apply(sides: Ints, kind_of: Ints, before: Ints, after: Ints) -> Ints:
    """Move the last dealt groups of each kind so that `before` becomes `after`."""
    moved = sides.copy()
    for kind in np.flatnonzero((before != after).any(axis=1)):
        members = np.flatnonzero(kind_of == kind)
        spare = after[kind] - before[kind]
        takers = np.repeat(np.arange(len(spare)), np.maximum(spare, 0))
        givers = []
        for side in np.flatnonzero(spare < 0):
            givers.extend(members[sides[members] == side][spare[side] :])
        moved[givers] = takers
    return moved
