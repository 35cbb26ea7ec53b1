"""A run keeps its fingerprint when switches are added that it leaves off."""

from __future__ import annotations

from rd3.data.load import load_target
from rd3.evaluation.files import load_protocol
from rd3.evaluation.spec import RunSpec

FINGERPRINT = "e3f765de3ea3c8b887db"  # of this run before the first later switch existed


def spec(**changes: object) -> RunSpec:
    protocol = load_protocol("rd3")
    settings, _ = protocol.resolve(load_target("digits"), 1, "mlp")
    run = RunSpec(
        images="a",
        target="t",
        protocol="rd3",
        protocol_hash=protocol.hash,
        settings=settings,
        student="mlp",
        teachers=("x",),
        ipc=1,
        replicate=0,
        loop_revision=1,
    )
    return run.model_copy(update=changes)


def test_switches_that_are_off_are_as_if_they_did_not_exist() -> None:
    assert spec().fingerprint == FINGERPRINT


def test_switches_that_are_on_make_another_run() -> None:
    usual = spec()
    others = [
        spec(own_labels="logits"),
        spec(own_labels="probabilities"),
        spec(settings=usual.settings.model_copy(update={"lr_search": (0.1,)})),
        spec(settings=usual.settings.model_copy(update={"mix_labels": "none"})),
    ]
    assert len({run.fingerprint for run in (usual, *others)}) == 5
    assert {run.seed for run in others} == {usual.seed}
