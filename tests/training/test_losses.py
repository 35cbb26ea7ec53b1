"""Losses against scipy, numpy formulas and closed-form gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import log_softmax, rel_entr, softmax
from torch import Tensor

from rd3.base.errors import UserError
from rd3.base.spec import parse
from rd3.training.losses import Labels, Loss, ce, kl, soft_ce


@pytest.fixture
def batch() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Student and teacher logits (7, 10), own and partners' labels."""
    rng = np.random.default_rng(0)
    student, teacher = torch.from_numpy(rng.normal(0, 4, size=(2, 7, 10)).astype(np.float32))
    hard, partner = torch.from_numpy(rng.integers(0, 10, size=(2, 7)))
    return student, teacher, hard, partner


@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
def test_kl_is_the_mean_relative_entropy(batch: tuple[Tensor, ...], temperature: float) -> None:
    student, teacher, *_ = batch
    p, q = (softmax(x.double().numpy() / temperature, axis=1) for x in (teacher, student))
    expected = rel_entr(p, q).sum() / 7
    assert kl(student, teacher, temperature=temperature).item() == pytest.approx(expected, rel=1e-4)
    squared = kl(student, teacher, temperature=temperature, t2=True).item()
    assert squared == pytest.approx(temperature**2 * expected, rel=1e-4)


def test_the_gradient_of_kl_is_the_difference_of_softmaxes(batch: tuple[Tensor, ...]) -> None:
    student, teacher, *_ = batch
    student.requires_grad_()
    kl(student, teacher, temperature=20).backward()
    p, q = (softmax(x.detach().double().numpy() / 20, axis=1) for x in (teacher, student))
    assert student.grad is not None
    np.testing.assert_allclose(student.grad.numpy(), (q - p) / (20 * 7), atol=1e-8)


def test_kl_is_zero_for_equal_logits_and_finite_for_extreme_ones() -> None:
    logits = torch.tensor([[1000.0, 0.0, -1000.0]])
    assert kl(logits, logits).item() == 0
    assert kl(-logits, logits).item() == pytest.approx(2000)


def test_soft_cross_entropy_is_kl_plus_the_teachers_entropy(batch: tuple[Tensor, ...]) -> None:
    student, teacher, *_ = batch
    p, log_q = softmax(teacher.double().numpy() / 3, axis=1), log_softmax(student.double().numpy() / 3, axis=1)
    value = soft_ce(student, teacher, temperature=3).item()
    assert value == pytest.approx(-(p * log_q).sum() / 7, rel=1e-5)
    assert value == pytest.approx(kl(student, teacher, temperature=3).item() - (p * np.log(p)).sum() / 7, rel=1e-5)
    assert soft_ce(student, teacher, temperature=3, t2=True).item() == pytest.approx(9 * value, rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.8])
def test_cross_entropy_of_mixed_images_weighs_both_labels(batch: tuple[Tensor, ...], smoothing: float) -> None:
    student, _, hard, partner = batch
    weight = torch.tensor(0.3)
    log_q = log_softmax(student.double().numpy(), axis=1)
    target = 0.3 * np.eye(10)[hard] + 0.7 * np.eye(10)[partner]
    expected = -(((1 - smoothing) * target + smoothing / 10) * log_q).sum() / 7
    value = ce(student, Labels(hard, partner, weight), label_smoothing=smoothing).item()
    assert value == pytest.approx(expected, rel=1e-5)


def test_cross_entropy_without_mixing_is_torchs(batch: tuple[Tensor, ...]) -> None:
    student, _, hard, partner = batch
    assert torch.equal(ce(student, Labels(hard)), F.cross_entropy(student, hard))
    whole = ce(student, Labels(hard, partner, torch.tensor(1.0)))
    torch.testing.assert_close(whole, F.cross_entropy(student, hard))


@pytest.mark.parametrize("gamma", [0.0, 0.025, 0.1, 0.15])
def test_mse_gt_is_the_mean_over_all_logits_plus_gamma_cross_entropy(batch: tuple[Tensor, ...], gamma: float) -> None:
    student, teacher, hard, partner = batch
    s, t = student.double().numpy(), teacher.double().numpy()
    expected = ((s - t) ** 2).mean() - gamma * log_softmax(s, axis=1)[np.arange(7), hard].mean()
    mixed = Labels(hard, partner, torch.tensor(0.2), teacher)  # the label is the image's own, though it is mixed
    assert Loss(kind="mse-gt", gamma=gamma)(student, mixed).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("gt_label", ["own", "mixed"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("kind", ["kl", "soft-ce", "mse-gt"])
def test_every_soft_loss_is_joined_by_gamma_cross_entropy(
    batch: tuple[Tensor, ...], kind: str, smoothing: float, gt_label: str
) -> None:
    student, teacher, hard, partner = batch
    s, t = student.double().numpy(), teacher.double().numpy()
    p, log_q = softmax(t / 4, axis=1), log_softmax(s / 4, axis=1)
    soft = {
        "kl": rel_entr(p, np.exp(log_q)).sum() / 7,
        "soft-ce": -(p * log_q).sum() / 7,
        "mse-gt": ((s - t) ** 2).mean(),
    }[kind]
    truth = np.eye(10)[hard] if gt_label == "own" else 0.2 * np.eye(10)[hard] + 0.8 * np.eye(10)[partner]
    smooth = (1 - smoothing) * truth + smoothing / 10
    expected = soft - 0.3 * (smooth * log_softmax(s, axis=1)).sum() / 7
    values = {"temperature": 4, "gamma": 0.3, "gt_label": gt_label, "label_smoothing": smoothing}
    loss = parse(Loss, {"kind": kind, **values}, where="loss")
    labels = Labels(hard, partner, torch.tensor(0.2), teacher)
    assert loss(student, labels).item() == pytest.approx(expected, rel=1e-4)


def test_a_loss_by_name_is_its_function(batch: tuple[Tensor, ...]) -> None:
    student, teacher, hard, partner = batch
    labels = Labels(hard, partner, torch.tensor(0.4), teacher)
    pairs = [
        (Loss(kind="ce", label_smoothing=0.1), ce(student, labels, label_smoothing=0.1)),
        (Loss(kind="kl", temperature=20), kl(student, teacher, temperature=20)),
        (Loss(kind="kl", temperature=20, t2=True), kl(student, teacher, temperature=20, t2=True)),
        (Loss(kind="soft-ce", temperature=2), soft_ce(student, teacher, temperature=2)),
        (Loss(kind="mse-gt"), F.mse_loss(student, teacher)),
    ]
    for loss, expected in pairs:
        assert torch.equal(loss(student, labels), expected)
        assert loss.needs_teacher == (loss.kind != "ce")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "kll"}, "loss: kind = 'kll'"),
        ({"kind": "kl", "temperature": 0}, "loss: temperature = 0"),
        ({"kind": "kl", "temperatur": 4}, "loss: unknown key 'temperatur'; did you mean 'temperature'?"),
    ],
)
def test_bad_settings_are_one_line_that_names_them(values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match="loss") as caught:
        parse(Loss, values, where="loss")
    assert message in str(caught.value)
