"""Doing to each image of a batch what was drawn for it, with one call per operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from rd3.training.augment.base import Draw

LevelOperation = Callable[[Tensor, Draw], Tensor]
"""uint8 images (M, C, H, W) and their M parameters, to uint8 images."""


def apply_by_operation(
    levels: Tensor, chosen: Tensor, parameters: Draw, operations: Sequence[LevelOperation]
) -> Tensor:
    """`operations[chosen[i]]` of image i with the parameters of image i.

    Args:
        levels: uint8 (B, C, H, W), which is not written.
        chosen: int64 (B,), indices of `operations`; −1 leaves an image as it is.
        parameters: tensors of length B.
        operations: functions of some images and their parameters.
    """
    result = levels.clone()
    on_host = chosen.cpu()  # the host waits once, not once an operation
    for index in on_host.unique().tolist():
        if index < 0:
            continue
        rows = (on_host == index).nonzero()[:, 0].to(levels.device)
        result[rows] = operations[index](levels[rows], {key: values[rows] for key, values in parameters.items()})
    return result
