"""Show a protocol in full, with where every value comes from, or how two protocols differ.

Examples:
  rd3 show rd3
  rd3 show edc --target cifar100 --student resnet18 --ipc 10
  rd3 show rded rded-code
  rd3 show my_protocol.yaml rd3 --target folder:photos@64
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from rd3.base.errors import UserError

if TYPE_CHECKING:
    from rd3.evaluation.conditions import Cell


@dataclass
class Options:
    protocols: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="PROTOCOL")]
    """one protocol, or two to compare: ids (rd3 list protocols) or protocol files"""
    target: str | None = None
    """show what holds for this target"""
    student: str | None = None
    """show what holds for this student; resnet18 by default"""
    ipc: int | None = None
    """show what holds for so many images a class; 10 by default"""


def main(options: Options) -> int:
    from rd3.cli.study_run import table_console
    from rd3.evaluation.files import load_protocol
    from rd3.report.protocols import print_card, print_differences

    if not 1 <= len(options.protocols) <= 2:
        raise UserError(f"{len(options.protocols)} protocols: name one to show, or two to compare")
    protocols = [load_protocol(name) for name in options.protocols]
    cell = _cell(options)
    if len(protocols) == 1:
        print_card(table_console(), protocols[0], cell)
    else:
        print_differences(table_console(), protocols[0], protocols[1], cell)
    return 0


def _cell(options: Options) -> Cell | None:
    from rd3.data.facts import target_facts
    from rd3.evaluation.conditions import Cell
    from rd3.models import create_model

    if options.target is None:
        if options.student is not None or options.ipc is not None:
            raise UserError("--student and --ipc need --target: values depend on all three")
        return None
    if options.ipc is not None and options.ipc < 1:
        raise UserError(f"--ipc {options.ipc}: IPC is at least 1")
    facts = target_facts(options.target)
    student = options.student or "resnet18"
    create_model(student, classes=facts.num_classes, size=facts.size, channels=facts.channels, seed=0)
    return Cell(facts, options.ipc or 10, student)
