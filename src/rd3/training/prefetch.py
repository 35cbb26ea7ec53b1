"""Pictures that lie on disk, fetched by a thread while the step before is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from rd3.data.images import Images
from rd3.data.streamed import StreamedImages
from rd3.training.order import Batch


def fetched_ahead(batches: Iterable[Batch], images: Images) -> Iterator[Batch]:
    """The batches of an epoch, with their pixels where those are not in memory.

    A step then costs the same wherever its pictures lie, as long as fetching them takes no longer than a step. What is
    drawn does not change: only pixels are fetched ahead, no view is made.

    Raises:
        UserError: a file cannot be decoded; when its batch is due.
    """
    if not isinstance(images, StreamedImages):
        yield from batches
        return
    waiting = list(batches)
    if not waiting:
        return
    # The order may have been drawn on a GPU: one copy an epoch, not one a step.
    order = torch.cat([batch.indices for batch in waiting]).cpu()
    ids = order.split([len(batch.indices) for batch in waiting])
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(_fetch, images, ids[0])
        for batch, following in zip(waiting, [*ids[1:], None], strict=True):
            pixels = coming.result()
            if following is not None:
                coming = thread.submit(_fetch, images, following)
            yield batch._replace(pixels=pixels)


def _fetch(images: StreamedImages, indices: Tensor) -> Tensor:
    """On the host; pinned for a GPU, which then copies without the host's waiting."""
    pixels = images.on_host(indices.tolist())
    return pixels.pin_memory() if images.labels.is_cuda else pixels
