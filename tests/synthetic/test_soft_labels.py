"""What soft labels are: declared, read off, and refused where they cannot be that."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import rel_entr, softmax

from rd3.base.errors import UserError
from rd3.synthetic import Synthetic, export, read_synthetic
from rd3.synthetic.soft_labels import as_logits, inferred_form
from rd3.training.losses import kl


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
