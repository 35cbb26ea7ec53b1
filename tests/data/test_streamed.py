"""Pictures that stay on disk, against the same ones in memory."""

from __future__ import annotations

import json
import pickle
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from rd3.base.errors import UserError
from rd3.data import finish
from rd3.data.images import MemoryImages
from rd3.data.load import load_target
from rd3.data.streamed import StreamedImages


@pytest.fixture
def both(write_tree):
    """The same JPEG folder in memory and streamed."""
    name = f"folder:{write_tree(each=9, ending='jpg')}"

    def load(**options):
        return load_target(name, **options), load_target(name, **options, memory_limit=0)

    return load


@pytest.mark.parametrize("size", [None, 20])
def test_streamed_pixels_are_those_in_memory(both, size):
    held, streamed = both(size=size)
    assert isinstance(held.train, MemoryImages)
    assert isinstance(streamed.train, StreamedImages)
    assert streamed.train.shape == held.train.shape
    indices = torch.tensor([5, 0, 17, 5, 3])
    assert torch.equal(streamed.train.batch(indices), held.train.batch(indices))
    assert torch.equal(streamed.test.batch(torch.arange(18)), held.test.batch(torch.arange(18)))
    assert torch.equal(streamed.train.labels, held.train.labels)
    assert (streamed.mean, streamed.std, streamed.statistics) == (held.mean, held.std, held.statistics)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_number_of_threads_makes_no_difference(both, threads):
    held, streamed = both()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert torch.equal(streamed.train.batch(torch.arange(18)), held.train.batch(torch.arange(18)))
    finally:
        torch.set_num_threads(before)


def test_the_limit_counts_decoded_bytes(write_tree):
    name = f"folder:{write_tree(each=3)}"
    decoded = 12 * 3 * 32 * 32
    assert isinstance(load_target(name, memory_limit=decoded).train, MemoryImages)
    assert isinstance(load_target(name, memory_limit=decoded - 1).train, StreamedImages)


def test_an_empty_batch_has_no_pictures(both):
    assert both()[1].train.batch(torch.empty(0, dtype=torch.int64)).shape == (0, 3, 32, 32)


def test_moving_to_a_device_and_pickling_keep_the_pixels(both):
    streamed = both()[1].train
    indices = torch.arange(4)
    for copy in (streamed.to(torch.device("cpu")), pickle.loads(pickle.dumps(streamed))):
        assert torch.equal(copy.batch(indices), streamed.batch(indices))
        assert copy.labels.device == copy.batch(indices).device == torch.device("cpu")


def test_a_picture_that_breaks_later_is_named(write_tree):
    root = write_tree(ending="jpg")
    target = load_target(f"folder:{root}", memory_limit=0)
    path = root / "train" / "cat" / "1.jpg"
    path.write_bytes(path.read_bytes()[:300])
    target.train.batch(torch.tensor([0, 2]))
    with pytest.raises(UserError, match=r"train/cat/1\.jpg"):
        target.train.batch(torch.tensor([0, 1]))


def test_the_fingerprint_of_files_moves_with_them_and_knows_every_byte(write_tree, tmp_path):
    root = write_tree()

    def fingerprint(place, **options):
        return load_target(f"folder:{place}", memory_limit=0, **options).fingerprint

    before = fingerprint(root)
    assert fingerprint(root, size=20) != before
    moved = tmp_path / "moved"
    shutil.copytree(root, moved)
    assert fingerprint(moved) == before
    path = moved / "test" / "dog" / "0.png"
    pixels = np.asarray(Image.open(path)).copy()
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(path)
    assert fingerprint(moved) != before


def test_digests_are_kept_under_rd3_home_and_renewed_when_a_file_changes(write_tree, tmp_path, monkeypatch):
    root = write_tree()
    name = f"folder:{root}"
    plain = load_target(name, memory_limit=0).fingerprint
    monkeypatch.setenv("RD3_HOME", str(tmp_path / "home"))
    assert (
        load_target(name, size=32, memory_limit=0).fingerprint == load_target(name, size=32, memory_limit=1).fingerprint
    )
    (ledger,) = (tmp_path / "home" / "digests").iterdir()
    assert len(json.loads(ledger.read_text())) == 12
    (root / "train" / "cat" / "0.png").write_bytes((root / "train" / "cat" / "1.png").read_bytes())
    changed = load_target(name, memory_limit=0).fingerprint
    assert changed != plain
    ledger.write_text("{ damaged")
    assert load_target(name, memory_limit=1).fingerprint == changed


def test_large_streamed_sets_are_measured_on_an_even_sample(both, monkeypatch):
    monkeypatch.setattr(finish, "STREAMED_SAMPLE", 6)
    held, streamed = both(size=31)
    assert streamed.statistics == "measured on 6 images of train"
    pixels = held.train.batch(torch.tensor([0, 3, 6, 9, 12, 15])).double().numpy() / 255
    assert streamed.mean == pytest.approx(pixels.mean((0, 2, 3)), rel=1e-12)
    assert streamed.std == pytest.approx(pixels.std((0, 2, 3)), rel=1e-12)
