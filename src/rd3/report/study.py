"""Gathers what a study left in its folder into one page's data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rd3.base.errors import UserError
from rd3.base.files import read_json
from rd3.base.spec import parse
from rd3.data.images import as_levels
from rd3.evaluation.card import lines, remark
from rd3.evaluation.protocol import Protocol
from rd3.report.data import Cost, CurveSet, Grid, ProtocolCard, ProtocolField, ReportData
from rd3.report.format import seconds
from rd3.report.ranking import read_ranking
from rd3.scores.nested import by_draw, nested
from rd3.study.cells import draw_of
from rd3.study.ranking import groups
from rd3.study.records import Record, read_records
from rd3.study.spec import StudySpec
from rd3.study.verdict import sentence
from rd3.synthetic.artifact import Synthetic


def report_data(folder: Path, *, command: str | None = None) -> ReportData:
    """Read `ranking.json`, `study.json`, `records/` and `synthetic/` of a study's folder.

    Args:
        command: what reproduces the study; a study file's command by default.

    Raises:
        UserError: the folder is not a study's.
    """
    if not (folder / "ranking.json").is_file():
        raise UserError(f"{folder}: no ranking.json there; run a study first, for instance rd3 demo")
    ranking = read_ranking(folder / "ranking.json")
    study = parse(StudySpec, read_json(folder / "study.json"), where=str(folder / "study.json"))
    records = read_records([folder / "records"])
    table: list[dict[str, Any]] = read_json(folder / "ranking.json")["rows"]
    return ReportData(
        title=f"{study.name}: {', '.join(spec.name for spec in study.targets)}",
        rows=ranking,
        sentences=[sentence(group) for group in groups(table)],
        protocols=[_card(protocol) for protocol in _protocols(folder / "protocols")],
        environment=records[0].environment | {"rd3": records[0].rd3_version} if records else {},
        command=command or f"rd3 study run {study.name}",
        grids=list(_grids(folder / "synthetic")),
        curves=list(_curves(records)),
        costs=_costs(records),
    )


def _protocols(folder: Path) -> list[Protocol]:
    """Those that the study used, rankings first."""
    found = [parse(Protocol, read_json(file), where=str(file)) for file in sorted(folder.glob("*.json"))]
    return sorted(found, key=lambda protocol: (protocol.purpose != "ranking", protocol.id))


def _card(protocol: Protocol) -> ProtocolCard:
    limit = f"Not rankable: {protocol.not_rankable}." if protocol.not_rankable else ""
    return ProtocolCard(
        id=protocol.id,
        version=protocol.version,
        hash=protocol.hash,
        title=protocol.title,
        source=protocol.source,
        note=" ".join(filter(None, (protocol.note, limit))),
        fields=[
            ProtocolField(line.name, line.value.replace("\n", "; "), line.provenance, remark(line))
            for line in lines(protocol)
        ],
    )


def _grids(folder: Path) -> Iterable[Grid]:
    """The first draw of every synthetic."""
    synthetics = [Synthetic.load(place) for place in sorted(folder.glob("[!.]*")) if place.is_dir()]
    shown = [synthetic for synthetic in synthetics if not synthetic.manifest.draw]
    for synthetic in sorted(shown, key=lambda s: (s.manifest.ipc or 0, s.manifest.method)):
        facts = synthetic.manifest
        yield Grid(
            title=facts.method,
            images=as_levels(synthetic.images),
            labels=synthetic.labels,
            classes=facts.classes,
            ipc=facts.ipc or 1,
            caption=f"{seconds(facts.seconds.synthesise)} to synthesise",
            target=facts.target or "",
        )


def _curves(records: Sequence[Record]) -> Iterable[CurveSet]:
    """Test accuracy over epochs, mean over seeds, for every ranked (target, protocol, IPC, student)."""
    ranked = [record for record in records if record.protocol.purpose == "ranking" and record.ipc is not None]
    places = sorted({(r.target, r.ipc or 0, r.protocol.id, r.student) for r in ranked})
    for target, ipc, protocol, student in places:
        same = [r for r in ranked if (r.target, r.ipc, r.protocol.id, r.student) == (target, ipc, protocol, student)]
        lines = {method: _line([r for r in same if r.method == method]) for method in sorted({r.method for r in same})}
        yield CurveSet(title=f"{target}, IPC {ipc}, {protocol}, {student}", lines=lines)


def _line(records: list[Record]) -> list[tuple[int, float, float | None, float | None]]:
    draws = {place: draw_of(record) for place, record in enumerate(records)}
    points = []
    for position, (epoch, _) in enumerate(records[0].curve):
        values = {place: record.curve[position][1] for place, record in enumerate(records)}
        interval = nested(by_draw(values, draws)).interval
        points.append((epoch, interval.mean, interval.low, interval.high))
    return points


def _costs(records: Sequence[Record]) -> list[Cost]:
    """Work that all methods share: teachers and the runs on the whole target."""
    squeezed: dict[str, float] = {}
    for record in records:
        squeezed |= record.seconds.teachers
    for record in records:  # an older one has a sum, which is its labeller's own for images that nobody's teacher made
        for teacher in record.teachers if not record.seconds.teachers else ():
            squeezed[teacher] = min(record.seconds.squeeze, squeezed.get(teacher, record.seconds.squeeze))
    whole = [r.seconds.train + r.seconds.report for r in records if r.ipc is None]
    costs = [Cost(f"teacher {name}", seconds=spent, note="squeezed once") for name, spent in sorted(squeezed.items())]
    if whole:
        costs.append(Cost("whole target", seconds=sum(whole), note=f"{len(whole)} runs, shared by all methods"))
    return costs
