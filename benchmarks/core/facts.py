"""The machine and the versions that a time was measured with."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import rd3

PACKAGES = ("torch", "torchvision", "numpy", "pillow")


def facts(device: torch.device) -> dict[str, Any]:
    """Hardware, versions, and how busy the machine was before the first measurement."""
    return {
        "device": device.type,
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "instructions": torch.backends.cpu.get_cpu_capability(),
        **(_gpu(device) if device.type == "cuda" else {}),
        "versions": {"python": platform.python_version(), "rd3": rd3.__version__, **_versions()},
    }


def described(found: dict[str, Any]) -> str:
    """The same in a line."""
    gpu = f"{found['gpu']}, CUDA {found['cuda']}; " if "gpu" in found else ""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    return (
        f"{gpu}{found['processor']}, {found['cores']} cores, {found['memory_gb']} GB; {versions}; load before the start"
        f" {found['load_before']}."
    )


def processor() -> str:
    """Its name where Linux tells it."""
    source = Path("/proc/cpuinfo")
    lines = source.read_text().splitlines() if source.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _gpu(device: torch.device) -> dict[str, Any]:
    properties = torch.cuda.get_device_properties(device)
    return {
        "gpu": properties.name,
        "gpu_memory_gb": round(properties.total_memory / 1e9, 1),
        "multiprocessors": properties.multi_processor_count,
        "compute_capability": f"{properties.major}.{properties.minor}",
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found
