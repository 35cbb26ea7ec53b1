"""FKD folders, written here as SRe2L's family does: what they hold, and the static labels that are made of them."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch.utils.data import DataLoader, RandomSampler
from torchvision.datasets import ImageFolder
from torchvision.transforms import functional as vision

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.synthetic import FORMATS, Synthetic, read_synthetic
from rd3.synthetic.foreign import READINGS
from rd3.synthetic.label_store import described, open_store

SIDE, BATCH, EPOCHS = 8, 8, 6


class Indexed(ImageFolder):
    """Pixels (1, 8, 8) from 0 to 16, and the place of the image."""

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image, _ = super().__getitem__(index)
        return vision.pil_to_tensor(image.convert("L")).float() * 16 / 255, index


@pytest.fixture(scope="module")
def teacher() -> Callable[[torch.Tensor], torch.Tensor]:
    data = load_digits()
    model = LogisticRegression(max_iter=300).fit(data.data, data.target)
    return lambda views: torch.from_numpy(model.decision_function(views.flatten(1).numpy())).float()


@pytest.fixture
def folder(grey: Synthetic, tmp_path: Path) -> Path:
    """Class folders whose order as text is not that of their numbers."""
    for k, (image, label) in enumerate(zip(grey.images.numpy(), grey.labels.tolist(), strict=True)):
        place = tmp_path / "images" / f"new{(label + 7) % 10:0{1 + label % 2}d}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0]).save(place / f"class_id{k % 3}.png")
    return tmp_path / "images"


def write(
    root: Path,
    images: Path,
    teacher: Callable[[torch.Tensor], torch.Tensor],
    change: Callable[[list[Any], torch.Tensor], Any] = lambda record, _: record,
    *,
    cutmix: bool = True,
    drop_last: bool = False,
) -> list[tuple[int, float, np.ndarray]]:
    """A store, and (place of the image, own share, label) of every view."""
    dataset = Indexed(str(images))
    generator = torch.Generator().manual_seed(42)
    sampler = RandomSampler(dataset, generator=generator)
    loader = DataLoader(dataset, batch_size=BATCH, sampler=sampler, drop_last=drop_last)
    draws, seen = np.random.default_rng(3), []
    for epoch in range(EPOCHS):
        (root / f"epoch_{epoch}").mkdir(parents=True)
        for batch, (views, places) in enumerate(loader):
            views, record = views.clone(), [torch.tensor([[0.0, 0.0, 1.0, 1.0]]).repeat(len(views), 1)]
            record.append(torch.zeros(len(views), dtype=torch.bool))
            shares = np.ones(len(views))
            if cutmix:
                partner = torch.from_numpy(draws.permutation(len(views)))
                x1, y1 = draws.integers(0, 5, 2)
                x2, y2 = x1 + draws.integers(1, 4), y1 + draws.integers(1, 4)
                views[:, :, x1:x2, y1:y2] = views[partner, :, x1:x2, y1:y2]
                lam = 1 - (x2 - x1) * (y2 - y1) / SIDE**2
                shares[partner.numpy() != np.arange(len(views))] = lam
                record += [partner, lam, [x1, y1, x2, y2]]
            else:
                record += [None, None, None]
            soft = teacher(views).half()
            seen += list(zip(places.tolist(), shares.tolist(), soft.float().numpy(), strict=True))
            torch.save(change([*record, soft], places), root / f"epoch_{epoch}" / f"batch_{batch}.tar")
    return seen


def expected(seen: list[tuple[int, float, np.ndarray]], images: Path) -> np.ndarray:
    """By a plain loop, in the order of rd3: by the number of the class, and by the name of the file."""
    files = [Path(file) for file, _ in ImageFolder(str(images)).samples]
    own: dict[int, list[np.ndarray]] = {place: [] for place in range(len(files))}
    most: dict[int, tuple[float, np.ndarray]] = {}
    for place, share, label in seen:
        if share >= 0.9:
            own[place].append(label)
        if place not in most or share > most[place][0]:
            most[place] = share, label
    rows = {place: np.mean(own[place], axis=0) if own[place] else most[place][1] for place in most}
    order = sorted(rows, key=lambda place: (int(files[place].parent.name[3:]), files[place].name))
    return np.stack([rows[place] for place in order])


NAMES = ("three", "four", "five", "six", "seven", "eight", "nine", "zero", "one", "two")


def read(folder: Path, store: Path, target: Target) -> Synthetic:
    return read_synthetic(folder, target=target, label_store=store)


def refused(folder: Path, store: Path, message: str, target: Target) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read(folder, store, target)
    assert "\n" not in str(caught.value)


@pytest.fixture
def renamed(digits: Target) -> Target:
    """The target whose class k is the number k of the folders."""
    assert tuple(digits.classes[(k + 3) % 10] for k in range(10)) == NAMES
    move = torch.tensor([(k + 7) % 10 for k in range(10)])
    splits = [type(split)(split.pixels, move[split.labels]) for split in (digits.train, digits.test)]
    return dataclasses.replace(digits, train=splits[0], test=splits[1], classes=NAMES)


def turned(teacher: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
    """The teacher with the folders' classes."""
    return lambda views: teacher(views)[:, [(k - 7) % 10 for k in range(10)]]


