"""For the process of a peer: its job, its code from a checkout, a GPU that may not be there. It imports no rd3."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


def read_job() -> dict[str, Any]:
    """The job file that was named on the command line."""
    job: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    return job


def write_result(result: dict[str, Any]) -> None:
    """`result.json`, beside the job."""
    Path(sys.argv[1]).with_name("result.json").write_text(json.dumps(result))


def start_released(folder: str, arguments: list[str]) -> None:
    """Let modules be imported from a checkout, and let its argument parsers read `arguments`."""
    sys.path.insert(0, folder)
    sys.argv = [sys.argv[0], *arguments]


def without_gpu() -> None:
    """Where there is no GPU, `.cuda()` and `device="cuda"` leave everything on the CPU. Affects the whole process."""
    if torch.cuda.is_available():
        return

    def itself(one: Any, *_: Any, **__: Any) -> Any:
        return one

    Tensor.cuda = nn.Module.cuda = itself  # type: ignore[assignment,method-assign]
    released_to, released_randn = Tensor.to, torch.randn

    def to(tensor: Tensor, *places: Any, **more: Any) -> Tensor:
        return released_to(tensor, *(_on_cpu(place) for place in places), **more)

    def randn(*shape: Any, device: Any = None, **more: Any) -> Tensor:
        return released_randn(*shape, device=_on_cpu(device), **more)

    Tensor.to = to  # type: ignore[assignment,method-assign]
    torch.randn = randn


def _on_cpu(place: Any) -> Any:
    return "cpu" if place == "cuda" else place


def wait() -> None:
    """For what runs on the GPU."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def noted(module: Any, name: str, note: Callable[[float, Any], None]) -> None:
    """Let a function of a module tell `note` its seconds and its result; nothing else about it changes."""
    released = getattr(module, name)

    def timed(*arguments: Any, **more: Any) -> Any:
        wait()
        begun = time.perf_counter()
        result = released(*arguments, **more)
        wait()
        note(time.perf_counter() - begun, result)
        return result

    setattr(module, name, timed)


def gpu_memory() -> int:
    """Bytes at most in use on the GPU, 0 without one."""
    return int(torch.cuda.max_memory_allocated()) if torch.cuda.is_available() else 0
