"""What labels cost, against the sizes that papers print."""

from __future__ import annotations

import pytest

from rd3.relabel.storage import ID_BYTES, hard_label_bytes, stored_label_bytes

MB, GIB = 10**6, 2**30
IMAGENET, TINY, CIFAR100, CIFAR10, IMAGENET21K = 1000, 200, 100, 10, 10_450


def label_bytes(ipc: int, classes: int, epochs: int) -> int:
    return stored_label_bytes(ipc * classes * epochs, classes)


@pytest.mark.parametrize("ipc", [1, 10, 50])
@pytest.mark.parametrize("classes", [10, 100, 1000])
@pytest.mark.parametrize("epochs", [1, 300, 400])
def test_a_view_costs_its_logits_its_crop_its_mirror_its_partner_and_its_id(ipc, classes, epochs) -> None:
    logits, crop, mirror, partner, image = 2 * classes, 4 * 4, 1, 8, 4
    assert label_bytes(ipc, classes, epochs) == ipc * classes * epochs * (logits + crop + mirror + partner + image)


@pytest.mark.parametrize(
    ("ipc", "classes", "epochs", "size"),
    [
        (1, IMAGENET, 300, 0.566 * GIB),
        (10, IMAGENET, 300, 5.658 * GIB),
        (50, IMAGENET, 300, 28.29 * GIB),
        (100, IMAGENET, 300, 56.58 * GIB),
        (200, IMAGENET, 300, 113.2 * GIB),
        (50, TINY, 100, 425 * MB),
        (100, TINY, 100, 850 * MB),
        (10, TINY, 300, 255 * MB),
        (50, TINY, 300, 1275 * MB),
        (10, CIFAR100, 300, 67.5 * MB),
        (50, CIFAR100, 300, 337.5 * MB),
        (50, CIFAR10, 300, 6.75 * MB),
        (10, IMAGENET21K, 300, 611 * GIB),
        (10, IMAGENET, 400, 7.54 * GIB),
        (50, IMAGENET, 400, 37.7 * GIB),
        (50, TINY, 400, 1700 * MB),
        (50, CIFAR100, 400, 450 * MB),
        (50, CIFAR10, 400, 9.0 * MB),
    ],
)
def test_without_the_ids_it_is_the_layout_of_fkd(ipc, classes, epochs, size) -> None:
    """IPC · C · epochs · (2 C + 25) bytes, as decoupled methods' own code writes them."""
    views = ipc * classes * epochs
    assert stored_label_bytes(views, classes) - ID_BYTES * views == pytest.approx(size, rel=2e-3)


@pytest.mark.parametrize(("ipc", "published"), [(10, 5.67), (50, 28.33), (100, 56.66), (200, 113.33)])
def test_imagenet_s_labels_weigh_what_is_published(ipc, published) -> None:
    """The sizes of LPLD (arXiv 2410.15919) for 300 epochs, printed as GB and meant as GiB."""
    assert label_bytes(ipc, IMAGENET, 300) / GIB == pytest.approx(published, rel=2e-3)


@pytest.mark.parametrize(
    ("images", "classes", "size"),
    [(500, 10, 500), (12_800, 256, 12_800), (12_850, 257, 25_700), (10_000, 1000, 20_000)],
)
def test_a_hard_label_takes_one_byte_or_two(images, classes, size) -> None:
    assert hard_label_bytes(images, classes) == size
