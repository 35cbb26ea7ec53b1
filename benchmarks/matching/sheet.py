"""One picture of synthetic sets: a row a set (or a row an image of a class), a column a class.

python -m benchmarks.matching.sheet OUT.png SET [SET …] [--ipc 1]      each SET a folder that rd3 saved
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor
from torchvision.utils import save_image

from rd3.data.images import as_unit
from rd3.synthetic import Synthetic

GREY = 0.5


def rows(folder: Path, images: int) -> Tensor:
    """The first images of every class: (images, classes, C, H, W), clamped to [0, 1] for the eye."""
    synthetic = Synthetic.load(folder)
    pixels = as_unit(synthetic.images).clamp(0, 1).unflatten(0, (len(synthetic.classes), -1))
    return pixels[:, :images].transpose(0, 1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--ipc", type=int, default=1, help="images of a class that are shown")
    asked = parser.parse_args()
    parts = [rows(folder, asked.ipc) for folder in asked.sets]
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    save_image(torch.cat(parts).flatten(0, 1), asked.out, nrow=parts[0].shape[1], padding=2, pad_value=GREY)


if __name__ == "__main__":
    main()
