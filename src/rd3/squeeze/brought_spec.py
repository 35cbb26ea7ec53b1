"""Which trained teacher is brought, and how its weights are to be read."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from rd3.base.spec import Spec

Match = Literal["names", "position"]
Others = Literal["kept", "cut"]
Triple = tuple[float, ...]

USAGE = "FILE, torchvision:NAME[:WEIGHTS], timm:NAME, torchvision:NAME@FILE or timm:NAME@FILE"
ZOO = re.compile(r"(?P<zoo>torchvision|tv|timm):(?P<name>[^:@]+)(?::(?P<weights>[^:@]+))?(?:@(?P<file>.+))?")
PREFIXES = {"torchvision": "tv", "tv": "tv", "timm": "timm"}  # as `rd3.create_model` calls them


class Reading(Spec):
    """How weights are read; what is None is taken from where they come from.

    Attributes:
        mean, std: per channel, of pixels in [0, 1], that the network was trained with. By default the zoo's for these
            weights, the target's own for a file.
        match: `names`, or `position` where a state dict has other names in the same order.
        classes: what the outputs stand for, in their order: `imagenet-1k`, a file with a name a line, or a list. By
            default the target's classes, and ImageNet's where there are 1000 outputs for fewer classes.
        others: outputs for other classes than the target's are `kept` for those who optimise images under the teacher,
            whose cross-entropy then runs over all of them, or `cut`. Its logits are those of the target's classes.
        pretrained: whether other data than the target's were learned from; known for a zoo's weights and where there
            are outputs for other classes.
    """

    mean: Triple | None = Field(default=None, min_length=1)
    std: Triple | None = Field(default=None, min_length=1)
    match: Match = "names"
    classes: str | tuple[str, ...] | None = None
    others: Others = "kept"
    pretrained: bool | None = None

    @field_validator("mean", "std", mode="before")
    @classmethod
    def _one_channel(cls, value: Any) -> Any:
        """A number alone is that of a single channel."""
        return (value,) if isinstance(value, (int, float)) else value

    @field_validator("classes", mode="before")
    @classmethod
    def _numbers_are_names(cls, value: Any) -> Any:
        return [str(name) for name in value] if isinstance(value, (list, tuple)) else value

    @model_validator(mode="after")
    def _possible(self) -> Reading:
        if self.std is not None and min(self.std) <= 0:
            raise ValueError(f"std = {list(self.std)}: expected values above 0")
        return self


class BroughtSpec(Reading):
    """A teacher from elsewhere.

    Attributes:
        source: where its weights come from, see `USAGE`.
        model: name of its architecture.
    """

    source: str
    model: str


def model_of(source: str) -> str | None:
    """The architecture that a source names, None for a plain file.

    >>> model_of("torchvision:resnet18:IMAGENET1K_V1"), model_of("timm:resnet50.a1_in1k@w.pth"), model_of("w.pt")
    ('tv:resnet18', 'timm:resnet50.a1_in1k', None)
    """
    found = ZOO.fullmatch(source)
    return f"{PREFIXES[found['zoo']]}:{found['name']}" if found else None
