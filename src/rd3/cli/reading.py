"""How a synthetic set that others made is read: what a file does not say, and what would be guesswork."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from rd3.base.errors import UserError
from rd3.cli.options import Flag, Names, split_names

# written out: the room that defines them loads torch, and help must not
PixelMeaning = (
    Literal[
        "unit", "uint8", "normalised",
        "raw01", "norm_dc", "norm_cifar10", "norm_imagenet", "norm_true", "norm_target",
        "zca_kornia", "zca_kip", "zca_frepo",
    ]
    | None
)  # fmt: skip
SoftLabelMeaning = Literal["logits", "probabilities", "unnormalised", "centred"] | None


WNID = re.compile(r"n\d{8}\b", re.ASCII)


@dataclass(kw_only=True)
class Reading:
    """What is said about the files of a synthetic set."""

    pixels: PixelMeaning = None
    """what floats are, where neither the file nor their statistics tell: unit in [0, 1], uint8 in 0..255, normalised as
    the target is, or a space of docs/formats.md"""
    soft_label_form: Annotated[SoftLabelMeaning, tyro.conf.arg(aliases=["--labels"])] = None
    """what the set's own soft labels are, where it does not say so itself"""
    decode: Annotated[str | None, tyro.conf.arg(metavar="FACTOR[:ORDER]")] = None
    """images are mosaics of FACTOR x FACTOR parts, in the ORDER rows (IDC) or columns (IDM); none: they are not"""
    set: Annotated[str | None, tyro.conf.arg(metavar="K")] = None
    """which set of a file that holds several, from 0; or all of them, where a verb takes draws"""
    class_names: Annotated[Names, tyro.conf.arg(aliases=["--classes"])] = ()
    """class names in the order of the file's labels (a,b,c), where that is not the target's; or a file with a name a
    line"""
    quantise: Flag = False
    """clamp float pixels and round them to bytes"""
    fit: Literal["resize", "crop"] | None = None
    """how pictures larger than the target's get to its size: resize the shorter side and cut out the centre, or crop"""
    label_store: Annotated[Path | None, tyro.conf.arg(aliases=["--soft-labels"], metavar="FOLDER")] = None
    """a teacher's labels of augmented views (FKD), epoch_*/batch_*.tar, of class folders or parquet files: they become
    one static soft label an image"""


def reading_arguments(reading: Reading) -> dict[str, Any]:
    """The same as keyword arguments of `rd3.read_synthetic`."""
    return {
        "pixels": reading.pixels,
        "soft_label_form": reading.soft_label_form,
        "decode": _decode(reading.decode),
        "set": _number(reading.set),
        "classes": _class_names(reading.class_names),
        "quantise": reading.quantise,
        "fit": reading.fit,
        "label_store": reading.label_store,
    }


def _class_names(words: Names) -> tuple[str, ...] | None:
    """Names as they are given, or those in a file; where every line starts with a WordNet id, that is the name."""
    from rd3.base.files import read_text

    if len(words) != 1 or not Path(words[0]).is_file():
        return split_names(words) or None
    lines = [line.strip() for line in read_text(Path(words[0])).splitlines() if line.strip()]
    ids = [match[0] for line in lines if (match := WNID.match(line))]
    return tuple(ids if len(ids) == len(lines) else lines)


def _decode(text: str | None) -> Any:
    from rd3.base.spec import parse
    from rd3.data.mosaic import Decode

    if text is None or text == "none":
        return text
    factor, colon, order = text.partition(":")
    if not factor.isdecimal():
        raise UserError(f"--decode {text}: expected FACTOR or FACTOR:ORDER, for instance 2 or 2:columns, or none")
    return parse(Decode, {"factor": int(factor), **({"order": order} if colon else {})}, where="--decode")


def _number(text: str | None) -> int | None:
    if text in (None, "all"):
        return None  # of several, one is asked for: a verb that takes all of them does so by itself
    if not text.isdecimal():
        raise UserError(f"--set {text}: expected a number from 0, or all")
    return int(text)
