"""A training written out with torch alone, as the protocols describe it: the oracle for every faster way.

It takes nothing from the loop but what is drawn and what an operation is: order, augmentation, mixing, labels, losses
and steps are spelled out, one tensor after the other.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rd3.data.images import MemoryImages
from rd3.training.recipe import Recipe

Teacher = nn.Module | None
MEAN, STD = 0.3, 0.4  # the student's; the teacher has 0.5 and 0.25


def teacher_logits(teacher: nn.Module, pictures: Tensor) -> Tensor:
    with torch.no_grad():
        return teacher((pictures - torch.tensor([0.5]).view(1, 1, 1)) / torch.tensor([0.25]).view(1, 1, 1))


def plain_training(model: nn.Module, images: MemoryImages, recipe: Recipe, *, seed: int, teacher: Teacher) -> nn.Module:
    """Train `model`; gives the network to test, which is its average where there is one."""
    generator = torch.Generator().manual_seed(seed)
    model.to(memory_format=torch.channels_last).train()
    optimiser, average = _optimiser(model, recipe), copy.deepcopy(model)
    for epoch in range(recipe.epochs):
        for group in optimiser.param_groups:
            group["lr"] = recipe.optimiser.lr * recipe.schedule.factor(epoch, recipe.epochs)
        for ids in torch.randperm(len(images), generator=generator).split(recipe.batch_size):
            optimiser.zero_grad(set_to_none=True)
            _backward(model, images, ids, recipe, generator, teacher)
            optimiser.step()
            if recipe.ema:
                with torch.no_grad():
                    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - recipe.ema)
    if not recipe.ema:
        return model
    for mine, theirs in zip(average.buffers(), model.buffers(), strict=True):
        mine.copy_(theirs)
    return average


def _optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """torch's own class, with its fused kernel."""
    given = recipe.optimiser
    named = list(model.named_parameters())
    decays = {name for name, p in named if not given.wd_exclude_1d or ("weight" in name and p.ndim > 1)}
    groups = [
        {"params": [p for name, p in named if name in decays], "weight_decay": given.weight_decay},
        {"params": [p for name, p in named if name not in decays], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if given.kind == "sgd":
        return torch.optim.SGD(groups, given.lr, given.momentum, nesterov=given.nesterov, fused=True)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[given.kind]
    return kind(groups, given.lr, betas=given.betas, eps=given.eps, fused=True)


def _backward(
    model: nn.Module, images: MemoryImages, ids: Tensor, recipe: Recipe, generator: torch.Generator, teacher: Teacher
) -> None:
    pictures, hard = images.pixels[ids].float() / 255, images.labels[ids]
    for operation in recipe.augment:
        draw = operation.draw(len(ids), pictures.shape[-1], generator)
        pictures = operation.apply(pictures, draw, mean=(MEAN,), std=(STD,))
    partner, weight = hard, torch.tensor(1.0)
    if recipe.mix is not None:
        drawn = recipe.mix.draw(len(ids), pictures.shape[-1], generator)
        partner, size = hard[drawn.partner], pictures.shape[-1]
        if recipe.mix.kind == "cutmix":
            top, bottom, left, right = drawn.box.tolist()
            mixed = pictures.clone()
            mixed[:, :, top:bottom, left:right] = pictures[drawn.partner][:, :, top:bottom, left:right]
            pictures, weight = mixed, 1 - torch.tensor((bottom - top) * (right - left)) / size**2
        else:
            pictures, weight = drawn.lam * pictures + (1 - drawn.lam) * pictures[drawn.partner], drawn.lam
    soft = None if teacher is None or recipe.loss.kind == "ce" else teacher_logits(teacher, pictures)
    inputs = (pictures - torch.tensor([MEAN]).view(1, 1, 1)) / torch.tensor([STD]).view(1, 1, 1)
    for start in range(0, len(ids), recipe.micro_batch or len(ids)):
        rows = slice(start, start + (recipe.micro_batch or len(ids)))
        logits = model(inputs[rows])
        part = None if soft is None else soft[rows]
        value = _loss(logits, part, hard[rows], partner[rows], weight, recipe)
        share = len(logits) / len(ids)
        (value if recipe.micro_batch is None else share * value).backward()


def _loss(logits: Tensor, soft: Tensor | None, hard: Tensor, partner: Tensor, weight: Tensor, recipe: Recipe) -> Tensor:
    loss, t = recipe.loss, recipe.loss.temperature
    if soft is None:
        own = F.cross_entropy(logits, hard, label_smoothing=loss.label_smoothing)
        if recipe.mix is None:
            return own
        return weight * own + (1 - weight) * F.cross_entropy(logits, partner, label_smoothing=loss.label_smoothing)
    if loss.kind == "mse-gt":
        value = F.mse_loss(logits, soft)
    elif loss.kind == "kl":
        log_q, log_p = (logits / t).log_softmax(1), (soft / t).log_softmax(1)
        value = (t**2 if loss.t2 else 1.0) * F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)
    else:
        value = (t**2 if loss.t2 else 1.0) * F.cross_entropy(logits / t, (soft / t).softmax(1))
    return value + loss.gamma * F.cross_entropy(logits, hard) if loss.gamma else value
