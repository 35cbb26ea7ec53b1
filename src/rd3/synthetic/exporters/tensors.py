"""Bare tensors in files of their own, `images.pt`, `labels.pt`, `lr.pt`, as DD-Ranking (arXiv 2505.13300) takes them.

Its loaders take images class by class that are normalised already, CIFAR-100 with CIFAR-10's statistics as MTT has it,
and soft labels as logits. Hard labels then lie beside them in `hard_labels.pt`.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from rd3.base.files import new_directory
from rd3.data.spaces import IMAGENETS, PixelSpace
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.exporter import EXPORTERS, Exporter, Writing
from rd3.synthetic.sidecar import SIDECAR, sidecar_of
from rd3.synthetic.stored_space import stored_pixels

USUAL: dict[str, PixelSpace] = {
    "cifar100": "norm_cifar10",
    **dict.fromkeys(IMAGENETS, "norm_imagenet"),
}


def write(synthetic: Synthetic, path: Path, writing: Writing) -> list[str]:
    pixels, space, words = stored_pixels(synthetic, writing, USUAL)
    hard = synthetic.labels.cpu()
    soft = None if synthetic.soft_labels is None else synthetic.soft_labels.detach().cpu().float().contiguous()
    tensors: dict[str, Tensor] = {"images": pixels, "labels": hard if soft is None else soft}
    if soft is not None:
        tensors["hard_labels"] = hard
    if synthetic.learned_lr is not None:
        tensors["lr"] = torch.tensor(synthetic.learned_lr, dtype=torch.double)
    with new_directory(path) as new:
        for name, tensor in tensors.items():
            torch.save(tensor, new / f"{name}.pt")
        (new / SIDECAR).write_text(sidecar_of(synthetic, "tensors", space=space).text, encoding="utf-8")
    decode = synthetic.manifest.decode
    return [words, *([] if decode is None else [f"every image is a mosaic of {decode.parts}: said in {SIDECAR} alone"])]


EXPORTERS.add("tensors")(
    Exporter(
        "images.pt, labels.pt, lr.pt as DD-Ranking loads them, normalised",
        write,
        spaces=True,
        class_major=True,
        soft_labels="logits",
    )
)
