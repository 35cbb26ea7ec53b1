"""A list or tuple of images and labels, by itself.

`[data, targets]` of IDC, DREAM and NCFM (`data.pt`, pictures in [0, 1]); IDM's best `acc_….pkl`, a pickled tuple of
normalised pictures. Both may be mosaics, which only the name of their folder tells: `…_factor2_…`, `…_aug_True_…`. The
original Dataset Distillation (arXiv 1811.10959) saves a list of steps (data, labels, rate), of which the last is the
set.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from rd3.base.errors import UserError
from rd3.data.mosaic import Decode
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.foreign import Raw, assemble
from rd3.synthetic.format import FORMATS, Format, Request
from rd3.synthetic.pickled import UnreadableError, as_array, container_of, content_of, is_tensor

IDC, IDM = Decode(order="rows"), Decode(order="columns")
FACTOR = re.compile(r"factor(\d)(?!\d)")


def matches(path: Path) -> bool:
    """A pair or steps; also a plain pickle that is damaged or hostile, as only this format has those."""
    container = container_of(path)
    if container is None:
        return False
    try:
        content = content_of(path)
    except UnreadableError:
        return container == "pickle"
    return container == "pickle" or _is_pair(content) or _is_steps(content)


def read(path: Path, request: Request) -> Synthetic:
    content = content_of(path)
    if _is_steps(content):
        return assemble(_last_step(content), request, origin="pairs")
    if not _is_pair(content):
        raise UserError(f"expected a pair of images and labels, got {type(content).__name__}")
    images, labels = as_array(content[0], "images"), as_array(content[1], "labels")
    if container_of(path) == "pickle":
        raw = Raw(images, labels, spaces=("norm_dc", "norm_cifar10"), mosaics=IDM, decode=_named(path, IDM))
    else:
        raw = Raw(images, labels, spaces=("raw01",), mosaics=IDC, decode=_named(path, IDC))
    return assemble(raw, request, origin="pairs")


def _is_pair(content: Any) -> bool:
    pair = isinstance(content, (list, tuple)) and len(content) == 2
    return pair and is_tensor(content[0], dimensions=4) and is_tensor(content[1])


def _is_steps(content: Any) -> bool:
    steps = isinstance(content, (list, tuple)) and bool(content)
    return steps and all(
        isinstance(step, (list, tuple)) and len(step) == 3 and is_tensor(step[0], dimensions=4) for step in content
    )


def _last_step(steps: Any) -> Raw:
    images, labels = as_array(steps[-1][0], "images"), as_array(steps[-1][1], "labels")
    info = {"steps": len(steps), "notes": "rates of the steps are left out: they belong to its own few steps"}
    return Raw(images, labels, info=info, spaces=("norm_dc", "norm_true", "norm_imagenet"))


def _named(path: Path, usual: Decode) -> Decode | None:
    """What the folders' names say of mosaics."""
    words = "/".join(path.absolute().parts[-4:])
    factor = FACTOR.search(words)
    if factor and int(factor[1]) > 1:
        return usual.model_copy(update={"factor": int(factor[1])})
    return usual if "aug_True" in words else None


FORMATS.add("pairs")(
    Format("[images, labels] of IDC, DREAM, NCFM; a pickled pair of IDM; steps of the original DD", matches, read)
)
