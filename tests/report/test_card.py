"""Cards: front matter that the hub reads, and text in which a name is only a name."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from rd3.data.load import load_target
from rd3.data.mosaic import Decode
from rd3.report.card import card_files
from rd3.report.front_matter import SIZES, licence_of
from rd3.synthetic import Manifest, Synthetic

EVIL = "[click](http://x) | <script>\n# title"


@pytest.fixture(scope="module")
def digits() -> Synthetic:
    target = load_target("digits")
    chosen = torch.cat([(target.train.labels == k).nonzero()[:2, 0] for k in range(10)])
    return made(target.train.batch(chosen), target.train.labels[chosen], target=target.name, classes=target.classes)


def made(images: torch.Tensor, labels: torch.Tensor, **facts: Any) -> Synthetic:
    known = {"method": "sre2l", "target_fingerprint": None, "ipc": None, "fingerprint": "f" * 20, "settings": {"a": 1}}
    return Synthetic(images, labels, None, None, Manifest(**{**known, **facts}))


def read(files: dict[str, bytes]) -> tuple[dict[str, Any], str]:
    text = files["README.md"].decode()
    _, front, body = text.split("---\n", 2)
    return yaml.safe_load(front), body


def test_the_front_matter_says_what_the_hub_asks(digits: Synthetic) -> None:
    front, body = read(card_files(digits, "parquet", [], []))
    assert front["license"] == "cc-by-4.0"
    assert front["task_categories"] == ["image-classification"]
    assert front["size_categories"] == ["n<1K"]
    names = {feature["name"]: feature for feature in front["dataset_info"]["features"]}
    assert names["label"]["dtype"]["class_label"]["names"] == {str(k): str(k) for k in range(10)}
    assert front["configs"][0]["data_files"] == [{"split": "train", "path": "train-00000-of-00001.parquet"}]
    for words in (
        "SRe2L",
        "arXiv",
        "rd3 evaluate PATH digits",
        "No run of this set was recorded",
        "UCI",
        digits.classes[0],
    ):
        assert words in body
    assert digits.manifest.fingerprint in body
    assert digits.content_fingerprint in body


def test_the_contact_sheet_shows_the_images(digits: Synthetic) -> None:
    picture = np.asarray(Image.open(io.BytesIO(card_files(digits, "folder", [], [])["contact-sheet.png"])))
    third, first_row = picture[:32:4, 66:98:4, 0], digits.images[digits.labels == 2][0, 0]
    assert np.array_equal(third, first_row.numpy())


@pytest.mark.parametrize(("target", "licence"), [("imagenette", "other"), ("cifar10", "unknown"), (None, "unknown")])
def test_the_licence_is_that_of_the_real_data(target: str | None, licence: str, digits: Synthetic) -> None:
    synthetic = made(digits.images, digits.labels, target=target, classes=digits.classes)
    front, body = read(card_files(synthetic, "folder", [], []))
    assert front["license"] == licence
    assert ("license_link" in front) == (licence == "other")
    assert f"real ones: {licence_of(synthetic).words.split('(')[0]}" in body


def test_a_folder_s_or_archive_s_data_have_terms_that_rd3_does_not_know(digits: Synthetic) -> None:
    for name in ("folder:photos@64", "npz:set.npz", "gone"):
        assert licence_of(made(digits.images, digits.labels, target=name, classes=digits.classes)).id == "unknown"


def test_names_stay_names(digits: Synthetic) -> None:
    synthetic = made(
        digits.images,
        digits.labels,
        method=EVIL,
        origin="imported from npz",
        target=None,
        classes=(EVIL, *digits.classes[1:]),
        settings={"note": EVIL},
        aids=(EVIL,),
    )
    front, body = read(card_files(synthetic, "parquet", [], [EVIL]))
    assert front["dataset_info"]["features"][1]["dtype"]["class_label"]["names"]["0"] == EVIL
    assert "<script>" not in body
    assert "[click](" not in body
    assert not re.search(r"^# title", body, flags=re.MULTILINE)
    rows = [line for line in body.splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 3 for row in rows), "a name adds no column"


def test_mosaics_and_changes_are_said(digits: Synthetic) -> None:
    synthetic = made(digits.images, digits.labels, target="digits", classes=digits.classes, decode=Decode())
    _, body = read(card_files(synthetic, "folder", [], ["rounded to bytes: 1.0% of the values were clamped"]))
    assert "Every image is a mosaic of 2x2 (rows first)" in body
    assert "| changed for this format | rounded to bytes: 1.0% of the values were clamped |" in body


def test_sizes_are_the_hub_s_categories(digits: Synthetic) -> None:
    for count, words in ((999, "n<1K"), (1000, "1K<n<10K"), (10_000, "10K<n<100K")):
        times = -(-count // len(digits))
        synthetic = made(
            digits.images.repeat(times, 1, 1, 1)[:count],
            digits.labels.repeat(times)[:count],
            target="digits",
            classes=digits.classes,
        )
        assert read(card_files(synthetic, "folder", [], []))[0]["size_categories"] == [words]
    assert len(SIZES) == 4
