"""Test accuracy, image by image."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rd3.data.images import Images, as_unit
from rd3.training.execution import PLAIN, Execution
from rd3.training.loop import Normalisation
from rd3.training.validation import resize_and_crop

CHUNK_VALUES = {"cpu": 2**18}  # input values a chunk: on a CPU the activations should stay near the cache
LARGE_CHUNK_VALUES = 2**25


def images_judged_at_once(shape: tuple[int, int, int], device: torch.device) -> int:
    """How many images of a shape go through a network together."""
    return max(32, CHUNK_VALUES.get(device.type, LARGE_CHUNK_VALUES) // math.prod(shape))


@torch.inference_mode()
def predictions(
    model: nn.Module,
    images: Images,
    *,
    normalisation: Normalisation,
    resize: int | None = None,
    execution: Execution = PLAIN,
) -> Tensor:
    """Predicted class of every image, int64 (N,), on the images' device.

    Args:
        resize: side that images are resized to before a centre crop of their own side; None leaves them as they are.
        execution: precision of the network.
    """
    model.eval()
    side = images.shape[-1]
    chunk = images_judged_at_once(images.shape, images.labels.device)
    out = []
    for indices in torch.arange(len(images), device=images.labels.device).split(chunk):
        pictures = as_unit(images.batch(indices))
        if resize is not None and resize != side:
            pictures = resize_and_crop(pictures, resize=resize, crop=side)
        out.append(execution.forward(model, normalisation(pictures)).argmax(1))
    return torch.cat(out)


def correctness(
    model: nn.Module,
    images: Images,
    *,
    normalisation: Normalisation,
    resize: int | None = None,
    execution: Execution = PLAIN,
) -> Tensor:
    """Whether each image is classified correctly, bool (N,)."""
    found = predictions(model, images, normalisation=normalisation, resize=resize, execution=execution)
    return found == images.labels
