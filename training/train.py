"""Train on synthetic images only: `python -m training.train --out FOLDER`.

Two processes with one thread each draw their own images and average their weights every few steps
(local SGD, Stich 2019, arXiv:1805.09767), which on a machine with few cores is twice as fast as
one process with two threads. The state is saved every few minutes; the same command continues.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from pathlib import Path
from typing import Any

# Memory that is given back to the system after every layer has to be cleared anew for the next.
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(10**10))
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(10**10))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor, nn
from torch import distributed as dist

from training.data import SIDE, batch
from training.micrographs import OTHER
from training.network import OUTPUTS, Segmenter, count

SEED = 20261125
BATCH = 8
"""Images a step and process."""
AVERAGE_EVERY = 8
SAVE_EVERY = 200
RATE = 2.5e-3
WARM_UP = 150
KEEP = 0.995
"""Decay of the running average of the weights, per step."""
VALIDATION = 96
SMALL, SMALL_UNTIL = 192, 0.55
"""Pixels a side of the images in the first share of the training: coarse things come first."""


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


def rate_at(step: int, steps: int) -> float:
    """Rise, stay, and fall to nothing along a cosine."""
    if step < WARM_UP:
        return RATE * (step + 1) / WARM_UP
    return RATE * (0.5 + 0.5 * math.cos(math.pi * min(step / steps, 1.0)))


def average(tensors: list[Tensor], processes: int) -> None:
    flat = torch.cat([t.reshape(-1) for t in tensors])
    dist.all_reduce(flat)
    flat /= processes
    at = 0
    for t in tensors:
        t.copy_(flat[at : at + t.numel()].view_as(t))
        at += t.numel()


def validate(model: nn.Module) -> dict[str, float]:
    """IoU of the core and Dice of shed material on the held-out family."""
    model.eval()
    ious, dices = [], []
    with torch.no_grad():
        for start in range(0, VALIDATION, BATCH):
            channels, target, weight = batch(7, range(start, start + BATCH), OTHER)
            found, true = model(channels)[:, :2] > 0, target[:, :2] > 0.5
            found &= weight[:, :2] > 0
            both = (found & true).sum((2, 3)).float()
            either = (found | true).sum((2, 3)).float()
            ious += [float(b / e) for b, e in zip(both[:, 0], either[:, 0], strict=True) if e > 0]
            shed = true[:, 1].float().mean((1, 2)) > 0.02
            dices += (2 * both[:, 1] / (both[:, 1] + either[:, 1] + 1e-6))[shed].tolist()
    model.train()
    values = torch.tensor(ious)
    return {
        "median_iou": float(values.median()),
        "mean_iou": float(values.mean()),
        "below_0.7": float((values < 0.7).float().mean()),
        "shed_dice": float(torch.tensor(dices).median()),
    }


def run(rank: int, processes: int, out: Path, images: int, port: int) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=processes
    )
    torch.manual_seed(SEED)
    model = Segmenter().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=1e-3)
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
    steps = images // (BATCH * processes)
    if rank == 0:
        print(f"{count(model)} parameters, step {step} of {steps}", flush=True)
    began, first = time.time(), step
    seen: dict[str, float] = {}
    while step < steps:
        start = (step * processes + rank) * BATCH
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, steps)
        loss, parts = loss_of(*_answer(model, range(start, start + BATCH), step / steps))
        optimiser.zero_grad(set_to_none=False)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        for name, value in parts.items():
            seen[name] = 0.98 * seen.get(name, value) + 0.02 * value
        if step % AVERAGE_EVERY == 0 or step == steps:
            kept = [t for t in model.state_dict().values() if t.dtype.is_floating_point]
            with torch.no_grad():
                average(kept, processes)
                decay = min(KEEP**AVERAGE_EVERY, 1 - AVERAGE_EVERY / (step + 2 * AVERAGE_EVERY))
                for old, new in zip(
                    mean.state_dict().values(), model.state_dict().values(), strict=True
                ):
                    if old.dtype.is_floating_point:
                        old.lerp_(new, 1 - decay)
        if step % 40 == 0 and rank == 0:
            speed = (step - first) * BATCH * processes / (time.time() - began)
            features = " ".join(f"{name} {value:.4f}" for name, value in seen.items())
            print(f"{step} {speed:.1f} images/s {features}", flush=True)
        if step % SAVE_EVERY == 0 or step == steps:
            saved = {
                "model": model.state_dict(),
                "mean": mean.state_dict(),
                "optimiser": optimiser.state_dict(),
                "step": step,
            }
            torch.save(saved, state_file.with_suffix(".new"))
            os.replace(state_file.with_suffix(".new"), state_file)
    dist.barrier()
    if rank == 0:
        print("held-out synthetic family:", validate(mean), flush=True)
    dist.destroy_process_group()


def _answer(model: nn.Module, numbers: range, progress: float) -> tuple[Tensor, Tensor, Tensor]:
    side = SMALL if progress < SMALL_UNTIL else SIDE
    channels, target, weight = batch(SEED, numbers, side=side)
    return model(channels), target, weight


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the state")
    parser.add_argument("--images", type=int, default=110_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rank", type=int, help="run this process only; the others run elsewhere")
    parser.add_argument("--port", type=int, default=29_517)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    rest = (arguments.processes, arguments.out, arguments.images, arguments.port)
    if arguments.rank is not None:
        run(arguments.rank, *rest)
    else:
        torch.multiprocessing.spawn(run, rest, nprocs=arguments.processes)


if __name__ == "__main__":
    main()
