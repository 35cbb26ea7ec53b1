"""Real training images on which a learning rate may be chosen, so that the test split need not be looked at."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.base.seeds import derive_seed
from rd3.data.images import Images, MemoryImages, as_levels
from rd3.data.subset import class_indices
from rd3.data.target import Target

LARGEST_SHARE = 10  # at most one in ten training images
LARGEST = 5000


def held_out(target: Target, images: Images) -> MemoryImages:
    """As many images of every class, none of which is among `images`.

    At most a tenth of the training split and 5,000 images. They are drawn in an order that depends on the target
    alone, so that runs differ only by what they train on themselves.

    Raises:
        UserError: nothing is left to hold out.
    """
    each = min(len(target.train) // LARGEST_SHARE, LARGEST) // target.num_classes
    whole = images is target.train  # known at once, without a look at every picture
    trained = set() if whole else set(_digests(images, torch.arange(len(images))))
    chosen = [[] if whole else list(islice(candidates, each)) for candidates in _candidates(target, trained)]
    each = min(len(own) for own in chosen)
    if each == 0:
        raise UserError(
            f"lr_search: {target.name} has no training images of every class left to choose a rate on; set lr"
        )
    indices = torch.tensor([index for own in chosen for index in own[:each]])
    return MemoryImages(target.train.batch(indices).cpu(), target.train.labels.cpu()[indices])


def _candidates(target: Target, trained: set[bytes]) -> Iterator[Iterator[int]]:
    """For every class its training images in a random order, without those that are trained on."""
    generator = torch.Generator().manual_seed(derive_seed("held out", target.fingerprint))
    for own in class_indices(target.train.labels.cpu(), target.num_classes):
        order = own[torch.randperm(len(own), generator=generator)]
        yield (int(i) for i in order if next(_digests(target.train, i[None])) not in trained)


def _digests(images: Images, indices: Tensor) -> Iterator[bytes]:
    for index in indices.to(images.labels.device):
        yield hashlib.sha256(as_levels(images.batch(index[None])).cpu().numpy().tobytes()).digest()
