"""Whole targets in the evaluation pipeline of a protocol: what they take from where, who shares them, by which name."""

from __future__ import annotations

from pathlib import Path

import pytest

from rd3.base.errors import UserError
from rd3.data.facts import TargetFacts
from rd3.evaluation.files import counterpart_ids, known_protocols, list_protocols, load_protocol
from rd3.evaluation.protocol import Protocol
from rd3.evaluation.settings import Settings
from rd3.study.plan import load_whole

PIPELINE = {"normalisation", "validation_resize", "zca", "zca_kind"}
PLACES = ((32, 10), (32, 100), (64, 200), (128, 10), (224, 10), (224, 1000))
RANKED = [name for name in list_protocols() if load_protocol(name).purpose == "ranking"]


def cells(protocol: Protocol) -> list[Settings]:
    places = [TargetFacts("any", size, 3, classes, True) for size, classes in PLACES]
    return [protocol.resolve(place, None, student)[0] for place in places for student in ("resnet18", "convnet3")]


def write(folder: Path, whole: str, fields: str, name: str = "mine") -> Protocol:
    path = folder / f"{name}.yaml"
    text = f"id: {name}\nversion: 1\nbase: rd3\ntitle: mine\nsource: tests\ncounterparts: {{whole: {whole}}}\nfields:\n"
    path.write_text(f"{text}  lr: {{value: 0.5, provenance: code}}\n{fields}")
    return load_protocol(str(path))


@pytest.mark.parametrize("name", RANKED)
def test_hlr_compares_within_one_pipeline(name: str) -> None:
    protocol = load_protocol(name)
    whole = load_protocol(str(protocol.counterparts.whole))
    for own, other in zip(cells(protocol), cells(whole), strict=True):
        assert all(getattr(own, setting) == getattr(other, setting) for setting in PIPELINE)


@pytest.mark.parametrize("name", [name for name in known_protocols() if load_protocol(name).id.startswith("whole-")])
def test_nothing_else_is_taken_over(name: str) -> None:
    base = load_protocol("whole-short" if name == "whole-short" else "whole")
    for own, other in zip(cells(load_protocol(name)), cells(base), strict=True):
        differing = {setting for setting in Settings.model_fields if getattr(own, setting) != getattr(other, setting)}
        assert differing <= PIPELINE


def test_one_pipeline_has_one_name_and_one_hash(tmp_path: Path) -> None:
    same = {
        str(load_protocol(name).counterparts.whole) for name in ("cv-dd", "g-vbsm", "sre2l-plus-plus", "fadrm-code")
    }
    assert len(same) == 1, "whichever variants their files have"
    (name,) = same
    assert load_protocol(name).id == name
    assert load_protocol(name).purpose == load_whole(name).purpose == "reference"
    assert name in known_protocols()
    assert len({load_protocol(other).counterparts.whole for other in ("sre2l", "dwa", "cv-dd")}) == 3
    by_file = write(tmp_path, "derived", "  validation_resize: {value: null, provenance: code}\n")
    again = write(tmp_path, "derived", "  validation_resize: {value: null, provenance: code}\n", "another")
    names = [str(protocol.counterparts.whole) for protocol in (by_file, again)]
    assert load_protocol(names[0]).hash == load_protocol(names[1]).hash != load_protocol("whole").hash
    assert counterpart_ids(by_file) == counterpart_ids(again)


def test_a_pipeline_that_is_the_bases_needs_no_protocol_of_its_own(tmp_path: Path) -> None:
    assert load_protocol("rded-code").counterparts.whole == "whole"
    assert load_protocol("ddr-dc").counterparts.whole == "ddr-whole"
    assert write(tmp_path, "derived", "").counterparts.whole == "whole"


def test_another_base_may_be_named(tmp_path: Path) -> None:
    whole = load_protocol(str(write(tmp_path, "derived from whole-short", "  zca: {value: 0.1, provenance: code}\n"
                                    "  labels: {value: static, provenance: code}\n").counterparts.whole))  # fmt: skip
    assert whole.id.startswith("whole-short-")
    settings = cells(whole)[0]
    assert (settings.epochs, settings.zca) == (10, 0.1)
    with pytest.raises(UserError, match="did you mean 'whole'"):
        write(tmp_path, "derived from whle", "")


def test_the_counterpart_with_hard_labels_has_the_same_whole() -> None:
    assert load_protocol("sre2l-hard").counterparts.whole == load_protocol("sre2l").counterparts.whole
    peeking = str(load_protocol("sre2l+test-peek").counterparts.whole)
    assert load_protocol(peeking).id == peeking


def test_a_name_that_nobody_made_is_unknown() -> None:
    with pytest.raises(UserError, match="unknown protocol 'whole-000000'"):
        load_protocol("whole-000000")