@pytest.mark.parametrize("cutmix", [True, False])
def test_the_sampler_s_order_is_found_and_labels_are_means_of_an_image_s_own_views(
    folder: Path, teacher: Any, renamed: Target, tmp_path: Path, cutmix: bool
) -> None:
    seen = write(tmp_path / "fkd", folder, turned(teacher), cutmix=cutmix)
    found = read(folder, tmp_path / "fkd", renamed)
    assert found.soft_labels is not None
    np.testing.assert_allclose(found.soft_labels.numpy(), expected(seen, folder), rtol=1e-5, atol=1e-5)
    assert found.manifest.soft_label_form == "logits"
    said = found.manifest.info[READINGS]
    assert said["their order"][0] == "random sampler of seed 42 over sorted files"
    assert said["soft labels"][1].endswith("views are not replayed")
    assert found.manifest.info["label_store"]["views"] == EPOCHS * 30
    used = sum(share >= 0.9 for _, share, _ in seen)
    assert found.manifest.info["label_store"]["used"] == used
    assert (used < EPOCHS * 30) == cutmix


def one_permutation(folder: Path, count: int = EPOCHS) -> list[list[int]]:
    generator = torch.Generator().manual_seed(42)
    return [torch.randperm(len(ImageFolder(str(folder))), generator=generator).tolist() for _ in range(count)]


def test_the_order_of_older_versions_is_found_too(folder: Path, teacher: Any, renamed: Target, tmp_path: Path) -> None:
    dataset, label = Indexed(str(folder)), turned(teacher)
    for epoch, order in enumerate(one_permutation(folder)):
        (tmp_path / "fkd" / f"epoch_{epoch}").mkdir(parents=True)
        for batch in range(4):
            views = torch.stack([dataset[place][0] for place in order[8 * batch : 8 * batch + 8]])
            coords, flip = torch.zeros(len(views), 4), torch.zeros(len(views), dtype=torch.bool)
            record = [coords, flip, None, None, None, label(views)]
            torch.save(record, tmp_path / "fkd" / f"epoch_{epoch}" / f"batch_{batch}.tar")
    found = read(folder, tmp_path / "fkd", renamed)
    rows = label(found.images.float() * 16 / 255)
    assert found.soft_labels is not None
    torch.testing.assert_close(found.soft_labels, rows, rtol=1e-4, atol=1e-4)


def shuffled_store(root: Path) -> None:
    """Batches of an epoch under each other's names: no sampler has this order."""
    for epoch in root.iterdir():
        (epoch / "batch_0.tar").rename(epoch / "swap")
        (epoch / "batch_2.tar").rename(epoch / "batch_0.tar")
        (epoch / "batch_1.tar").rename(epoch / "batch_2.tar")
        (epoch / "swap").rename(epoch / "batch_1.tar")


