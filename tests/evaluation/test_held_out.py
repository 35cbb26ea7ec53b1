"""What rates are chosen on: real training images that the run does not train on."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from rd3.base.errors import UserError
from rd3.data.images import Images, MemoryImages
from rd3.data.load import load_target
from rd3.data.subset import random_subset
from rd3.data.target import Target
from rd3.evaluation.held_out import held_out


@pytest.fixture(scope="module")
def target() -> Target:
    return load_target("digits")


def subset(target: Target, ipc: int, seed: int = 0) -> MemoryImages:
    chosen = random_subset(target, ipc, seed)
    return MemoryImages(target.train.batch(chosen), target.train.labels[chosen])


def pixel_rows(images: Images) -> set[bytes]:
    return {bytes(row) for row in images.batch(torch.arange(len(images))).flatten(1).numpy()}


def test_every_class_has_as_many_and_at_most_a_tenth_is_held_out(target: Target) -> None:
    held = held_out(target, subset(target, 10))
    counts = torch.bincount(held.labels, minlength=10)
    assert counts.tolist() == [len(target.train) // 10 // 10] * 10
    assert 0 < len(held) <= len(target.train) / 10


def test_at_most_five_thousand_are_held_out(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rd3.evaluation.held_out.LARGEST", 57)
    assert torch.bincount(held_out(target, subset(target, 1)).labels).tolist() == [5] * 10


@pytest.mark.parametrize("ipc", [1, 20, 100])
def test_none_is_among_the_training_images_of_the_run_and_all_are_real(target: Target, ipc: int) -> None:
    images = subset(target, ipc)
    held = held_out(target, images)
    assert len(held) == 140
    assert not pixel_rows(held) & pixel_rows(images)
    labelled = {bytes(row): int(label) for row, label in zip(_rows(target.train), target.train.labels, strict=True)}
    assert all(labelled[bytes(row)] == int(label) for row, label in zip(_rows(held), held.labels, strict=True))


def _rows(images: Images):
    return images.batch(torch.arange(len(images))).flatten(1).numpy()


def test_runs_differ_only_by_what_they_train_on(target: Target) -> None:
    first, again = held_out(target, subset(target, 1)), held_out(target, subset(target, 1))
    assert torch.equal(first.pixels, again.pixels)
    other = held_out(target, subset(target, 1, seed=1))
    different = pixel_rows(first) ^ pixel_rows(other)
    assert len(different) <= 2 * 2 * 10  # an image that is trained on makes way for the next of its class
    assert pixel_rows(first) - pixel_rows(other) <= pixel_rows(subset(target, 1, seed=1))


def test_another_target_has_another_split(target: Target) -> None:
    other = replace(target, pixel_hash="other")
    assert pixel_rows(held_out(other, subset(target, 1))) != pixel_rows(held_out(target, subset(target, 1)))


def test_where_all_images_are_trained_on_none_is_left(target: Target) -> None:
    copied = MemoryImages(target.train.batch(torch.arange(len(target.train))), target.train.labels)
    for whole in (target.train, copied):
        with pytest.raises(UserError, match=r"^lr_search: digits has no training images of every class left"):
            held_out(target, whole)
