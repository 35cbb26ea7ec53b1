"""A distilled set as a map-style data set for any `torch.utils.data.DataLoader`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.utils.data import Dataset

from rd3.base.errors import UserError
from rd3.data.images import as_unit
from rd3.synthetic.prepare import expanded

if TYPE_CHECKING:
    from rd3.synthetic.artifact import Synthetic

Transform = Callable[[Tensor], Any]


class Pictures(Dataset[tuple[Any, ...]]):
    """Images that a student sees, mosaics taken apart, class by class where they were.

    Args:
        synthetic: the set.
        transform: of a float32 image (C, H, W), 0 black and 1 white, for instance one of torchvision's; it draws from
            the generator of its worker.
        soft_labels: whether the image's row of soft labels (classes,) comes along.

    Raises:
        UserError: soft labels are wanted, and there are none.
    """

    def __init__(self, synthetic: Synthetic, *, transform: Transform | None = None, soft_labels: bool = False) -> None:
        if soft_labels and synthetic.soft_labels is None:
            raise UserError("soft_labels: the set has none")
        self.synthetic = expanded(synthetic)
        self.transform = transform
        self.soft_labels = self.synthetic.soft_labels if soft_labels else None

    def __len__(self) -> int:
        return len(self.synthetic)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """(image, label), or (image, label, soft labels)."""
        image: Any = as_unit(self.synthetic.images[index])
        image = image if self.transform is None else self.transform(image)
        label = int(self.synthetic.labels[index])
        return (image, label) if self.soft_labels is None else (image, label, self.soft_labels[index])
