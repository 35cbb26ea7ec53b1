"""What the DC family saves: `torch.save({'data': [[images, labels], …], 'accs_all_exps': …})`.

DC, DSA, DM (`res_DM_CIFAR10_ConvNet_10ipc.pt`), CAFE, IDM's final file and DataDAM's training write a list of sets, one
for each experiment, normally 5: each is an independent draw. Users take the last, or the first; here all are draws.
DataDAM's hosted files hold one pair in place of the list. Files of continual learning hold a pair for each step, of
other classes: these make one set.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rd3.base.errors import UserError
from rd3.data.mosaic import Decode
from rd3.data.spaces import PixelSpace
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.foreign import Raw, assemble, joined
from rd3.synthetic.format import FORMATS, Format, Request
from rd3.synthetic.pickled import UnreadableError, as_array, container_of, content_of

SPACES: tuple[PixelSpace, ...] = ("norm_dc", "norm_cifar10", "zca_kornia")
IDM = Decode(order="columns")
SAID = "rd3"


def matches(path: Path) -> bool:
    if container_of(path) != "torch":
        return False
    try:
        content = content_of(path)
    except UnreadableError:
        return False
    return isinstance(content, dict) and isinstance(content.get("data"), (list, tuple)) and bool(content["data"])


def sets(path: Path) -> int:
    pairs = _pairs(content_of(path)["data"])
    return 1 if _steps(pairs) else len(pairs)


def read(path: Path, request: Request) -> Synthetic:
    content = content_of(path)
    pairs = _pairs(content["data"])
    if _steps(pairs):
        raw = joined([_raw(pair, k) for k, pair in enumerate(pairs)])
    else:
        number = request.set or 0
        raw = _raw(pairs[number], number)
    return assemble(raw, request, origin="condensed")


def said(path: Path) -> str | None:
    """What rd3 wrote into its own files."""
    text = content_of(path).get(SAID)
    return text if isinstance(text, str) else None


def _raw(pair: Any, draw: int) -> Raw:
    images, labels = (as_array(value, what) for value, what in zip(pair, ("images", "labels"), strict=True))
    return Raw(images, labels, spaces=SPACES, mosaics=IDM, draw=draw)


def _pairs(data: Any) -> list[Any]:
    pairs = [data] if len(data) == 2 and not isinstance(data[0], (list, tuple)) else list(data)
    for number, pair in enumerate(pairs):
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise UserError(f"data[{number}]: expected [images, labels], got {type(pair).__name__}")
    return pairs


def _steps(pairs: list[Any]) -> bool:
    """Whether no two pairs share a class: then they are steps of one set."""
    seen: set[float] = set()
    for _, labels in pairs:
        own = set(as_array(labels, "labels").ravel().tolist())
        if seen & own:
            return False
        seen |= own
    return len(pairs) > 1


FORMATS.add("condensed")(
    Format(
        "torch file {'data': [[images, labels], …]} of DC, DSA, DM, CAFE, IDM, DataDAM",
        matches,
        read,
        sets=sets,
        said=said,
    )
)
