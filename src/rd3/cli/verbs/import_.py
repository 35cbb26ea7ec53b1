"""Import a distilled set that others saved, and say how every part of it was read.

Pixels are brought back to raw ones and written with a manifest into a folder of rd3's own, one for each set in the
file. What fits two readings is asked for, not guessed; with a teacher at hand its accuracy on the images shows which
reading is right.

Examples:
  rd3 import res_DM_CIFAR10_ConvNet_10ipc.pt --target cifar10
  rd3 import logged_files/run/images_best.pt --target cifar10 --pixels zca_kornia
  rd3 import data.pt --target cifar10 --decode 2 --name IDC
  rd3 import res_DC_CIFAR100_ConvNet_1ipc.pt --target cifar100 --pixels norm_dc --set 4 --teacher teacher.pt
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from rd3.base.errors import UserError
from rd3.cli.options import Place, TeacherChoice, get_teachers
from rd3.cli.reading import Reading, reading_arguments

if TYPE_CHECKING:
    from rd3.data.target import Target
    from rd3.squeeze.teacher import Teacher
    from rd3.synthetic.artifact import Synthetic


@dataclass(kw_only=True)
class Options(Reading, TeacherChoice, Place):
    path: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="PATH")]
    """file or folder of a set"""
    target: str | None = None
    """the real data it was made from; needed to undo a normalisation or whitening"""
    name: str | None = None
    """what to call it in tables; its file name by default"""
    out: Path | None = None
    """folder to write, with -set0, -set1, … where the file holds several; HOME/synthetic/NAME-… by default"""


def main(options: Options) -> int:
    from rd3.data.load import load_target
    from rd3.synthetic.transfer import number_of_sets

    target = load_target(options.target) if options.target is not None else None
    teacher = _teacher(options, target)
    count = number_of_sets(options.path)
    chosen = reading_arguments(options)["set"]
    wanted = list(range(count)) if chosen is None else [chosen]
    for number in wanted:
        synthetic = _read(options, target, teacher, number)
        _show(options.path, synthetic, target, teacher, first=number == wanted[0])
        folder = _folder(options, synthetic, number if len(wanted) > 1 else None)
        synthetic.save(folder)
        sys.stdout.write(f"{folder}\n")
    return 0


def _teacher(options: Options, target: Target | None) -> Teacher | None:
    if not options.names_a_teacher:
        return None
    if target is None:
        raise UserError("--teacher: needs --target, which it is tested on")
    return get_teachers(options, target, options, most=1)[0]


def _read(options: Options, target: Target | None, teacher: Teacher | None, number: int) -> Synthetic:
    """The set, or a refusal that says what the teacher makes of each possible reading."""
    from rd3.synthetic import read_synthetic
    from rd3.synthetic.detect import AmbiguousPixelsError
    from rd3.synthetic.sanity import sanity

    arguments: dict[str, Any] = {**reading_arguments(options), "target": target, "name": options.name, "set": number}
    try:
        return read_synthetic(options.path, **arguments)
    except AmbiguousPixelsError as error:
        if teacher is None or target is None:
            raise
        found = []
        for space in error.readings:
            try:
                read = read_synthetic(options.path, **{**arguments, "pixels": space})
                found.append(f"{space}: {sanity(read, teacher).words}")
            except UserError:
                found.append(f"{space}: gives no pictures")
        raise UserError(f"{error}. Teacher {teacher.name}: {'; '.join(found)}") from None


def _show(path: Path, synthetic: Synthetic, target: Target | None, teacher: Teacher | None, *, first: bool) -> None:
    from rd3.cli.study_run import table_console
    from rd3.report.imported import print_imported
    from rd3.synthetic.check import check
    from rd3.synthetic.sanity import leaked, sanity
    from rd3.synthetic.transfer import believed

    warnings = check(synthetic, target) if target is not None else []
    if target is not None and (same := leaked(synthetic, target)):
        warnings.append(f"{same} of its images are, byte for byte, test images of '{target.name}'")
    if teacher is not None:
        words = sanity(synthetic, teacher).words
        warnings.append(f"teacher {teacher.name} is {words}")
    said = believed(path)
    print_imported(table_console(), synthetic, [*warnings, *([] if said is None else [said])], whole=first)


def _folder(options: Options, synthetic: Synthetic, number: int | None) -> Path:
    suffix = "" if number is None else f"-set{number}"
    if options.out is not None:
        return options.out.with_name(f"{options.out.name}{suffix}")
    manifest = synthetic.manifest
    name = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in manifest.method)
    return options.store().home / "synthetic" / f"{name}{suffix}-{manifest.fingerprint[:6]}"