@pytest.mark.parametrize(
    ("extra", "items"),
    [
        (lambda record, places: [*record, places], 7),
        (lambda record, places: [*record[:2], torch.zeros(len(places), 3), *record[2:], places], 8),
    ],
    ids=["g-vbsm", "lpqld"],
)
def test_indices_in_the_files_need_no_order(
    folder: Path, teacher: Any, renamed: Target, tmp_path: Path, extra: Any, items: int
) -> None:
    seen = write(tmp_path / "fkd", folder, turned(teacher), extra)
    shuffled_store(tmp_path / "fkd")
    found = read(folder, tmp_path / "fkd", renamed)
    assert found.soft_labels is not None
    np.testing.assert_allclose(found.soft_labels.numpy(), expected(seen, folder), rtol=1e-5, atol=1e-5)
    assert found.manifest.info[READINGS]["their order"][0] == "indices in the files"
    rows = {part: what for part, what, _ in described(open_store(tmp_path / "fkd"))}
    assert rows["items of a batch"] == str(items)


def test_probabilities_stay_probabilities_and_weights_are_told_from_indices(
    folder: Path, teacher: Any, renamed: Target, tmp_path: Path
) -> None:
    def change(record: list[Any], places: torch.Tensor) -> list[Any]:
        return [*record[:5], (record[5].float() / 2).softmax(1), torch.ones(len(places))]

    write(tmp_path / "fkd", folder, turned(teacher), change)
    found = read(folder, tmp_path / "fkd", renamed)
    assert found.manifest.soft_label_form == "probabilities"
    assert found.soft_labels is not None
    torch.testing.assert_close(found.soft_labels.sum(1), torch.ones(30))
    rows = {part: (what, why) for part, what, why in described(open_store(tmp_path / "fkd"))}
    assert rows["labels"] == ("probabilities", "10 classes, float32")
    assert rows["items of a batch"][1].endswith("labels, weights")
    assert rows["epochs"] == ("6", "epoch_0 .. epoch_5")
    assert rows["batches an epoch"] == ("4", "of 8 views, the last of 6")
    assert rows["mixing"][0] == "cutmix"


def test_a_store_without_the_last_part_of_each_epoch_is_enough(
    folder: Path, teacher: Any, renamed: Target, tmp_path: Path
) -> None:
    seen = write(tmp_path / "fkd", folder, turned(teacher), drop_last=True)
    found = read(folder, tmp_path / "fkd", renamed)
    assert found.soft_labels is not None
    np.testing.assert_allclose(found.soft_labels.numpy(), expected(seen, folder), rtol=1e-5, atol=1e-5)


def test_another_order_or_other_images_are_refused(folder: Path, teacher: Any, renamed: Target, tmp_path: Path) -> None:
    write(tmp_path / "columns", folder, teacher)
    refused(folder, tmp_path / "columns", "largest label is the image's class for .* chance is 10%: .*other", renamed)
    write(tmp_path / "fkd", folder, turned(teacher))
    shuffled_store(tmp_path / "fkd")
    refused(folder, tmp_path / "fkd", "labels of other images, or in another order", renamed)
    write(tmp_path / "wrong", folder, turned(teacher), lambda record, places: [*record, (places + 7) % 30])
    refused(folder, tmp_path / "wrong", "labels of other images", renamed)


def test_labels_follow_a_list_of_classes(folder: Path, teacher: Any, digits: Target, tmp_path: Path) -> None:
    """Folders and columns by the list, the target in its own order."""
    seen = write(tmp_path / "fkd", folder, turned(teacher))
    found = read_synthetic(folder, target=digits, label_store=tmp_path / "fkd", classes=NAMES)
    assert found.soft_labels is not None
    by_number = expected(seen, folder).reshape(10, 3, 10)
    back = [(k + 7) % 10 for k in range(10)]
    wanted = by_number[back][:, :, back].reshape(30, 10)
    np.testing.assert_allclose(found.soft_labels.numpy(), wanted, rtol=1e-5, atol=1e-5)


def test_a_list_of_classes_with_a_stranger_says_nothing_of_columns(
    folder: Path, teacher: Any, renamed: Target, tmp_path: Path
) -> None:
    write(tmp_path / "fkd", folder, turned(teacher))
    with pytest.raises(UserError, match="classes: 'stranger' is no class of target"):
        read_synthetic(folder, target=renamed, label_store=tmp_path / "fkd", classes=(*renamed.classes, "stranger"))


