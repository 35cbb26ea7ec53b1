"""What a page is made of, beside the ranking's rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from rd3.report.ranking import Row


@dataclass(frozen=True)
class ProtocolField:
    """One value of a protocol, and where it comes from: for instance `stated`, `inferred` or `ours`."""

    name: str
    value: Any
    provenance: str = ""
    note: str = ""


@dataclass(frozen=True)
class ProtocolCard:
    """A protocol in full."""

    id: str
    version: int | str
    hash: str
    title: str
    source: str = ""
    note: str = ""
    fields: Sequence[ProtocolField] = ()


@dataclass(frozen=True)
class Grid:
    """Images to show.

    Attributes:
        images: uint8, shape (N, C, H, W) with one or three channels.
        labels: int, shape (N,).
        classes: class names; label k is `classes[k]`.
        target: what they stand for; sets of one target and IPC are shown together.
    """

    title: str
    images: Tensor
    labels: Tensor
    classes: Sequence[str]
    ipc: int
    caption: str = ""
    target: str = ""


CurvePoint = tuple[int, float, float | None, float | None]


@dataclass(frozen=True)
class CurveSet:
    """Test accuracy over epochs: one chart with one line per label.

    Attributes:
        lines: label -> points (epoch, mean, low, high); fractions, with None for an end that is not known.
    """

    title: str
    lines: Mapping[str, Sequence[CurvePoint]]


@dataclass(frozen=True)
class Cost:
    """Work that no single row paid for, such as a teacher that all methods share."""

    what: str
    seconds: float | None = None
    bytes: int | None = None
    note: str = ""


@dataclass(frozen=True)
class ReportData:
    """Everything on one page.

    Attributes:
        sentences: what was found, one sentence for each group of comparable rows.
        environment: name -> value, such as versions and the device.
        command: what to type to get the same numbers.
    """

    title: str
    rows: Sequence[Row]
    sentences: Sequence[str] = ()
    protocols: Sequence[ProtocolCard] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    grids: Sequence[Grid] = ()
    curves: Sequence[CurveSet] = ()
    costs: Sequence[Cost] = ()
