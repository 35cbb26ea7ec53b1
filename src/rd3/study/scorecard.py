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
        shown = []
        for name in ("accuracy", "random", "whole", "hlr", "ior", "lrs", "ars"):
            value = self.row[name]
            if value is not None:
                half = "" if value["low"] is None else f" ± {(value['high'] - value['low']) / 2:.3f}"
                shown.append(f"{name} {value['mean']:.3f}{half}")
        return f"{self.row['method']}, IPC {self.row['ipc']}, {self.row['protocol']['id']}: {', '.join(shown)}"

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


def parts_of(records: Mapping[str, Sequence[Record]]) -> tuple[Part, ...]:
    """Parts from the records of each field of `SubAccuracies`."""
    return tuple(Part(name, tuple(found)) for name, found in records.items())
