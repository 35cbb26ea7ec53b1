from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from rd3.report.data import Grid, ProtocolCard, ReportData
from rd3.report.gallery import galleries
from rd3.report.page import render, write_page
from rd3.report.ranking import rows_from

VOID = {"meta", "img", "br", "wbr", "link", "input"}


class Page(HTMLParser):
    """Elements, attributes and text of a page; fails on a tag that is closed in the wrong place."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "svg"} & set(self.open):
            self.text += data

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="session")
def html(report: ReportData) -> str:
    return render(report)


def test_the_page_is_well_formed_and_accessible(html: str) -> None:
    page = Page(html)
    assert page.open == []
    assert page.named("html") == [{"lang": "en"}]
    assert len(page.named("h1")) == 1
    assert all(cell.get("scope") in {"col", "row"} for cell in page.named("th"))
    assert all(image.get("alt") for image in page.named("img"))
    assert all(svg.get("aria-label") for svg in page.named("svg"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [link["href"] for link in page.named("a")]
    assert targets
    assert all(target[0] == "#" and target[1:] in ids for target in targets)


def test_the_page_loads_nothing_and_runs_nothing(html: str) -> None:
    page = Page(html)
    assert not {"script", "link", "iframe", "object", "base"} & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster"):
            assert re.match(r"$|#|data:image/png;base64,", attributes.get(name, ""))
    assert "url(" not in html.replace("url(#", "")
    assert "@import" not in html


def test_every_method_and_number_is_there(html: str, report: ReportData) -> None:
    text = Page(html).text
    for row in report.rows:
        assert row.method in text
        assert f"{100 * row.accuracy.mean:.1f} ± " in text
        assert row.fingerprint[:8] in text
    for words in (*report.sentences, report.command, "97.4 ± 0.2 %", "≈", "† rd3-demo", "0.223 ± 0.004", "+13.2 ± 2.6"):
        assert words in text
    assert len(Page(html).named("svg")) >= 4 * 4 + 1


def test_every_interval_of_accuracy_says_what_it_covers(html: str) -> None:
    table = html.partition('id="rankings"')[2].partition("</table>")[0]
    cells = re.findall(r"<strong>([\d.]+) ± [\d.]+</strong><small>(.*?)</small>", table)
    assert cells == [
        ("61.4", "seeds only"),
        ("55.9", "seeds only"),
        ("49.1", "seeds only"),
        ("48.2", "draws and seeds"),
        ("37.3", "seeds only"),
    ]
    assert re.findall(r'<td class="rank">(.*?)</td>', table) == ["1 (1–2)", "2 (1–3)", "3 (2–4)", "4 (3–5)", "5 (4–5)"]


def test_cells_are_shown_together_with_a_diagram_where_they_are_enough(
    html: str, json_rows: list[dict[str, Any]]
) -> None:
    assert 'id="across"' not in html, "rows under a protocol that is not rankable do not enter"
    json_rows = [row | {"rankable": True} for row in json_rows]
    html = render(ReportData("few", rows_from(json_rows)))
    few = html.partition('id="across"')[2].partition("</section>")[0]
    assert few.count("at least 3 cells are needed") == 2
    assert "<svg" not in few
    bare = {"seconds": {}, "bytes": {}, "hlr": None, "ior": None, "lrs": None, "ars": None}
    two = [row | bare for row in json_rows[:10] if row["method"] in ("random", "herding")]
    students = [row | {"student": student} for student in ("convnet3-bn", "mlp") for row in two]
    many = render(ReportData("many", rows_from(students))).partition('id="across"')[2].partition("</section>")[0]
    assert many.count("<svg") == 1
    assert many.count("over 4 cells (mnist5k IPC 1, 10 with convnet3-bn; mnist5k IPC 1, 10 with mlp)") == 1


def test_the_protocol_is_there_in_full(html: str, card: ProtocolCard) -> None:
    text = Page(html).text
    for field in card.fields:
        assert field.name in text
        assert field.note in text
    assert "name: adamw; lr: 0.001; weight_decay: 0.01" in text
    assert "Source: arXiv 2509.19743." in text


def decoded(image: dict[str, str]) -> Tensor:
    """Pixels (height, width, channels) of an inline picture, as another library decodes it."""
    data = base64.b64decode(image["src"].partition(",")[2])
    return torch.from_numpy(np.array(Image.open(io.BytesIO(data))))


def test_pictures_decode_to_the_images(html: str, digits: tuple[Tensor, Tensor]) -> None:
    first, random, rded = Page(html).named("img")
    images, _ = digits
    assert torch.equal(decoded(first)[:28, 29:57, 0], images[10, 0])
    assert first["alt"] == "Images of herding, IPC 1; from left to right: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert first["class"] == "pixelated"
    # the second image of the third class stands at one place in the picture of every method
    assert torch.equal(decoded(rded)[29:57, 58:86, 0], images[21, 0])
    assert torch.equal(decoded(random)[29:57, 58:86, 0], images.flip(0)[71, 0])


def test_methods_of_one_target_and_ipc_are_shown_together_and_random_first(report: ReportData) -> None:
    first, second = galleries(report.grids)
    assert [picture.title for picture in first.pictures] == ["herding"]
    assert [picture.title for picture in second.pictures] == ["random", "rded"]
    assert second.legend.endswith("8, 9; the first 3 of 10 images of it below each other.")
    other = replace(report.grids[1], target="other")
    assert [gallery.title for gallery in galleries([report.grids[1], other])] == ["IPC 10", "other, IPC 10"]


def test_many_methods_show_fewer_images_each(digits: tuple[Tensor, Tensor]) -> None:
    grids = [Grid(f"method {place}", *digits, [*"0123456789"], 10) for place in range(100)]
    (gallery,) = galleries(grids)
    assert {decoded({"src": picture.source}).shape[0] for picture in gallery.pictures} == {28}
    assert sum(len(picture.source) for picture in gallery.pictures) < 2_000_000


def test_one_run_shows_no_interval_and_a_missing_score_a_dash(json_rows: list[dict[str, Any]]) -> None:
    row = json_rows[1] | {"n": 1, "ars": None, "whole": None, "random": None}
    body = render(ReportData("one run", rows_from([row]))).partition("<tbody>")[2].partition("</table>")[0]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", body)
    assert "<strong>61.4</strong>" in cells
    assert "±" not in body
    assert cells.count("–") == 1


def test_hostile_names_are_only_text(json_rows: list[dict[str, Any]], digits: tuple[Tensor, Tensor]) -> None:
    bad = "<script>alert(1)</script><img src=http://x.example/a onerror=b>\"'{{ 7*7 }}[bold]"
    row = json_rows[1] | {
        "method": bad,
        "target": bad,
        "student": bad,
        "aids": [bad],
        "flags": [bad],
        "fingerprint": bad,
    }
    row["protocol"] = {"id": bad, "version": 1, "hash": bad}
    grid = Grid(bad, digits[0][:2], digits[1][:2], [bad], 1, bad)
    card = ProtocolCard(bad, 1, bad, bad, bad, bad)
    data = ReportData(bad, rows_from([row]), [bad], [card], {bad: bad}, bad, [grid])
    html = render(data)
    test_the_page_loads_nothing_and_runs_nothing(html)
    page = Page(html)
    assert page.open == []
    assert page.text.count("<script>alert(1)</script>") >= 15
    assert page.text.count("{{ 7*7 }}") >= 15


def test_an_empty_report_is_still_a_page(report: ReportData) -> None:
    page = Page(render(replace(ReportData("nothing yet", []), environment=report.environment)))
    assert page.open == []
    assert "How to read it" in page.text


def test_the_file_is_written_whole(report: ReportData, tmp_path: Path) -> None:
    path = tmp_path / "out" / "report.html"
    write_page(replace(report, rows=report.rows[:5], grids=(), curves=()), path)
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]
