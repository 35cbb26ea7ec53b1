"""How `rd3 score` understands its options, and what it prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from rd3.base.errors import UserError
from rd3.base.files import write_atomic
from rd3.cli.judging import JudgedSet
from rd3.cli.study_run import table_console
from rd3.evaluation.ddranking.read import DDRankingFile, read_ddranking
from rd3.report.ranking import Row
from rd3.report.scorecard import parts_table, parts_title, scores_table, scores_title
from rd3.report.terminal import print_ranking
from rd3.study.scorecard import ScoreCard
from rd3.study.scoring import SCORES

if TYPE_CHECKING:
    from rd3.cli.verbs.score import Options
    from rd3.data.target import Target
    from rd3.synthetic.artifact import Synthetic

USUAL_SEEDS = 5


@dataclass(frozen=True)
class Request:
    """What is to be scored, with everything filled in.

    Attributes:
        judged: the set, the protocol, students and teachers.
        arguments: of `rd3.score` besides those of `rd3.evaluate`.
        file: the configuration file of DD-Ranking that it comes from.
    """

    judged: JudgedSet
    target: str
    seeds: int
    arguments: dict[str, Any]
    file: DDRankingFile | None

    def notices(self, synthetic: Synthetic, target: Target) -> list[str]:
        """What the user has to know of how the file is understood, one line each."""
        if self.file is None:
            return []
        return [f"{self.file.path}: {notice}" for notice in self.file.notices_for(synthetic, target)]


def prepared(options: Options) -> Request:
    """The options, with what a configuration file of DD-Ranking leaves to be filled in.

    Raises:
        UserError: no target is named, or two protocols are.
    """
    file = _ddranking_file(options)
    target = options.target or (file.target if file else None)
    if target is None:
        raise UserError("TARGET is missing: give the real data the set was made from, or --ddranking with a file")
    protocol = "".join([file.name if file else options.protocol, *(f"+{switch}" for switch in options.published)])
    judged = replace(options, protocol=protocol)
    if file is not None:
        judged = replace(judged, student=options.student or (file.student,), **_teachers(options, file))
    seeds = options.seeds if options.seeds is not None else file.seeds if file else USUAL_SEEDS
    arguments = {"whole": options.whole, "scores": _scores(options, file), "w": options.w, "gamma": options.gamma}
    return Request(judged, target, seeds, arguments, file)


def _ddranking_file(options: Options) -> DDRankingFile | None:
    if options.ddranking is None:
        return None
    if options.protocol != "rd3":
        raise UserError(f"--protocol {options.protocol}: --ddranking brings a protocol of its own; give one of the two")
    version = "" if options.ddranking_version == "0.2.0" else f"-{options.ddranking_version}"
    return read_ddranking(f"ddranking{version}:{options.ddranking}")


def _teachers(options: Options, file: DDRankingFile) -> dict[str, Any]:
    """The file's teachers unless others are given; from where the package keeps them, if they are there."""
    if options.names_a_teacher:
        return {}
    there = file.teacher_files if all(place.is_file() for place in file.teacher_files) else ()
    return {"teacher_model": file.teachers, "teacher_file": there}


def _scores(options: Options, file: DDRankingFile | None) -> Sequence[str]:
    if options.scores is None:
        return file.scores if file else SCORES
    return SCORES if options.scores == "all" else (options.scores,)


def show_cards(cards: Sequence[ScoreCard]) -> None:
    """One line a student, its sub-accuracies, the scores of all, and the rows with their costs and flags."""
    console = table_console()
    for card in cards:
        sys.stdout.write(f"{card}\n")
    sys.stdout.write("\n")
    for card in cards:
        _show(console, parts_title(card), parts_table(card))
    _show(console, scores_title(cards[0]), scores_table(cards))
    print_ranking(console, [Row.model_validate(card.row) for card in cards], [])


def _show(console: Console, title: str, table: Table) -> None:
    console.print(title, style="bold", markup=False, highlight=False, soft_wrap=True)
    console.print(table)
    console.print()


def write_cards(cards: Sequence[ScoreCard], path: Path) -> None:
    """All cards as one JSON file."""
    write_atomic(path, json.dumps([card.as_json() for card in cards], indent=1) + "\n")
