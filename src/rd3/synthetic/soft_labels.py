"""What the numbers of soft labels are, declared or read off the rows.

`logits`; `probabilities`; `unnormalised`: numbers from 0 whose sum is anything, as RaT-BPTT (arXiv 2311.07025) learns;
`centred`: targets of a regression, one-hot less 1/classes before they are learned, as KIP (arXiv 2011.00050) has them,
and FRePo (arXiv 2206.00719) but for a scale that is taken out.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from rd3.base.errors import UserError
from rd3.training.losses import centred, frepo_scale

SoftLabelForm = Literal["logits", "probabilities", "unnormalised", "centred"]

SOFT_LABELS = "soft_labels.safetensors"  # beside pictures, one row a picture in the order of folders and names

ROW_SUM_TOLERANCE = 1e-2  # what half precision loses over a thousand classes
LOG_OF_ZERO = -1e4  # finite, as a KL divergence needs it, and still 0 after a softmax at any temperature in use


def inferred_form(soft_labels: Tensor) -> SoftLabelForm:
    """`probabilities` where every row is of numbers from 0 that sum to 1, else `logits`.

    >>> import torch
    >>> inferred_form(torch.tensor([[0.25, 0.75]])), inferred_form(torch.tensor([[0.25, 2.0]]))
    ('probabilities', 'logits')
    """
    return "logits" if _problem(soft_labels) else "probabilities"


def require_form(soft_labels: Tensor, form: SoftLabelForm) -> None:
    """Refuse rows that cannot be what they are said to be.

    Raises:
        UserError: declared probabilities that are negative, or whose row does not sum to 1; unnormalised ones that are
            negative, or all 0.
    """
    problem = {"probabilities": _problem, "unnormalised": _no_weights}.get(form, lambda _: None)(soft_labels)
    if problem:
        raise UserError(f"soft_label_form = {form}: {problem}; are they logits?")


def as_logits(soft_labels: Tensor, form: SoftLabelForm) -> Tensor:
    """Float32 (N, classes) whose softmax gives the labels; a probability of 0 becomes a very low logit.

    Unnormalised labels become the probabilities that they are proportional to. To centred ones 1/classes is added, and
    what is then below 0 left out.

    >>> import torch
    >>> as_logits(torch.tensor([[0.0, 1.0]]), "probabilities").softmax(dim=1)
    tensor([[0., 1.]])
    """
    values = soft_labels.float()
    if form == "logits":
        return values
    if form == "centred":
        values = (values + 1 / values.shape[1]).clamp_min(0)
    return values.log().clamp_min(LOG_OF_ZERO)


def as_regression_targets(soft_labels: Tensor, form: SoftLabelForm) -> Tensor:
    """Float32 (N, classes) that a squared error compares with logits: centred labels as they are, logits of others."""
    return soft_labels.float() if form == "centred" else as_logits(soft_labels, form)


def as_centred(soft_labels: Tensor, form: SoftLabelForm) -> Tensor:
    """Float32 (N, classes), targets of FRePo's regression on its scale: centred labels, of others the probabilities."""
    if form == "centred":
        return soft_labels.float() / frepo_scale(soft_labels.shape[1])
    return centred(as_logits(soft_labels, form).softmax(dim=1))


def _no_weights(soft_labels: Tensor) -> str | None:
    values = soft_labels.float()
    bad = (values < 0).any(dim=1) | (values.sum(dim=1) <= 0)
    return f"those of image {int(bad.nonzero()[0])} have a negative one, or nothing but 0" if bool(bad.any()) else None


def _problem(soft_labels: Tensor) -> str | None:
    values = soft_labels.float()
    negative = (values < 0).any(dim=1)
    if bool(negative.any()):
        return f"image {int(negative.nonzero()[0])} has a negative one"
    sums = values.sum(dim=1)
    off = (sums - 1).abs() > ROW_SUM_TOLERANCE
    if bool(off.any()):
        first = int(off.nonzero()[0])
        return f"those of image {first} sum to {float(sums[first]):.4g}"
    return None
