"""Multinomial logistic regression on hashed features, with numpy and nothing else."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SHORTEST = 1e-10
"""A step below this length leads nowhere."""

_FLAT = 1e-14
"""A curvature below this says nothing."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Sparse rows: for each the places that are set and their values, and the same ordered by place.

    Attributes:
        places: The places, row after row.
        values: What stands there.
        starts: Where each row begins.
        size: How many places there are.
    """

    places: Ints
    values: Floats
    starts: Ints
    size: int

    @classmethod
    def of(cls, rows: Sequence[Sequence[tuple[int, float]]], size: int) -> "Rows":
        """Make them from pairs of place and value; no row may be empty."""
        places = np.array([place for row in rows for place, _ in row], dtype=np.int64)
        values = np.array([value for row in rows for _, value in row], dtype=np.float64)
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        return cls(places, values, np.concatenate(([0], np.cumsum(lengths)[:-1])), size)

    def times(self, weights: Floats) -> Floats:
        """Each row times a matrix of a row per place; column by column, which keeps to the cache."""
        columns = np.ascontiguousarray(weights.T)
        return np.stack(
            [np.add.reduceat(column[self.places] * self.values, self.starts) for column in columns], axis=1
        )

    def transposed(self) -> Callable[[Floats], Floats]:
        """A function that multiplies the transposed rows with a matrix of a row per row."""
        lengths = np.diff(np.append(self.starts, len(self.places)))
        owner = np.repeat(np.arange(len(self.starts)), lengths)
        order = np.argsort(self.places, kind="stable")
        used, first = np.unique(self.places[order], return_index=True)
        owner, values = owner[order], self.values[order]

        def times(matrix: Floats) -> Floats:
            result = np.zeros((self.size, matrix.shape[1]))
            for number, column in enumerate(np.ascontiguousarray(matrix.T)):
                result[used, number] = np.add.reduceat(column[owner] * values, first)
            return result

        return times


def softmax(scores: Floats) -> Floats:
    """Scores as probabilities, row by row."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fit(rows: Rows, targets: Floats, weights: Floats, *, penalty: float, steps: int = 120) -> Floats:
    """The matrix of a row per place and a column per class that explains the targets best.

    Args:
        rows: The examples.
        targets: A row per example with the probability of each class.
        weights: How much each example counts.
        penalty: On the squares of the matrix, per unit of weight.
        steps: At most so many.
    """
    used, places = np.unique(rows.places, return_inverse=True)
    rows, size = Rows(places, rows.values, rows.starts, len(used)), rows.size
    found = _fitted(rows.times, rows.transposed(), rows.size, targets, weights, penalty, steps)
    result = np.zeros((size, targets.shape[1]))
    result[used] = found
    return result


def fit_dense(rows: Floats, targets: Floats, weights: Floats, *, penalty: float, steps: int = 120) -> Floats:
    """The same for rows in which every place is set.

    Args:
        rows: The examples, a row each.
        targets: A row per example with the probability of each class.
        weights: How much each example counts.
        penalty: On the squares of the matrix, per unit of weight.
        steps: At most so many.
    """
    back = np.ascontiguousarray(rows.T)
    return _fitted(
        lambda matrix: rows @ matrix,
        lambda slope: back @ slope,
        rows.shape[1],
        targets,
        weights,
        penalty,
        steps,
    )


def _fitted(  # noqa: PLR0913, PLR0917  # all that a fit depends on
    times: Callable[[Floats], Floats],
    back: Callable[[Floats], Floats],
    size: int,
    targets: Floats,
    weights: Floats,
    penalty: float,
    steps: int,
) -> Floats:
    total = weights.sum()

    def cost(flat: Floats) -> tuple[float, Floats]:
        matrix = flat.reshape(size, -1)
        chances = softmax(times(matrix))
        loss = -(weights * (targets * np.log(chances + 1e-12)).sum(axis=1)).sum() / total
        slope = back((chances - targets) * weights[:, None]) / total + penalty * matrix
        return float(loss + penalty / 2 * np.sum(flat * flat)), slope.ravel()

    start = np.zeros(size * targets.shape[1])
    return _descend(cost, start, steps).reshape(size, -1)


def _descend(cost: Callable[[Floats], tuple[float, Floats]], at: Floats, steps: int) -> Floats:
    """L-BFGS with a memory of ten (Nocedal and Wright, "Numerical Optimization", 2006, algorithm 7.5)."""
    memory: deque[tuple[Floats, Floats, float]] = deque(maxlen=10)
    value, slope = cost(at)
    for _ in range(steps):
        way = -_scaled(slope, memory)
        downhill = float(np.sum(way * slope))
        length = 1.0 if memory else 1.0 / max(1.0, float(np.sqrt(np.sum(slope * slope))))
        while True:
            there = at + length * way
            new_value, new_slope = cost(there)
            if new_value <= value + 1e-4 * length * downhill or length < _SHORTEST:
                break
            length /= 2
        step, bend = there - at, new_slope - slope
        if (curve := float(np.sum(step * bend))) > _FLAT:
            memory.append((step, bend, 1 / curve))
        done = abs(value - new_value) < 1e-7 * max(1.0, abs(value))
        at, value, slope = there, new_value, new_slope
        if done:
            break
    return at


def _scaled(slope: Floats, memory: deque[tuple[Floats, Floats, float]]) -> Floats:
    way = slope.copy()
    shares = []
    for step, bend, scale in reversed(memory):
        share = scale * float(np.sum(step * way))
        shares.append(share)
        way -= share * bend
    if memory:
        step, bend, scale = memory[-1]
        way *= 1 / (scale * float(np.sum(bend * bend)))
    for (step, bend, scale), share in zip(memory, reversed(shares), strict=True):
        way += (share - scale * float(np.sum(bend * way))) * step
    return way
