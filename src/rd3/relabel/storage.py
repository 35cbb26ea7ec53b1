"""What labels cost in bytes, so that accuracies bought with labels show their price."""

from __future__ import annotations

VIEW_BYTES = 25  # crop box 4 x fp32, flip 1, mix partner int64
ID_BYTES = 4  # image id, int32: stored, so that no loader has to be patched to replay the order


def stored_label_bytes(views: int, classes: int) -> int:
    """Bytes of fp16 logits for that many augmented views, with what is needed to replay each view.

    Online labels are counted as if they were stored: IPC x C x epochs x (2 C + 25 + 4)
    (FKD's layout with image ids; SRe2L, arXiv 2306.13092).

    >>> stored_label_bytes(10 * 1000 * 300, 1000)  # ImageNet-1K, IPC 10, 300 epochs: 5.67 GiB
    6087000000
    """
    return views * (2 * classes + VIEW_BYTES + ID_BYTES)


def static_label_bytes(images: int, classes: int) -> int:
    """Bytes of one row of fp16 logits an image, in the order of the images.

    >>> static_label_bytes(100, 10)
    2000
    """
    return images * 2 * classes


def hard_label_bytes(images: int, classes: int) -> int:
    """Bytes of one integer label an image.

    >>> hard_label_bytes(100, 10), hard_label_bytes(100, 1000)
    (100, 200)
    """
    return images * (1 if classes <= 256 else 2)
