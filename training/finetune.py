"""Second stage of the training: real micrographs beside synthetic ones.

    python -m training.finetune --base FOLDER --shared FOLDER --out FOLDER [--without GROUP,GROUP]

Starts from the weights of `training.train`, and learns from five real examples for three synthetic
ones. `--without` leaves groups of sources out, for scores on microscopes that the weights have not
seen. The state is saved every few minutes; the same command continues.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Any

os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(10**10))
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(10**10))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import Tensor, nn
from torch import distributed as dist

from training.data import SIDE, example
from training.network import Segmenter
from training.real import Drawn, example_of
from training.sources import micrographs
from training.train import average, loss_of

SEED = 20261129
REAL, SYNTHETIC = 5, 3
"""Examples of each kind in a step of one process."""
AVERAGE_EVERY = 8
SAVE_EVERY = 50
RATE = 1.2e-3
WARM_UP = 40
KEEP = 0.99
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


def batch(pool: dict[str, list[Drawn]], number: int, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw the examples of one step: always the same for its number."""
    rng = np.random.default_rng((SEED, number))
    drawn = [example_of(pool, rng, side) for _ in range(REAL)]
    first = SYNTHETIC * number
    drawn += [example(SEED, first + i, side=side) for i in range(SYNTHETIC)]
    channels, target, weight = (torch.from_numpy(np.stack(a)) for a in zip(*drawn, strict=True))
    return channels.to(memory_format=torch.channels_last), target, weight


def run(
    rank: int, processes: int, base: Path, shared: Path, out: Path, steps: int, without: list[str],
    port: int,
) -> None:  # fmt: skip
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=processes
    )
    torch.manual_seed(SEED)
    model = Segmenter().to(memory_format=torch.channels_last)
    model.load_state_dict(torch.load(base, weights_only=True)["mean"])
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
    pool = pool_of(shared, without)
    if rank == 0:
        count = sum(len(v) for v in pool.values())
        print(f"{count} images of {len(pool)} groups, step {step} of {steps}", flush=True)
    began, first = time.time(), step
    seen: dict[str, float] = {}
    while step < steps:
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / WARM_UP) * _fall(step / steps)
        side = SMALL if step / steps < SMALL_UNTIL else SIDE
        channels, target, weight = batch(pool, step * processes + rank, side)
        loss, parts = loss_of(model(channels), target, weight)
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
            pace = (time.time() - began) / (step - first)
            features = " ".join(f"{name} {value:.4f}" for name, value in seen.items())
            print(f"{step} {pace:.2f} s a step {features}", flush=True)
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
    dist.destroy_process_group()


def _fall(progress: float) -> float:
    return 0.5 + 0.5 * math.cos(math.pi * min(progress, 1.0))


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
