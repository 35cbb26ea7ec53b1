"""State dicts from files that nobody vouches for: read as plain tensors, never run."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from rd3.base.errors import UserError

StateDict = dict[str, Tensor]

WRAPPINGS = ("state_dict", "model", "model_state_dict")  # under which training scripts file the weights


def read_state_dict(path: Path) -> StateDict:
    """The tensors in a `.pt`, `.pth` or `.safetensors` file, without the wrappings of training scripts.

    Raises:
        UserError: there is no such file, it cannot be read without running it, or it holds something else.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    try:
        loaded = load_file(path) if path.suffix == ".safetensors" else _load(path)
    except Exception as error:  # a damaged file raises a dozen kinds, AssertionError and struct.error among them
        raise UserError(f"{path}: cannot be read as a plain state dict ({type(error).__name__})") from None
    return plain_state_dict(loaded, str(path))


def plain_state_dict(loaded: Any, where: str) -> StateDict:
    """What was loaded, if it is a dict of tensors.

    Args:
        where: it was loaded from, for the message.
    """
    state = loaded
    if isinstance(loaded, dict):
        state = next((loaded[key] for key in WRAPPINGS if isinstance(loaded.get(key), dict)), loaded)
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise UserError(f"{where}: holds {type(loaded).__name__}, expected a dict of tensors (a state dict)")
    return {name.removeprefix("module."): value for name, value in state.items()}


def content_hash(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes, in hex: the same weights from any file."""
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _load(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of odd pickles before it refuses them
        return torch.load(path, map_location="cpu", weights_only=True)
