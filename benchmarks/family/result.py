"""What the studies show, as a page of Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.core.write import table
from benchmarks.family import published
from benchmarks.family.orders import SCALED, Order, accuracies, base, order, own

from rd3.report.ranking import Row

Rankings = Mapping[str, Sequence[Row]]

FAMILY, FIFTY, OWN = "decoupled-cifar10-cpu", "decoupled-cifar10-cpu-ipc50", "decoupled-cifar10-cpu-own"
COMMON = "rd3"

HEAD = """# The decoupled family on CIFAR-10, on a CPU

All 50,000 training and 10,000 test images; ConvNet-3-BN of width 32 as teacher and student (ResNet-18 in the papers),
n = 3 student seeds, one synthesis a method. Whatever is optimised had 500 iterations at IPC 1 and 10 and 100 at IPC 50
(1000 to 4000 in the papers), and protocols a share of their epochs, which their ids name (`rd3+epochs0.25`).
**No number here compares with a published one; orders may.**"""

WHY = """## Why the order may differ from the published one

- The network that images are optimised under is small. Its three BatchNorm layers and its opinion ask for little:
  SRe2L's batches of IPC 10 have statistics more than ten times nearer to the training set's than batches of as many
  real images, the teacher is certain of every class, and the eye finds textures and edges more than objects.
  ResNet-18 has 20 such layers.
- 500 iterations are a half to an eighth of the papers' work, 100 a tenth to a fortieth. That concerns most what starts
  from noise or is seen in crops (SRe2L, CDA, LPLD, WMDD, G-VBSM; DELT, SRe2L++, CV-DD, FADRM), and RDED and real images
  not at all.
- Students are trained for one hundred to four hundred steps, where the whole of `rd3` takes four to ten times as many.
- A tenth of its epochs leaves an own protocol of large batches with a few dozen steps at IPC 10 (CDA 40, LPLD 20), so
  that CDA and LPLD end at chance under theirs: that says how short the protocol is, and nothing about their images.
- G-VBSM's images are one texture a class here, with saturated colours in some, and two of a class look alike. Its term
  for diversity is zero on raw colour images in the released code as well; from real images (`init=real`) scenes stay.
- The pool of G-VBSM, EDC, INFER, CV-DD and FADRM+ is three ConvNets here, and networks of several families in the
  papers.
- Every published number is second-hand, and own protocols differ in more than the images: that is what `rd3` takes
  away."""

SHEETS = """## Images

