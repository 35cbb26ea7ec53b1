"""Recipes: phases, counts, and the JSON that stored teachers are found by."""

from __future__ import annotations

import pytest

from rd3.base.spec import parse
from rd3.training.recipe import Recipe

PLAIN = {
    "epochs": 10,
    "batch_size": 32,
    "optimiser": {"kind": "sgd", "lr": 1.0},
    "schedule": {"kind": "cosine"},
    "loss": {"kind": "kl", "temperature": 20.0},
}
WRITTEN = ["augment", "batch_size", "drop_last", "ema", "epochs", "loss", "mix", "optimiser", "schedule"]


def recipe(**changes: object) -> Recipe:
    return parse(Recipe, PLAIN | changes, where="test")


def test_switches_that_are_off_are_not_written_so_that_stored_teachers_are_found() -> None:
    assert sorted(recipe().as_json()) == WRITTEN
    assert sorted(recipe().as_json()["loss"]) == ["gamma", "kind", "label_smoothing", "t2", "temperature"]


def test_switches_that_are_on_are_written_and_read_again() -> None:
    chosen = recipe(
        micro_batch=8, hard_phase=(0.25, 0.75), loss={"kind": "kl", "gt_label": "mixed"}, mix={"kind": "mixup"}
    )
    assert {"micro_batch", "hard_phase"} == set(chosen.as_json()) - set(WRITTEN)
    assert chosen.as_json()["loss"]["gt_label"] == "mixed"
    assert parse(Recipe, chosen.as_json(), where="test") == chosen


@pytest.mark.parametrize(
    ("epochs", "phase", "first", "last"),
    [(300, (0.25, 0.75), 75, 225), (10, (0.3, 0.7), 3, 7), (10, (0.0, 1.0), 0, 10), (3, (0.5, 1.0), 2, 3)],
)
def test_the_hard_phase_lies_between_its_fractions(epochs, phase, first, last) -> None:
    chosen = recipe(epochs=epochs, hard_phase=phase)
    assert [epoch for epoch in range(epochs) if chosen.is_hard(epoch)] == list(range(first, last))
    assert chosen.soft_epochs == epochs - (last - first)


def test_hard_labels_are_hard_in_every_epoch() -> None:
    chosen = recipe(loss={"kind": "ce", "label_smoothing": 0.1})
    assert chosen.soft_epochs == 0
    assert chosen.loss_in(3) is chosen.loss


def test_batches_and_steps() -> None:
    assert [recipe().batches(images) for images in (10, 32, 70)] == [1, 1, 3]
    assert [recipe(drop_last=True).batches(images) for images in (10, 32, 70)] == [1, 1, 2]
    assert recipe(drop_last=True).steps(70) == 20
