"""Two models with few weights, fitted by Newton's method: a softmax over the segments of a question, and a logistic regression."""

from __future__ import annotations

import numpy


def fit_softmax(groups: list[tuple[numpy.ndarray, numpy.ndarray]], ridge: float, steps: int = 40) -> numpy.ndarray:
    """Weights `w` that maximise the likelihood of the correct rows of each group under `softmax(rows @ w)`. A group consists of its rows
    and a mask of the correct ones. `ridge` is the penalty on the squared weights of the standardised columns."""
    groups = [(rows, correct) for rows, correct in groups if correct.any() and not correct.all()]
    rows, correct = (numpy.concatenate(parts) for parts in zip(*groups))
    sizes = numpy.array([len(correct) for _, correct in groups])
    starts, group_of_row = numpy.cumsum(sizes) - sizes, numpy.repeat(numpy.arange(len(groups)), sizes)
    deviation = rows.std(0)
    used = deviation > 1e-6
    scale = numpy.where(used, deviation, 1.0)
    rows = rows / scale

    def evaluate(weights: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray, float]:
        scores = rows @ weights
        exponentials = numpy.exp(scores - numpy.maximum.reduceat(scores, starts)[group_of_row])
        totals, correct_totals = numpy.add.reduceat(exponentials, starts), numpy.add.reduceat(exponentials * correct, starts)
        loss = -numpy.log(correct_totals / totals).mean() + ridge * weights @ weights
        return exponentials / totals[group_of_row], exponentials * correct / correct_totals[group_of_row], float(loss)

    weights = numpy.zeros(len(scale))
    probabilities, correct_probabilities, loss = evaluate(weights)
    for _ in range(steps):
        means = numpy.add.reduceat(rows * probabilities[:, None], starts)
        gradient = rows.T @ (probabilities - correct_probabilities) / len(groups) + 2 * ridge * weights
        hessian = ((rows * probabilities[:, None]).T @ rows - means.T @ means) / len(groups) + 2 * ridge * numpy.eye(len(weights))
        step, size = numpy.linalg.solve(hessian, gradient), 1.0
        while size > 1e-4 and evaluate(weights - size * step)[2] > loss:
            size /= 2
        weights = weights - size * step
        previous_loss = loss
        probabilities, correct_probabilities, loss = evaluate(weights)
        if previous_loss - loss < 1e-7:
            break
    return numpy.where(used, weights / scale, 0.0)


def fit_logistic(rows: numpy.ndarray, correct: numpy.ndarray, sample_weights: numpy.ndarray, ridge: float = 1e-3, steps: int = 60) -> numpy.ndarray:
    """Weights of the columns, and the bias last. Each row has a sample weight."""
    sample_weights = sample_weights / sample_weights.sum()
    rows = numpy.concatenate([rows, numpy.ones((len(rows), 1))], 1)
    weights = numpy.zeros(rows.shape[1])
    for _ in range(steps):
        chance = 1 / (1 + numpy.exp(-rows @ weights))
        gradient = rows.T @ (sample_weights * (chance - correct)) + 2 * ridge * weights
        hessian = (rows * (sample_weights * chance * (1 - chance))[:, None]).T @ rows + 2 * ridge * numpy.eye(len(weights))
        step = numpy.linalg.solve(hessian, gradient)
        weights = weights - step
        if numpy.abs(step).max() < 1e-6:
            break
    return weights


def calibration_error(chance: numpy.ndarray, correct: numpy.ndarray, bins: int = 10) -> float:
    """Expected calibration error over bins of equal width."""
    bin_of_row = numpy.minimum(bins - 1, (chance * bins).astype(int))
    masks = [bin_of_row == index for index in range(bins)]
    return float(sum(abs(chance[mask].mean() - correct[mask].mean()) * mask.mean() for mask in masks if mask.any()))


def softmax(scores: numpy.ndarray) -> numpy.ndarray:
    """The softmax of scores."""
    exponentials = numpy.exp(scores - scores.max())
    return exponentials / exponentials.sum()
