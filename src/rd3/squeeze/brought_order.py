"""Whether a network's outputs are in another order than the target's classes, by what it answers on the test split."""

from __future__ import annotations

from math import lgamma, log

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import binom

from rd3.data.target import Target

LIKELY = 0.01  # one-sided p of a gain in image-by-image comparison, over all that are tried
WORTH_SAYING = 0.02  # accuracy that must be gained to be mentioned


def confusion_of(truth: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """How often an image of class k (row) was taken for class j (column)."""
    confusion = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(confusion, (truth, predicted), 1)
    return confusion


def other_order(confusion: NDArray[np.int64]) -> tuple[float, NDArray[np.int64]]:
    """The accuracy under the best assignment of outputs to classes, and the output of every class in it."""
    rows, columns = linear_sum_assignment(confusion, maximize=True)
    return float(confusion[rows, columns].sum() / confusion.sum()), columns


def order_notes(confusion: NDArray[np.int64], order: NDArray[np.int64], target: Target) -> list[str]:
    """What is worth saying about another order that explains clearly more."""
    exchanged = clear_exchanges(confusion, order)
    won, lost = _images([place for cycle in exchanged for place in cycle], confusion, order)
    gain = (won - lost) / int(confusion.sum())
    if gain < WORTH_SAYING:
        return []
    names = " and ".join("/".join(target.classes[place] for place in cycle) for cycle in exchanged)
    return [
        f"on the test split {100 * gain:.1f} points more with the outputs for {names} exchanged; perhaps its classes"
        " are in another order"
    ]


def order_words(order: NDArray[np.int64], target: Target) -> str:
    """The first class that another output answers to."""
    moved = next(k for k in range(target.num_classes) if order[k] != k)
    return (
        f"with its classes in another order (to all appearance its output {order[moved]} answers to"
        f" '{target.classes[moved]}', which is class {moved} here)"
    )


def clear_exchanges(confusion: NDArray[np.int64], order: NDArray[np.int64]) -> list[list[int]]:
    """The cycles of the best order that are more than luck, each as the classes that have exchanged their outputs.

    A sign test on the images that differ, over all cycles of that length: K! / ((K - m)! m) among K classes.
    """
    return [cycle for cycle in _cycles(order) if _is_clear(cycle, confusion, order)]


def _cycles(order: NDArray[np.int64]) -> list[list[int]]:
    left, cycles = set(range(len(order))), []
    for start in range(len(order)):
        cycle, place = [], start
        while place in left:
            left.remove(place)
            cycle.append(place)
            place = int(order[place])
        cycles += [cycle] if len(cycle) > 1 else []
    return cycles


def _is_clear(cycle: list[int], confusion: NDArray[np.int64], order: NDArray[np.int64]) -> bool:
    won, lost = _images(cycle, confusion, order)
    classes, length = len(order), len(cycle)
    tried = lgamma(classes + 1) - lgamma(classes - length + 1) - log(length)
    return float(binom.logsf(won - 1, won + lost, 0.5)) + tried < log(LIKELY)


def _images(classes: list[int], confusion: NDArray[np.int64], order: NDArray[np.int64]) -> tuple[int, int]:
    """How many images of some classes are right in that order, and as they are."""
    return int(confusion[classes, order[classes]].sum()), int(confusion[classes, classes].sum())
