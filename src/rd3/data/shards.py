"""Streamed pictures kept decoded: uint8 files on a fast disk, so that a batch costs a copy and no decoding.

With `$RD3_DECODED` set to a folder, targets that do not fit the memory limit leave their pixels there, at
`FINGERPRINT/SPLIT/NUMBER.npy`. The fingerprint is that of the files, so edited pictures get files of their own.
"""

from __future__ import annotations

import io
import math
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rd3.base.files import write_atomic
from rd3.data.decode import Pixels
from rd3.data.streamed import StreamedImages

FOLDER = "RD3_DECODED"
SHARD_BYTES = 2**26


class ShardedImages(StreamedImages):
    """The same pictures as those it is made of; a shard is decoded when a picture of it is first asked for."""

    def __init__(self, source: StreamedImages, folder: Path) -> None:
        super().__init__(**source.arguments)
        self._folder = folder
        self._each = max(1, SHARD_BYTES // math.prod(self.shape))  # pictures
        self._open: dict[int, Pixels] = {}

    def on_host(self, wanted: list[int]) -> Tensor:
        pixels = np.empty((len(wanted), *self.shape), np.uint8)
        for place, index in enumerate(wanted):
            number, row = divmod(index, self._each)
            pixels[place] = self._shard(number)[row]
        return torch.from_numpy(pixels)

    def to(self, device: torch.device) -> ShardedImages:
        return ShardedImages(super().to(device), self._folder)

    def _shard(self, number: int) -> Pixels:
        if number not in self._open:
            file = self._folder / f"{number}.npy"
            self._open[number] = self._read(file, number) if file.exists() else self._make(file, number)
        return self._open[number]

    def _read(self, file: Path, number: int) -> Pixels:
        """Mapped, not loaded: what is not used takes no memory."""
        rows = min(self._each, len(self) - number * self._each)
        try:
            pixels: Pixels = np.load(file, mmap_mode="r")
        except (ValueError, EOFError):  # cut short by a full disk or a copy
            return self._make(file, number)
        return pixels if pixels.shape == (rows, *self.shape) else self._make(file, number)

    def _make(self, file: Path, number: int) -> Pixels:
        first = number * self._each
        own = range(first, min(first + self._each, len(self)))
        buffer = io.BytesIO()
        np.save(buffer, super().on_host(list(own)).numpy())
        write_atomic(file, buffer.getvalue())
        pixels: Pixels = np.load(file, mmap_mode="r")
        return pixels

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_open": {}}  # maps would be sent as copies


def kept_decoded(images: StreamedImages, fingerprint: str, split: str) -> StreamedImages:
    """The pictures with their pixels kept where `$RD3_DECODED` says; as they are without it."""
    place = os.environ.get(FOLDER)
    return ShardedImages(images, Path(place) / fingerprint / split) if place else images
