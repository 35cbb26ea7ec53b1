"""What the numbers of soft labels are: logits or probabilities, declared or read off the rows."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from rd3.base.errors import UserError

SoftLabelForm = Literal["logits", "probabilities"]

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
        UserError: declared probabilities that are negative, or whose row does not sum to 1.
    """
    problem = _problem(soft_labels) if form == "probabilities" else None
    if problem:
        raise UserError(f"soft_label_form = probabilities: {problem}; are they logits?")


def as_logits(soft_labels: Tensor, form: SoftLabelForm) -> Tensor:
    """Float32 (N, classes) whose softmax gives the labels; a probability of 0 becomes a very low logit.

    >>> import torch
    >>> as_logits(torch.tensor([[0.0, 1.0]]), "probabilities").softmax(dim=1)
    tensor([[0., 1.]])
    """
    values = soft_labels.float()
    return values if form == "logits" else values.log().clamp_min(LOG_OF_ZERO)


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
