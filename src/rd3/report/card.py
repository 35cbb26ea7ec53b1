"""A data-set card: README.md with the front matter of the Hugging Face hub, and a contact sheet beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from rd3 import __version__
from rd3.data.licences import Licence
from rd3.methods.base import METHODS
from rd3.report.format import DASH, percent, plain, seconds, size
from rd3.report.front_matter import front_matter, licence_of, title
from rd3.report.grid import contact_sheet
from rd3.report.results import Result
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.manifest import DISTILLED

CARD, SHEET = "README.md", "contact-sheet.png"
USUAL_SIDE = 32  # of an image on the sheet, in pixels; smaller ones are enlarged
MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~$&])")


def card_files(
    synthetic: Synthetic, format: str, results: Sequence[Result], changes: Sequence[str]
) -> dict[str, bytes]:
    """The card and its picture, by name.

    Args:
        synthetic: the set as it is written.
        results: of the set before anything was changed.
        changes: what was changed so that the format can hold it, one line each.
    """
    sheet = contact_sheet(synthetic.images, synthetic.labels, usual_side=USUAL_SIDE)
    names = ", ".join(markdown(synthetic.classes[label]) for label in sheet.shown)
    legend = f"One column a class, from left to right: {names}. {sheet.note}".strip()
    parts = [
        f"---\n{front_matter(synthetic, format)}---\n",
        f"# {markdown(title(synthetic))}\n",
        f"{_summary(synthetic)}\n",
        f"![Images of the set]({SHEET})\n\n{legend}\n",
        f"## Use\n\n{_use(synthetic, format)}\n",
        f"## How it was made\n\n{_table(_provenance(synthetic, changes))}\n",
        f"## Results\n\n{_results(results, changed=bool(changes))}\n",
        f"## Licence\n\n{_licence(licence_of(synthetic))}\n",
    ]
    return {CARD: "\n".join(parts).encode(), SHEET: sheet.png}


def markdown(text: str) -> str:
    r"""A name as text that no Markdown is read in.

    >>> markdown("a*b [c](d)")
    'a\\*b \\[c\\]\\(d\\)'
    """
    return MARKUP.sub(r"\\\1", plain(text))


def _summary(synthetic: Synthetic) -> str:
    channels, height, width = synthetic.shape
    manifest, colour = synthetic.manifest, {1: "grey", 3: "colour"}.get(channels, f"{channels}-channel")
    words = [f"{len(synthetic)} {colour} images of {height}x{width} pixels in {len(synthetic.classes)} classes"]
    words.append("a small training set that is to stand for the whole one")
    text = ": ".join(words) + "."
    if manifest.decode is not None:
        factor = manifest.decode.factor
        text += (
            f" Every image is a mosaic of {factor}x{factor} ({manifest.decode.order} first), to be taken apart and"
            f" enlarged to {manifest.decode.parts} images before training."
        )
    if synthetic.soft_labels is not None:
        text += f" Every image has soft labels ({manifest.soft_label_form or 'of no declared form'})."
    return text


def _use(synthetic: Synthetic, format: str) -> str:
    target = plain(synthetic.manifest.target or "TARGET")
    lines = [
        "    from datasets import load_dataset",
        '    data = load_dataset("PATH", split="train")   # this folder, or its name on the hub',
    ]
    if format == "folder":
        lines = [
            "    from datasets import load_dataset",
            '    data = load_dataset("PATH", split="train")',
            "",
            "    from torchvision.datasets import ImageFolder",
            '    data = ImageFolder("PATH")',
        ]
    lines += [
        "",
        f"    rd3 evaluate PATH {target} --protocol rd3      # judge it again: accuracy with an interval over seeds",
    ]
    return "\n".join(lines)


def _provenance(synthetic: Synthetic, changes: Sequence[str]) -> Iterator[tuple[str, str]]:
    manifest = synthetic.manifest
    yield "method", _method(synthetic)
    yield "real data", f"{_known(manifest.target)}, fingerprint {_known(manifest.target_fingerprint)}"
    yield "images per class", "classes differ" if manifest.ipc is None else str(manifest.ipc)
    if manifest.settings:
        yield "settings", markdown(json.dumps(manifest.settings, sort_keys=True, ensure_ascii=False))
    yield "draw, seed", f"{manifest.draw}, {DASH if manifest.seed is None else manifest.seed}"
    if synthetic.learned_lr is not None:
        yield "learned learning rate", f"{synthetic.learned_lr:g}"
    yield from _costs(synthetic)
    yield "origin", markdown(manifest.origin)
    yield "fingerprint", f"{manifest.fingerprint}; pixels and labels {synthetic.content_fingerprint}"
    yield "rd3", f"{__version__} wrote this; manifest by {markdown(manifest.rd3_version)}"
    for change in changes:
        yield "changed for this format", markdown(change)


def _method(synthetic: Synthetic) -> str:
    """As the set calls it, and the paper where rd3 made it."""
    label = synthetic.manifest.method
    name = label.partition("[")[0]  # what follows are settings other than the paper's
    if synthetic.manifest.origin != DISTILLED or name not in METHODS:
        return markdown(label)
    return f"{markdown(METHODS[name].title)} ({markdown(METHODS[name].paper)}), as {markdown(label)}"


def _costs(synthetic: Synthetic) -> Iterator[tuple[str, str]]:
    manifest, time = synthetic.manifest, synthetic.manifest.seconds
    ours = manifest.origin == DISTILLED
    yield "teacher", "none" if ours and manifest.teacher is None else _known(manifest.teacher)
    yield "helped by", ", ".join(map(markdown, manifest.aids)) or ("nothing" if ours else "undeclared")
    yield "time", f"{seconds(time.synthesise)} to synthesise, {seconds(time.squeeze)} for teachers"
    yield "bytes", f"{size(synthetic.image_bytes)} of pixels, {size(synthetic.label_bytes)} of labels"


def _known(value: str | None) -> str:
    return "unknown" if value is None else markdown(value)


def _table(rows: Iterator[tuple[str, str]]) -> str:
    lines = ["| what | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    return "\n".join([*lines, "", "All of it, for machines: `rd3.json`."])


def _results(results: Sequence[Result], *, changed: bool) -> str:
    if not results:
        return "No run of this set was recorded where it was exported. `rd3 evaluate` makes some."
    lines = [
        "Accuracy on the real test split after the last epoch, in percent: mean with a 95 % t-interval over n student"
        " seeds. Random real images of the same number stand beside it, under the same protocol.",
        "",
        "| test data | protocol | student | n | this set | random real images (n) |",
        "|---|---|---|---|---|---|",
        *map(_result_row, results),
    ]
    flags = sorted({flag for result in results for flag in result.flags})
    if changed:
        lines += ["", "These are of the set before it was changed for this format."]
    return "\n".join([*lines, *([""] if flags else []), *(f"- {markdown(flag)}" for flag in flags)])


def _result_row(result: Result) -> str:
    mark = result.protocol
    protocol = f"{markdown(mark.id)} v{mark.version} ({mark.hash[:8]})"
    random = DASH if result.random is None else f"{percent(result.random)} ({result.random_n})"
    cells = (
        markdown(result.target),
        protocol,
        markdown(result.student),
        str(result.n),
        percent(result.accuracy),
        random,
    )
    return f"| {' | '.join(cells)} |"


def _licence(licence: Licence) -> str:
    known = {"unknown": "Unknown", "other": "Terms of the real data"}.get(licence.id, f"`{licence.id}`")
    where = f" See <{licence.link}>." if licence.link else ""
    return f"{known}, as distilled images are made of the real ones: {markdown(licence.words)}.{where}"
