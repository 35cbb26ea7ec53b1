"""CutMix and Mixup against plain loops, and their draws against the Beta law."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import timm.data.mixup as timm_mixup
import torch
import torchvision.transforms.v2 as torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from rd3.base.errors import UserError
from rd3.training.mix import MIXES, CutMix, Mix, MixDraw, MixUp, draw_beta, parse_mix

Photos = Callable[[int, int], Tensor]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 40), seed=st.integers(0, 10**6))
def test_cutmix_pastes_the_clipped_box_of_the_partner(size: int, seed: int, photos: Photos) -> None:
    images, mix = photos(4, size), CutMix()
    draw = mix.draw(4, size, seeded(seed))
    top, bottom, left, right = draw.box.tolist()
    out = mix.apply(images, draw)
    for i, partner in enumerate(draw.partner.tolist()):
        expected = images[i].clone()
        expected[:, top:bottom, left:right] = images[partner][:, top:bottom, left:right]
        assert torch.equal(out[i], expected)
    assert mix.hard_weight(draw, size).item() == pytest.approx(1 - (bottom - top) * (right - left) / size**2)


def test_the_weight_is_the_share_of_pixels_that_the_base_image_keeps() -> None:
    images = torch.stack([torch.zeros(1, 16, 16), torch.ones(1, 16, 16)])
    for seed in range(20):
        draw = CutMix(partner="roll").draw(2, 16, seeded(seed))
        kept = 1 - CutMix().apply(images, draw)[0].mean()
        assert CutMix().hard_weight(draw, 16).item() == pytest.approx(kept.item(), abs=1e-6)


def test_boxes_are_distributed_as_in_the_reference_recipe() -> None:
    size, count, generator, rng = 224, 3000, seeded(1), np.random.default_rng(2)
    ours = [CutMix().hard_weight(CutMix().draw(1, size, generator), size).item() for _ in range(count)]
    theirs = []
    for lam in rng.beta(1, 1, size=count):
        side = int(size * math.sqrt(1 - lam))
        edges = [np.clip([c - side // 2, c + side // 2], 0, size) for c in rng.integers(0, size, 2)]
        theirs.append(1 - math.prod(int(high - low) for low, high in edges) / size**2)
    assert stats.ks_2samp(ours, theirs).pvalue > 0.001


def test_half_the_rounded_side_is_the_rounded_half_side() -> None:
    lam = np.linspace(0, 1, 2001)
    for size in (28, 32, 64, 224):
        side = size * np.sqrt(1 - lam)
        assert np.array_equal(side.astype(int) // 2, (side / 2).astype(int))


@pytest.mark.parametrize("alpha", [0.2, 0.8, 1.0, 2.0])
def test_lambda_follows_the_beta_law(alpha: float) -> None:
    generator = seeded(3)
    lam = [draw_beta(alpha, generator).item() for _ in range(3000)]
    assert stats.kstest(lam, stats.beta(alpha, alpha).cdf).pvalue > 0.001


def test_a_tiny_alpha_gives_numbers() -> None:
    generator = seeded()
    lam = torch.stack([draw_beta(0.01, generator) for _ in range(500)])
    assert ((lam >= 0) & (lam <= 1)).all()
    assert lam.mean().item() == pytest.approx(0.5, abs=0.07)


def test_mixup_is_the_convex_combination_of_partners(photos: Photos) -> None:
    images, mix = photos(6, 8), MixUp(alpha=0.8)
    draw = mix.draw(6, 8, seeded())
    lam = draw.lam.item()
    expected = lam * images.double() + (1 - lam) * images.double()[draw.partner]
    np.testing.assert_allclose(mix.apply(images, draw).numpy(), expected.numpy(), atol=1e-6)
    assert mix.hard_weight(draw, 8).item() == lam


@pytest.mark.parametrize("kind", MIXES.names())
def test_partners_are_one_permutation_the_previous_image_or_the_batch_reversed(kind: str) -> None:
    draw = parse_mix({"kind": kind}).draw(9, 8, seeded())
    assert draw.partner.sort().values.tolist() == list(range(9))
    for partner, expected in {"roll": [3, 0, 1, 2], "reverse": [3, 2, 1, 0]}.items():
        assert parse_mix({"kind": kind, "partner": partner}).draw(4, 8, seeded()).partner.tolist() == expected


def drawn_with(mix: Mix, lam: float, box: tuple[int, int, int, int] = (0, 0, 0, 0)) -> MixDraw:
    """The mix's own partners for 6 images, with the λ and the box (top, bottom, left, right) of another library."""
    return mix.draw(6, 32, seeded())._replace(lam=torch.tensor(lam), box=torch.tensor(box))


def mixed_labels(mix: Mix, draw: MixDraw) -> Tensor:
    """Six images of six classes, labelled by the weight that the mix gives for 32 px."""
    classes = torch.eye(6)
    weight = mix.hard_weight(draw, 32)
    return weight * classes + (1 - weight) * classes[draw.partner]


