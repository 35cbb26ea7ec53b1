"""The distilled data set: images, labels, and a manifest that says where they come from.

On disk it is a folder with `images.safetensors` (`images`, `labels`, and `soft_labels` if there are any) and
`manifest.json`, which holds the SHA-256 of the first. Nothing in it is executed when it is read.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import Dataset

from rd3.base.errors import UserError
from rd3.base.files import new_directory, os_errors, sha256_of
from rd3.base.spec import fingerprint_of
from rd3.data.images import as_unit
from rd3.relabel.storage import hard_label_bytes
from rd3.synthetic.manifest import Manifest, Memory, Seconds, Stored, StoredFile, read_manifest
from rd3.synthetic.soft_labels import SoftLabelForm, require_form
from rd3.synthetic.validity import naming, require_valid

if TYPE_CHECKING:
    from rd3.synthetic.loading import Pictures, Transform

__all__ = ["Manifest", "Memory", "Seconds", "Synthetic", "balanced_ipc", "content_fingerprint"]

TENSORS = "images.safetensors"
MANIFEST = "manifest.json"


@dataclass(frozen=True, eq=False)
class Synthetic(Dataset[tuple[Tensor, int]]):
    """A distilled data set. It is an ordinary map-style data set of what is stored: any `DataLoader` takes it.

    `pictures` is one of what a student sees: with transforms, soft labels, and mosaics taken apart.

    Attributes:
        images: (N, C, H, W), uint8; or float32, 0 black and 1 white, which nothing clamps. With `manifest.decode` each
            is a mosaic of several.
        labels: int64 (N,), indices into `manifest.classes`.
        soft_labels: float (N, classes), one row an image, or None; `manifest.soft_label_form` says what they are.
        learned_lr: the student's learning rate that the method learned, or None.
        manifest: where it comes from.

    Raises:
        UserError: wrong types or shapes, labels out of range, soft labels that are not finite or not of their form.
    """

    images: Tensor
    labels: Tensor
    soft_labels: Tensor | None
    learned_lr: float | None
    manifest: Manifest

    def __post_init__(self) -> None:
        require_valid(self.images, self.labels, self.soft_labels, len(self.manifest.classes))
        if self.manifest.ipc not in (None, self.ipc):
            raise UserError(f"manifest: ipc = {self.manifest.ipc}, but the labels say {self.ipc or 'unbalanced'}")
        if self.soft_labels is not None and self.manifest.soft_label_form is not None:
            require_form(self.soft_labels, self.manifest.soft_label_form)
        if self.learned_lr is not None and not 0 < self.learned_lr < math.inf:
            raise UserError(f"learned_lr = {self.learned_lr}: must be a positive number")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Float image (C, H, W), 0 black and 1 white, not normalised, and its hard label."""
        return as_unit(self.images[index]), int(self.labels[index])

    def pictures(self, *, transform: Transform | None = None, soft_labels: bool = False) -> Pictures:
        """A map-style data set of (image, label), or with soft labels (image, label, row), for a `DataLoader`.

        Args:
            transform: of a float32 image (C, H, W), 0 black and 1 white, for instance one of torchvision's.
            soft_labels: whether they come along.
        """
        from rd3.synthetic.loading import Pictures

        return Pictures(self, transform=transform, soft_labels=soft_labels)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; label k is `classes[k]`."""
        return self.manifest.classes

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    @property
    def ipc(self) -> int | None:
        """Images per class, or None if classes have different numbers of images."""
        return balanced_ipc(self.labels, len(self.classes))

    def declaring(self, form: SoftLabelForm | None) -> Synthetic:
        """The same with its soft labels declared as `form`, under a fingerprint of its own; None leaves it as it is.

        Raises:
            UserError: it has no soft labels, or they are not of that form.
        """
        if form is None or form == self.manifest.soft_label_form:
            return self
        if self.soft_labels is None:
            raise UserError(f"soft_label_form = {form}: the set has no soft labels")
        changes = {
            "soft_label_form": form,
            "fingerprint": fingerprint_of("declared", [self.manifest.fingerprint, form]),
        }
        return replace(self, manifest=self.manifest.model_copy(update=changes))

    @property
    def image_bytes(self) -> int:
        """Bytes of the stored pixels, N x C x H x W; 4 each where they are floats."""
        return self.images.numel() * self.images.element_size()

    @property
    def label_bytes(self) -> int:
        """Bytes of the hard labels, and of the soft ones if there are any."""
        soft = 0 if self.soft_labels is None else self.soft_labels.numel() * self.soft_labels.element_size()
        return hard_label_bytes(len(self), len(self.classes)) + soft

    @property
    def content_fingerprint(self) -> str:
        """Hash of pixels, labels and soft labels, whatever the manifest says."""
        return content_fingerprint(self.images, self.labels, self.soft_labels)

    def save(self, folder: str | Path) -> Path:
        """Write the data set; the folder appears whole or not at all. Saving the same one again does nothing.

        Raises:
            UserError: the folder holds something else.
        """
        folder = Path(folder)
        if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
            with new_directory(folder) as new:
                self._write(new)
        # also after writing: another process may have been first, with something else
        if not self._is_in(folder):
            raise UserError(f"{folder}: exists already and holds something else; it is left as it is")
        return folder

    def _write(self, folder: Path) -> None:
        tensors = {"images": self.images, "labels": self.labels}
        if self.soft_labels is not None:
            tensors["soft_labels"] = self.soft_labels
        path = folder / TENSORS
        with os_errors(path):
            save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, path)
        files = {TENSORS: StoredFile(sha256=sha256_of(path), bytes=path.stat().st_size)}
        stored = Stored(manifest=self.manifest, learned_lr=self.learned_lr, files=files)
        text = json.dumps(stored.as_json(), indent=1, ensure_ascii=False, allow_nan=False)
        (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")

    def _is_in(self, folder: Path) -> bool:
        try:
            there = Synthetic.load(folder)
        except UserError:
            return False
        same_content = there.content_fingerprint == self.content_fingerprint and there.learned_lr == self.learned_lr
        return same_content and there.manifest.same_work(self.manifest)

    @staticmethod
    def load(path: str | Path) -> Synthetic:
        """Read what `save` wrote, onto the CPU.

        Raises:
            UserError: one line that names the folder, the file and what is wrong with it.
        """
        folder = Path(path)
        with naming(folder):
            if not folder.is_dir():
                raise UserError("is no folder" if folder.exists() else "no such folder")
            stored = read_manifest(folder / MANIFEST)
            tensors = _read_tensors(folder / TENSORS, stored)
            return Synthetic(
                images=tensors["images"],
                labels=tensors["labels"],
                soft_labels=tensors.get("soft_labels"),
                learned_lr=stored.learned_lr,
                manifest=stored.manifest,
            )


def _read_tensors(path: Path, stored: Stored) -> dict[str, Tensor]:
    if path.name not in stored.files:
        raise UserError(f"{MANIFEST}: names no file '{path.name}'")
    expected = stored.files[path.name]
    try:
        size = path.stat().st_size
        if size != expected.bytes:
            raise UserError(f"{path.name}: has {size} bytes, {MANIFEST} says {expected.bytes}; the file is not whole")
        if sha256_of(path) != expected.sha256:
            raise UserError(f"{path.name}: its SHA-256 is not the one in {MANIFEST}; the file was damaged or changed")
        tensors = load_file(path)
    except OSError as error:
        raise UserError(f"{path.name}: {error.strerror}") from None
    except SafetensorError as error:
        raise UserError(f"{path.name}: no readable safetensors file ({error})") from None
    missing = {"images", "labels"} - tensors.keys()
    if missing:
        raise UserError(f"{path.name}: holds no tensor '{min(missing)}'")
    return tensors


def balanced_ipc(labels: Tensor, classes: int) -> int | None:
    """How many times every class occurs, or None if not all occur equally often.

    >>> balanced_ipc(torch.tensor([0, 0, 1, 1]), 2), balanced_ipc(torch.tensor([0, 0, 1]), 2)
    (2, None)
    """
    counts = torch.bincount(labels, minlength=classes)
    return int(counts[0]) if bool((counts == counts[0]).all()) else None


def content_fingerprint(images: Tensor, labels: Tensor, soft_labels: Tensor | None = None) -> str:
    """20 hex digits of a SHA-256 over types, shapes and bytes."""
    digest = hashlib.sha256()
    for tensor in (images, labels) if soft_labels is None else (images, labels, soft_labels):
        digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        # through uint8, as numpy has no bfloat16; flattened first, as a view needs a last dimension
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:20]
