"""Methods with settings that make them quick."""

from __future__ import annotations

from typing import Any

from rd3.base.spec import parse
from rd3.data.target import Target
from rd3.methods.base import METHODS, Method

QUICK = {
    **{"iterations": 5, "round_iterations": 2, "images_per_class": 10, "networks": 1, "epochs": 2, "real_batch": 8},
    **{"network": "convnet2-w4", "network_epochs": 1, "network_images": 64, "rounds": 2, "matches": 2},
    **{"train_steps": 1, "train_batch": 16, "frequencies": 16},
}


def quick_settings(name: str, **changes: Any) -> dict[str, Any]:
    """Those of `QUICK` and `changes` that a method has and uses."""
    fields = METHODS[name].model_fields
    wanted = {**QUICK, **changes}
    return {key: value for key, value in wanted.items() if key in fields and fields[key].default != 0}


def quick_method(name: str, target: Target, ipc: int, **changes: Any) -> Method:
    """The paper's settings for a target, cut short."""
    settings = METHODS[name].settings_for(target, ipc) | quick_settings(name, **changes)
    return parse(METHODS[name], settings, where="test")
