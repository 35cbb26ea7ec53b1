"""Fitting a network made for 224 px photos to other sizes and channels."""

from __future__ import annotations

from torch import nn

from rd3.base.errors import UserError
from rd3.models.family import Shape

SMALL_STEM_UP_TO = 64
"""Pixels up to which the field gives torchvision's ResNets a 3x3 stride-1 stem without max-pool."""


def adapt_stem(model: nn.Module, shape: Shape) -> None:
    """Change a torchvision network in place for the images' size and channels.

    ResNets of any kind get the small stem up to 64 px; everything else gets only its channels.

    Raises:
        UserError: the channels cannot be changed.
    """
    from torchvision.models import ResNet

    if isinstance(model, ResNet) and shape.size <= SMALL_STEM_UP_TO:
        model.conv1 = nn.Conv2d(shape.channels, model.conv1.out_channels, 3, padding=1, bias=False)
        model.maxpool = nn.Identity()
    elif shape.channels != 3:
        _replace_first_convolution(model, shape.channels)


def _replace_first_convolution(model: nn.Module, channels: int) -> None:
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            parent = model.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], _with_channels(module, channels))
            return
    raise UserError(f"channels = {channels}: {type(model).__name__} has no convolution to change from 3 channels")


def _with_channels(old: nn.Conv2d, channels: int) -> nn.Conv2d:
    return nn.Conv2d(
        channels,
        old.out_channels,
        old.kernel_size,  # type: ignore[arg-type]
        stride=old.stride,  # type: ignore[arg-type]
        padding=old.padding,  # type: ignore[arg-type]
        bias=old.bias is not None,
    )
