"""Teachers that somebody else trained: a state dict in a file, checked on the target before it is believed."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from rd3.base.errors import UserError
from rd3.base.files import sha256_of
from rd3.base.spec import fingerprint_of
from rd3.data.target import Target
from rd3.models import create_model
from rd3.squeeze.teacher import Teacher
from rd3.training.accuracy import predictions
from rd3.training.loop import Normalisation

REORDER_GAIN = 0.2  # a better class order must explain at least this much accuracy to be named the cause


def bring_teacher(
    path: Path,
    target: Target,
    *,
    model: str,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
    device: torch.device | None = None,
) -> Teacher:
    """Load a state dict (`.pt`, `.pth`) as a teacher for `target`, and check it on the target's test split.

    Args:
        mean, std: what the network was trained with; the target's own by default.

    Raises:
        UserError: the file cannot be read safely, does not fit `model`, or its accuracy shows that its classes are in
            another order or its normalisation is another.
    """
    network = create_model(model, classes=len(target.classes), size=target.size, channels=target.channels)
    try:
        network.load_state_dict(_state_dict(path))
    except RuntimeError as error:
        raise UserError(f"{path}: does not fit {model}: {' '.join(str(error).split())[:200]}") from None
    normalisation = Normalisation(mean or target.mean, std or target.std)
    device = device or torch.device("cpu")
    network.to(device)
    predicted = predictions(network, target.test.to(device), normalisation=normalisation).cpu().numpy()
    accuracy = _checked_accuracy(predicted, target, path)
    return Teacher(
        model=network,
        name=model,
        mean=normalisation.mean,
        std=normalisation.std,
        classes=target.classes,
        fingerprint=_fingerprint(path, target, model, normalisation),
        test_accuracy=accuracy,
        seconds=0.0,
        target=target.fingerprint,
    )


def _fingerprint(path: Path, target: Target, model: str, normalisation: Normalisation) -> str:
    """Of all that decides its logits and its test accuracy: the same file with another mean is another teacher."""
    values = [sha256_of(path), target.fingerprint, model, list(normalisation.mean), list(normalisation.std)]
    return fingerprint_of("brought teacher", values)


def _state_dict(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of odd pickles before it refuses them
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file raises a dozen kinds, AssertionError and struct.error among them
        raise UserError(f"{path}: cannot be read as a plain state dict ({type(error).__name__})") from None
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else None
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in state.items()
    ):
        raise UserError(f"{path}: holds {type(loaded).__name__}, expected a dict of tensors (a state dict)")
    return {name.removeprefix("module."): value for name, value in state.items()}


def _checked_accuracy(predicted: np.ndarray, target: Target, path: Path) -> float:
    """Accuracy on the test split; refuses a teacher that would be right under another order of the classes."""
    classes = len(target.classes)
    truth = target.test.labels.cpu().numpy()
    confusion = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(confusion, (truth, predicted), 1)
    accuracy = float(np.trace(confusion) / len(truth))
    rows, columns = linear_sum_assignment(confusion, maximize=True)
    reordered = float(confusion[rows, columns].sum() / len(truth))
    if reordered - accuracy > REORDER_GAIN:
        moved = next(k for k in range(classes) if columns[k] != k)
        raise UserError(
            f"{path}: {accuracy:.1%} on the test split of {target.name}, but {reordered:.1%} with its classes in"
            f" another order (its output {columns[moved]} answers to '{target.classes[moved]}', which is class {moved}"
            " here)"
        )
    if accuracy < 1.5 / classes:
        raise UserError(
            f"{path}: {accuracy:.1%} on the test split of {target.name} is chance; give the mean and std it was"
            " trained with, or another file"
        )
    return accuracy
