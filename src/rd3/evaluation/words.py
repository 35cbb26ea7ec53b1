"""Values and conditions of protocols in words."""

from __future__ import annotations

from typing import Any

from rd3.evaluation.conditions import When

NONE = "none"
OTHERWISE = "otherwise"


def value_in_words(value: Any) -> str:
    """A setting's value.

    >>> value_in_words([{"kind": "padded-crop", "padding": 4}, {"kind": "flip", "p": 0.5}])
    'padded-crop (padding 4) → flip (p 0.5)'
    >>> value_in_words(None), value_in_words([0.9, 0.999]), value_in_words(True)
    ('none', '0.9, 0.999', 'yes')
    """
    if value is None or value in ([], ()):
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return _operation(value)
    if isinstance(value, float):
        return str(value).removesuffix(".0")
    if isinstance(value, (list, tuple)):
        return (" → " if isinstance(value[0], dict) else ", ").join(value_in_words(each) for each in value)
    return str(value)


def _operation(values: dict[str, Any]) -> str:
    settings = [f"{key} {_inside(value)}" for key, value in values.items() if key != "kind"]
    return f"{values.get('kind', '')} ({', '.join(settings)})" if settings else str(values.get("kind", ""))


def _inside(value: Any) -> str:
    return " to ".join(map(value_in_words, value)) if isinstance(value, (list, tuple)) else value_in_words(value)


def conditions_in_words(when: When, given: When | None = None) -> str:
    """What must hold, without what `given` says already; `otherwise` if that is nothing.

    >>> conditions_in_words(When(size_min=65, size_max=128, ipc_max=10, student=("resnet50",)))
    'resnet50, 65 to 128 px, IPC up to 10'
    >>> conditions_in_words(When(size_max=32, ipc_max=1), When(size_max=32))
    'IPC 1'
    """
    told = given or When()
    parts = [
        ", ".join(own)
        for own, known in ((when.target, told.target), (when.student, told.student))
        if own is not None and own != known
    ]
    for name, unit in (("size", "{} px"), ("classes", "{} classes"), ("ipc", "IPC {}")):
        if _bounds_of(when, name) not in ((None, None), _bounds_of(told, name)):
            parts.append(unit.format(_bounds(*_bounds_of(when, name))))
    return ", ".join(parts) or OTHERWISE


def _bounds_of(when: When, name: str) -> tuple[int | None, int | None]:
    return getattr(when, f"{name}_min"), getattr(when, f"{name}_max")


def _bounds(low: int | None, high: int | None) -> str:
    if low == high or (low is None and high == 1):
        return str(high)
    if low is None:
        return f"up to {high}"
    return f"from {low}" if high is None else f"{low} to {high}"
