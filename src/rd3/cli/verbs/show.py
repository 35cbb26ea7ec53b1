"""Show a protocol in full, with where every value comes from, or how two protocols differ; or the images of a set; or
what a folder of stored soft labels holds.

Examples:
  rd3 show rd3
  rd3 show edc --target cifar100 --student resnet18 --ipc 10
  rd3 show rded rded-code
  rd3 show my_protocol.yaml rd3 --target folder:photos@64
  rd3 show runs/synthetic/sre2l-mnist5k-ipc10-0f3a61 --sheet sre2l.png
  rd3 show FKD_cutmix_fp16
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from rd3.base.errors import UserError

if TYPE_CHECKING:
    from rd3.evaluation.conditions import Cell
    from rd3.evaluation.protocol import Protocol

USUAL_SIDE = 32  # of an image on a contact sheet, in pixels; smaller ones are enlarged


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
    sheet: Path | None = None
    """write a contact sheet (.png) of a distilled data set, which is named in place of a protocol"""


def main(options: Options) -> int:
    if options.sheet is not None:
        return _write_sheet(options, options.sheet)
    from rd3.cli.study_run import table_console
    from rd3.report.protocols import print_card, print_differences

    if not 1 <= len(options.protocols) <= 2:
        raise UserError(f"{len(options.protocols)} protocols: name one to show, or two to compare")
    if len(options.protocols) == 1 and Path(options.protocols[0]).is_dir() and _show_labels(Path(options.protocols[0])):
        return 0
    protocols = [_protocol(name) for name in options.protocols]
    cell = _cell(options)
    if len(protocols) == 1:
        print_card(table_console(), protocols[0], cell)
    else:
        print_differences(table_console(), protocols[0], protocols[1], cell)
    return 0


def _show_labels(folder: Path) -> bool:
    """What a folder of stored soft labels holds; False where it holds none."""
    from rd3.cli.study_run import table_console
    from rd3.report.imported import print_parts
    from rd3.synthetic.label_store import described, is_label_store, open_store
    from rd3.synthetic.validity import naming

    if not is_label_store(folder):
        return False
    with naming(folder):
        rows = described(open_store(folder))
    title = f"{folder.name}: a teacher's soft labels of augmented views"
    print_parts(table_console(), title, rows, columns=("part", "is", "because"))
    return True


def _protocol(name: str) -> Protocol:
    from rd3.evaluation.files import load_protocol

    try:
        return load_protocol(name)
    except UserError as error:
        if not Path(name).exists() or Path(name).suffix in (".yaml", ".yml"):
            raise
        hint = "give --sheet FILE.png to see the images of a distilled set"
        raise UserError(f"{name}: is no protocol; {hint}") from error


def _write_sheet(options: Options, place: Path) -> int:
    """A class a column, its first images below each other."""
    from rd3.base.files import write_atomic
    from rd3.report.format import plain
    from rd3.report.grid import contact_sheet
    from rd3.synthetic import read_synthetic

    if len(options.protocols) != 1:
        raise UserError(f"{len(options.protocols)} sets: --sheet shows one distilled data set")
    if place.suffix != ".png":
        raise UserError(f"--sheet {place}: a contact sheet is a .png")
    synthetic = read_synthetic(options.protocols[0])
    sheet = contact_sheet(synthetic.images, synthetic.labels, usual_side=USUAL_SIDE)
    write_atomic(place, sheet.png)
    names = ", ".join(plain(synthetic.classes[label]) for label in sheet.shown)
    sys.stdout.write(f"{place}: {plain(synthetic.manifest.method)}, from left to right {names}. {sheet.note}\n")
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
