"""The squeeze stage: a recipe by the target's size, a teacher worth the name, and the same bits from disk."""

from __future__ import annotations

import pytest
import torch

from rd3.base.errors import UserError
from rd3.squeeze.files import load_teacher, save_teacher
from rd3.squeeze.spec import recipe_for, teacher_recipes, teacher_spec
from rd3.squeeze.train import squeeze
from rd3.training.recipe import Recipe


def pictures(target) -> torch.Tensor:
    return target.test.batch(torch.arange(50)).float() / 255


def test_a_teacher_of_digits_is_right_nine_times_in_ten(teacher) -> None:
    assert teacher.test_accuracy > 0.9


def test_its_test_accuracy_is_that_of_its_own_logits(teacher, digits) -> None:
    with torch.no_grad():
        logits = teacher.logits(digits.test.batch(torch.arange(len(digits.test))).float() / 255)
    right = (logits.argmax(1) == digits.test.labels).double().mean()
    assert teacher.test_accuracy == pytest.approx(float(right), abs=1e-7)


def test_a_teacher_is_frozen_and_knows_what_it_was_trained_with(teacher, digits) -> None:
    assert not teacher.model.training
    assert not any(weights.requires_grad for weights in teacher.model.parameters())
    assert (teacher.mean, teacher.std, teacher.classes) == (digits.mean, digits.std, digits.classes)
    assert teacher.fingerprint == teacher_spec(digits, teacher.name).fingerprint
    unit = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(teacher.normalise(unit), (unit - digits.mean[0]) / digits.std[0])


def test_saved_and_loaded_it_gives_the_same_bits(teacher, digits, tmp_path) -> None:
    save_teacher(teacher, tmp_path)
    loaded = load_teacher(tmp_path, digits)
    with torch.no_grad():
        assert torch.equal(loaded.logits(pictures(digits)), teacher.logits(pictures(digits)))
    for name in ("name", "mean", "std", "classes", "fingerprint", "test_accuracy", "seconds", "target"):
        assert getattr(loaded, name) == getattr(teacher, name), name
    assert {file.name for file in tmp_path.iterdir()} == {"weights.safetensors", "teacher.json"}


def test_the_seed_decides_the_weights_and_nothing_else_does(digits) -> None:
    made = []
    for seed in (0, 0, 1):
        torch.rand(7)  # the global generator stands elsewhere each time
        made.append(squeeze(digits, teacher_spec(digits, "convnet1-bn-w8", epochs=2, seed=seed)))
    with torch.no_grad():
        first, again, other = (one.logits(pictures(digits)) for one in made)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len({one.fingerprint for one in made}) == 2


def test_progress_ends_at_one(digits) -> None:
    seen: list[float] = []
    squeeze(digits, teacher_spec(digits, "convnet1-bn-w8", epochs=4), progress=seen.append)
    assert seen == [0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize(
    ("size", "name"),
    [(8, "digits"), (28, "digits"), (32, "sre2l-cifar"), (48, "sre2l-tiny"), (64, "sre2l-tiny"), (224, "cvdd-224")],
)
def test_the_default_recipe_is_that_of_the_size(size, name, sized) -> None:
    assert (
        recipe_for(sized(size, flip=True)).as_json()
        == Recipe.model_validate(teacher_recipes()[name]["recipe"]).as_json()
    )


def test_published_recipes_have_the_published_numbers(sized) -> None:
    """SRe2L's squeeze (arXiv 2306.13092): SGD, lr .1 and 200 epochs on CIFAR, lr .2 and 50 epochs on Tiny-ImageNet."""
    cifar, tiny = recipe_for(sized(32, flip=True)), recipe_for(sized(64, flip=True))
    assert (cifar.optimiser.kind, cifar.optimiser.lr, cifar.optimiser.weight_decay) == ("sgd", 0.1, 5e-4)
    assert (cifar.epochs, cifar.batch_size) == (200, 128)
    assert (tiny.optimiser.lr, tiny.optimiser.weight_decay, tiny.epochs, tiny.batch_size) == (0.2, 1e-4, 50, 256)


@pytest.mark.parametrize(
    ("name", "kind", "lr", "decay", "batch_size", "epochs"),
    [
        ("torchvision-imagenet", "sgd", 0.1, 1e-4, 256, 90),
        ("gvbsm-cifar100", "sgd", 0.05, 0, 64, 50),
        ("gvbsm-cifar10", "sgd", 0.05, 0, 64, 5),
        ("gvbsm-tiny", "sgd", 0.1, 1e-4, 128, 50),
        ("cvdd-tiny", "sgd", 0.01, 1e-4, 128, 50),
        ("cvdd-cifar", "adam", 1e-3, 1e-4, 512, 200),
        ("wmdd", "sgd", 0.025, 1e-4, 32, 50),
    ],
)
def test_recipes_of_single_papers(name, kind, lr, decay, batch_size, epochs, sized) -> None:
    recipe = recipe_for(sized(32, flip=True), name)
    found = recipe.optimiser.kind, recipe.optimiser.lr, recipe.optimiser.weight_decay, recipe.batch_size, recipe.epochs
    assert found == (kind, lr, decay, batch_size, epochs)


@pytest.mark.parametrize("name", [None, *teacher_recipes()])
def test_no_recipe_mirrors_digits(name, digits) -> None:
    assert "flip" not in {operation.kind for operation in recipe_for(digits, name).augment}


@pytest.mark.parametrize("name", sorted(set(teacher_recipes()) - {"digits"}))
def test_leaving_the_mirror_out_changes_nothing_else(name, sized) -> None:
    mirrored, plain = (recipe_for(sized(32, flip=flip), name).as_json() for flip in (True, False))
    assert [step for step in mirrored.pop("augment") if step["kind"] != "flip"] == plain.pop("augment")
    assert mirrored == plain


def test_epochs_replace_the_recipe_s_and_make_another_teacher(digits) -> None:
    usual, short = teacher_spec(digits, "lenet"), teacher_spec(digits, "lenet", epochs=3)
    assert (usual.recipe.epochs, short.recipe.epochs) == (20, 3)
    assert usual.fingerprint != short.fingerprint
    assert usual.fingerprint == teacher_spec(digits, "lenet", epochs=20).fingerprint


def test_an_unknown_recipe_and_no_epochs_are_refused(digits) -> None:
    with pytest.raises(UserError, match="unknown teacher recipe 'shrt'; did you mean 'short'"):
        teacher_spec(digits, "lenet", recipe="shrt")
    with pytest.raises(UserError, match="epochs = 0"):
        teacher_spec(digits, "lenet", epochs=0)
