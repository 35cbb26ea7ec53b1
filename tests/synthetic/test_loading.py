"""A set in an ordinary DataLoader, with workers and torchvision's transforms."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from rd3.base.errors import UserError
from rd3.data.mosaic import Decode, decoded, repeated
from rd3.synthetic import Synthetic


def test_default_collation_gives_batches(colour: Synthetic) -> None:
    (batch,) = DataLoader(colour, batch_size=len(colour))
    images, labels = batch
    assert (images.dtype, labels.dtype) == (torch.float32, torch.int64)
    assert torch.equal(images, colour.images.float() / 255)
    assert torch.equal(labels, colour.labels)


def test_workers_transforms_and_soft_labels(softly: Synthetic) -> None:
    """Everything once, whatever the order, with the transform applied to each image."""
    augment = v2.Compose([v2.RandomHorizontalFlip(p=1.0), v2.Normalize([0.5], [0.25])])
    pictures = softly.pictures(transform=augment, soft_labels=True)
    order = torch.Generator().manual_seed(0)
    loader = DataLoader(pictures, batch_size=8, shuffle=True, num_workers=2, generator=order)
    images, labels, soft = (torch.cat(parts) for parts in zip(*loader, strict=True))
    expected = (softly.images.float().flip(-1) / 255 - 0.5) / 0.25
    place = torch.stack([(softly.soft_labels == row).all(dim=1).nonzero()[0, 0] for row in soft])
    assert sorted(place.tolist()) == list(range(len(softly)))
    assert place.tolist() != list(range(len(softly)))
    torch.testing.assert_close(images, expected[place])
    assert torch.equal(labels, softly.labels[place])


def test_floats_are_raw(grey: Synthetic) -> None:
    learned = replace(grey, images=grey.images.float() / 255 * 1.5 - 0.2)
    images, _ = next(iter(DataLoader(learned.pictures(), batch_size=len(grey))))
    assert torch.equal(images, learned.images)


def test_mosaics_are_taken_apart(softly: Synthetic) -> None:
    mosaic = replace(softly, manifest=softly.manifest.model_copy(update={"decode": Decode()}))
    pictures = mosaic.pictures(soft_labels=True)
    assert (len(mosaic), len(pictures)) == (30, 120)
    images, labels, soft = next(iter(DataLoader(pictures, batch_size=120)))
    order = repeated(softly.labels, Decode()).argsort(stable=True)
    assert torch.equal(images, decoded(softly.images.float() / 255, Decode())[order])
    assert torch.equal(labels, repeated(softly.labels, Decode())[order])
    assert torch.equal(soft, repeated(softly.soft_labels, Decode())[order])


def test_soft_labels_that_are_not_there_are_asked_for_in_vain(grey: Synthetic) -> None:
    with pytest.raises(UserError, match="soft_labels: the set has none"):
        grey.pictures(soft_labels=True)