A class a column, its first two images, of the sets of IPC 10 that were optimised from noise. Sets that start from real
images or patches are left out, as CIFAR-10 states no licence; `report.html` of a study shows all of them."""


def markdown(rankings: Rankings, facts: Mapping[str, Any], sheets: Sequence[str]) -> str:
    """The page; parts whose study is not there are left out."""
    compared = [*rankings.get(OWN, ()), *rankings.get(FIFTY, ())]
    parts = [HEAD, _accuracies(rankings), _orders(rankings), _gaps(compared), WHY]
    parts += [_sheets(sheets), _environment(facts)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _accuracies(rankings: Rankings) -> str:
    """Every method in a row, and every IPC and study under the common protocol in a column."""
    columns = {
        f"IPC {ipc}, `{rows[0].protocol.id}`": {_short(row.method): row for row in rows}
        for name in (FAMILY, FIFTY)
        for ipc in sorted({row.ipc for row in rankings.get(name, ())})
        if (rows := [row for row in rankings[name] if row.ipc == ipc and base(row) == COMMON])
    }
    if not columns:
        return ""
    by_last = list(columns.values())[-1]
    methods = sorted(
        {name for column in columns.values() for name in column}, key=lambda name: _mean(by_last.get(name))
    )
    cells = [[name, *(_cell(column.get(name)) for column in columns.values())] for name in reversed(methods)]
    lead = "Test accuracy in percent, ± half of a 95 % interval over student seeds (of random: over draws and seeds)."
    return f"## Accuracy under `{COMMON}`, shortened\n\n{lead}\n\n{table(['method', *columns], cells)}"


def _orders(rankings: Rankings) -> str:
    """Ours against the published order, wherever there are methods enough."""
    family, fifty, mine = (rankings.get(name, ()) for name in (FAMILY, FIFTY, OWN))
    at_10, at_50 = (accuracies(rows, ipc=ipc, protocol=COMMON) for rows, ipc in ((family, 10), (fifty, 50)))
    rectified, alone = published.RECTIFIED_50, published.OWN_10
    pairs = [
        ("Under one protocol, IPC 50", "published, IPC 50", order(rectified, at_50)),
        ("Under one protocol, IPC 10 here", "published, IPC 50", order(rectified, at_10)),
        ("Each under its own, IPC 10", "published, IPC 10", order(alone, own(mine, ipc=10, common=COMMON))),
    ]
    found = [_order(title, theirs, each) for title, theirs, each in pairs if each is not None]
    lead = "Published: ResNet-18, second-hand (`benchmarks/family/published.py`). Only the order is compared."
    return "\n\n".join(["## The published order", lead, *found]) if found else ""


def _order(title: str, theirs: str, found: Order) -> str:
    rows = [
        [name, f"{first:.1f}", f"{second:.1f}"]
        for name, first, second in zip(found.methods, found.published, found.ours, strict=True)
    ]
    shown = f"Kendall's τ = {found.tau:.2f} (p = {found.p:.2f}, {len(rows)} methods)."
    return f"### {title}\n\n{table(['method', theirs, 'here'], rows)}\n\n{shown}"


def _gaps(rows: Sequence[Row]) -> str:
    """How far apart methods are before and after they are judged alike, for every IPC."""
    parts = [_gap(rows, ipc) for ipc in sorted({row.ipc for row in rows})]
    if not any(parts):
        return ""
    lead = f"The same images under each method's own protocol and under `{COMMON}`, all with a tenth of their epochs."
    return "\n\n".join(["## Before and after", lead, *filter(None, parts)])


def _gap(rows: Sequence[Row], ipc: int) -> str:
    before, after = own(rows, ipc=ipc, common=COMMON), accuracies(rows, ipc=ipc, protocol=COMMON)
    both = before.keys() & after.keys()
    if len(both) < 2:
        return ""
    gaps = [max(side[name] for name in both) - min(side[name] for name in both) for side in (before, after)]
    cells = [[name, f"{before[name]:.1f}", f"{after[name]:.1f}"] for name in sorted(both, key=lambda one: -before[one])]
    return (
        f"### IPC {ipc}\n\nBetween the best and the worst are {gaps[0]:.1f} points before and {gaps[1]:.1f} after.\n\n"
        f"{table(['method', 'own protocol', COMMON], cells)}"
    )


def _sheets(names: Sequence[str]) -> str:
    return "\n\n".join([SHEETS, *(f"![Images of {name}](sheets/{name}.png) {name}" for name in names)]) if names else ""


def _environment(facts: Mapping[str, Any]) -> str:
    rows = [[name.replace("_", " "), _text(value)] for name, value in facts.items()]
    return f"## Environment and cost\n\n{table(['what', 'value'], rows)}"


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _short(label: str) -> str:
    """A method's label without the settings that were cut for a CPU.

    >>> _short("sre2l[init=real,iterations=500]"), _short("delt[iterations=500,round_iterations=62]")
    ('sre2l[init=real]', 'delt')
    """
    name, _, settings = label.removesuffix("]").partition("[")
    kept = [each for each in settings.split(",") if each and each.partition("=")[0] not in SCALED]
    return f"{name}[{','.join(kept)}]" if kept else name


def _mean(row: Row | None) -> float:
    return row.accuracy.mean if row else 0.0


def _cell(row: Row | None) -> str:
    if row is None:
        return "–"
    half = row.accuracy.half
    return f"{100 * row.accuracy.mean:.1f}" + (f" ± {100 * half:.1f}" if half is not None else "")
