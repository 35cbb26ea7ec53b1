"""Float pixels as the readers of tensor files expect them: normalised or whitened, seldom raw."""

from __future__ import annotations

from torch import Tensor

from rd3.base.errors import UserError
from rd3.data.images import as_unit
from rd3.data.spaces import NO_WAY_BACK, PixelSpace, from_raw, normalised, published_statistics
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.exporter import Writing


def stored_pixels(
    synthetic: Synthetic, writing: Writing, usual: dict[str, PixelSpace]
) -> tuple[Tensor, PixelSpace, str]:
    """Float32 pixels (N, C, H, W) in a space, the space, and in words what was done.

    Args:
        usual: target's name -> the space that readers expect for it; the rest are in `norm_dc`, where the DC family
            has statistics, and else raw.

    Raises:
        UserError: the space has no way there, or needs a target that is not given.
    """
    name = writing.target.name if writing.target is not None else synthetic.manifest.target or ""
    space = writing.space or usual.get(name) or _known(name, synthetic.shape[0])
    if space in NO_WAY_BACK:
        raise UserError(f"space = {space}: cannot be undone, so nothing is written in it")
    raw = as_unit(synthetic.images).cpu()
    if writing.target is not None or space == "raw01":
        assert writing.target is not None or space == "raw01"
        pixels = raw if writing.target is None else from_raw(raw, space, writing.target)
    else:
        pixels = normalised(raw, _statistics(space, name, synthetic.shape[0]))
    return pixels.contiguous(), space, _words(space, name)


def _known(name: str, channels: int) -> PixelSpace:
    found = published_statistics("norm_dc", name)
    return "norm_dc" if found is not None and len(found[0]) == channels else "raw01"


def _statistics(space: PixelSpace, name: str, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    found = published_statistics(space, name) if space in ("norm_dc", "norm_cifar10", "norm_imagenet") else None
    if found is None:
        raise UserError(f"space = {space}: needs the real data: give the target (--target)")
    if len(found[0]) != channels:
        raise UserError(f"space = {space}: has {len(found[0])} channels, the images have {channels}")
    return found


def _words(space: PixelSpace, name: str) -> str:
    if space == "raw01":
        return "pixels are raw floats, 0 black and 1 white, not normalised (space raw01)"
    return f"pixels are {space}{f' of {name}' if name else ''}: whoever trains on them must not normalise them again"
