"""Audits as a page and on a terminal: the numbers are there, add up to the eye, and names are only text."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from rich.console import Console

from rd3.report.audit import render_audit, render_rectification
from rd3.report.audit_steps import rungs, shares, side_names
from rd3.report.audit_terminal import print_audit, print_rectification
from rd3.report.audit_words import audit_sentences, rectification_sentences
from rd3.scores.attribution import contributions, path
from rd3.scores.intervals import paired_difference, t_interval
from rd3.scores.ladder import climb
from rd3.study.audit.factors import FieldChange
from rd3.study.audit.rectification import OwnProtocol, Rectification, compared, gap
from rd3.study.audit.result import Audit, FactorFacts, SideFacts
from rd3.training.augment.base import parse_augmentation
from rd3.training.mix import parse_mix

VOID = {"meta", "img", "br", "wbr", "link", "input"}
FACTS: dict[str, Any] = {
    "target": "mnist5k",
    "target_fingerprint": "f" * 20,
    "ipc": 10,
    "student": "convnet3-bn",
    "seeds": 4,
    "test_images": 1000,
    "teachers": {"a1b2c3d4e5": "resnet18"},
    "epochs_scale": 1.0,
    "runs": 32,
    "flags": ("own: labelled by resnet18 where it has resnet50",),
    "environment": {"device": "cpu", "torch": "2.9"},
    "rd3_version": "0.1.0",
}
# What each of four seeds adds when epochs, then mixing, then labels and loss, then the batch size are switched.
START = [0.41, 0.40, 0.43, 0.42]
STEPS = {
    "epochs": [0.25, 0.27, 0.26, 0.24],
    "mix": [-0.05, -0.04, -0.06, -0.05],
    "labels+loss": [0.012, -0.02, 0.02, 0.0],
    "batch": [0.0, 0.0, 0.0, 0.0],
}
NAMES = {"epochs": "epochs", "mix": "mixing of images", "labels+loss": "labels and loss", "batch": "batch size"}


def audit_of(**changes: Any) -> Audit:
    values = [START]
    for step in STEPS.values():
        values.append([below + added for below, added in zip(values[-1], step, strict=True)])
    ladder = dict(zip(path(list(STEPS)), values, strict=True))
    sides = [
        SideFacts(
            protocol=name, version=1, hash=f"{name}-hash", method="sre2l", images="abcdef0123",
            accuracy=t_interval(accuracies), seeds=tuple(accuracies),
        )
        for name, accuracies in (("own", values[0]), ("rd3", values[-1]))
    ]  # fmt: skip
    facts = {
        "start": sides[0],
        "end": sides[1],
        "difference": paired_difference(values[-1], values[0]).interval,
        "published": None,
        "remainder": None,
        "factors": tuple(_factor(key) for key in STEPS),
        "ladder": climb(list(STEPS), ladder, resolution=0.001),
        "contributions": contributions([{key: STEPS[key][seed] for key in STEPS} for seed in range(4)]),
        "exact": True,
        "orders": 0,
        "coalitions": (),
    }
    return Audit(**{**FACTS, **facts, **changes})


def _factor(key: str) -> FactorFacts:
    together = "soft labels need a soft loss" if "+" in key else None
    change = FieldChange(field=f"{key}-field", start=None, end=[1, 2])
    return FactorFacts(key=key, name=NAMES[key], parts=tuple(key.split("+")), together=together, changes=(change,))


def published() -> Audit:
    return audit_of(published=0.5, remainder=t_interval([0.5 - accuracy for accuracy in START]))


def rectification() -> Rectification:
    before = {"sre2l": [0.2, 0.22], "rded[init=real]": [0.42, 0.41], "edc": [0.48, 0.5]}
    after = {"sre2l": [0.4, 0.41], "rded[init=real]": [0.46, 0.46], "edc": [0.45, 0.47]}
    methods = [OwnProtocol(name=name, images=name, protocol=f"{name[:4]}-own", version=1, hash=name) for name in before]
    return Rectification(
        **{**FACTS, "seeds": 2},
        common="rd3",
        version=1,
        hash="rd3-hash",
        gap_before=gap(before),
        gap_after=gap(after),
        methods=compared(methods, before, after, resolution=0.001),
    )


class Page(HTMLParser):
    """Elements and text of a page; fails on a tag that is closed in the wrong place."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def printed(found: Audit | Rectification, width: int = 110) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    if isinstance(found, Audit):
        print_audit(console, found)
    else:
        print_rectification(console, found)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("found", [audit_of(), published()], ids=["plain", "published"])
