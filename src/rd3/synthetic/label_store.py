"""A folder of a teacher's labels of augmented views, a file a batch (`rd3.synthetic.label_record`).

`epoch_E/batch_B.tar`, which is no tar but a file of torch.save.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rd3.base.errors import UserError
from rd3.synthetic.label_record import Record, record_in

EPOCH, BATCH = re.compile(r"epoch_(\d{1,6})", re.ASCII), re.compile(r"batch_(\d{1,7})\.tar", re.ASCII)


@dataclass(frozen=True)
class LabelStore:
    """The files of a store.

    Attributes:
        root: its folder.
        epochs: number of an epoch -> files in the order of their batches.
    """

    root: Path
    epochs: dict[int, list[Path]]

    def records(self, epoch: int) -> Iterator[Record]:
        """The batches of an epoch, checked.

        Raises:
            UserError: names the file and what is wrong with it.
        """
        for file in self.epochs[epoch]:
            yield record_in(file)

    @property
    def bytes(self) -> int:
        return sum(file.stat().st_size for files in self.epochs.values() for file in files)


def is_label_store(path: Path) -> bool:
    """Whether a folder holds epochs of label files."""
    if not path.is_dir():
        return False
    epochs = (each for each in path.iterdir() if EPOCH.fullmatch(each.name) and each.is_dir())
    return any(BATCH.fullmatch(file.name) for each in epochs for file in each.iterdir())


def open_store(path: Path) -> LabelStore:
    """The store in a folder; no file is read.

    Raises:
        UserError: there is none, or a batch is missing in it.
    """
    if not is_label_store(path):
        raise UserError(f"{path}: no soft labels: expected a folder with epoch_0/batch_0.tar and so on")
    epochs: dict[int, list[Path]] = {}
    for folder in path.iterdir():
        match = EPOCH.fullmatch(folder.name)
        if match and folder.is_dir() and (files := _batches(folder)):
            epochs[int(match[1])] = files
    return LabelStore(path, dict(sorted(epochs.items())))


def _batches(folder: Path) -> list[Path]:
    found = {int(match[1]): file for file in folder.iterdir() if (match := BATCH.fullmatch(file.name))}
    missing = sorted(set(range(max(found, default=-1) + 1)) - found.keys())
    if missing:
        raise UserError(f"{folder.name}/batch_{missing[0]}.tar: is missing")
    return [found[number] for number in sorted(found)]


def described(store: LabelStore) -> list[tuple[str, str, str]]:
    """(part, what it is, how that is known) of a store, from its first and last file.

    Raises:
        UserError: one of these is damaged or hostile.
    """
    epochs = list(store.epochs)
    first, last = record_in(store.epochs[epochs[0]][0]), record_in(store.epochs[epochs[-1]][-1])
    batches = sorted({len(files) for files in store.epochs.values()})
    return [
        ("epochs", str(len(epochs)), f"epoch_{epochs[0]} .. epoch_{epochs[-1]}"),
        ("batches an epoch", " or ".join(map(str, batches)), f"of {len(first)} views, the last of {len(last)}"),
        ("items of a batch", str(first.items), _items(first)),
        ("labels", first.form, f"{first.soft.shape[1]} classes, {first.stored_as}"),
        ("mixing", _mixing(first), "labels are those of the mixed views"),
        ("images", _images(first), "files hold them" if first.indices is not None else "files hold no indices"),
    ]


def _items(record: Record) -> str:
    more = {"indices": ", image indices", "weights": ", weights", None: ""}[record.last]
    extra = ", augmentation" if record.items - (record.last is not None) > 6 else ""
    return f"coords, flip{extra}, mix_index, mix_lam, mix_bbox, labels{more}"


def _mixing(record: Record) -> str:
    if record.partner is None:
        return "none"
    return "mixup" if record.box is None else "cutmix"


def _images(record: Record) -> str:
    return "by index" if record.indices is not None else "by a sampler, to be confirmed by the labels"
