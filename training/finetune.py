"""Second stage of the training: real micrographs beside synthetic ones.

    python -m training.finetune --base FOLDER --shared FOLDER --out FOLDER [--without GROUP,GROUP]

Starts from the weights of `training.train`, and learns from five real examples for three synthetic
ones. `--without` leaves groups of sources out, for scores on microscopes that the weights have not
seen. The state is saved every few minutes; the same command continues.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

import numpy as np
import torch

from training.data import SIDE, example
from training.loop import Batch, Schedule, fit
from training.real import Drawn, example_of
from training.sources import micrographs

SEED = 20261129
REAL, SYNTHETIC = 5, 3
"""Examples of each kind in a step of one process."""
SMALL, SMALL_UNTIL = 192, 0.6
"""Pixels a side of the examples in the first share of the training."""


def pool_of(shared: Path, without: Collection[str] = ()) -> dict[str, list[Drawn]]:
    """Labelled images that may be trained on, by group."""
    pool: dict[str, list[Drawn]] = defaultdict(list)
    for micrograph in micrographs(shared):
        source = micrograph.source
        if source.trains and source.group not in without:
            pool[source.group].append(Drawn(micrograph))
    return dict(pool)


def batch(pool: dict[str, list[Drawn]], number: int, side: int) -> Batch:
    """Draw the examples of one step: always the same for its number."""
    rng = np.random.default_rng((SEED, number))
    drawn = [example_of(pool, rng, side) for _ in range(REAL)]
    first = SYNTHETIC * number
    drawn += [example(SEED, first + i, side=side, shed_weight=0.0) for i in range(SYNTHETIC)]
    channels, target, weight = (torch.from_numpy(np.stack(a)) for a in zip(*drawn, strict=True))
    return channels.to(memory_format=torch.channels_last), target, weight


def run(
    rank: int, processes: int, base: Path, shared: Path, out: Path, steps: int, without: list[str],
    port: int,
) -> None:  # fmt: skip
    pool = pool_of(shared, without)
    if rank == 0:
        print(f"{sum(map(len, pool.values()))} images of {len(pool)} groups", flush=True)
    schedule = Schedule(steps, rate=1.2e-3, warm_up=40, keep=0.99, save_every=50)

    def draw(step: int) -> Batch:
        side = SMALL if step / steps < SMALL_UNTIL else SIDE
        return batch(pool, step * processes + rank, side)

    weights = torch.load(base, weights_only=True)["mean"]
    fit(rank, processes, out, port, schedule, draw, weights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", type=Path, required=True, help="state file of the first stage")
    parser.add_argument("--shared", type=Path, required=True, help="folder with `open` and `real`")
    parser.add_argument("--out", type=Path, required=True, help="folder for the state")
    parser.add_argument("--steps", type=int, default=1200, help="of each process")
    parser.add_argument("--without", default="", help="groups that are left out, with commas")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--port", type=int, default=29_518)
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    without = [name for name in a.without.split(",") if name]
    rest = (a.processes, a.base, a.shared, a.out, a.steps, without, a.port)
    torch.multiprocessing.spawn(run, rest, nprocs=a.processes)


if __name__ == "__main__":
    main()
