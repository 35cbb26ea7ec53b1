"""rd3: does a distilled data set carry more information than the images it was made from?

    import rd3

    target = rd3.load_target("mnist5k")
    teacher = rd3.squeeze(target, model="convnet3-bn-w32")
    synthetic = rd3.distill("sre2l", target, teacher, ipc=10)
    print(rd3.evaluate(synthetic, target, protocol="rd3", teacher=teacher, seeds=5))
    print(rd3.score(synthetic, target, protocol="rd3", teacher=teacher, seeds=5))

Names are loaded when they are first used, so that `import rd3` is quick.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rd3.api import audit, distill, evaluate, export, rectify, run_study, score, squeeze
    from rd3.base.errors import UserError
    from rd3.data.load import load_target
    from rd3.data.target import Target
    from rd3.evaluation.files import load_protocol
    from rd3.squeeze.brought import bring_teacher
    from rd3.squeeze.teacher import Teacher
    from rd3.synthetic import read_synthetic
    from rd3.synthetic.artifact import Synthetic

__version__ = "0.1.0"

_HOMES = {
    "Synthetic": "rd3.synthetic.artifact",
    "Target": "rd3.data.target",
    "Teacher": "rd3.squeeze.teacher",
    "UserError": "rd3.base.errors",
    "audit": "rd3.api",
    "bring_teacher": "rd3.squeeze.brought",
    "distill": "rd3.api",
    "evaluate": "rd3.api",
    "export": "rd3.api",
    "load_protocol": "rd3.evaluation.files",
    "load_target": "rd3.data.load",
    "read_synthetic": "rd3.synthetic",
    "rectify": "rd3.api",
    "run_study": "rd3.api",
    "score": "rd3.api",
    "squeeze": "rd3.api",
}

__all__ = [
    "Synthetic",
    "Target",
    "Teacher",
    "UserError",
    "__version__",
    "audit",
    "bring_teacher",
    "distill",
    "evaluate",
    "export",
    "load_protocol",
    "load_target",
    "read_synthetic",
    "rectify",
    "run_study",
    "score",
    "squeeze",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rd3' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__


class _Package(ModuleType):
    """This package, in which importing the room `rd3.squeeze` does not replace the verb of the same name."""

    @property
    def squeeze(self) -> Any:
        return __getattr__("squeeze")

    @squeeze.setter
    def squeeze(self, room: ModuleType) -> None: ...


sys.modules[__name__].__class__ = _Package
