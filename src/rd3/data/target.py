"""The real data set, with train and test split."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import Field

from rd3.base.spec import Spec, fingerprint_of
from rd3.data.images import Images


class TargetSpec(Spec):
    """What names a target.

    Attributes:
        name: a listed name, with what stands behind its colon, for instance `folder:PATH`; or `module:function`.
        size: the side that images are resized to, None for their own (or the name's usual one).
        flip: whether a horizontal flip keeps the class, None for what the source says.
    """

    name: str
    size: int | None = Field(default=None, ge=1, le=8192)
    flip: bool | None = None


@dataclass(frozen=True)
class Target:
    """A real data set.

    Attributes:
        spec: what it was loaded from, with the size filled in where the name has a usual one.
        train, test: the two splits.
        classes: class names; label k is `classes[k]`.
        mean, std: per channel, of pixels in [0, 1].
        statistics: where `mean` and `std` come from: `published (…)` or `measured on train`.
        flip_keeps_class: whether a horizontal flip leaves the class what it was (not for digits).
        pixel_hash: of the pixels (or encoded files) and labels of both splits.
        notes: what a reader must know, for instance how images were resized.
    """

    spec: TargetSpec
    train: Images
    test: Images
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    statistics: str
    flip_keeps_class: bool
    pixel_hash: str
    notes: tuple[str, ...] = field(default=())

    @property
    def fingerprint(self) -> str:
        """Of all that can change a number: pixels, labels, statistics, and whether a flip is allowed."""
        facts = {"pixels": self.pixel_hash, "mean": self.mean, "std": self.std, "flip": self.flip_keeps_class}
        return fingerprint_of("target", facts)

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    @property
    def channels(self) -> int:
        return self.train.shape[0]

    @property
    def size(self) -> int:
        """Side of the square images, in pixels."""
        return self.train.shape[-1]
