"""The same recipe for fewer epochs: whatever is counted in epochs goes along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rd3.base.errors import UserError
from rd3.evaluation.settings import Settings


def scaled(settings: Settings, factor: float) -> Settings:
    """The same with `factor` times the epochs; whatever is counted in epochs goes along.

    Fractions of the epochs stay, and so do rates that are per step, such as the decay of a weight average.

    Raises:
        UserError: the factor is not above 0.

    >>> base = Settings(labels="hard", optimiser="sgd", loss="ce", normalisation="target", epochs=200, batch_size=10,
    ...                 schedule="multistep", milestones=(100, 0.75), warmup_epochs=5)
    >>> small = scaled(base, 0.1)
    >>> small.epochs, small.milestones, small.warmup_epochs
    (20, (10, 0.75), 1)
    """
    require_factor(factor)
    if factor == 1:
        return settings
    every = max(1, round(settings.report_every * factor))
    changes = {name: scaled_value(name, getattr(settings, name), factor) for name in COUNTED_IN_EPOCHS}
    changes |= {"report_every": every, "report_phase": settings.report_phase * every // settings.report_every}
    return settings.model_copy(update=changes)


def scaled_value(name: str, value: Any, factor: float) -> Any:
    """The value of one of `COUNTED_IN_EPOCHS` for `factor` times the epochs."""
    return COUNTED_IN_EPOCHS[name](value, factor)


def require_factor(factor: float) -> None:
    """Refuse what is no share of the epochs.

    Raises:
        UserError: the factor is not above 0.
    """
    if not factor > 0:
        raise UserError(f"epochs scale = {factor}: must be above 0")


def _at_least_one(epochs: int, factor: float) -> int:
    """What was not 0 does not become 0: a warm-up stays a warm-up."""
    return max(1, round(epochs * factor)) if epochs else 0


def _milestones(values: tuple[int | float, ...] | list[int | float], factor: float) -> tuple[int | float, ...]:
    return tuple(max(1, round(value * factor)) if isinstance(value, int) else value for value in values)


def _label_epochs(epochs: float | None, factor: float) -> float | None:
    return epochs and epochs * factor


COUNTED_IN_EPOCHS: dict[str, Callable[[Any, float], Any]] = {
    "epochs": _at_least_one,
    "milestones": _milestones,
    "warmup_epochs": _at_least_one,
    "label_epochs": _label_epochs,
}
