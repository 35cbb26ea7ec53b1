"""What holds for every registered augmentation, and how they are parsed."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.data.load import load_target
from rd3.training.augment.base import AUGMENTATIONS, Augmentation, augment, parse_augmentation
from rd3.training.augment.dsa import DSA
from rd3.training.augment.flip import Flip
from rd3.training.augment.frepo import FRePoAugmentation
from rd3.training.augment.padded_crop import PaddedCrop
from rd3.training.recipe import Recipe

Photos = Callable[[int, int], Tensor]
STATISTICS = {"mean": (0.48, 0.45, 0.4), "std": (0.23, 0.22, 0.225)}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_registry_lists_one_operation_per_file() -> None:
    assert AUGMENTATIONS.names() == [
        *("color-jitter", "diffaug", "dsa", "flip", "frepo", "gaussian-noise", "lighting", "padded-crop"),
        *("patch-shuffle", "rand-augment", "random-resized-crop", "timm-rand-augment"),
    ]
    files = {inspect.getsourcefile(AUGMENTATIONS[name]) for name in AUGMENTATIONS}
    assert len(files) == len(AUGMENTATIONS.names())


@pytest.mark.parametrize("kind", AUGMENTATIONS.names())
def test_shape_type_and_input_are_kept_and_seeds_decide(kind: str, photos: Photos) -> None:
    operation = parse_augmentation({"kind": kind})
    images = photos(6, 19)
    before = images.clone()
    first, again, other = (operation.apply(images, operation.draw(6, 19, seeded(s)), **STATISTICS) for s in (3, 3, 4))
    assert first.shape == images.shape
    assert first.dtype == torch.float32
    assert torch.equal(images, before)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("kind", AUGMENTATIONS.names())
def test_digits_of_one_channel_are_taken(kind: str) -> None:
    digits = load_target("digits").train.batch(torch.arange(12)).float() / 255
    assert digits.shape == (12, 1, 8, 8)
    out = augment(digits, [parse_augmentation({"kind": kind})], seeded(1), mean=(0.3,), std=(0.37,))
    assert out.shape == digits.shape
    assert out.isfinite().all()
    assert not torch.equal(out, digits)


@pytest.mark.parametrize("kind", AUGMENTATIONS.names())
def test_draws_and_pixels_do_not_depend_on_the_number_of_threads(kind: str, photos: Photos) -> None:
    operation, images, threads = parse_augmentation({"kind": kind}), photos(40, 32), torch.get_num_threads()
    results = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            draw = operation.draw(40, 32, seeded())
            results.append((draw, operation.apply(images, draw, **STATISTICS)))
    finally:
        torch.set_num_threads(threads)
    (one, pixels), (two, more) = results
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert torch.equal(pixels, more)


@pytest.mark.parametrize("kind", AUGMENTATIONS.names())
def test_a_draw_has_one_row_per_image_and_the_global_generator_is_left_alone(kind: str) -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    draw = parse_augmentation({"kind": kind}).draw(5, 32, seeded())
    assert torch.equal(torch.get_rng_state(), state)
    assert {len(values) for key, values in draw.items() if key != "op"} == {5}


@pytest.mark.parametrize("kind", AUGMENTATIONS.names())
def test_a_draw_for_one_image_serves_a_batch_of_any_length(kind: str, photos: Photos) -> None:
    operation, images = parse_augmentation({"kind": kind}), photos(4, 16)
    draw = operation.draw(1, 16, seeded(2))
    batch = operation.apply(images, draw, **STATISTICS)
    for i in range(4):
        alone = operation.apply(images[i : i + 1], draw, **STATISTICS)
        torch.testing.assert_close(batch[i : i + 1], alone)


@pytest.mark.parametrize("kind", AUGMENTATIONS.names())
def test_json_carries_the_kind_and_gives_the_same_operation_back(kind: str) -> None:
    operation = parse_augmentation({"kind": kind})
    values = operation.as_json()
    assert values["kind"] == kind
    assert parse_augmentation(values) == operation


@pytest.mark.parametrize(
    ("kind", "first", "later"),
    [
        ("flip", {"p": 0.5}, {"shared": True}),
        ("padded-crop", {"padding": 4}, {"shared": True}),
        ("patch-shuffle", {"factor": 2}, {"noop": True}),
        (
            "random-resized-crop",
            {"scale": [0.08, 1.0], "ratio": [3 / 4, 4 / 3]},
            {"shared": True, "coordinates": "fp16-trunc"},
        ),
    ],
)
def test_options_that_came_later_are_written_only_where_they_are_set(
    kind: str, first: dict[str, object], later: dict[str, object]
) -> None:
    assert parse_augmentation({"kind": kind}).as_json() == {"kind": kind, **first}
    for key, value in later.items():
        set_one = parse_augmentation({"kind": kind, key: value})
        assert set_one.as_json() == {"kind": kind, **first, key: value}
        assert parse_augmentation(set_one.as_json()) == set_one


@pytest.mark.parametrize("kind", ["flip", "padded-crop", "random-resized-crop"])
def test_a_shared_draw_does_the_same_to_the_whole_batch(kind: str, photos: Photos) -> None:
    operation, images = parse_augmentation({"kind": kind, "shared": True}), photos(5, 24)
    changed = 0
    for seed in range(8):
        draw = operation.draw(5, 24, seeded(seed))
        assert {len(values) for values in draw.values()} == {1}
        out = operation.apply(images, draw, **STATISTICS)
        alone = [operation.apply(image[None], draw, **STATISTICS) for image in images]
        assert torch.equal(out, torch.cat(alone))
        same = operation.apply(images[:1].expand_as(images), draw, **STATISTICS)
        assert torch.equal(same, same[:1].expand_as(same))
        changed += not torch.equal(out, images)
    assert changed >= 2


def test_a_recipe_keeps_the_settings_of_its_operations_in_its_json() -> None:
    values = {
        "epochs": 1,
        "batch_size": 10,
        "optimiser": {"kind": "sgd", "lr": 0.1},
        "schedule": {},
        "augment": [{"kind": "random-resized-crop", "scale": [0.5, 1]}, {"kind": "flip", "p": 0.25}],
        "mix": {"kind": "mixup", "alpha": 0.8},
        "loss": {"kind": "ce"},
    }
    recipe = Recipe.model_validate(values)
    json = recipe.as_json()
    assert [operation["kind"] for operation in json["augment"]] == ["random-resized-crop", "flip"]
    assert json["augment"][1]["p"] == 0.25
    assert (json["mix"]["kind"], json["mix"]["alpha"]) == ("mixup", 0.8)
    assert Recipe.model_validate(json) == recipe


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "flipp"}, "unknown augmentation 'flipp'; did you mean 'flip'?"),
        ({"kind": "flip", "prob": 0.5}, "augmentation 'flip': unknown key 'prob'"),
        ({"kind": "flip", "p": 1.5}, "augmentation 'flip': p = 1.5"),
        ({"p": 0.5}, "augmentation: key 'kind' is missing; one of color-jitter, diffaug"),
        ({"kind": "random-resized-crop", "scale": [0.5, 0.1]}, "0 < smallest <= largest <= 1"),
        ({"kind": "random-resized-crop", "ratio": [2, 1]}, "0 < smallest <= largest"),
        ({"kind": "patch-shuffle", "factor": 0}, "factor = 0"),
        ({"kind": "padded-crop", "padding": -1}, "padding = -1"),
        (
            {"kind": "random-resized-crop", "coordinates": "fp16"},
            "coordinates = 'fp16': Input should be",
        ),
        ({"kind": "rand-augment", "magnitude": 31}, "magnitude = 31"),
        ({"kind": "timm-rand-augment", "magnitude": 11}, "magnitude = 11"),
        ({"kind": "timm-rand-augment", "fill": [0, 256, 0]}, "fill.1 = 256"),
        ({"kind": "color-jitter", "contrast": -0.1}, "contrast = -0.1"),
        ({"kind": "lighting", "alpha": -1}, "alpha = -1"),
        ({"kind": "gaussian-noise", "sigma": -1}, "sigma = -1"),
        ({"kind": "dsa", "strategy": "color_flipp"}, "unknown DSA operation 'flipp'; did you mean 'flip'?"),
        (["flip"], "expected 'key: value' pairs, got list"),
    ],
)
def test_bad_settings_are_one_line_that_names_them(values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_augmentation(values)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_flip_drops_only_what_flips() -> None:
    assert Flip().without_flip() is None
    assert DSA(strategy="flip").without_flip() is None
    assert DSA(rotate=10).without_flip() == DSA(strategy="color_crop_cutout_scale_rotate", rotate=10)
    assert FRePoAugmentation(strategy="flip").without_flip() is None
    assert FRePoAugmentation().without_flip() == FRePoAugmentation(strategy="color_crop_rotate_translate_cutout")
    for kind in set(AUGMENTATIONS) - {"flip", "dsa", "diffaug", "frepo"}:
        operation = parse_augmentation({"kind": kind})
        assert operation.without_flip() == operation


def test_augment_applies_in_order_with_fresh_draws(photos: Photos) -> None:
    images = photos(8, 16)
    operations: list[Augmentation] = [PaddedCrop(padding=3), DSA(), Flip()]
    expected, generator = images, seeded(5)
    for operation in operations:
        expected = operation.apply(expected, operation.draw(8, 16, generator), **STATISTICS)
    assert torch.equal(augment(images, operations, seeded(5), **STATISTICS), expected)
    assert augment(images, [], seeded(5), **STATISTICS) is images