@pytest.mark.parametrize("steps", [shares, rungs])
def test_a_waterfall_has_no_gap_and_ends_where_the_end_is(found, steps) -> None:
    rows = steps(found)
    for above, below in pairwise(rows):
        assert below.start == pytest.approx(above.end, abs=1e-12)
    assert rows[-1].end == found.end.accuracy.mean
    assert rows[-1].level


def test_shares_come_with_the_largest_first_and_rungs_in_their_order() -> None:
    names = [step.name for step in shares(audit_of())]
    assert names == ["own", "epochs", "mixing of images", "labels and loss", "batch size", "rd3"]
    assert [step.name for step in rungs(audit_of())] == ["own", *NAMES.values(), "rd3"]


def test_the_published_number_comes_first_and_what_is_not_explained_has_its_interval_turned() -> None:
    level, missing, *_ = shares(published())
    remainder = published().remainder
    assert (level.name, level.end, level.interval) == ("published", 0.5, None)
    assert missing.added == pytest.approx(-remainder.mean)
    assert (missing.interval.low, missing.interval.high) == (-remainder.high, -remainder.low)


def test_sides_are_called_by_what_they_differ_in() -> None:
    def names(**changes: Any) -> tuple[str, str]:
        start, end = audit_of().start, audit_of().end
        return side_names(audit_of(start=start, end=end.model_copy(update=changes)))

    assert names() == ("own", "rd3")
    assert names(protocol="own", version=2) == ("own v1", "own v2")
    assert names(images="fedcba", protocol="own", hash="own-hash") == ("sre2l abcdef", "sre2l fedcba")
    assert names(images="fedcba", method="rded") == ("sre2l, own", "rded, rd3")


def test_the_words_say_what_the_numbers_are() -> None:
    text = " ".join(audit_sentences(published()))
    assert text.startswith("own: 41.5 ± 2.1 %; rd3: 62.3 ± ")
    assert "Shares of it, in points: epochs +25.5, mixing of images −5.0." in text
    assert "Shares that these 4 seeds cannot tell from none: labels and loss +0.3." in text
    assert "No share at all: batch size." in text
    assert "all 16 mixtures of the 4 factors" in text
    assert (
        "Published under own: 50.0 %. Our run does not explain +8.5 ± 2.1 points of it (images, teacher, code," in text
    )
    assert "its interval covers" not in text
    near = audit_of(published=0.42, remainder=t_interval([0.42 - accuracy for accuracy in START]))
    assert "but its interval covers the number" in " ".join(audit_sentences(near))


def test_the_words_say_when_orders_were_drawn_and_when_epochs_were_scaled() -> None:
    text = " ".join(audit_sentences(audit_of(exact=False, orders=6, epochs_scale=0.1)))
    assert "estimated from 6 orders that each seed drew for itself" in text
    assert "Scaled: every protocol had 0.1 times its epochs" in text
    assert "scaled × 0.1" in Page(render_audit(audit_of(epochs_scale=0.1))).text
    assert "scaled × 0.1" in printed(audit_of(epochs_scale=0.1))


def test_what_is_not_explained_of_a_scaled_audit_is_likely_the_scaling() -> None:
    whole, scaled = published(), published().model_copy(update={"epochs_scale": 0.1})
    assert "likely for the most part the scaling: our run had 0.1 times the epochs" in " ".join(audit_sentences(scaled))
    assert "Our run had 0.1 times the epochs of that protocol" in Page(render_audit(scaled)).text
    assert "the scaling" not in " ".join(audit_sentences(whole))
    assert "times the epochs" not in Page(render_audit(whole)).text


def test_defaults_of_operations_are_left_out_where_differences_are_shown() -> None:
    mix = parse_mix({"kind": "cutmix", "p": 0.5}).as_json()
    crop = parse_augmentation({"kind": "random-resized-crop", "scale": [0.5, 1.0]}).as_json()
    assert {"partner", "alpha"} <= mix.keys()
    assert "ratio" in crop
    change = FieldChange(field="mix", start=mix, end=[crop, {"kind": "of-another-version", "p": 1}])
    found = audit_of(factors=(_factor("epochs").model_copy(update={"changes": (change,)}), *audit_of().factors[1:]))
    for text in (Page(render_audit(found)).text, printed(found, width=200)):
        assert "kind: cutmix; p: 0.5" in text
        assert "kind: random-resized-crop; scale: 0.5, 1.0, kind: of-another-version; p: 1" in text
        assert "partner" not in text
        assert "ratio" not in text


