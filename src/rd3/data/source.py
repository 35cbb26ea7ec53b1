"""What a source of targets is. One file per family in `data/sources/`; each registers its names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rd3.base.registry import Registry
from rd3.data.images import Images
from rd3.data.licences import UNKNOWN, Licence


@dataclass(frozen=True)
class Reading:
    """How to read.

    Attributes:
        size: side of the images, None for their own.
        memory_limit: decoded bytes up to which a folder is held in memory; larger ones are decoded batch by batch.
    """

    size: int | None
    memory_limit: int


@dataclass(frozen=True)
class Published:
    """Channel means and standard deviations that papers normalise with, and who does."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    origin: str


@dataclass(frozen=True)
class Content:
    """Both splits as they were read, before statistics and checks.

    Attributes:
        published, flip_keeps_class: where what was read says so itself; None leaves it to the source.
    """

    train: Images
    test: Images
    classes: tuple[str, ...]
    fingerprint: str
    notes: tuple[str, ...] = ()
    published: Published | None = None
    flip_keeps_class: bool | None = None


Reader = Callable[[Path, Reading], Content]


@dataclass(frozen=True)
class Place:
    """A file or folder, what reads it, and what a reader of results must know of it."""

    path: Path
    read: Reader
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """A name that targets are loaded by.

    Attributes:
        about: one line for listings.
        locate: from the text behind `NAME:` (empty without) and whether a download is allowed, to the place to read.
        usage: how a name that is a prefix is written, for instance `folder:PATH`; empty for a name alone.
        size: side to resize to when none is asked for; None keeps the images' own.
        classes, channels: what the name promises, None for anything.
        images: training and test images that the name promises.
        published: statistics to normalise with; None measures them on the training split.
        flip_keeps_class: whether a horizontal flip keeps the class.
        licence: terms under which its images are given away.
    """

    about: str
    locate: Callable[[str, bool], Place]
    usage: str = ""
    size: int | None = None
    classes: int | None = None
    channels: int | None = None
    images: tuple[int, int] | None = None
    published: Published | None = None
    flip_keeps_class: bool = True
    licence: Licence = UNKNOWN

    @property
    def takes_path(self) -> bool:
        return bool(self.usage)


SOURCES: Registry[Source] = Registry("target", "rd3.data.sources")
