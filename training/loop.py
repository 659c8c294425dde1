"""The training loop of both stages: local SGD in a few processes, resumable.

Processes with one thread each draw their own images and average their weights every few steps
(local SGD, Stich 2019, arXiv:1805.09767), which on a machine with few cores is twice as fast as
one process with more threads. The state is saved every few minutes; the same command continues.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Memory that is given back to the system after every layer has to be cleared anew for the next.
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(10**10))
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(10**10))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor, nn
from torch import distributed as dist

from training.network import OUTPUTS, Segmenter

AVERAGE_EVERY = 8
REPORT_EVERY = 40

Batch = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Schedule:
    """How fast is learned.

    Parameters
    ----------
    cycles : tuple of int
        Steps of each process until the rate, fallen to nothing along a cosine, begins anew
        (Loshchilov and Hutter 2017, arXiv:1608.03983).
    rate : float
        Highest learning rate.
    warm_up : int
        Steps until then, in every cycle.
    keep : float
        Decay of the running average of the weights, per step.
    save_every : int
        Steps between two saved states.
    """

    cycles: tuple[int, ...]
    rate: float
    warm_up: int
    keep: float
    save_every: int

    @property
    def steps(self) -> int:
        """Steps of each process, of all cycles."""
        return sum(self.cycles)

    def rate_at(self, step: int) -> float:
        """Learning rate of a step."""
        for length in self.cycles:
            if step < length:
                falling = self.rate * (0.5 + 0.5 * math.cos(math.pi * step / length))
                return min(falling, self.rate * (step + 1) / self.warm_up)
            step -= length
        return 0.0


def loss_of(logits: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Cross entropy of every output, and overlap of core and shed."""
    entropy = nn.functional.binary_cross_entropy_with_logits(
        logits, target, weight, reduction="none"
    ).mean((0, 2, 3))
    chance = torch.sigmoid(logits[:, :2]) * (weight[:, :2] > 0)
    wanted = target[:, :2] * (weight[:, :2] > 0)
    both = (chance * wanted).sum((2, 3))
    dice = 1 - (2 * both + 50) / ((chance + wanted).sum((2, 3)) + 50)
    shares = torch.tensor([2.0, 1.5, 0.6, 0.6])
    total = (shares * entropy).sum() + 0.6 * dice[:, 0].mean() + 0.5 * dice[:, 1].mean()
    parts = dict(zip(OUTPUTS, entropy.detach().tolist(), strict=True))
    return total, parts | {
        "dice": float(dice[:, 0].detach().mean()),
        "dice_shed": float(dice[:, 1].detach().mean()),
    }


def average(tensors: list[Tensor], processes: int) -> None:
    flat = torch.cat([t.reshape(-1) for t in tensors])
    dist.all_reduce(flat)
    flat /= processes
    at = 0
    for t in tensors:
        t.copy_(flat[at : at + t.numel()].view_as(t))
        at += t.numel()


def fit(
    rank: int,
    processes: int,
    out: Path,
    port: int,
    schedule: Schedule,
    draw: Callable[[int], Batch],
    base: dict[str, Tensor] | None = None,
) -> Segmenter:
    """Train as one of several processes, from where a saved state stands.

    Parameters
    ----------
    rank, processes : int
        Number of this process, and how many there are.
    out : Path
        Folder of the states.
    port : int
        On this machine, where the processes meet.
    schedule : Schedule
    draw : callable
        Channels, targets and weights of this process for the number of a step.
    base : dict of str to Tensor, optional
        Weights to start from; default: drawn at random.

    Returns
    -------
    Segmenter
        With the running average of the weights.
    """
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=processes
    )
    model = Segmenter().to(memory_format=torch.channels_last)
    if base is not None:
        model.load_state_dict(base)
    optimiser = torch.optim.AdamW(model.parameters(), lr=schedule.rate, weight_decay=1e-3)
    mean = Segmenter()
    mean.load_state_dict(model.state_dict())
    state_file = out / f"state_{rank}.pt"
    step = 0
    if state_file.exists():
        state: dict[str, Any] = torch.load(state_file, weights_only=True)
        model.load_state_dict(state["model"])
        mean.load_state_dict(state["mean"])
        optimiser.load_state_dict(state["optimiser"])
        step = state["step"]
    if rank == 0:
        print(f"step {step} of {schedule.steps}", flush=True)
    began, first = time.time(), step
    seen: dict[str, float] = {}
    while step < schedule.steps:
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate_at(step)
        channels, target, weight = draw(step)
        # Half the time of single precision where the processor knows bfloat16; weights stay single.
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(channels)
        loss, parts = loss_of(logits.float(), target, weight)
        optimiser.zero_grad(set_to_none=False)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        for name, value in parts.items():
            seen[name] = 0.98 * seen.get(name, value) + 0.02 * value
        if step % AVERAGE_EVERY == 0 or step == schedule.steps:
            _average_models(model, mean, processes, schedule.keep, step)
        if step % REPORT_EVERY == 0 and rank == 0:
            pace = (time.time() - began) / (step - first)
            features = " ".join(f"{name} {value:.4f}" for name, value in seen.items())
            print(f"{step} {pace:.2f} s a step {features}", flush=True)
        if step % schedule.save_every == 0 or step == schedule.steps:
            saved = {
                "model": model.state_dict(),
                "mean": mean.state_dict(),
                "optimiser": optimiser.state_dict(),
                "step": step,
            }
            torch.save(saved, state_file.with_suffix(".new"))
            os.replace(state_file.with_suffix(".new"), state_file)
    dist.barrier()
    dist.destroy_process_group()
    return mean


def _average_models(
    model: nn.Module, mean: nn.Module, processes: int, keep: float, step: int
) -> None:
    """Average the weights of all processes, and follow them with the running average."""
    with torch.no_grad():
        average([t for t in model.state_dict().values() if t.dtype.is_floating_point], processes)
        decay = min(keep**AVERAGE_EVERY, 1 - AVERAGE_EVERY / (step + 2 * AVERAGE_EVERY))
        for old, new in zip(mean.state_dict().values(), model.state_dict().values(), strict=True):
            if old.dtype.is_floating_point:
                old.lerp_(new, 1 - decay)
