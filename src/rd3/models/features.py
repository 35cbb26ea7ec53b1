"""What a network computes before its last layer, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rd3.base.errors import UserError
from rd3.models.family import in_eval_mode


def embed(model: nn.Module, images: Tensor) -> Tensor:
    """The embedding f(x): what enters the network's last linear layer.

    Gradients flow to the images and the parameters as the caller's grad mode and `requires_grad` say.

    Args:
        model: any classifier that ends in an `nn.Linear`.
        images: normalised float images (B, C, H, W).

    Returns:
        (B, D); D = 2048 for the ConvNet of depth 3 and width 128 at 32 px.

    Raises:
        UserError: the network has no linear layer, or its last one does not see one vector an image.
    """
    return feature_extractor(model)(images)


def feature_extractor(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """`embed` with the network's last linear layer looked up once."""
    head = last_linear(model)

    def extract(images: Tensor) -> Tensor:
        seen: list[Tensor] = []

        def keep(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            seen.append(inputs[0])

        handle = head.register_forward_pre_hook(keep)
        try:
            model(images)
        finally:
            handle.remove()
        if not seen or seen[-1].ndim != 2:
            raise UserError(f"{type(model).__name__}: its last linear layer does not see one vector an image")
        return seen[-1]

    return extract


def last_linear(model: nn.Module) -> nn.Linear:
    """The last `nn.Linear` in the order of registration: the one that gives the logits.

    Raises:
        UserError: there is none.
    """
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if not layers:
        raise UserError(f"{type(model).__name__} has no linear layer, so it has no embedding")
    return layers[-1]


def count_parameters(model: nn.Module) -> int:
    """Number of parameters, trainable or frozen; buffers (BN statistics) do not count."""
    return sum(parameter.numel() for parameter in model.parameters())


def flops_per_image(model: nn.Module, *, size: int, channels: int = 3) -> int:
    """Floating-point operations of one forward pass of one image, with 2 per multiply-add.

    Counted by torch on a black image in eval mode: convolutions, matrix products and attention; norms, activations
    and pools are not counted. A training step costs about three times as much.
    """
    from torch.utils.flop_counter import FlopCounterMode

    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), in_eval_mode(model), counter:
        model(torch.zeros(1, channels, size, size, device=device))
    return counter.get_total_flops()
