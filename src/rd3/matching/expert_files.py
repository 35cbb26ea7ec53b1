"""Experts that others trained: MTT's replay buffers, `replay_buffer_0.pt`, `replay_buffer_1.pt`, … in a folder.

A buffer is a list of experts, each a list of snapshots (before the first epoch and after each), each a list of tensors
in the order of `network.parameters()`. Files are read with `weights_only=True`: nothing in them runs.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipInfo

import torch
from torch import Size, Tensor, nn

from rd3.base.errors import UserError
from rd3.base.zips import entries_of, is_zip
from rd3.matching.inputs import RealImages
from rd3.matching.student import Student

BUFFER = re.compile(r"replay_buffer_(\d{1,6})\.pt", re.ASCII)
STAMP = re.compile(r"(.*)#([0-9a-f]{16})", re.DOTALL)
NO_ZCA = "_NO_ZCA"
LOOKED_AT = 512  # real images that an expert is tried on
BETTER_THAN_CHANCE = 2.0  # times, and with few classes half of the way to always right


def stamped(folder: str) -> str:
    """`FOLDER#HASH`, where the hash is of the buffers in it, so that other files under the same name are other work.

    Raises:
        UserError: there is no such folder, or no buffer in it.
    """
    return folder if STAMP.fullmatch(folder) else f"{folder}#{_hash(_buffers(Path(folder)))}"


def _buffers(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; expected one with replay_buffer_0.pt and so on")
    found = {int(match[1]): file for file in folder.iterdir() if (match := BUFFER.fullmatch(file.name))}
    if not found:
        raise UserError(f"{folder} holds no replay_buffer_0.pt and so on")
    return [found[number] for number in sorted(found)]


def _hash(files: Sequence[Path]) -> str:
    """Of names, and of the checksums that zip archives hold of their content; of older files' bytes."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name} {file.stat().st_size}\n".encode())
        if is_zip(file):
            digest.update(repr([(entry.filename, entry.CRC) for entry in _entries(file)]).encode())
        else:
            with file.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()[:16]


def _entries(file: Path) -> list[ZipInfo]:
    try:
        return entries_of(file)
    except UserError as error:
        raise UserError(f"{file.name}: {str(error).removeprefix('the archive ')}") from None


class GivenExperts:
    """The trajectories in a folder of buffers, by number; a buffer is open at a time.

    Args:
        stamp: what `stamped` gave.
        shapes: of the network's parameters, in their order.
        network: its name, for messages.
        epochs: of a trajectory; what buffers have beyond it is left out.

    Raises:
        UserError: the files are not those of the stamp, or cannot be read.
    """

    def __init__(self, stamp: str, shapes: Sequence[Size], *, network: str, epochs: int) -> None:
        match = STAMP.fullmatch(stamp)
        assert match is not None, f"{stamp} has no hash"
        self._shapes, self._network, self._epochs = list(shapes), network, epochs
        self._files = _buffers(Path(match[1]))
        if _hash(self._files) != match[2]:
            raise UserError(f"expert_files = {stamp}: the files are not those of the hash; leave #{match[2]} out")
        self._open: tuple[int, list[Any]] | None = None
        self._places = [(k, place) for k in range(len(self._files)) for place in range(len(self._buffer(k)))]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: int) -> Tensor:
        """(epochs + 1, P), float32 on the CPU."""
        file, place = self._places[number]
        where = f"{self._files[file].name}: expert {place}"
        snapshots = self._buffer(file)[place]
        if not isinstance(snapshots, (list, tuple)):
            raise UserError(f"{where}: expected a list of snapshots, got {type(snapshots).__name__}")
        if len(snapshots) <= self._epochs:
            raise UserError(
                f"{where}: has {len(snapshots)} snapshots, and expert_epochs = {self._epochs} needs {self._epochs + 1}"
            )
        rows = [self._vector(each, f"{where}, snapshot {k}") for k, each in enumerate(snapshots[: self._epochs + 1])]
        return torch.stack(rows)

    def _buffer(self, number: int) -> list[Any]:
        if self._open is None or self._open[0] != number:
            self._open = number, _load(self._files[number])
        return self._open[1]

    def _vector(self, snapshot: Any, where: str) -> Tensor:
        if not isinstance(snapshot, (list, tuple)) or len(snapshot) != len(self._shapes):
            found = f"{len(snapshot)} tensors" if isinstance(snapshot, (list, tuple)) else type(snapshot).__name__
            raise UserError(f"{where}: holds {found}, and {self._network} has {len(self._shapes)} parameters{_HINT}")
        for k, (value, shape) in enumerate(zip(snapshot, self._shapes, strict=True)):
            if not isinstance(value, Tensor) or value.shape != shape or not value.is_floating_point():
                found = str(tuple(value.shape)) if isinstance(value, Tensor) else type(value).__name__
                raise UserError(f"{where}: parameter {k} is {found}, that of {self._network} {tuple(shape)}{_HINT}")
        vector = torch.cat([value.detach().float().flatten() for value in snapshot])
        if not bool(vector.isfinite().all()):
            raise UserError(f"{where}: NaN or infinity")
        return vector


_HINT = "; say which network they are of (network=…)"


def _load(file: Path) -> list[Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of odd pickles before it refuses them
            content = torch.load(file, map_location="cpu", weights_only=True, mmap=is_zip(file))
    except Exception as error:  # a damaged or hostile file raises a dozen kinds
        raise UserError(
            f"{file.name}: is damaged or cut off, or holds Python objects that rd3 never loads ({type(error).__name__})"
        ) from None
    if not isinstance(content, list) or not content:
        raise UserError(f"{file.name}: expected a list of experts, got {type(content).__name__}")
    return content


def shapes_of(network: nn.Module) -> list[Size]:
    """Of its parameters, in their order."""
    return [parameter.shape for parameter in network.parameters()]


def require_whitening(stamp: str, *, zca: bool) -> None:
    """Refuse whitened images for experts whose folder says that theirs were not.

    Raises:
        UserError: names the setting.
    """
    if zca and NO_ZCA in stamp:
        raise UserError(f"zca = true: the folder of expert_files says {NO_ZCA}; give zca=false")


@torch.no_grad()
def accuracy_of(final: Tensor, student: Student, real: RealImages, *, classes: int) -> float:
    """How often an expert is right on real training images, which it was trained on.

    Raises:
        UserError: hardly more often than by chance.
    """
    count = min(LOOKED_AT, len(real))
    rows = torch.arange(count, device=real.labels.device) * len(real) // count
    logits = student(final.to(rows.device), real.batch(rows))
    accuracy = float((logits.argmax(1) == real.labels[rows]).float().mean())
    if accuracy < min(BETTER_THAN_CHANCE / classes, (1 + 1 / classes) / 2):
        raise UserError(
            f"expert_files: the first expert is right on {accuracy:.0%} of the real images: experts of other data, of"
            " another class order, or of other pixels (zca, expert_pixels)"
        )
    return accuracy
