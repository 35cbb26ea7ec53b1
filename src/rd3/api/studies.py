"""Studies, as they are planned in a file."""

from __future__ import annotations

from pathlib import Path

from rd3.study.executors.base import Listener
from rd3.study.executors.choose import choose_executor
from rd3.study.run import StudyResult
from rd3.study.run import run_study as run_planned_study
from rd3.study.spec import StudySpec, load_study
from rd3.study.store import Store


def run_study(
    study: StudySpec | str,
    *,
    store: Store | None = None,
    folder: Path | None = None,
    device: str = "auto",
    workers: int = 1,
    listener: Listener | None = None,
) -> StudyResult:
    """Run a study (a spec, a file, or the name of a shipped one), and write its folder.

    Returns:
        The ranking's rows, a sentence for each group, and where everything is.
    """
    spec = load_study(study) if isinstance(study, str) else study
    executor = choose_executor(device, workers=workers)
    return run_planned_study(spec, store or Store(), executor, folder=folder, listener=listener)
