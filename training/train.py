"""First stage of the training, on synthetic images: `python -m training.train --out FOLDER`.

The state is saved every few minutes; the same command continues. `training.finetune` is the second
stage, on real micrographs beside synthetic ones.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn

from training.data import SIDE, example
from training.loop import Batch, Schedule, fit
from training.micrographs import OTHER, WIDE, Family
from training.network import Segmenter, count

SEED = 20261125
BATCH = 8
"""Images a step and process."""
VALIDATION = 96
SMALL, SMALL_UNTIL = 192, 0.55
"""Pixels a side of the images in the first share of the training: coarse things come first."""


def batch(seed: int, numbers: range, family: Family = WIDE, side: int = SIDE) -> Batch:
    """Draw a batch of examples."""
    drawn = [example(seed, number, family, side) for number in numbers]
    channels, target, weight = (torch.from_numpy(np.stack(a)) for a in zip(*drawn, strict=True))
    return channels.to(memory_format=torch.channels_last), target, weight


def schedule_of(images: int, processes: int) -> Schedule:
    """How fast is learned from so many images."""
    return Schedule(
        (images // (BATCH * processes),), rate=2.5e-3, warm_up=150, keep=0.995, save_every=200
    )


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
    torch.manual_seed(SEED)
    schedule = schedule_of(images, processes)

    def draw(step: int) -> Batch:
        start = (step * processes + rank) * BATCH
        side = SMALL if step / schedule.steps < SMALL_UNTIL else SIDE
        return batch(SEED, range(start, start + BATCH), side=side)

    mean = fit(rank, processes, out, port, schedule, draw)
    if rank == 0:
        print(f"{count(Segmenter())} parameters; held-out synthetic family:", validate(mean))


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