def test_two_sides_that_do_not_differ_are_said_to_be_the_same() -> None:
    same = audit_of(factors=(), ladder=(), contributions=(), published=0.5, remainder=t_interval([0.09]))
    assert "own and rd3 do not differ for this cell" in audit_sentences(same)[0]
    assert "Nothing, for this target, IPC and student." in Page(render_audit(same)).text
    assert "not explained" in printed(same)


def test_every_number_is_on_the_page_and_on_the_terminal() -> None:
    found = published()
    for text in (Page(render_audit(found, "rd3 audit one x y")).text, printed(found)):
        for words in ("+25.5 ± ", "−5.0 ± ", "0.0 ± 0.0", "41.5 ± 2.1", "62.3 ± ", "labels and loss", "epochs-field"):
            assert words in text
        assert "soft labels need a soft loss" in text
        assert "own: labelled by resnet18 where it has resnet50" in text
    assert "rd3 audit one x y" in Page(render_audit(found, "rd3 audit one x y")).text


def test_the_methods_before_and_after_are_on_the_page_and_on_the_terminal() -> None:
    found = rectification()
    for text in (Page(render_rectification(found)).text, printed(found)):
        for words in ("21.0 ± ", "40.5 ± ", "+19.5 ± ", "28.0", "5.5", "rded[init=real]"):
            assert words in text
    sentences = rectification_sentences(found)
    assert sentences[0].startswith("Between the best and the worst of 3 methods lie 28.0 points")
    assert "5.5 under rd3" in sentences[0]
    assert sentences[1] == "Places change: edc 1 → 2, rded[init=real] 2 → 1."


@pytest.mark.parametrize("html", [render_audit(published()), render_rectification(rectification())])
def test_a_page_is_accessible_loads_nothing_and_runs_nothing(html: str) -> None:
    page = Page(html)
    tags = [tag for tag, _ in page.tags]
    assert tags.count("h1") == 1
    assert tags.count("svg") >= 1
    assert all(attributes.get("aria-label") for tag, attributes in page.tags if tag == "svg")
    assert all(attributes.get("scope") in {"col", "row"} for tag, attributes in page.tags if tag == "th")
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert not {"script", "link", "iframe", "object", "base"} & set(tags)
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert "url(" not in html.replace("url(#", "")


def test_the_bars_of_a_chart_are_as_long_as_what_they_add() -> None:
    """The SVG itself: widths of bars against the shares, the steps of the same scale."""
    svg = render_audit(audit_of()).partition("<svg")[2].partition("</svg>")[0]
    group = svg.partition("mark-rect role-mark")[2].partition("mark-rule")[0]
    widths = [abs(float(width)) for width in re.findall(r'd="M[-\d.,]+h(-?[\d.]+)v', group)]
    added = [abs(step.added) for step in shares(audit_of()) if not step.level]
    assert len(widths) == len(added) == 4
    for width, share in zip(widths, added, strict=True):
        assert width == pytest.approx(widths[0] * share / added[0], abs=0.01)


def test_the_bars_of_the_terminal_are_as_long_as_what_they_add() -> None:
    text = printed(audit_of())
    bars = {mark: next(line.count(mark) for line in text.splitlines() if mark in line) for mark in "█▒"}
    assert bars["█"] == 30, "the longest is as wide as the waterfall"
    assert bars["▒"] == pytest.approx(30 * 5.0 / 25.5, abs=1.5)


def test_hostile_names_are_only_text() -> None:
    bad = "<script>alert(1)</script>\x1b[31m{{ 7*7 }}[bold]"
    start = audit_of().start.model_copy(update={"protocol": bad, "method": bad})
    factor = FactorFacts(
        key="epochs",
        name="epochs",
        parts=("epochs",),
        together=bad,
        changes=(FieldChange(field="x", start=bad, end=1),),
    )
    found = audit_of(start=start, target=bad, student=bad, flags=(bad,), factors=(factor, *audit_of().factors[1:]))
    page = Page(render_audit(found, bad))
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count("<script>alert(1)</script>") >= 6
    assert page.text.count("{{ 7*7 }}") >= 6
    assert "\x1b" not in printed(found)
    methods = tuple(each.model_copy(update={"name": bad, "protocol": bad}) for each in rectification().methods)
    odd = rectification().model_copy(update={"methods": methods, "common": bad})
    assert "script" not in {tag for tag, _ in Page(render_rectification(odd)).tags}
    assert "\x1b" not in printed(odd)
