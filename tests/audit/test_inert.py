"""Inert fields change no bit of a run, and fields that are read are never taken for inert."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import Any

import pytest
import torch

import rd3
from rd3.data.images import MemoryImages
from rd3.evaluation.judge import judge
from rd3.evaluation.labelling import pool_for
from rd3.evaluation.settings import Settings
from rd3.study.audit.case import make_case
from rd3.study.audit.cell import Cell
from rd3.study.audit.inert import RULES, aligned, inert, neutral
from rd3.study.audit.mixture import comparable, protocol_of

HARD = {"labels": "hard", "loss": "ce"}
SOFT = {"labels": "online", "loss": "kl", "temperature": 4.0}
STATIC = {**SOFT, "labels": "static"}
MSE = {"labels": "online", "loss": "mse-gt"}
CUTMIX = {"mix": {"kind": "cutmix"}}
POOL = {
    "teacher": "resnet18", "teacher_combine": "norm-mean", "teacher_weights": (2.0,),
    "teacher_bn": "train", "teacher_bn_sub_batch": 3,
    "teacher_normalisation": "student", "teacher_autocast": "bfloat16", "label_precision": "float16",
    "label_input": "original", "gamma": 2.0, "gt_label": "mixed", "hard_phase": (0.0, 0.5),
}  # fmt: skip
# (where it is inert, what is inert there, where the same fields are read)
CASES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (HARD, {"accumulation": "nominal"}, {**HARD, "micro_batch": 2}),
    ({**HARD, "lr_search": (0.001, 0.1)}, {"lr": 0.5}, {**HARD, "lr_search": (0.1,), "lr_search_for": "random"}),
    (HARD, {"lr_search_for": "random", "selection": "test-peek"}, {**HARD, "lr_search": (0.1,)}),
    (HARD, {"momentum": 0.1}, {**HARD, "optimiser": "sgd"}),
    ({**HARD, "optimiser": "adam"}, {"momentum": 0.1}, {**HARD, "optimiser": "sgd"}),
    ({**HARD, "optimiser": "sgd"}, {"betas": (0.1, 0.2), "eps": 0.1}, HARD),
    ({**HARD, "weight_decay": 0.0}, {"wd_exclude_1d": False}, {**HARD, "weight_decay": 0.5}),
    (HARD, {"milestones": (1, 2), "decay": 0.5}, {**HARD, "schedule": "multistep", "milestones": (1,)}),
    ({**HARD, "schedule": "constant"}, {"zeta": 2.0, "schedule_end": 0.5}, {**HARD, "schedule": "cos2"}),
    ({**HARD, "schedule": "step", "milestones": (2,)}, {"zeta": 2.0}, {**HARD, "schedule": "linear"}),
    (HARD, {"warmup_start": 0.5}, {**HARD, "warmup_epochs": 1}),
    (HARD, {"mix_labels": "none"}, {**HARD, **CUTMIX}),
    ({**SOFT, **CUTMIX}, {"mix_labels": "none"}, {**STATIC, **CUTMIX}),
    ({**SOFT, **CUTMIX, "gamma": 1.0}, {"mix_labels": "drawn"}, {**SOFT, **CUTMIX, "gamma": 1.0, "gt_label": "mixed"}),
    ({**SOFT, **CUTMIX}, {"mix_labels": "drawn"}, {**SOFT, **CUTMIX, "hard_phase": (0.0, 0.5)}),
    ({**HARD, **CUTMIX}, POOL, {**STATIC, **CUTMIX, "gamma": 1.0, "teacher_bn": "train"}),
    (SOFT, {"teacher_bn_sub_batch": 3}, {**SOFT, "teacher_bn": "train"}),
    ({**STATIC, **CUTMIX}, {"label_input": "original"}, {**SOFT, **CUTMIX}),
    (SOFT, {"label_draw": "shuffled"}, {**SOFT, "label_epochs": 1.5}),
    ({**SOFT, **CUTMIX}, {"static_mix": "logits"}, {**STATIC, **CUTMIX}),
    (HARD, {"temperature": 9.0, "kl_t2": True}, SOFT),
    (MSE, {"temperature": 9.0, "kl_t2": True}, {**SOFT, "loss": "soft-ce"}),
    ({**STATIC, "loss": "mse-centred"}, {"temperature": 9.0, "kl_t2": True}, STATIC),
    ({**SOFT, **CUTMIX}, {"gt_label": "mixed"}, {**SOFT, **CUTMIX, "gamma": 1.0}),
    (SOFT, {"label_smoothing": 0.5}, {**SOFT, "gamma": 1.0}),
    (MSE, {"label_smoothing": 0.5}, {**MSE, "hard_phase": (0.0, 0.5)}),
    (HARD, {"ema_buffers": "online"}, {**HARD, "ema": 0.9}),
    ({**HARD, "zca": 0.1}, {"normalisation": "imagenet"}, HARD),
    (HARD, {"zca_kind": "frepo"}, {**HARD, "zca": 0.1}),
    (HARD, {"report_every": 2, "report_phase": 1}, {**HARD, "report": "best"}),
]  # fmt: skip
READ_NOWHERE = {"label_input"}  # in the third settings of POOL


def settings(**values: Any) -> Settings:
    basis = {"epochs": 3, "batch_size": 7, "optimiser": "adamw", "lr": 0.01, "weight_decay": 0.01}
    return Settings.model_validate({**basis, "normalisation": "target", **values})


@pytest.fixture(scope="module")
def run(target, teacher, random_set):
    def result(given: Settings) -> tuple[Any, ...]:
        images = MemoryImages(random_set.images, random_set.labels)
        pool = pool_for(given, [teacher], target) if given.soft else None
        found = judge(images, target=target, settings=given, student=teacher.name, seed=3, teachers=pool)
        return found.accuracy, found.correct, found.curve, found.rates

    return result


@pytest.mark.parametrize(("where", "changed", "read"), CASES)
def test_what_is_inert_changes_no_bit_and_is_made_equal(run, where, changed, read) -> None:
    first, second = settings(**where), settings(**{**where, **changed})
    assert all(getattr(first, name) != getattr(second, name) for name in changed)
    assert changed.keys() <= inert(first) == inert(second)
    assert neutral(first) == neutral(second)
    assert run(first) == run(second) == run(neutral(second))
    assert not changed.keys() & inert(settings(**read)) - READ_NOWHERE


def test_every_rule_is_tried() -> None:
    fields = set(chain.from_iterable(rule.fields for rule in RULES))
    assert fields == set(chain.from_iterable(changed for _, changed, _ in CASES))


@pytest.mark.parametrize(("where", "changed", "read"), CASES)
def test_taking_inert_values_from_another_changes_no_number(where, changed, read) -> None:
    one, other = settings(**{**where, **changed}), settings(**read)
    assert neutral(aligned(one, other)) == neutral(one)
    assert neutral(aligned(other, one)) == neutral(other)
    assert neutral(neutral(one)) == neutral(one)


def test_what_is_inert_on_one_side_is_no_factor_and_the_ends_are_the_sides(cell, random_set, protocol) -> None:
    """Online labels ignore how hard ones are mixed, so from hard to online there is no mixing factor."""
    mix = {"mix": {"kind": "cutmix"}, "epochs": 2}
    hard = protocol("inert-hard", labels="hard", loss="ce", teacher=None, mix_labels="drawn", **mix)
    sides = [cell.side(random_set, rd3.load_protocol(name)) for name in (hard, protocol("inert-online", **mix))]
    case = make_case(cell, *sides)
    assert case.keys == ("labels+loss",)
    for switched, side in zip((frozenset(), frozenset(case.keys)), sides, strict=True):
        settings = case.job(switched, 0).spec.settings
        assert settings == side.settings
        assert case.job(switched, 0).spec.protocol_hash == protocol_of(side.settings.as_json()).hash


def test_comparable_settings_have_no_inert_differences() -> None:
    first, second = (settings(**HARD, momentum=m, report_every=n) for m, n in ((0.5, 3), (0.9, 10)))
    assert comparable(first, ()) == comparable(second, ())


def test_a_set_with_labels_of_its_own_is_labelled_by_nobody_and_the_other_one_by_the_teacher(
    cell, random_set, herding_set, protocol
) -> None:
    static = rd3.load_protocol(protocol("inert-static", labels="static", epochs=2))
    manifest = random_set.manifest.model_copy(update={"method": "labelled"})
    soft = replace(random_set, soft_labels=torch.eye(10)[random_set.labels], learned_lr=0.5, manifest=manifest)
    flags = dict(reversed(cell.side(soft, static).flags))
    assert not [flag for _, flag in cell.side(soft, static).flags if flag.startswith("labelled by")]
    assert flags["labelled"].startswith("its ")
    bare = Cell(cell.target, cell.student, cell.teachers).side(herding_set, static)
    assert ("inert-static", f"labelled by {cell.student} where it has resnet18") in bare.flags
    case = make_case(cell, cell.side(soft, static), bare)
    wanted = ("herding", f"brings no soft labels: under static labels its images are labelled by {cell.student}")
    assert wanted in case.start.flags
    assert case.job(frozenset({"images"}), 0).spec.teachers == (cell.teachers[0].fingerprint,)
    assert case.job(frozenset(), 0).spec.teachers == ()


def test_what_a_record_says_of_labels_and_a_learned_rate_is_said(cell, random_set, protocol) -> None:
    soft = replace(random_set, soft_labels=torch.eye(10)[random_set.labels], learned_lr=0.5)

    def said(name: str, **fields: Any) -> list[str]:
        side = cell.side(soft, rd3.load_protocol(protocol(name, epochs=1, **fields)))
        return [flag for who, flag in side.flags if who == "random" and flag.startswith("its ")]

    unused = "its learned rate 0.5 is not used: the protocol has one rate for all"
    form = "its soft labels are taken for probabilities: the set does not declare what they are"
    assert said("say-online") == [unused]
    assert said("say-static", labels="static") == [form, unused]
    searched = "its learned rate 0.5 is not among the rates that are searched; scores add it, audits do not"
    assert said("say-searched", lr_search=[0.1, 0.2]) == [searched]
    assert said("say-same", lr=0.5) == []
