"""Class-wise and half-class terms, against loops and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from rd3.recover.comparisons import class_moments, distance, half_of_classes, of_classes, overall
from rd3.recover.plan import PlanItem
from rd3.recover.statistics import moments
from rd3.squeeze.bank import ClassStatistics
from rd3.squeeze.readings import image_moments


def item(labels: list[int]) -> PlanItem:
    return PlanItem(0, torch.tensor(labels), torch.arange(len(labels)))


def features(count: int = 7) -> Tensor:
    return torch.randn(count, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 2 + 1


@pytest.fixture
def statistics() -> ClassStatistics:
    values = torch.rand(3, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    return ClassStatistics(torch.tensor([5.0, 3.0, 1.0, 4.0], dtype=torch.float64), *values)


LABELS = [2, 0, 2, 3, 0, 2, 3]


def test_moments_of_classes_are_numpys() -> None:
    batch = features()
    together = item(LABELS)
    mean, variance = class_moments(*image_moments(batch), together)
    classes, _, _ = together.classes
    assert classes.tolist() == [0, 2, 3]
    for row, label in enumerate(classes.tolist()):
        own = np.moveaxis(batch.numpy()[np.array(LABELS) == label], 1, 0).reshape(3, -1)
        np.testing.assert_allclose(mean[row], own.mean(1), rtol=1e-12)
        np.testing.assert_allclose(variance[row], own.var(1), rtol=1e-12)


@pytest.mark.parametrize("weight", [1.0, 11.0])
def test_the_term_of_classes_is_that_of_a_plain_loop(weight: float, statistics: ClassStatistics) -> None:
    batch, terms = features().numpy(), []
    for label in (0, 2, 3):
        own = np.moveaxis(batch[np.array(LABELS) == label], 1, 0).reshape(3, -1)
        off_mean = own.mean(1) - statistics.mean[label].numpy()
        off_variance = own.var(1) - statistics.variance[label].numpy()
        terms.append(np.sqrt((off_mean**2).sum()) + weight * np.sqrt((off_variance**2).sum()))
    found = of_classes(statistics, weight)(*image_moments(features()), item(LABELS))
    assert float(found) == pytest.approx(np.mean(terms), rel=1e-12)


def test_one_class_is_the_usual_term_with_that_class_s_targets(statistics: ClassStatistics) -> None:
    """LPLD's batches have one class: the term is SRe2L's but for the targets."""
    mean, variance = moments(features())
    usual = distance(mean - statistics.mean[1], variance - statistics.variance[1], 1.0)
    found = of_classes(statistics, 1.0)(*image_moments(features()), item([1] * 7))
    torch.testing.assert_close(found, usual, rtol=1e-12, atol=0)


def test_half_is_of_all_and_half_of_the_labels_class_averages(statistics: ClassStatistics) -> None:
    mean, variance = (value.numpy() for value in moments(features()))
    share = statistics.count.numpy() / 13
    whole_mean = sum(share[k] * statistics.mean[k].numpy() for k in range(4))
    spread = [statistics.variance[k].numpy() + (statistics.mean[k].numpy() - whole_mean) ** 2 for k in range(4)]
    whole_variance = sum(share[k] * spread[k] for k in range(4))
    class_mean = np.mean([statistics.mean[label].numpy() for label in LABELS], axis=0)
    class_variance = np.mean([statistics.within[label].numpy() for label in LABELS], axis=0)
    expected = 0.0
    for target_mean, target_variance in ((whole_mean, whole_variance), (class_mean, class_variance)):
        expected += np.linalg.norm(mean - target_mean) / 2 + np.linalg.norm(variance - target_variance) / 2
    compare = half_of_classes(overall(statistics, 1.0), statistics, 1.0)
    assert float(compare(*moments(features()), item(LABELS))) == pytest.approx(expected, rel=1e-12)


def test_gradients_are_those_of_finite_differences(statistics: ClassStatistics) -> None:
    start = features(4).requires_grad_()
    labels = item([0, 2, 0, 1])
    by_class = of_classes(statistics, 2.0)
    assert torch.autograd.gradcheck(lambda x: by_class(*image_moments(x), labels), (start,))
    half = half_of_classes(overall(statistics, 2.0), statistics, 2.0)
    assert torch.autograd.gradcheck(lambda x: half(*moments(x), labels), (start,))


def test_gradients_are_finite_where_a_class_is_matched_exactly() -> None:
    start = features(2).requires_grad_()
    mean, variance = image_moments(start.detach())
    statistics = ClassStatistics(torch.ones(2), mean, variance, variance)
    term = of_classes(statistics, 1.0)(*image_moments(start), item([0, 1]))
    term.backward()  # type: ignore[no-untyped-call]
    assert float(term.detach()) < 1e-12
    assert start.grad is not None
    assert bool(start.grad.isfinite().all())
