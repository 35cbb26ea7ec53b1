"""What a teacher is made of, and the recipes to make one."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, ClassVar

import yaml

from rd3.base.errors import unknown
from rd3.base.spec import GrowingSpec, fingerprint_of, parse
from rd3.data.target import Target
from rd3.models.plugin import model_sources
from rd3.training.loop import LOOP_REVISION
from rd3.training.recipe import Recipe


class TeacherSpec(GrowingSpec):
    """Everything that decides a teacher's weights.

    Attributes:
        target: fingerprint of the real data.
        model: name of the architecture.
        recipe: how it is trained.
        mean, std: its normalisation.
        seed: of initialisation and training.
        backbone: hash of the state dict that everything but the last layer is taken from, and stays; None to train
            the whole network.
        sources: digest of the source of an architecture that is a plug-in; empty for others.
    """

    later: ClassVar[frozenset[str]] = frozenset({"backbone", "sources"})

    target: str
    model: str
    recipe: Recipe
    mean: tuple[float, ...]
    std: tuple[float, ...]
    seed: int = 0
    loop_revision: int = LOOP_REVISION
    backbone: str | None = None
    sources: dict[str, str] = {}  # noqa: RUF012 - a field of a frozen spec

    @property
    def fingerprint(self) -> str:
        return fingerprint_of("teacher", self.as_json())


PROBE = "linear-probe"
"""The recipe for a last layer on a frozen backbone."""


@cache
def teacher_recipes() -> dict[str, dict[str, Any]]:
    """The named recipes of `recipes.yaml`: name -> {for, provenance, note, recipe}."""
    text = files("rd3.squeeze").joinpath("recipes.yaml").read_text()
    return dict(yaml.safe_load(text))


def recipe_for(target: Target, name: str | None = None) -> Recipe:
    """The named teacher recipe, or the first that is meant for images of the target's size.

    A flip is left out when it does not keep the target's classes.
    """
    recipes = teacher_recipes()
    if name is None:
        name = next(key for key, entry in recipes.items() if target.size <= entry["for"].get("size_max", target.size))
    if name not in recipes:
        raise unknown("teacher recipe", name, recipes)
    recipe = parse(Recipe, recipes[name]["recipe"], where=f"teacher recipe {name}")
    return recipe if target.flip_keeps_class else without_flips(recipe)


def without_flips(recipe: Recipe) -> Recipe:
    """The recipe less every operation, or part of one, that mirrors images."""
    kept = [operation.without_flip() for operation in recipe.augment]
    return recipe.model_copy(update={"augment": tuple(operation for operation in kept if operation is not None)})


def teacher_spec(
    target: Target,
    model: str,
    *,
    recipe: Recipe | str | None = None,
    epochs: int | None = None,
    seed: int = 0,
    backbone: str | None = None,
) -> TeacherSpec:
    """The spec of a teacher for `target`, normalised with the target's own statistics.

    Args:
        backbone: hash of the frozen backbone's file, for a linear probe.
    """
    usual = PROBE if backbone else None
    chosen = recipe if isinstance(recipe, Recipe) else recipe_for(target, recipe or usual)
    if epochs is not None:
        chosen = parse(Recipe, {**chosen.as_json(), "epochs": epochs}, where="teacher recipe")
    return TeacherSpec(
        target=target.fingerprint,
        model=model,
        recipe=chosen,
        mean=target.mean,
        std=target.std,
        seed=seed,
        backbone=backbone,
        sources=model_sources(model),
    )
