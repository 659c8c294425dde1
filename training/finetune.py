"""Second stage of the training: real micrographs beside synthetic ones.

    python -m training.finetune --base FILE --bank FOLDER --out FOLDER [--without GROUP,GROUP]

Starts from the weights of `training.train`, and learns from the examples of `training.bank`.
`--without` leaves groups of sources out, for scores on microscopes that the weights have not seen.
The state is saved every few minutes; the same command continues.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from training.bank import Bank
from training.loop import Batch, Schedule, fit
from training.targets import turned

SEED = 20261129
BATCH = 8
"""Examples a step and process."""

AGAIN = 1 / 3
"""Share of the steps before which the rate, fallen to nothing, rises once more."""


def batch(bank: Bank, number: int) -> Batch:
    """Draw the examples of one step, turned at random: always the same for its number."""
    rng = np.random.default_rng((SEED, number))
    drawn = [turned(*bank[int(i)], rng) for i in rng.integers(len(bank), size=BATCH)]
    channels, target, weight = (torch.from_numpy(np.stack(a)) for a in zip(*drawn, strict=True))
    return channels.to(memory_format=torch.channels_last), target, weight


def run(
    rank: int, processes: int, base: Path, bank: Path, out: Path, steps: int, without: list[str],
    port: int,
) -> None:  # fmt: skip
    examples = Bank(bank, without)
    if rank == 0:
        print(f"{len(examples)} examples", flush=True)
    again = round(steps * AGAIN)
    schedule = Schedule((steps - again, again), rate=1.2e-3, warm_up=40, keep=0.99, save_every=50)

    def draw(step: int) -> Batch:
        return batch(examples, step * processes + rank)

    weights = torch.load(base, weights_only=True)["mean"]
    fit(rank, processes, out, port, schedule, draw, weights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", type=Path, required=True, help="state file of the first stage")
    parser.add_argument("--bank", type=Path, required=True, help="folder of `training.bank`")
    parser.add_argument("--out", type=Path, required=True, help="folder for the state")
    parser.add_argument("--steps", type=int, default=9000, help="of each process")
    parser.add_argument("--without", default="", help="groups that are left out, with commas")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--port", type=int, default=29_518)
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    without = [name for name in a.without.split(",") if name]
    rest = (a.processes, a.base, a.bank, a.out, a.steps, without, a.port)
    torch.multiprocessing.spawn(run, rest, nprocs=a.processes)


if __name__ == "__main__":
    main()
