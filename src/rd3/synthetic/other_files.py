"""Files around distilled sets that are none themselves: what they are, and where they are used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rd3.synthetic.label_store import is_label_store
from rd3.synthetic.pickled import container_of, content_of, is_tensor

BUFFERS = "replay_buffer_*.pt"  # files of MTT's experts, that users know by their folder


def other_content(path: Path) -> str | None:
    """What lies at a path that holds no set, for a message; None where nothing is known of it.

    Raises:
        UserError: it is a file that is damaged, or holds what is never loaded.
    """
    if is_label_store(path):
        return (
            "holds a teacher's soft labels of augmented views (FKD), no images; give the class folders that they"
            " belong to, and these with label_store (--soft-labels)"
        )
    if path.is_dir() and (buffers := sorted(path.glob(BUFFERS))):
        return f"its {buffers[0].name} {other_content(buffers[0])}"
    if container_of(path) is None:
        return None
    content = content_of(path)
    return _trajectories(content) or f"no distilled data set of a known structure: it holds {_structure(content)}"


def _trajectories(content: Any) -> str | None:
    """Of a replay buffer: experts, snapshots and parameters are lists in lists."""
    if not isinstance(content, list) or not content or not all(isinstance(each, list) and each for each in content):
        return None
    snapshots = content[0]
    if not all(isinstance(each, list) and each and all(map(is_tensor, each)) for each in snapshots):
        return None
    return (
        f"holds training trajectories of {len(content)} experts (MTT's replay buffer: {len(snapshots)} snapshots of"
        f" {len(snapshots[0])} tensors), no images; mtt, tesla, datm and edf take their folder with -p expert_files=…"
    )


def _structure(content: object) -> str:
    kind = type(content).__name__
    if isinstance(content, dict):
        return f"a {kind} with {', '.join(str(key)[:40] for key in list(content)[:5]) or 'nothing'}"
    if isinstance(content, (list, tuple)):
        return f"a {kind} of {len(content)}" + (f", first a {type(content[0]).__name__}" if content else "")
    return f"a {kind}" + (f" of shape {tuple(content.shape)}" if hasattr(content, "shape") else "")
