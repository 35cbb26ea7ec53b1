"""What two protocols can differ in: the fields of `Settings`, in groups that make sense to switch one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from rd3.base.errors import unknown
from rd3.base.spec import Spec
from rd3.evaluation.settings import Settings


@dataclass(frozen=True)
class Factor:
    """A part of an evaluation that is switched as one.

    Attributes:
        key: its name on the command line and in files; that of a merged factor joins its parts' with `+`.
        name: for people.
        fields: of `Settings`; the images have none.
    """

    key: str
    name: str
    fields: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """Keys of what it was merged of, or its own."""
        return tuple(self.key.split("+"))


IMAGES = Factor("images", "images")
# In the order in which a ladder switches them unless it is told otherwise.
FACTORS = (
    Factor("epochs", "epochs", ("epochs",)),
    Factor("batch", "batch size", ("batch_size", "micro_batch", "accumulation", "drop_last", "repeat_last")),
    Factor(
        "optimiser",
        "optimiser and learning rate",
        (
            *("optimiser", "lr", "lr_search", "lr_search_for", "selection"),
            *("momentum", "betas", "eps", "weight_decay", "wd_exclude_1d"),
        ),
    ),
    Factor(
        "schedule",
        "schedule",
        ("schedule", "zeta", "milestones", "decay", "warmup_epochs", "warmup_start", "schedule_end"),
    ),
    Factor("augmentation", "augmentation", ("augment",)),
    Factor("mix", "mixing of images", ("mix", "mix_labels")),
    Factor(
        "labels",
        "labels",
        (
            "labels",
            "teacher",
            *("teacher_combine", "teacher_weights", "teacher_bn", "teacher_bn_sub_batch", "teacher_normalisation"),
            *("teacher_autocast", "label_input", "label_precision", "label_epochs", "label_draw"),
            "static_mix",
        ),
    ),
    Factor(
        "loss", "loss", ("loss", "temperature", "kl_t2", "gamma", "gt_label", "label_smoothing", "hard_phase")
    ),
    Factor("ema", "weight averaging", ("ema", "ema_buffers")),
    Factor("normalisation", "normalisation", ("normalisation", "validation_resize", "zca", "zca_kind", "jpeg_quality")),
    Factor("quirks", "quirks", ("double_bn_update",)),
    Factor("report", "reported epoch", ("report", "report_every", "report_phase", "checkpoints")),
    IMAGES,
)  # fmt: skip
KEYS = tuple(factor.key for factor in FACTORS)


class FieldChange(Spec):
    """One field in which two settings differ."""

    field: str
    start: Any
    end: Any


def changes(start: Settings, end: Settings, factor: Factor) -> tuple[FieldChange, ...]:
    """The fields of a factor in which two settings differ."""
    first, second = start.as_json(), end.as_json()
    return tuple(
        FieldChange(field=name, start=first[name], end=second[name])
        for name in factor.fields
        if first[name] != second[name]
    )


def differing(start: Settings, end: Settings) -> tuple[Factor, ...]:
    """The factors in which two settings differ, without the images."""
    return tuple(factor for factor in FACTORS if changes(start, end, factor))


def merged(factors: Sequence[Factor]) -> Factor:
    """Several factors as one.

    >>> merged([Factor("labels", "labels", ("labels",)), Factor("loss", "loss", ("gamma",))])
    Factor(key='labels+loss', name='labels and loss', fields=('labels', 'gamma'))
    """
    names = [factor.name for factor in factors]
    name = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    fields = tuple(chain.from_iterable(factor.fields for factor in factors))
    return Factor("+".join(factor.key for factor in factors), name, fields)


def switches_images(switched: Iterable[Factor]) -> bool:
    """Whether the images are among what is switched."""
    return any(IMAGES.key in factor.parts for factor in switched)


def in_order(factors: Iterable[Factor], wanted: Sequence[str]) -> tuple[Factor, ...]:
    """Factors in the order of `wanted`; those that it does not name come after, in the usual order.

    Args:
        wanted: keys of factors; a part's key stands for the factor that it was merged into.

    Raises:
        UserError: a key that no factor has.
    """
    for key in wanted:
        if key not in KEYS:
            raise unknown("factor", key, KEYS)
    ranking = [*wanted, *(key for key in KEYS if key not in wanted)]
    return tuple(sorted(factors, key=lambda factor: min(ranking.index(part) for part in factor.parts)))
