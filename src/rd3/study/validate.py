"""Checks whatever rd3 reads or writes, and says what it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from rd3.base.errors import UserError
from rd3.base.files import read_json, read_text
from rd3.base.spec import parse
from rd3.data.load import load_target
from rd3.evaluation.ddranking.read import read_ddranking, reads_as_ddranking
from rd3.evaluation.files import counterpart_ids, load_protocol
from rd3.study.plan import make_plan
from rd3.study.ranking import SCHEMA
from rd3.study.records import read_records
from rd3.study.spec import StudySpec, load_study
from rd3.study.store import Store, problem
from rd3.synthetic import read_synthetic
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.check import check
from rd3.synthetic.soft_labels import inferred_form


def validate(path: Path, *, target: str | None = None, **reading: Any) -> Iterator[str]:
    """Lines about what is at `path`, if it is whole and well-formed.

    Args:
        target: for a synthetic, what it must fit.
        reading: for a synthetic, how it is read; see `rd3.read_synthetic`.

    Raises:
        UserError: one line about the first thing that is wrong.
    """
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder")
    if path.suffix in (".yaml", ".yml"):
        yield from _yaml(path)
    elif path.name == "store":
        yield from _store(Store(path.parent))
    elif (path / "ranking.json").is_file():
        yield from _study(path)
    elif path.suffix == ".json" and reads_as_ddranking(_json(path)):
        yield from _ddranking(path)
    elif path.suffix == ".json" or path.name == "records":
        yield f"{path}: {len(read_records([path]))} record(s), well-formed"
    else:
        yield from _synthetic(path, target, **reading)


def _yaml(path: Path) -> Iterator[str]:
    try:
        values = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if isinstance(values, dict) and "methods" in values:
        plan = make_plan(load_study(str(path)))
        yield f"{path}: a study of {len(plan.jobs)} jobs"
    elif reads_as_ddranking(values):
        yield from _ddranking(path)
    else:
        protocol = load_protocol(str(path))
        others = ", ".join(filter(None, counterpart_ids(protocol).model_dump().values()))
        scored = f"; scored with {others}" if others else ""
        yield f"{path}: protocol {protocol.id}, version {protocol.version}, hash {protocol.hash}{scored}"


def _json(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except ValueError:
        return None  # what reads records says what is wrong


def _ddranking(path: Path) -> Iterator[str]:
    file = read_ddranking(f"ddranking:{path}")
    protocol, scores = file.protocol, " and ".join(file.scores).upper()
    yield f"{path}: a configuration file of DD-Ranking for {scores}, on {file.config.dataset}"
    yield f"{path}: protocol {protocol.id}, hash {protocol.hash}, student {file.student}, {file.seeds} seeds"
    yield from (f"{path}: {notice}" for notice in file.notices)


def _store(store: Store) -> Iterator[str]:
    entries = list(store.entries())
    for entry in entries:
        found = problem(entry)
        if found is not None:
            raise UserError(found)
    yield f"{store.root}: {len(entries)} entries, complete, all hashes match"


def _study(path: Path) -> Iterator[str]:
    place = path / "ranking.json"
    ranking = read_json(place)
    if not isinstance(ranking, dict) or ranking.get("schema") != SCHEMA or not isinstance(ranking.get("rows"), list):
        raise UserError(f"{place}: not a ranking of schema '{SCHEMA}'")
    parse(StudySpec, read_json(path / "study.json"), where=str(path / "study.json"))
    yield f"{path}: a ranking of {len(ranking['rows'])} rows from {len(read_records([path / 'records']))} records"
    for place in sorted((path / "synthetic").glob("[!.]*")):
        yield from _synthetic(place, None)


def _synthetic(path: Path, target: str | None, **reading: Any) -> Iterator[str]:
    real = load_target(target) if target is not None else None
    synthetic = read_synthetic(path, target=real, **reading)
    for warning in check(synthetic, real) if real is not None else ():
        yield f"{path}: warning: {warning}"
    shape = "x".join(map(str, synthetic.images.shape[1:]))
    ignored = synthetic.manifest.info.get("ignored")
    if ignored:
        yield f"{path}: warning: not read, as no such name is known: {', '.join(ignored)}"
    if synthetic.soft_labels is not None:
        yield f"{path}: soft labels, {_form_words(synthetic)}"
    yield f"{path}: {len(synthetic)} images of {shape}, {len(synthetic.manifest.classes)} classes, whole"


def _form_words(synthetic: Synthetic) -> str:
    assert synthetic.soft_labels is not None
    declared = synthetic.manifest.soft_label_form
    return f"declared as {declared}" if declared else f"taken for {inferred_form(synthetic.soft_labels)}, not declared"
