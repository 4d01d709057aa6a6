"""Two models with few weights, fitted by Newton's method: a softmax over the segments of a question, and a logistic regression."""

from __future__ import annotations

import numpy


def softmax(groups: list[tuple[numpy.ndarray, numpy.ndarray]], ridge: float, steps: int = 40) -> numpy.ndarray:
    """Weights `w` that maximise the share of the right rows of each group in `softmax(rows @ w)`. A group is its rows and a mask of the
    right ones. `ridge` keeps the weights of standardised columns near 0."""
    groups = [(rows, right) for rows, right in groups if right.any() and not right.all()]
    rows, right = (numpy.concatenate(parts) for parts in zip(*groups))
    sizes = numpy.array([len(right) for _, right in groups])
    starts, of = numpy.cumsum(sizes) - sizes, numpy.repeat(numpy.arange(len(groups)), sizes)
    spread = rows.std(0)
    used = spread > 1e-6
    scale = numpy.where(used, spread, 1.0)
    rows = rows / scale

    def shares(weights: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray, float]:
        scores = rows @ weights
        grown = numpy.exp(scores - numpy.maximum.reduceat(scores, starts)[of])
        whole, of_right = numpy.add.reduceat(grown, starts), numpy.add.reduceat(grown * right, starts)
        wrong = -numpy.log(of_right / whole).mean() + ridge * weights @ weights
        return grown / whole[of], grown * right / of_right[of], float(wrong)

    weights = numpy.zeros(len(scale))
    all_shares, right_shares, wrong = shares(weights)
    for _ in range(steps):
        means = numpy.add.reduceat(rows * all_shares[:, None], starts)
        slope = rows.T @ (all_shares - right_shares) / len(groups) + 2 * ridge * weights
        curve = ((rows * all_shares[:, None]).T @ rows - means.T @ means) / len(groups) + 2 * ridge * numpy.eye(len(weights))
        step, size = numpy.linalg.solve(curve, slope), 1.0
        while size > 1e-4 and shares(weights - size * step)[2] > wrong:
            size /= 2
        weights = weights - size * step
        before = wrong
        all_shares, right_shares, wrong = shares(weights)
        if before - wrong < 1e-7:
            break
    return numpy.where(used, weights / scale, 0.0)


def logistic(rows: numpy.ndarray, right: numpy.ndarray, shares: numpy.ndarray, ridge: float = 1e-3, steps: int = 60) -> numpy.ndarray:
    """Weights of the columns and the bias; each row counts by its share."""
    shares = shares / shares.sum()
    rows = numpy.concatenate([rows, numpy.ones((len(rows), 1))], 1)
    weights = numpy.zeros(rows.shape[1])
    for _ in range(steps):
        chance = 1 / (1 + numpy.exp(-rows @ weights))
        slope = rows.T @ (shares * (chance - right)) + 2 * ridge * weights
        curve = (rows * (shares * chance * (1 - chance))[:, None]).T @ rows + 2 * ridge * numpy.eye(len(weights))
        step = numpy.linalg.solve(curve, slope)
        weights = weights - step
        if numpy.abs(step).max() < 1e-6:
            break
    return weights


def calibration_error(chance: numpy.ndarray, right: numpy.ndarray, bins: int = 10) -> float:
    """Expected calibration error over bins of equal width."""
    at = numpy.minimum(bins - 1, (chance * bins).astype(int))
    return float(sum(abs(chance[at == number].mean() - right[at == number].mean()) * (at == number).mean() for number in range(bins) if (at == number).any()))


def shares(scores: numpy.ndarray) -> numpy.ndarray:
    """The softmax of scores."""
    grown = numpy.exp(scores - scores.max())
    return grown / grown.sum()
