"""A bank of drawn examples on disk, so that several trainings draw once.

    python -m training.bank --shared FOLDER --bank FOLDER [--number N]

Drawing costs more than learning: the trainings that each leave a source out share their examples,
and every example knows which groups of sources are in it. Example `i` is the same whoever draws
it; an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data import example
from training.real import Drawn, example_of
from training.sources import check_images, micrographs

SEED = 20261130
SIDE = 224
"""Pixels a side."""

CYCLE = ("real",) * 4 + ("composed",) * 3 + ("synthetic",)
"""What every eight examples are: of real images; synthetic bodies among real grounds and light; and
synthetic ones as in the first stage."""

BLOCK = 64
"""Examples that are drawn and written at a time."""

LARGE_EVERY = 9
"""Every so many examples one in which bodies fill the view. By chance it is one in ten, with which
a bright body that has hardly any ground around it was taken for the lit floor of an empty well."""

LARGE = 0.38
"""Share of the view that they cover."""

ATTEMPTS, APART = 40, 1_000_000
"""Most draws until there is one, and what sets their numbers apart."""

_SCALES = np.repeat(np.float32([127 / 1.5, 255, 40]), 4)[:, None, None]
_OFFSETS = np.repeat(np.float32([128, 0, 0]), 4)[:, None, None]
"""Channels in [-1.5, 1.5], targets in [0, 1] and weights up to 6 in eight bits."""

Float = NDArray[np.float32]


def pool_of(shared: Path) -> dict[str, list[Drawn]]:
    """Labelled images that may be trained on, by group."""
    pool: dict[str, list[Drawn]] = defaultdict(list)
    for micrograph in micrographs(shared):
        if micrograph.source.trains:
            pool[micrograph.source.group].append(Drawn.real(micrograph))
    return dict(pool)


def draw(pool: dict[str, list[Drawn]], number: int) -> tuple[NDArray[np.uint8], list[str]]:
    """Draw an example: channels, targets and weights in eight bits, and the groups within."""
    groups, parts = _drawn(pool, number, 0)
    if number % LARGE_EVERY == 0:
        for attempt in range(1, ATTEMPTS):
            if fills(*parts[1:]):
                break
            groups, parts = _drawn(pool, number, attempt)
    return pack(*parts), groups


def _drawn(
    pool: dict[str, list[Drawn]], number: int, attempt: int
) -> tuple[list[str], tuple[Float, Float, Float]]:
    """Draw an example of the kind that its number has."""
    kind = CYCLE[number % len(CYCLE)]
    own = number + attempt * APART
    if kind == "synthetic":
        return [], example(SEED, own, side=SIDE, shed_weight=0.0)
    rng = np.random.default_rng((SEED, own))
    return example_of(pool, rng, SIDE, synthetic=kind == "composed")


def fills(target: Float, weight: Float) -> bool:
    """Whether bodies cover much of what counts."""
    counts = weight[0] > 0
    return bool(counts.any()) and float((target[0][counts] > 0.5).mean()) > LARGE


def pack(channels: Float, target: Float, weight: Float) -> NDArray[np.uint8]:
    """Bring channels, targets and weights, each (4, y, x), into eight bits."""
    values = np.concatenate([channels, target, weight]) * _SCALES + _OFFSETS
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def unpack(stored: NDArray[np.uint8]) -> tuple[Float, Float, Float]:
    """Give channels, targets and weights of an example from `pack` back."""
    values = (stored.astype(np.float32) - _OFFSETS) / _SCALES
    return values[:4], values[4:8], values[8:]


class Bank:
    """Examples on disk.

    Parameters
    ----------
    folder : Path
    without : collection of str
        Groups whose examples are left out.

    Raises
    ------
    ValueError
        If the bank holds no such example.
    """

    def __init__(self, folder: Path, without: Collection[str] = ()) -> None:
        self.files: list[NDArray[np.uint8]] = []
        self.places: list[tuple[int, int]] = []
        for number, path in enumerate(sorted(folder.glob("*.npy"))):
            self.files.append(np.load(path, mmap_mode="r"))
            inside = json.loads(path.with_suffix(".json").read_text("utf-8"))
            self.places += [
                (number, row) for row, groups in enumerate(inside) if not set(groups) & set(without)
            ]
        if not self.places:
            raise ValueError(
                f"{folder} holds no examples; draw them with `python -m training.bank`"
            )

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> tuple[Float, Float, Float]:
        number, row = self.places[index]
        return unpack(self.files[number][row])


_POOL: dict[str, list[Drawn]] = {}


def _start(shared: Path) -> None:
    _POOL.update(pool_of(shared))


def _write(folder: Path, block: int) -> None:
    """Draw and store a block; its list of groups is written last and says that it is whole."""
    path = folder / f"{block:05d}.npy"
    if path.with_suffix(".json").exists():
        return
    drawn = [draw(_POOL, block * BLOCK + i) for i in range(BLOCK)]
    np.save(path, np.stack([stored for stored, _ in drawn]))
    path.with_suffix(".json").write_text(json.dumps([groups for _, groups in drawn]), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, required=True, help="folder with `open` and `real`")
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--number", type=int, default=12_800)
    parser.add_argument("--processes", type=int, default=2)
    a = parser.parse_args()
    check_images(a.shared)
    a.bank.mkdir(parents=True, exist_ok=True)
    blocks = range(-(-a.number // BLOCK))
    with ProcessPoolExecutor(a.processes, initializer=_start, initargs=(a.shared,)) as workers:
        list(workers.map(_write, [a.bank] * len(blocks), blocks))


if __name__ == "__main__":
    main()
