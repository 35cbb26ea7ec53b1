"""What pixels of a space look like, and the way back, against the whole of the data."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from rd3.base.errors import UserError
from rd3.data.images import as_unit
from rd3.data.load import load_target
from rd3.data.spaces import WHITENINGS, fingerprint_in, is_borrowed, statistics_in, to_raw, usual_for
from rd3.data.target import Target
from rd3.data.whitening import whitening_of


@pytest.fixture(scope="module")
def digits() -> Target:
    return load_target("digits")


def whole(target: Target) -> torch.Tensor:
    return as_unit(target.train.batch(torch.arange(len(target.train))))


@pytest.mark.parametrize("space", ["zca_kornia", "zca_kip", "zca_frepo"])
def test_the_spectrum_tells_the_deviation_of_whitened_pictures(digits: Target, space: str) -> None:
    whitened = whitening_of(digits, WHITENINGS[space], 0.1, torch.device("cpu"))(whole(digits))  # type: ignore[index]
    found = fingerprint_in(space, digits)  # type: ignore[arg-type]
    assert found.deviation == pytest.approx(float(whitened.std(correction=0)), rel=0.01)
    assert found.mean == pytest.approx(float(whitened.mean()), abs=0.01)


def test_measured_statistics_make_mean_0_and_deviation_1(digits: Target) -> None:
    found = fingerprint_in("norm_true", digits)
    assert found.mean == pytest.approx(0, abs=1e-4)
    assert found.deviation == pytest.approx(1, abs=1e-4)
    pixels = whole(digits).double()
    mean, std = statistics_in("norm_true", digits)
    assert (mean[0], std[0]) == pytest.approx((float(pixels.mean()), float(pixels.std(correction=0))), abs=1e-6)


@pytest.mark.parametrize("space", ["norm_true", "norm_target", "zca_kornia", "zca_frepo", "raw01"])
def test_the_way_back_undoes_the_way_there(digits: Target, space: str) -> None:
    raw = 1.5 * whole(digits)[:20] - 0.2
    if space in WHITENINGS:
        there = whitening_of(digits, WHITENINGS[space], 0.1, torch.device("cpu"))(raw)  # type: ignore[index]
    elif space == "raw01":
        there = raw
    else:
        mean, std = statistics_in(space, digits)  # type: ignore[arg-type]
        there = (raw - mean[0]) / std[0]
    torch.testing.assert_close(to_raw(there, space, digits), raw, rtol=0, atol=2e-4)  # type: ignore[arg-type]


def test_the_dc_family_has_statistics_for_its_own_data_only(digits: Target) -> None:
    mnist = load_target("mnist5k")
    assert statistics_in("norm_dc", mnist) == ((0.1307,), (0.3081,))
    with pytest.raises(UserError, match="norm_dc: the DC family has no statistics for 'digits'; say norm_target"):
        statistics_in("norm_dc", digits)
    with pytest.raises(UserError, match="norm_cifar10: has 3 channels, target 'digits' has 1"):
        statistics_in("norm_cifar10", digits)


def test_borrowed_statistics_are_looked_for_where_they_are_used(digits: Target) -> None:
    cifar100 = replace(digits, spec=digits.spec.model_copy(update={"name": "cifar100"}))
    cifar10 = replace(digits, spec=digits.spec.model_copy(update={"name": "cifar10"}))
    assert usual_for("norm_cifar10", cifar100)
    assert not usual_for("norm_cifar10", cifar10)  # there it is norm_dc
    assert not usual_for("norm_dc", digits)


def test_whose_statistics_they_are_is_known_of_the_papers_data_alone(digits: Target) -> None:
    def named(name: str, *classes: str) -> Target:
        spec = digits.spec.model_copy(update={"name": name})
        return replace(digits, spec=spec, classes=classes or digits.classes)

    assert is_borrowed("norm_imagenet", named("npz:mine.npz"))
    assert is_borrowed("norm_cifar10", named("npz:mine.npz"))
    assert not is_borrowed("norm_imagenet", named("imagenette"))
    assert not is_borrowed("norm_imagenet", named("folder:subset", "n01440764", "n02102040"))
    assert not is_borrowed("norm_cifar10", named("cifar100"))
    assert not is_borrowed("norm_true", named("npz:mine.npz"))
