"""Linear probes: a last layer is trained on the target, on top of a frozen backbone that somebody else trained.

So a self-supervised network becomes a teacher (SCDD, arXiv 2404.07976, on MoCo's protocol, arXiv 1911.05722): its
weights and BatchNorm statistics stay as they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from torch import Tensor, nn

from rd3.base.errors import UserError
from rd3.base.files import sha256_of
from rd3.models.features import last_linear
from rd3.squeeze.state_dict import read_state_dict


class Probe(nn.Module):
    """A network whose last linear layer alone is trained; everything else stays in eval mode."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model.requires_grad_(False)
        last_linear(model).requires_grad_(True)
        self.train()

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.model.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.model(images)
        return logits


def backbone_hash(path: Path) -> str:
    """SHA-256 of the file.

    Raises:
        UserError: there is no such file.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    return sha256_of(path)


def load_backbone(model: nn.Module, path: Path, *, name: str) -> None:
    """Put a state dict into everything but the last linear layer of `model`.

    Whatever the file has in its place, or besides (a projection head, a momentum encoder), is passed over. Where the
    file holds the network several times, the first counts: in MoCo's files the encoder that was trained.

    Args:
        name: of the architecture, for the message.

    Raises:
        UserError: a layer of the backbone is missing in the file, or has another shape there.
    """
    wanted = backbone_names(model)
    state = read_state_dict(path)
    prefix = _prefix(list(state), wanted)
    own = model.state_dict()
    for key in wanted:
        found = state.get(prefix + key)
        if found is None:
            raise UserError(f"{path}: does not fit the backbone of {name}: it has no '{prefix}{key}'")
        if found.shape != own[key].shape:
            shapes = f"{tuple(found.shape)}, expected {tuple(own[key].shape)}"
            raise UserError(f"{path}: does not fit the backbone of {name}: '{prefix}{key}' is {shapes}")
    model.load_state_dict({key: state[prefix + key] for key in wanted}, strict=False)


def backbone_names(model: nn.Module) -> list[str]:
    """Parameters and buffers that a backbone must bring, by name."""
    head = last_linear(model)
    place = next(name for name, module in model.named_modules() if module is head)
    # A count of batches decides nothing in eval mode, and older files have none.
    return [
        key for key in model.state_dict() if not key.startswith(f"{place}.") and not key.endswith("num_batches_tracked")
    ]


def _prefix(keys: list[str], wanted: list[str]) -> str:
    """What stands before the network's own names in a file, for instance `encoder_q.`."""
    found = [key.removesuffix(wanted[0]) for key in keys if key.endswith(wanted[0])]
    whole = (prefix for prefix in found if all(prefix + key in set(keys) for key in wanted))
    return next(whole, found[0] if found else "")
