"""How long a plan will take and how much it will store, measured on this machine rather than assumed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import torch

from rd3.base.blame import plugins_blamed
from rd3.data.target import Target
from rd3.models import create_model, flops_per_image
from rd3.study.jobs.base import Job
from rd3.study.jobs.brought import BroughtJob
from rd3.study.jobs.run import RunJob
from rd3.study.jobs.synthetic import SyntheticJob
from rd3.study.jobs.teacher import TeacherJob

PROBE_FLOPS = 4e9  # a probe step is cut to about this much work, and its time scaled up
FIXED_SECONDS = 0.2  # loading and filing, for every job
RECORD_BYTES = 4_000


@dataclass
class Estimator:
    """Seconds and bytes of jobs; a training step of each network is timed once."""

    device: torch.device
    _steps: dict[tuple[str, int, str], float] = field(default_factory=dict)

    def seconds(self, job: Job) -> float:
        model, batch, steps = job.load_units()
        if not model or not steps:
            return FIXED_SECONDS
        key = (model, batch, job.target_fingerprint)
        if key not in self._steps:
            self._steps[key] = step_seconds(model, batch, job.target(), self.device)
        return FIXED_SECONDS + steps * self._steps[key]

    def bytes(self, job: Job) -> int:
        """What the job will file in the store."""
        target = job.target()
        if isinstance(job, (TeacherJob, BroughtJob)):
            return 4 * _parameters(job.spec.model, target)
        channels, height, width = target.train.shape
        if isinstance(job, SyntheticJob):
            return job.spec.ipc * len(target.classes) * (channels * height * width + 8) + RECORD_BYTES
        assert isinstance(job, RunJob)
        return RECORD_BYTES + len(target.test) // 4


@plugins_blamed()
def step_seconds(model: str, batch: int, target: Target, device: torch.device) -> float:
    """Seconds of one training step, by timing two of them (on a smaller batch where the network is large)."""
    network = create_model(model, classes=len(target.classes), size=target.size, channels=target.channels, seed=0)
    work = 3 * flops_per_image(network, size=target.size, channels=target.channels)
    probe = max(2, min(batch, int(PROBE_FLOPS / max(work, 1))))
    network.to(device)
    pictures = torch.zeros(probe, target.channels, target.size, target.size, device=device)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        _step(network, pictures)
        start = time.perf_counter()
        for _ in range(2):
            _step(network, pictures)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return (time.perf_counter() - start) / 2 * batch / probe
    finally:
        torch.set_num_threads(threads)


def _step(network: torch.nn.Module, pictures: torch.Tensor) -> None:
    network.zero_grad(set_to_none=True)
    network(pictures).square().mean().backward()


def _parameters(model: str, target: Target) -> int:
    network = create_model(model, classes=len(target.classes), size=target.size, channels=target.channels, seed=0)
    return sum(value.numel() for value in network.state_dict().values())