class Hostile:
    """Unpickling it would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_no_record_runs_code(folder: Path, teacher: Any, renamed: Target, tmp_path: Path) -> None:
    write(
        tmp_path / "fkd", folder, turned(teacher), lambda record, _: [*record[:4], Hostile(tmp_path / "x"), record[5]]
    )
    refused(folder, tmp_path / "fkd", r"epoch_0/batch_0\.tar: holds Python objects that rd3 never loads", renamed)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r, _: r[:5], "expected a list of 6 to 8"),
        (lambda r, _: {"labels": r[5]}, "expected a list of 6 to 8"),
        (lambda r, _: [*r[:5], r[5] * torch.nan], "labels: NaN or infinity"),
        (lambda r, _: [*r[:5], r[5][:-1]], "coords of shape"),
        (lambda r, _: [*r[:5], r[5].int()], "labels: expected floats of shape"),
        (lambda r, _: [*r[:5], r[5].argmax(1)], "a list of 6 whose last is Tensor of shape"),
        (lambda r, _: [*r[:2], r[2] + 1, *r[3:]], r"mix_index: from 1 to 8, expected 0 \.\. 7"),
        (lambda r, _: [*r[:2], r[2][1:], *r[3:]], "mix_index: expected 8 whole numbers"),
        (lambda r, _: [*r[:3], 1.5, *r[4:]], r"mix_lam = 1\.5: expected 0 \.\. 1"),
        (lambda r, _: [*r[:3], None, None, r[5]], "mix_index without mix_lam and mix_bbox"),
        (lambda r, _: [*r[:4], [5, 0, 1, 3], r[5]], r"mix_bbox = \[5, 0, 1, 3\]: no box"),
        (lambda r, _: [*r[:4], "box", r[5]], r"mix_bbox: expected \[x1, y1, x2, y2\]"),
        (lambda r, _: [*r[:4], [0, 0, 1, 200], r[5]], "is outside of a view of 8 pixels"),
        (lambda r, p: [*r, p + 25], r"names image \d+, but there are 30 images"),
        (lambda r, p: [*r, p - 31], "indices: from -.* expected 0 or more"),
        (lambda r, _: [*r[:5], r[5][:, :9]], "has labels of 9 classes, but there are 10"),
        (lambda r, _: [*r[:5], r[5].expand(1, -1, -1)[0][:1].expand(8, 10).contiguous()], "labels of other images"),
    ],
)
def test_what_is_wrong_in_a_record_is_said_in_one_line(
    folder: Path, teacher: Any, renamed: Target, tmp_path: Path, change: Any, message: str
) -> None:
    def of_full_batches(record: list[Any], places: torch.Tensor) -> Any:
        return change(record, places) if len(places) == BATCH else record

    write(tmp_path / "fkd", folder, turned(teacher), of_full_batches)
    refused(folder, tmp_path / "fkd", message, renamed)


def test_damaged_and_missing_files_are_named(folder: Path, teacher: Any, renamed: Target, tmp_path: Path) -> None:
    write(tmp_path / "fkd", folder, turned(teacher))
    file = tmp_path / "fkd" / "epoch_4" / "batch_1.tar"
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])
    refused(folder, tmp_path / "fkd", r"epoch_4/batch_1\.tar: is damaged or cut off", renamed)
    file.write_bytes(b"no torch file")
    refused(folder, tmp_path / "fkd", r"epoch_4/batch_1\.tar: is no file of torch\.save", renamed)
    file.unlink()
    refused(folder, tmp_path / "fkd", r"epoch_4/batch_1\.tar: is missing", renamed)
    (tmp_path / "fkd" / "epoch_4" / "batch_2.tar").unlink()
    (tmp_path / "fkd" / "epoch_4" / "batch_3.tar").unlink()
    refused(folder, tmp_path / "fkd", "epoch_4: has 8 views for 30 images", renamed)
    refused(folder, folder, "no soft labels: expected a folder with epoch_0", renamed)


def test_labels_alone_are_no_set_but_are_known(folder: Path, teacher: Any, tmp_path: Path) -> None:
    write(tmp_path / "fkd", folder, turned(teacher), cutmix=False)
    assert not [name for name in FORMATS if FORMATS[name].matches(tmp_path / "fkd")]
    with pytest.raises(UserError, match=r"holds a teacher's soft labels of augmented views \(FKD\), no images; give"):
        read_synthetic(tmp_path / "fkd")
    shutil.rmtree(tmp_path / "fkd")
