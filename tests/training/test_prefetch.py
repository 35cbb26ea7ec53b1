"""Pictures fetched ahead, against the same ones in memory."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from rd3.base.errors import UserError
from rd3.data.images import MemoryImages
from rd3.data.streamed import StreamedImages
from rd3.training.order import Batch
from rd3.training.prefetch import fetched_ahead


@pytest.fixture
def on_disk(tmp_path: Path) -> StreamedImages:
    data = load_digits()
    names = [f"{number}.png" for number in range(12)]
    for name, picture in zip(names, data.images, strict=False):
        Image.fromarray((picture * 15).astype("uint8")).save(tmp_path / name)
    return StreamedImages(tmp_path, names, torch.from_numpy(data.target[:12]), shape=(1, 8, 8), resize=False)


def batches(*rows: list[int]) -> list[Batch]:
    return [Batch(torch.tensor(one), torch.Generator()) for one in rows]


def test_every_batch_comes_once_in_order_with_its_own_pixels(on_disk: StreamedImages) -> None:
    held = on_disk.in_memory()
    given = batches([3, 1, 4], [11, 5], [9, 2, 6, 5])
    found = list(fetched_ahead(given, on_disk))
    assert [one.indices.tolist() for one in found] == [[3, 1, 4], [11, 5], [9, 2, 6, 5]]
    for one in found:
        assert one.pixels is not None
        assert torch.equal(one.pixels, held.batch(one.indices))


def test_the_next_batch_is_fetched_by_another_thread_while_one_is_used(
    on_disk: StreamedImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[tuple[list[int], int]] = []
    second, read = threading.Event(), on_disk.on_host

    def watched(wanted: list[int]) -> torch.Tensor:
        fetched.append((wanted, threading.get_ident()))
        if len(fetched) == 2:
            second.set()
        return read(wanted)

    monkeypatch.setattr(on_disk, "on_host", watched)
    coming = fetched_ahead(batches([0], [1], [2]), on_disk)
    next(coming)
    assert second.wait(30), "the second batch is fetched before it is asked for"
    assert [wanted for wanted, _ in fetched] == [[0], [1]]
    assert threading.get_ident() not in {thread for _, thread in fetched}
    assert len(list(coming)) == 2


def test_pictures_in_memory_are_left_where_they_are(on_disk: StreamedImages) -> None:
    given = batches([1, 2], [3])
    assert list(fetched_ahead(given, on_disk.in_memory())) == given
    assert list(fetched_ahead([], on_disk)) == []


def test_a_damaged_file_is_named_when_its_batch_is_due(on_disk: StreamedImages, tmp_path: Path) -> None:
    (tmp_path / "7.png").write_bytes(b"no picture")
    coming = fetched_ahead(batches([0], [7]), on_disk)
    next(coming)
    with pytest.raises(UserError, match=r"7\.png"):
        next(coming)


def test_memory_images_give_whole_rows() -> None:
    pixels = torch.arange(24, dtype=torch.uint8).view(3, 2, 2, 2)
    images = MemoryImages(pixels, torch.arange(3))
    assert torch.equal(images.batch(torch.tensor([2, 0, 2])), pixels[[2, 0, 2]])
