"""How much memory it takes to show the training set, or classes of it, to a network."""

from __future__ import annotations

import dataclasses
import math

import torch

from rd3.data.images import MemoryImages
from rd3.data.target import Target
from rd3.models import create_model
from rd3.models.features import last_linear
from rd3.models.footprint import footprint, held_bytes
from rd3.recover.teachers import private_teacher
from rd3.squeeze.teacher import Teacher
from rd3.squeeze.walk import images_at_once, walk

CPU = torch.device("cpu")


def looking_bytes(
    target: Target, name: str, device: torch.device, *, at_once: int | None = None, embedding_copies: int = 0
) -> int:
    """Bytes of tensors at the peak while a copy of a network looks at real images, some at a time.

    Args:
        name: of its architecture.
        at_once: how many images; as many as `walk` shows by default.
        embedding_copies: how often the embeddings of one class are held, in float32.
    """
    teacher = stand_in(name, target)

    @torch.no_grad()
    def look(count: int) -> object:
        return [teacher.model(images).double() for images, _ in walk(few_images(target, count).train, teacher, CPU)]

    copy = held_bytes(lambda: private_teacher(teacher, CPU))
    at_once = min(len(target.train), at_once or images_at_once(target.train.shape, device))
    embedding = 4 * last_linear(teacher.model).in_features if embedding_copies else 0
    return copy + footprint(look).at(at_once) + embedding_copies * embedding * most_of_a_class(target)


def stand_in(name: str, target: Target) -> Teacher:
    """An untrained network of an architecture in a teacher's place."""
    model = create_model(name, classes=target.num_classes, size=target.size, channels=target.channels, seed=0)
    return Teacher(model, name, target.mean, target.std, target.classes, "", test_accuracy=0.0, seconds=0.0)


def few_images(target: Target, count: int) -> Target:
    """The target with the first training images alone, one again and again where there are fewer."""
    rows = torch.arange(count) % len(target.train)
    pixels, labels = target.train.batch(rows.to(target.train.labels.device)), target.train.labels.cpu()[rows]
    return dataclasses.replace(target, train=MemoryImages(pixels.cpu(), labels))


def most_of_a_class(target: Target) -> int:
    """How many training images the largest class has."""
    return int(torch.bincount(target.train.labels.cpu(), minlength=target.num_classes).max())


def image_bytes(target: Target, ipc: int) -> int:
    """Of a synthetic set, uint8."""
    return target.num_classes * ipc * math.prod(target.train.shape)
