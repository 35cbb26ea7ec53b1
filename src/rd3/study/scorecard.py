"""What scoring one synthetic gives: its sub-accuracies with their runs, and the row with the scores made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rd3.scores.definitions import SubAccuracies, score_replicates
from rd3.scores.intervals import Interval, t_interval
from rd3.study.records import Record
from rd3.study.scoring import PARTS

SCHEMA = "rd3.score/1"


@dataclass(frozen=True)
class Part:
    """One sub-accuracy.

    Attributes:
        name: field of `SubAccuracies`.
        records: of its runs, ordered by replicate.
    """

    name: str
    records: tuple[Record, ...]

    @property
    def symbol(self) -> str:
        return PARTS[self.name][0]

    @property
    def title(self) -> str:
        """What is trained on what."""
        return PARTS[self.name][1]

    @property
    def accuracies(self) -> dict[int, float]:
        """Replicate -> last-epoch test accuracy."""
        return {record.replicate: record.accuracy for record in self.records}

    @property
    def interval(self) -> Interval:
        return t_interval(list(self.accuracies.values()))

    def as_json(self) -> dict[str, Any]:
        first = self.records[0]
        return {
            "symbol": self.symbol,
            "trained_on": self.title,
            "protocol": {"id": first.protocol.id, "version": first.protocol.version, "hash": first.protocol.hash},
            "n": len(self.records),
            "mean": self.interval.mean,
            "low": self.interval.low,
            "high": self.interval.high,
            "runs": [_run(record) for record in self.records],
        }


def _run(record: Record) -> dict[str, Any]:
    kept = {"fingerprint", "images", "draw", "replicate", "seed", "accuracy", "peeked", "lr", "rates", "teachers"}
    return record.model_dump(mode="json", include=kept)


@dataclass(frozen=True)
class ScoreCard:
    """What `score` found.

    Attributes:
        row: of a ranking (see the schema in `rd3.study.ranking`).
        parts: the sub-accuracies, in the order A_rh, A_sh, A_sa, A_ra, A_sn, A_rn; those that were not asked for or
            have no protocol are missing.
        w, gamma: weights of LRS and ARS.
    """

    row: dict[str, Any]
    parts: tuple[Part, ...]
    w: float = 0.5
    gamma: float = 0.5

    def __str__(self) -> str:
        """On one line: accuracies, HLR and IOR in percent, LRS and ARS as fractions, ± half a 95 % t-interval."""
        points = [_shown(name, self.row[name], 100, 1) for name in ("accuracy", "random", "whole", "hlr", "ior")]
        scores = [_shown(name, self.row[name], 1, 3) for name in ("lrs", "ars")]
        shown = ", ".join(filter(None, (*points, *scores)))
        return f"{self.row['method']}, IPC {self.row['ipc']}, {self.row['protocol']['id']}: {shown}"

    @property
    def peeks(self) -> bool:
        """Whether anything was chosen on the test split."""
        return any(record.settings.peeks for part in self.parts for record in part.records)

    def replicates(self) -> dict[str, dict[int, float]]:
        """Every score of every replicate: name -> replicate -> value."""
        columns: Mapping[str, dict[int, float]] = {part.name: part.accuracies for part in self.parts}
        return score_replicates(SubAccuracies(**columns), w=self.w, gamma=self.gamma)

    def as_json(self) -> dict[str, Any]:
        """All of it as plain JSON values, enough to score again with other weights."""
        return {
            "schema": SCHEMA,
            "weights": {"w": self.w, "gamma": self.gamma},
            "chosen_on_the_test_split": self.peeks,
            "row": self.row,
            "parts": [part.as_json() for part in self.parts],
            "replicates": self.replicates(),
        }


def _shown(name: str, value: dict[str, float | None] | None, scale: float, decimals: int) -> str:
    """`hlr 49.3 ± 6.7`, or nothing where there is no value."""
    if value is None or value["mean"] is None:
        return ""
    low, high = value["low"], value["high"]
    half = "" if low is None or high is None else f" ± {scale * (high - low) / 2:.{decimals}f}"
    return f"{name} {scale * value['mean']:.{decimals}f}{half}"


def parts_of(records: Mapping[str, Sequence[Record]]) -> tuple[Part, ...]:
    """Parts from the records of each field of `SubAccuracies`."""
    return tuple(Part(name, tuple(found)) for name, found in records.items())
