"""Where work runs, and how a run is kept the same bits everywhere."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import sys
from pathlib import Path

import torch

from rd3.base.errors import UserError
from rd3.training.execution import Execution

THREADS = 1  # sums are split by thread, so one thread gives the same bits whatever the number of cores


def pick_device(name: str = "auto") -> torch.device:
    """`auto` is the GPU where there is one.

    Raises:
        UserError: the device is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"device = {name}: {str(error).splitlines()[0]}") from None
    return device


def prepare_process(device: torch.device) -> None:
    """One thread on a CPU; a GPU is initialised, with deterministic float32 kernels. Affects the whole process."""
    torch.set_num_threads(THREADS)
    _keep_freed_memory()
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.cuda.init()  # or its memory cannot be asked about
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.use_deterministic_algorithms(True, warn_only=True)
        # Filling every new tensor would be a kernel more for each.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def _keep_freed_memory() -> None:
    """Reuse freed pages: glibc gives large blocks back at once, and their return costs a tenth of a training step."""
    trim_threshold, mmap_threshold = -1, -3
    try:
        allocator = ctypes.CDLL("libc.so.6")
        allocator.mallopt(mmap_threshold, 2**30)
        allocator.mallopt(trim_threshold, 2**31 - 1)
    except (OSError, AttributeError):
        pass  # another C library: nothing but speed is lost


def kernels_of(device: torch.device) -> str:
    """What the last bits depend on besides versions: the model of a GPU, the vector instructions of a CPU."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"cpu ({torch.backends.cpu.get_cpu_capability()})" if device.type == "cpu" else device.type


def wait_for(device: torch.device) -> None:
    """Return when a GPU has done what it was given; a clock that is read earlier shows when it was asked to."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def reset_peak_memory(device: torch.device) -> None:
    """Start a new measurement where the device, or the system, allows one."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory(device: torch.device) -> int:
    """Bytes: the device's peak since the last reset on a GPU, the process's on a CPU (so far, where Linux is not)."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    unit = 1 if sys.platform == "darwin" else 1024
    return _process_status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def memory_in_use(device: torch.device) -> int:
    """Bytes: what is allocated on a GPU, what the process has in memory on a CPU (its peak, where Linux is not)."""
    if device.type == "cuda":
        return int(torch.cuda.memory_allocated(device))
    return _process_status("VmRSS") or peak_memory(device)


def _process_status(name: str) -> int | None:
    """Bytes that Linux counts for this process under a name; None elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


def environment(
    device: torch.device, execution: Execution | None = None, *, not_captured: str | None = None
) -> dict[str, str]:
    """What a number depends on besides its specification.

    Args:
        execution: what a run was done with.
        not_captured: why its steps were not captured although they should have been, or None.
    """
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "device": f"{device.type} ({name})",
        "threads": str(THREADS),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": platform.system(),
        **({} if execution is None else _carried_out(execution, not_captured)),
    }


def _carried_out(execution: Execution, not_captured: str | None) -> dict[str, str]:
    steps = "captured" if not_captured is None else f"called: {not_captured}"
    return {"precision": execution.precision} | ({"steps": steps} if execution.graphs else {})
