"""Pictures that stay on disk and are decoded batch by batch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rd3.data.decode import Pixels, decode
from rd3.data.images import MemoryImages

MOST_WORKERS = 16


class StreamedImages:
    """Image files behind the interface of `Images`: the same pixels as in memory, decoded when they are asked for.

    As many threads decode as torch uses on the CPU, more for a GPU; how many makes no difference to the pixels.

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
    def arguments(self) -> dict[str, Any]:
        """What it was made of."""
        return {
            "root": self._root,
            "files": self._files,
            "labels": self._labels,
            "shape": self._shape,
            "resize": self._resize,
            "device": self._device,
        }

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
        return self.on_host(indices.tolist()).to(self._device)

    def on_host(self, wanted: list[int]) -> Tensor:
        """The same on the CPU.

        Raises:
            UserError: a file cannot be decoded; names it.
        """
        pixels = np.empty((len(wanted), *self._shape), np.uint8)
        workers = min(self._threads(), MOST_WORKERS, len(wanted))
        if workers < 2:
            self._decode_into(pixels, wanted)
            return torch.from_numpy(pixels)
        # Pillow decodes without the interpreter lock. One stripe a worker, as a task for each small picture costs more
        # than the picture; a pool for each batch, as one that stays trips over forks and pickles.
        with ThreadPoolExecutor(workers) as pool:
            stripes = range(workers)
            list(pool.map(lambda first: self._decode_into(pixels[first::workers], wanted[first::workers]), stripes))
        return torch.from_numpy(pixels)

    def _threads(self) -> int:
        """Those of torch on a CPU; for a GPU the cores that would else be idle, of which each GPU has its share."""
        if self._device.type != "cuda":
            return torch.get_num_threads()
        return max(1, len(os.sched_getaffinity(0)) // max(1, torch.cuda.device_count()))

    def _decode_into(self, pixels: Pixels, indices: list[int]) -> None:
        size = self._shape[1] if self._resize else None
        for place, index in zip(pixels, indices, strict=True):
            place[:] = decode(self._root / self._files[index], channels=self._shape[0], size=size)

    def to(self, device: torch.device) -> StreamedImages:
        return StreamedImages(**{**self.arguments, "labels": self._labels.to(device), "device": device})

    def in_memory(self) -> MemoryImages:
        """All pictures decoded."""
        return MemoryImages(self.batch(torch.arange(len(self))), self._labels)