def test_cutmix_with_rolled_partners_is_torchvisions(photos: Photos) -> None:
    images, ours, theirs = photos(6, 32), CutMix(partner="roll"), torchvision.CutMix(num_classes=6)
    for seed in range(6):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            left, top, right, bottom = theirs.make_params([images])["box"]
            torch.manual_seed(seed)
            expected, labels = theirs(images, torch.arange(6))
        draw = drawn_with(ours, 0.5, (top, bottom, left, right))
        assert torch.equal(ours.apply(images, draw), expected)
        torch.testing.assert_close(mixed_labels(ours, draw), labels)


def test_mixup_with_rolled_partners_is_torchvisions(photos: Photos) -> None:
    images, ours = photos(6, 32), MixUp(alpha=0.8, partner="roll")
    theirs = torchvision.MixUp(alpha=0.8, num_classes=6)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        lam = theirs.make_params([images])["lam"]
        torch.manual_seed(1)
        expected, labels = theirs(images, torch.arange(6))
    draw = drawn_with(ours, lam)
    torch.testing.assert_close(ours.apply(images, draw), expected)
    torch.testing.assert_close(mixed_labels(ours, draw), labels)


@pytest.mark.parametrize(
    ("ours", "alphas"), [(CutMix(partner="reverse"), (0.0, 1.0)), (MixUp(partner="reverse"), (1.0, 0.0))]
)
def test_mixes_with_reversed_partners_are_timms(
    ours: Mix, alphas: tuple[float, float], photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, box, lam = photos(6, 32), (3, 20, 12, 32), 0.7
    monkeypatch.setattr(timm_mixup, "rand_bbox", lambda *_, **__: box)
    monkeypatch.setattr(np.random, "beta", lambda *_: lam)
    theirs = timm_mixup.Mixup(*alphas, label_smoothing=0.0, num_classes=6)
    expected, labels = theirs(images.clone(), torch.arange(6))
    draw = drawn_with(ours, lam, box)
    torch.testing.assert_close(ours.apply(images, draw), expected)
    torch.testing.assert_close(mixed_labels(ours, draw), labels)


@pytest.mark.parametrize("size", [28, 32, 64, 224])
def test_boxes_have_the_rounded_side_or_are_cut_by_the_border(size: int) -> None:
    generator, whole = seeded(5), 0
    for _ in range(300):
        draw = CutMix().draw(1, size, generator)
        side = int(size * math.sqrt(1 - draw.lam.item())) // 2 * 2
        top, bottom, left, right = draw.box.tolist()
        for low, high in ((top, bottom), (left, right)):
            assert high - low == side or (high - low < side and (low == 0 or high == size))
        whole += (bottom - top, right - left) == (side, side)
    assert whole > 30


def test_lambda_stays_as_drawn_where_the_border_cuts_the_box() -> None:
    generator, cut = seeded(6), 0
    for _ in range(100):
        draw = CutMix().draw(2, 64, generator)
        cut += int(CutMix().hard_weight(draw, 64) > draw.lam + 0.05)
    assert cut > 10


@pytest.mark.parametrize("kind", MIXES.names())
def test_a_batch_is_mixed_with_probability_p(kind: str, photos: Photos) -> None:
    mix, generator, images = parse_mix({"kind": kind, "p": 0.3}), seeded(4), photos(3, 32)
    draws = [mix.draw(3, 32, generator) for _ in range(1000)]
    unmixed = [draw for draw in draws if draw.lam == 1]
    assert stats.binomtest(1000 - len(unmixed), 1000, 0.3).pvalue > 0.001
    assert torch.equal(mix.apply(images, unmixed[0]), images)
    assert mix.hard_weight(unmixed[0], 32) == 1


@pytest.mark.parametrize("kind", MIXES.names())
def test_mixing_before_and_after_normalisation_is_the_same(kind: str, photos: Photos) -> None:
    images, mix = photos(5, 16), parse_mix({"kind": kind})
    draw = mix.draw(5, 16, seeded())
    torch.testing.assert_close((mix.apply(images, draw) - 0.45) / 0.22, mix.apply((images - 0.45) / 0.22, draw))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "cutmx"}, "unknown mix 'cutmx'; did you mean 'cutmix'?"),
        ({"kind": "cutmix", "beta": 1.0}, "mix 'cutmix': unknown key 'beta'"),
        ({"kind": "mixup", "alpha": 0}, "mix 'mixup': alpha = 0"),
        ({"alpha": 1}, "mix: key 'kind' is missing; one of cutmix, mixup"),
    ],
)
def test_bad_settings_are_one_line_that_names_them(values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match="mix") as caught:
        parse_mix(values)
    assert message in str(caught.value)


def test_json_gives_the_same_mix_back() -> None:
    mix = MixUp(alpha=0.8, p=0.5, partner="roll")
    assert mix.as_json()["kind"] == "mixup"
    assert parse_mix(mix.as_json()) == mix
