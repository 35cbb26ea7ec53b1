"""The front matter of a data-set card: what the Hugging Face hub and `datasets` read of it."""

from __future__ import annotations

from typing import Any

import yaml

from rd3.data.licences import UNKNOWN, Licence
from rd3.data.source import SOURCES
from rd3.report.format import plain
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.exporters.folder import folder_names
from rd3.synthetic.exporters.parquet import FILE, features

FILES = {"parquet": FILE, "folder": "*/*.png"}
SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))


def licence_of(synthetic: Synthetic) -> Licence:
    """Terms of the real data that a set was made from."""
    name = (synthetic.manifest.target or "").partition(":")[0]
    return SOURCES[name].licence if name in SOURCES else UNKNOWN


def title(synthetic: Synthetic) -> str:
    manifest = synthetic.manifest
    ipc = "" if manifest.ipc is None else f", {manifest.ipc} image{'s' * (manifest.ipc > 1)} per class"
    return f"{plain(manifest.target or 'a data set')} distilled by {plain(manifest.method)}{ipc}"


def front_matter(synthetic: Synthetic, format: str) -> str:
    """YAML that the hub and `datasets` read."""
    licence = licence_of(synthetic)
    values: dict[str, Any] = {"license": licence.id}
    if licence.id == "other":
        values |= {"license_name": licence.name, "license_link": licence.link}
    values |= {
        "task_categories": ["image-classification"],
        "size_categories": [next((words for most, words in SIZES if len(synthetic) < most), "n>1M")],
        "pretty_name": title(synthetic),
        "tags": ["dataset-distillation", "dataset-condensation", "synthetic", "rd3"],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": FILES[format]}]}],
        "dataset_info": {"features": _features(synthetic, format)},
    }
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=120)


def _features(synthetic: Synthetic, format: str) -> list[dict[str, Any]]:
    classes = list(synthetic.classes) if format == "parquet" else folder_names(synthetic.classes)
    names = {str(label): name for label, name in enumerate(classes)}
    found: list[dict[str, Any]] = [
        {"name": "image", "dtype": "image"},
        {"name": "label", "dtype": {"class_label": {"names": names}}},
    ]
    if format == "parquet" and "soft_labels" in features(synthetic):
        found.append({"name": "soft_labels", "sequence": "float32"})
    return found
