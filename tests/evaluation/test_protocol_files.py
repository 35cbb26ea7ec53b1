"""Every protocol file of the package: locked, sourced, resolved for every kind of target, and run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import torch

from rd3.data.facts import TargetFacts
from rd3.data.images import MemoryImages
from rd3.data.load import load_target
from rd3.evaluation.card import GROUPS
from rd3.evaluation.files import known_protocols, list_protocols, load_protocol, locked_hashes
from rd3.evaluation.judge import judge
from rd3.evaluation.lock import shipped_and_derived
from rd3.evaluation.protocol import Protocol, ProtocolField
from rd3.evaluation.settings import Settings
from rd3.models import create_model
from rd3.relabel.pool import TeacherPool
from rd3.squeeze.teacher import Teacher

FIRST = {  # the protocols that were locked before any other; their numbers stand in records
    "rd3/1": "fd03330217b01dfceac8",
    "rd3-hard/1": "faefda11e1496b56a5dd",
    "rd3-plain/1": "67724a361a912d28ec19",
    "rd3-hard-plain/1": "d4a31f69bb4411f77aa3",
    "rd3-demo/1": "3c58f96bb5238b260ea8",
    "rd3-demo-hard/1": "adc888601fbbb9c0a6f9",
    "rd3-demo-plain/1": "7861b4ba8c04a0560938",
    "rd3-demo-hard-plain/1": "28f02d01aed604ae9cea",
    "whole/1": "f089be4c9a65f67f6c7b",
    "whole-short/1": "dc766bbaa527239aa6c1",
}
PLACES = ((28, 10), (32, 10), (32, 100), (64, 200), (224, 10), (224, 100), (224, 1000))
STUDENTS = ("resnet18", "resnet50", "tv:mobilenet_v2")


def test_the_first_hashes_stand() -> None:
    assert FIRST.items() <= locked_hashes().items()


def test_all_protocols_and_their_counterparts_are_locked_and_nothing_else_is() -> None:
    found = {f"{protocol.id}/{protocol.version}": protocol.hash for protocol in shipped_and_derived()}
    assert found == locked_hashes()
    assert {name.partition("/")[0] for name in found} == set(known_protocols())


@pytest.mark.parametrize("name", list_protocols())
def test_a_file_names_itself_its_source_and_the_provenance_of_every_value(name: str) -> None:
    protocol = load_protocol(name)
    assert (protocol.id, protocol.version) == (name, 1)
    assert protocol.title
    assert protocol.source
    assert protocol.group in GROUPS
    protocol.check(name)
    for setting, field in protocol.fields.items():
        guessed = {"inferred", "unverified"}
        for case in field.written():
            provenance = case.provenance or field.provenance
            reason = case.note or field.note
            assert provenance not in guessed or reason or name.startswith("whole"), (setting, case)


@pytest.mark.parametrize("name", list_protocols())
def test_every_case_decides_somewhere(name: str) -> None:
    protocol = load_protocol(name)
    for setting, field in protocol.fields.items():
        for case in field.cases or ():
            assert field.case(*field.cell_of(case)) is case, (setting, case)


def cells() -> Iterator[tuple[TargetFacts, int | None, str]]:
    for (size, classes), ipc, student in itertools.product(PLACES, (1, 10, 50, None), STUDENTS):
        yield TargetFacts("any", size, 1 if size == 28 else 3, classes, size != 28), ipc, student


@pytest.mark.parametrize("name", list_protocols())
def test_a_protocol_resolves_on_any_target(name: str) -> None:
    protocol = load_protocol(name)
    for target, ipc, student in cells():
        settings, flags = protocol.resolve(target, ipc, student)
        assert settings.teacher_weights is None or len(settings.teacher_weights) == len(settings.pool)
        assert settings.soft == bool(settings.pool)
        assert all(0 < milestone <= settings.epochs for milestone in settings.milestones)
        assert settings.report_phase < settings.report_every <= settings.epochs
        assert settings.peeks == ("chosen on the test split: for comparison only" in flags)
        assert not settings.peeks or protocol.not_rankable
        assert (settings.normalisation == "target") >= (target.channels == 1)


@pytest.mark.parametrize("name", [name for name in list_protocols() if load_protocol(name).purpose == "ranking"])
def test_a_ranking_protocol_has_the_counterparts_that_its_scores_need(name: str) -> None:
    protocol = load_protocol(name)
    named = protocol.counterparts
    every = [protocol.resolve(*cell)[0] for cell in cells()]
    assert named.whole is not None
    assert load_protocol(named.whole).purpose == "reference"
    assert (named.hard is not None) == any(settings.soft for settings in every)
    assert (named.plain is not None) == any(settings.augment or settings.mix for settings in every)
    if named.hard is not None:
        for cell in cells():
            settings = load_protocol(named.hard).resolve(*cell)[0]
            assert (settings.labels, settings.loss, settings.pool) == ("hard", "ce", ())
    if named.plain is not None:
        assert all(
            not s.augment and s.mix is None for s in (load_protocol(named.plain).resolve(*c)[0] for c in cells())
        )


@pytest.mark.parametrize("name", [name for name in list_protocols() if name.endswith("-code")])
def test_what_reproduces_released_code_is_marked_and_never_ranked(name: str) -> None:
    protocol = load_protocol(name)
    assert protocol.not_rankable
    assert protocol.group in ("code", "dd-ranking-code", "reference")
    assert not load_protocol(name.removesuffix("-code")).not_rankable


def test_hard_counterparts_leave_out_batch_augmentation_where_dd_ranking_does() -> None:
    target = TargetFacts("cifar10", 32, 3, 10, True)
    own, hard = (load_protocol(name).resolve(target, 10, "resnet18")[0] for name in ("ddr-sre2l", "ddr-sre2l-hard"))
    assert own.mix == {"kind": "mixup", "alpha": 0.8}
    assert hard.mix is None
    assert hard.augment == own.augment
    kept = load_protocol("ddr-datm-hard").resolve(target, 10, "resnet18")[0]
    assert [operation["kind"] for operation in kept.augment] == ["dsa"]


def least_sizes() -> dict[str, tuple[int, int]]:
    """Every teacher that a protocol names, with the smallest target that it labels."""
    least: dict[str, tuple[int, int]] = {}
    for name in list_protocols():
        for target, ipc, student in cells():
            for teacher in load_protocol(name).resolve(target, ipc, student)[0].pool if target.channels == 3 else ():
                least[teacher] = min(least.get(teacher, (224, 1000)), (target.size, target.num_classes))
    return least


@pytest.mark.parametrize(("teacher", "place"), sorted(least_sizes().items()))
def test_every_teacher_that_is_named_can_be_built(teacher: str, place: tuple[int, int]) -> None:
    size, classes = place
    assert create_model(teacher, classes=classes, size=size, channels=3, seed=0) is not None


def cut(settings: Settings) -> Settings:
    """The same for two epochs and at most two rates."""
    rates = settings.lr_search and settings.lr_search[:2]
    return settings.model_copy(update={"epochs": 2, "lr_search": rates})


@pytest.fixture(scope="module")
def tiny_teacher() -> Teacher:
    target = load_target("digits")
    model = create_model("convnet1-bn-w8", classes=10, size=8, channels=1, seed=0)
    return Teacher(model, "convnet1-bn-w8", target.mean, target.std, target.classes, "t", 0.1, 0.0)


@pytest.mark.parametrize("name", list_protocols())
def test_shipped_protocols_run(name: str, tiny_teacher: Teacher) -> None:
    target = load_target("digits")
    settings = cut(load_protocol(name).resolve(target, 2, "convnet1-bn-w8")[0])
    online, static = settings.labels == "online", settings.labels == "static"
    given = {"soft_labels": torch.eye(10)[target.train.labels[:20]] * 5} if static else {}
    result = judge(
        MemoryImages(target.train.batch(torch.arange(20)), target.train.labels[:20]),
        target=target,
        settings=settings,
        student="convnet1-bn-w8",
        seed=1,
        teachers=TeacherPool([tiny_teacher] * len(settings.pool), target.classes) if online else None,
        **given,
    )
    assert result.curve[-1][0] == 2
    assert 0 <= result.accuracy <= 1
    assert (result.teacher_forwards > 0) == online


def test_a_field_without_cases_always_has_its_value() -> None:
    field = ProtocolField(value=3, provenance="stated")
    assert field.case(*next(cells())).value == 3


def test_groups_are_named_for_every_protocol() -> None:
    protocols: list[Protocol] = [load_protocol(name) for name in list_protocols()]
    assert {protocol.group for protocol in protocols} == set(GROUPS) - {""}
