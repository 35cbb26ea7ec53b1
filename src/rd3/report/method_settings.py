"""Every setting of the decoupled family by data set, as the registry has it: `docs/methods.md` shows this text.

python -m rd3.report.method_settings docs/methods.md
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

from rd3.base.spec import parse
from rd3.data.images import MemoryImages
from rd3.data.target import Target, TargetSpec
from rd3.methods.base import METHODS
from rd3.methods.decoupled import Decoupled

SIZES = {"IN": ("imagenet-1k", 224, 1000), "TI": ("tiny-imagenet", 64, 200), "CF": ("cifar100", 32, 100)}
NAMED = {
    "ImageNet-21K": ("imagenet-21k", 224, 10_450),
    "ImageNette": ("imagenette", 224, 10),
    "ImageNet-10": ("imagenet-10", 224, 10),
    "CIFAR-10": ("cifar10", 32, 10),
}
IPC = (10, 1, 50)  # the first is the usual one
FIRST = "<!-- settings: python -m rd3.report.method_settings docs/methods.md -->"
LAST = "<!-- end of settings -->"

Settings = dict[str, Any]


def rows() -> list[str]:
    """Methods of the family, by name."""
    return [name for name in METHODS.names() if issubclass(METHODS[name], Decoupled)]


def settings_text() -> str:
    """What differs from SRe2L on ImageNet, a line for each method and group of data sets.

    `all` holds for every size; a name or an IPC that differs from its size's line has one of its own.
    """
    usual = settings_of("sre2l", SIZES["IN"], IPC[0])
    lines = []
    for name in rows():
        for number, (where, settings) in enumerate(_lines(name, usual)):
            lines.append(f"{name if number == 0 else '':8s} {where:17s} {_spelled(settings)}".rstrip())
    return "\n".join(lines)


def settings_of(method: str, shape: tuple[str, int, int], ipc: int) -> Settings:
    """All settings of a method on images of a (name, side, classes)."""
    target = _target(*shape)
    found = parse(METHODS[method], METHODS[method].settings_for(target, ipc), where=method)
    return {key: getattr(found, key) for key in type(found).model_fields}


def written(page: str) -> str:
    """The page with the present text between its marks."""
    before, _, rest = page.partition(FIRST)
    after = rest.partition(LAST)[2]
    return f"{before}{FIRST}\n\n{_indented(settings_text())}\n\n{LAST}{after}"


def _lines(method: str, usual: Settings) -> list[tuple[str, Settings]]:
    by_size = {size: _changed(settings_of(method, shape, IPC[0]), usual) for size, shape in SIZES.items()}
    shared = {
        key: value for key, value in by_size["IN"].items() if all(own.get(key) == value for own in by_size.values())
    }
    lines = [("all", shared)] if shared else []
    for size, own in by_size.items():
        rest = {key: value for key, value in own.items() if key not in shared}
        lines += [(size, rest)] if rest else []
    return lines + _exceptions(method)


def _exceptions(method: str) -> list[tuple[str, Settings]]:
    """What a name or an IPC changes in its size's line, and the cells that change it so together."""
    cells: dict[str, list[tuple[str, int]]] = {}
    changes: dict[str, Settings] = {}
    for name, shape in (SIZES | NAMED).items():
        of_its_size = settings_of(method, next(own for own in SIZES.values() if own[1] == shape[1]), IPC[0])
        for ipc in IPC:
            changed = _changed(settings_of(method, shape, ipc), of_its_size)
            if changed:
                cells.setdefault(_spelled(changed), []).append((name, ipc))
                changes[_spelled(changed)] = changed
    return [(where, changes[spelled]) for spelled, own in cells.items() for where in _named(own)]


def _named(cells: list[tuple[str, int]]) -> list[str]:
    names, ipcs = dict.fromkeys(name for name, _ in cells), dict.fromkeys(ipc for _, ipc in cells)
    if len(names) == len(SIZES | NAMED):
        return [f"IPC {', '.join(map(str, ipcs))}"]
    if len(cells) == len(names) * len(IPC):
        return [", ".join(names)]
    return [f"{name}, IPC {ipc}" for name, ipc in cells]


def _spelled(settings: Settings) -> str:
    return " ".join(f"{key}={_shown(value)}" for key, value in settings.items())


def _changed(settings: Settings, usual: Settings) -> Settings:
    return {key: value for key, value in settings.items() if value != usual[key]}


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _target(name: str, side: int, classes: int) -> Target:
    """A target of a size, with one black image: settings depend on no pixel."""
    images = MemoryImages(torch.zeros(1, 3, side, side, dtype=torch.uint8), torch.zeros(1, dtype=torch.int64))
    return Target(
        spec=TargetSpec(name=name),
        train=images,
        test=images,
        classes=tuple(map(str, range(classes))),
        mean=(0.5,) * 3,
        std=(0.25,) * 3,
        statistics="none",
        flip_keeps_class=True,
        pixel_hash="none",
    )


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(written(file.read_text(encoding="utf-8")), encoding="utf-8")
