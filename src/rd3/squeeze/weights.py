"""Trained weights from a file, from torchvision or from timm, with what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rd3.base.errors import UserError
from rd3.base.files import sha256_of
from rd3.squeeze.brought_spec import PREFIXES, USAGE, ZOO
from rd3.squeeze.state_dict import StateDict, read_state_dict


@dataclass(frozen=True)
class Weights:
    """A state dict, and the facts that come with it.

    Attributes:
        name: for people.
        sha256: of the file, or of the tensors where a library hands them out.
        mean, std: per channel, of pixels in [0, 1]; None where nobody says.
        size: side of the images they were made for, in pixels.
        pretrained: whether they were learned from other data, as far as that is known.
        notes: what a reader must know.
    """

    name: str
    state: StateDict
    sha256: str
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    size: int | None = None
    pretrained: bool = False
    notes: tuple[str, ...] = ()


def find_weights(source: str) -> Weights:
    """What `source` names, downloaded by its library where that is needed and possible.

    Raises:
        UserError: one line about what is missing: the file, the name, or the network.
    """
    found = ZOO.fullmatch(source)
    if found is None:
        if source.partition(":")[0] in PREFIXES:
            raise UserError(f"teacher '{source}': expected {USAGE}")
        return weights_in(Path(source))
    file = Path(found["file"]) if found["file"] else None
    if PREFIXES[found["zoo"]] == "tv":
        from rd3.squeeze.torchvision_weights import torchvision_weights

        return torchvision_weights(found["name"], found["weights"], file)
    from rd3.squeeze.timm_weights import timm_weights

    if found["weights"]:
        raise UserError(f"teacher '{source}': timm's weights follow a dot, for instance timm:resnet50.a1_in1k")
    return timm_weights(found["name"], file)


def weights_in(path: Path) -> Weights:
    """The weights in a file of one's own."""
    path = path.expanduser()
    return Weights(str(path), read_state_dict(path), sha256_of(path))


def not_found(name: str, error: Exception, zoo: str) -> UserError:
    """The one-line error for weights that a library could not get."""
    reason = " ".join(str(error).split())[:160] or "no reason given"
    return UserError(f"{name}: its weights could not be had ({type(error).__name__}: {reason}); {zoo}")
