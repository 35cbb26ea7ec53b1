"""What soft labels are: declared, read off, and refused where they cannot be that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import rel_entr, softmax

from rd3.base.errors import UserError
from rd3.evaluation.settings import Settings
from rd3.evaluation.spec import RunSpec
from rd3.study.jobs.run import own_logits
from rd3.synthetic import Synthetic, export, read_synthetic
from rd3.synthetic.soft_labels import as_centred, as_logits, as_regression_targets, inferred_form, require_form
from rd3.training.losses import kl

RUN = {"epochs": 1, "batch_size": 1, "optimiser": "sgd", "normalisation": "target"}


@pytest.fixture
def probable(softly: Synthetic) -> torch.Tensor:
    return softly.soft_labels.softmax(dim=1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_rows_of_probabilities_are_known_by_their_sums(probable, softly, dtype) -> None:
    assert inferred_form(probable.to(dtype)) == "probabilities"
    assert inferred_form(softly.soft_labels.to(dtype)) == "logits"
    assert inferred_form(2 * probable) == "logits"


@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
def test_logits_of_probabilities_give_the_divergence_of_the_probabilities(probable, temperature) -> None:
    """Zeros included, at any temperature; scipy's relative entropy is the oracle."""
    teacher = probable.clone()
    teacher[:, 3] = 0
    teacher /= teacher.sum(dim=1, keepdim=True)
    student = torch.randn(teacher.shape, generator=torch.Generator().manual_seed(3))
    tempered = np.where(teacher > 0, teacher.double(), 0) ** (1 / temperature)
    tempered /= tempered.sum(axis=1, keepdims=True)
    expected = rel_entr(tempered, softmax(student.double().numpy() / temperature, axis=1)).sum() / len(teacher)
    found = kl(student, as_logits(teacher, "probabilities"), temperature=temperature)
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_a_form_that_the_rows_contradict_is_refused(softly, probable) -> None:
    with pytest.raises(UserError, match="soft_label_form = probabilities: image 0 has a negative one; are they logits"):
        softly.declaring("probabilities")
    with pytest.raises(UserError, match=r"those of image 0 sum to 2; are they logits\?"):
        Synthetic(
            softly.images,
            softly.labels,
            2 * probable,
            None,
            softly.manifest.model_copy(update={"soft_label_form": "probabilities"}),
        )
    assert softly.declaring("logits").manifest.soft_label_form == "logits"
    assert softly.declaring(None) is softly


def test_only_sets_with_soft_labels_can_declare_them(grey) -> None:
    with pytest.raises(UserError, match="soft_label_form = logits: the set has no soft labels"):
        grey.declaring("logits")


@pytest.mark.parametrize("format", ["npz", "rd3"])
def test_the_declared_form_travels(format, softly, tmp_path) -> None:
    place = tmp_path / ("set.npz" if format == "npz" else "set")
    export(softly.declaring("logits"), place, format)
    assert read_synthetic(place).manifest.soft_label_form == "logits"


def test_what_the_caller_declares_makes_another_set(softly, tmp_path) -> None:
    export(softly, tmp_path / "set.npz", "npz")
    silent, said = (read_synthetic(tmp_path / "set.npz", soft_label_form=form) for form in (None, "logits"))
    assert (silent.manifest.soft_label_form, said.manifest.soft_label_form) == (None, "logits")
    assert silent.content_fingerprint == said.content_fingerprint
    assert silent.manifest.fingerprint != said.manifest.fingerprint


def test_a_learned_rate_makes_another_set(softly, tmp_path) -> None:
    arrays = {"images": softly.images.numpy(), "labels": softly.labels.numpy()}
    fingerprints = set()
    for name, more in {"a": {}, "b": {"learned_lr": np.float64(0.1)}, "c": {"learned_lr": np.float64(0.2)}}.items():
        np.savez(tmp_path / f"{name}.npz", **arrays, **more)
        fingerprints.add(read_synthetic(tmp_path / f"{name}.npz").manifest.fingerprint)
    assert len(fingerprints) == 3


def test_an_unknown_form_in_a_file_is_named(softly, tmp_path) -> None:
    arrays = {"images": softly.images.numpy(), "labels": softly.labels.numpy()}
    soft = {"soft_labels": softly.soft_labels.numpy(), "soft_label_form": np.array("logit")}
    np.savez(tmp_path / "set.npz", **arrays, **soft)
    with pytest.raises(UserError, match="unknown soft_label_form 'logit'; did you mean 'logits'"):
        read_synthetic(tmp_path / "set.npz")


def test_unnormalised_labels_are_what_they_are_proportional_to(probable) -> None:
    weighted = probable * torch.arange(1, len(probable) + 1)[:, None]
    torch.testing.assert_close(as_logits(weighted, "unnormalised").softmax(dim=1), probable)
    with pytest.raises(UserError, match="soft_label_form = unnormalised: those of image 2 have a negative one"):
        require_form(torch.cat([weighted[:2], -weighted[2:]]), "unnormalised")
    with pytest.raises(UserError, match="those of image 0 have a negative one, or nothing but 0"):
        require_form(0 * weighted, "unnormalised")


def test_centred_labels_are_regression_targets_and_otherwise_the_classes_they_came_from(softly) -> None:
    one_hot = torch.eye(10)[softly.labels]
    centred = one_hot - 0.1
    assert torch.equal(as_regression_targets(centred, "centred"), centred)
    torch.testing.assert_close(as_logits(centred, "centred").softmax(dim=1), one_hot)
    assert torch.equal(as_regression_targets(softly.soft_labels, "logits"), softly.soft_labels)


def test_a_run_compares_centred_labels_with_logits_only_under_a_squared_error(softly) -> None:
    """What a run hands to the judge, for the two losses that read soft labels differently."""
    centred = replace(softly, soft_labels=torch.eye(10)[softly.labels] - 0.1).declaring("centred")
    handed = {}
    for loss in ("mse-gt", "kl"):
        settings = Settings(**RUN, loss=loss, labels="static")
        spec = RunSpec(
            images="f",
            target="t",
            protocol="p",
            protocol_hash="h",
            settings=settings,
            student="s",
            teachers=(),
            ipc=3,
            replicate=0,
            own_labels="centred",
        )
        handed[loss] = own_logits(centred, spec)
    assert torch.equal(handed["mse-gt"], centred.soft_labels)
    assert torch.equal(handed["kl"].argmax(1), softly.labels)
    assert handed["kl"].min() == -1e4


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_frepo_s_own_rows_are_what_its_regression_compares_again(classes: int, tmp_path: Path) -> None:
    """Its archive divides by sqrt(classes / 10); that scale is taken out at import, and put back by its protocol."""
    rows = (torch.eye(classes) - 1 / classes) / (classes / 10) ** 0.5
    images = torch.rand(classes, 6, 6, 1, generator=torch.Generator().manual_seed(0))
    np.savez(tmp_path / "step.npz", image=images.numpy(), label=rows.numpy())
    found = read_synthetic(tmp_path / "step.npz", pixels="raw01")
    assert found.soft_labels is not None
    torch.testing.assert_close(as_logits(found.soft_labels, "centred").softmax(dim=1), torch.eye(classes))
    torch.testing.assert_close(as_centred(found.soft_labels, "centred"), rows)
