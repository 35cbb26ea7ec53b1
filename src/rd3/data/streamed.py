"""Pictures that stay on disk and are decoded batch by batch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

from rd3.data.decode import decode
from rd3.data.images import MemoryImages


class StreamedImages:
    """Image files behind the interface of `Images`: the same pixels as in memory, decoded when they are asked for.

    Args:
        root, files: a folder, and in it one file a picture.
        labels: integers, shape (N,).
        shape: (channels, side, side) of every picture.
        resize: whether pictures are resized to that side; otherwise they have it.
        device: where batches go.
    """

    def __init__(
        self,
        root: Path,
        files: Sequence[str],
        labels: Tensor,
        *,
        shape: tuple[int, int, int],
        resize: bool,
        device: torch.device | None = None,
    ) -> None:
        assert labels.shape == (len(files),)
        self._root = root
        self._files = files
        self._labels = labels.to(torch.int64)
        self._shape = shape
        self._resize = resize
        self._device = device or torch.device("cpu")

    @property
    def labels(self) -> Tensor:
        return self._labels

    @property
    def shape(self) -> tuple[int, int, int]:
        return self._shape

    def __len__(self) -> int:
        return len(self._files)

    def batch(self, indices: Tensor) -> Tensor:
        """See `Images.batch`.

        Raises:
            UserError: a file cannot be decoded; names it.
        """
        wanted = indices.tolist()
        result = torch.empty((len(wanted), *self._shape), dtype=torch.uint8)
        # Pillow decodes without the interpreter lock. A pool of its own for every batch costs less than one
        # picture, and leaves nothing behind that a forked or pickled copy of this object would trip over.
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for _ in pool.map(self._decode_into, result, wanted):
                pass
        return result.to(self._device)

    def _decode_into(self, place: Tensor, index: int) -> None:
        size = self._shape[1] if self._resize else None
        pixels = decode(self._root / self._files[index], channels=self._shape[0], size=size)
        place.copy_(torch.from_numpy(pixels.copy()))

    def to(self, device: torch.device) -> StreamedImages:
        labels = self._labels.to(device)
        return StreamedImages(self._root, self._files, labels, shape=self._shape, resize=self._resize, device=device)

    def in_memory(self) -> MemoryImages:
        """All pictures decoded."""
        return MemoryImages(self.batch(torch.arange(len(self))), self._labels)
