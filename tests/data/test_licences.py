"""Every target says under which terms its images are given away, or that nobody says."""

from __future__ import annotations

from pathlib import Path

import pytest

from rd3.data.source import SOURCES

STATED = {
    "digits": "cc-by-4.0",
    "mnist5k": "cc-by-sa-3.0",
    "fashion-mnist": "mit",
    "cifar10": "unknown",
    "cifar100": "unknown",
    "tiny-imagenet": "other",
    "imagenet-1k": "other",
    "imagenette": "other",
    "imagewoof": "other",
    "folder": "unknown",
    "hf": "unknown",
    "npz": "unknown",
}


def test_all_targets_are_listed() -> None:
    assert {name: SOURCES[name].licence.id for name in SOURCES} == STATED


@pytest.mark.parametrize("name", sorted(STATED))
def test_what_is_stated_has_a_place_where_it_is_stated(name: str) -> None:
    licence = SOURCES[name].licence
    assert licence.words
    assert licence.link is not None or licence.id == "unknown"
    assert (licence.name is not None) == (licence.id == "other")


def test_the_documents_name_them() -> None:
    text = (Path(__file__).parent.parent.parent / "docs" / "formats.md").read_text()
    for words in ("CC BY 4.0", "CC BY-SA 3.0", "MIT for Fashion-MNIST", "ImageNet's terms of access", "`unknown`"):
        assert words in text
