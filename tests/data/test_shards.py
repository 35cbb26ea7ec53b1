"""Pictures kept decoded on disk, against the same ones in memory."""

from __future__ import annotations

import pickle

import pytest
import torch

from rd3.data import shards
from rd3.data.load import load_target
from rd3.data.shards import ShardedImages
from rd3.data.streamed import StreamedImages


@pytest.fixture
def both(write_tree, tmp_path, monkeypatch):
    """The same JPEG folder in memory and kept decoded, five pictures a file."""
    monkeypatch.setenv("RD3_DECODED", str(tmp_path / "decoded"))
    monkeypatch.setattr(shards, "SHARD_BYTES", 5 * 3 * 20 * 20)
    name = f"folder:{write_tree(each=9, ending='jpg')}@20"
    return load_target(name), load_target(name, memory_limit=0)


def test_the_pixels_are_those_in_memory_when_decoded_and_when_read_again(both) -> None:
    held, kept = both
    assert isinstance(kept.train, ShardedImages)
    indices = torch.tensor([5, 0, 17, 5, 3])
    for images in (kept.train, kept.train.to(torch.device("cpu")), pickle.loads(pickle.dumps(kept.train))):
        assert torch.equal(images.batch(indices), held.train.batch(indices))
        assert torch.equal(images.batch(torch.arange(18)), held.train.batch(torch.arange(18)))
        assert torch.equal(images.labels, held.train.labels)
    assert torch.equal(kept.test.batch(torch.arange(18)), held.test.batch(torch.arange(18)))
    assert (kept.mean, kept.std) == (held.mean, held.std)


def test_a_picture_is_decoded_once(both, monkeypatch) -> None:
    held, kept = both
    kept.train.batch(torch.arange(18))
    monkeypatch.setattr(StreamedImages, "on_host", lambda *_: pytest.fail("decoded again"))
    again = kept.train.to(torch.device("cpu"))
    assert torch.equal(again.batch(torch.arange(18)), held.train.batch(torch.arange(18)))


def test_a_file_that_was_cut_short_is_made_again(both, tmp_path) -> None:
    held, kept = both
    kept.train.batch(torch.arange(18))
    for file in sorted((tmp_path / "decoded").glob("*/train/*.npy"))[:2]:
        file.write_bytes(file.read_bytes()[:40])
    for file in sorted((tmp_path / "decoded").glob("*/train/*.npy"))[2:]:
        file.write_bytes(file.read_bytes()[:-100])
    again = kept.train.to(torch.device("cpu"))
    assert torch.equal(again.batch(torch.arange(18)), held.train.batch(torch.arange(18)))


def test_without_the_folder_pictures_are_decoded_batch_by_batch(write_tree, monkeypatch) -> None:
    monkeypatch.delenv("RD3_DECODED", raising=False)
    images = load_target(f"folder:{write_tree(each=3)}", memory_limit=0).train
    assert type(images) is StreamedImages
