"""Score a synthetic set: HLR, IOR, LRS and ARS with intervals (DD-Ranking, arXiv 2505.13300).

The references it needs (random real images, the whole target) are trained once and shared with every later score.

Examples:
  rd3 score runs/synthetic/sre2l-mnist5k-ipc10-1a2b3c mnist5k --teacher-model convnet3-bn-w32 --protocol rd3-demo
  rd3 score my_images/ cifar10 --protocol rd3-hard --seeds 3 --students convnet3,resnet18 --json scores.json
  rd3 score set.npz cifar10 --teacher-model resnet18 --plan
  rd3 score set.npz --ddranking DATM/CIFAR10/IPC10.yaml
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from rd3.cli.judging import JudgedSet, judged
from rd3.cli.options import Flag

Switches = Annotated[tuple[Literal["unmixed-labels", "random-search"], ...], tyro.conf.UseAppendAction]


@dataclass(kw_only=True)
class Options(JudgedSet):
    target: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="TARGET")] = None
    """the real data it was made from; with --ddranking, in place of the file's"""
    seeds: int | None = None
    """students trained, one a replicate; 5, or what the --ddranking file says"""
    whole: str | None = None
    """protocol for the whole target in place of the protocol's own; none leaves HLR and LRS out"""
    scores: Literal["all", "lrs", "ars"] | None = None
    """lrs is HLR, IOR and LRS, ars is IOR and ARS; all by default, or what the --ddranking file is for"""
    w: float = 0.5
    """weight of IOR against HLR in LRS"""
    gamma: float = 0.5
    """weight of the augmented against the plain difference in ARS"""
    ddranking: Path | None = None
    """a configuration file of DD-Ranking: its protocol, student, teachers, target and seeds, each unless given here"""
    ddranking_version: Literal["0.2.0", "0.1.4"] = "0.2.0"
    """which release's meaning its words have"""
    published: Switches = ()
    """what DD-Ranking 0.2.0 does besides test-peek, for comparison only: labels of mixed images left unmixed; a set
    that learned a rate trained with it, where random images get a search"""
    plan: Flag = False
    """print the trainings, stored and missing, and how long they would take; train nothing"""
    json: Path | None = None
    """file to write the scores, sub-accuracies, rates and seeds into"""


def main(options: Options) -> int:
    from rd3.cli.scoring import prepared, show_cards, write_cards

    request = prepared(options)
    if options.plan:
        from rd3.cli.score_plan import show_plan

        return show_plan(request, options)
    import rd3

    with judged(request.judged, request.target, request.seeds, references=True) as (synthetic, target, arguments):
        sys.stdout.writelines(f"{line}\n" for line in request.notices(synthetic, target))
        cards = [
            rd3.score(synthetic, target, student=student, **request.arguments, **arguments)
            for student in request.judged.students
        ]
    show_cards(cards)
    if options.json is not None:
        write_cards(cards, options.json)
    return 0
