"""Encoded pictures with the soft labels of the store that belongs to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rd3.base.errors import UserError
from rd3.synthetic.class_folders import labels_by_name
from rd3.synthetic.foreign import Raw
from rd3.synthetic.format import Request
from rd3.synthetic.label_order import Dataset
from rd3.synthetic.static_labels import static_labels
from rd3.synthetic.validity import naming


def dataset_of(
    labels: NDArray[np.int64], order: NDArray[np.int64], pixels: NDArray[np.uint8], request: Request
) -> Dataset:
    """The images as a label store goes by them; its columns are in the order of a list of classes, if one is given."""
    target, columns = request.target, None
    if target is not None and request.classes is not None:
        known = labels_by_name(target, request.classes)
        strangers = [name for name in request.classes if name not in known]
        if request.label_store is not None and strangers:
            raise UserError(f"classes: '{strangers[0]}' is no class of target '{target.name}', and labels need all")
        columns = np.array([known.get(name, -1) for name in request.classes])
    return Dataset(labels, order, pixels.shape[-1], None if target is None else target.num_classes, columns)


def with_store(raw: Raw, dataset: Dataset, request: Request) -> Raw:
    """The same with the soft labels of the store that was given, if any."""
    if request.label_store is None:
        return raw
    with naming(request.label_store):
        found = static_labels(request.label_store, dataset)
    readings = {**raw.readings, **found.readings}
    info = {**raw.info, "label_store": found.facts}
    return replace(raw, soft_labels=found.rows, soft_label_form=found.form, readings=readings, info=info)
