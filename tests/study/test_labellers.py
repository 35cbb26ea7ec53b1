"""Who labels, out of the teachers that were given."""

from __future__ import annotations

import pytest

from rd3.base.errors import UserError
from rd3.data.load import load_target
from rd3.evaluation.files import load_protocol
from rd3.evaluation.settings import Settings
from rd3.study.jobs.run import RunInput, run_job
from rd3.study.labellers import Labeller, labellers, strangers

A, B, C = Labeller("1", "tv:resnet18"), Labeller("2", "mlp"), Labeller("3", "mlp")


def settings(name: str = "rd3", **changes: object) -> Settings:
    resolved, _ = load_protocol(name).resolve(load_target("digits"), 1, "mlp")
    return resolved.model_copy(update=changes)


@pytest.mark.parametrize(
    ("teacher", "given", "expected"),
    [
        ("resnet18", (A, B), (A,)),
        ("resnet18", (B, A), (B,)),  # the first, whoever it is; that it is another one is flagged
        (("mlp", "resnet18"), (A, B), (B, A)),  # in the protocol's order, which is that of its weights
        (("mlp", "resnet18", "mlp"), (A, B, C), (B, A, C)),
        (("mlp", "resnet18"), (A, B, C), (A, B, C)),
        (("mlp", "lenet"), (A,), (A,)),
        (None, (A, B), (A, B)),
        (None, (), ()),
    ],
)
def test_who_labels(teacher, given, expected) -> None:
    assert labellers(settings(teacher=teacher), given) == expected


def test_hard_labels_need_nobody() -> None:
    assert labellers(settings("rd3-hard"), (A, B)) == ()


@pytest.mark.parametrize(
    ("teacher", "names", "flag"),
    [
        ("resnet18", ["tv:resnet18"], None),
        ("tv:resnet18", ["resnet18"], None),
        ("resnet18", ["mlp"], "labelled by mlp where x has resnet18"),
        (("mlp", "resnet18"), ["tv:resnet18", "mlp"], None),
        (("mlp", "resnet18"), ["mlp"], "labelled by mlp where x has mlp, resnet18"),
        (("mlp", "mlp"), ["mlp"], "labelled by mlp where x has mlp, mlp"),
        (None, ["mlp"], None),
        ("resnet18", [], None),
    ],
)
def test_others_than_the_protocol_s_are_flagged(teacher, names, flag) -> None:
    assert strangers(settings(teacher=teacher), "x", names) == ([] if flag is None else [flag])


def test_a_pool_with_other_weights_is_found_before_any_work() -> None:
    target, protocol = load_target("digits"), load_protocol("cv-dd")
    synthetic = RunInput(images="x", label="x", count=10, ipc=1)
    with pytest.raises(UserError, match=r"cv-dd: weighs its 5 teachers \(resnet18, .*\), and 3 would label"):
        run_job(target, protocol, synthetic, student="mlp", replicate=0, teachers=(A, B, C))
