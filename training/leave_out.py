"""Leave sources out: trainings that are each blind to some, for honest scores and a calibration.

    python -m training.leave_out --base FILE --bank FOLDER --out FOLDER [--steps N]

Every group of sources that trains the shipped weights is left out of one fold; those that may not
train are left out of all. Each fold ends as `fold_N.onnx`; `benchmarks/accuracy.py --folds`
scores them, and `training.calibrate` fits confidence and intervals to their answers. A fold that is
there is not trained again; an interrupted one goes on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from training.sources import SOURCES

FOLDS: tuple[frozenset[str], ...] = (
    frozenset({"deiluca", "jointforces", "pyneurospheres", "park", "confocal"}),
    frozenset({"dagostino", "trivedi", "orgaquant", "a673"}),
    frozenset({"chen", "rmungai", "guertler", "paul", "edgargalan"}),
    frozenset({"fmi", "ntnu", "pds_callum", "baizer"}),
)
"""Groups that each training leaves out: sources of a kind are spread over the folds."""


def blind_folds(group: str) -> list[int]:
    """Numbers, from 1, of the folds that have not seen a group of sources.

    Raises
    ------
    ValueError
        If a group that trains is in no fold: its scores would not be honest.
    """
    if not any(source.trains for source in SOURCES if source.group == group):
        return list(range(1, len(FOLDS) + 1))
    found = [number for number, fold in enumerate(FOLDS, start=1) if group in fold]
    if not found:
        raise ValueError(f"no fold leaves out {group}; add it to one in {Path(__file__).name}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", type=Path, required=True, help="state file of the first stage")
    parser.add_argument("--bank", type=Path, required=True, help="folder of `training.bank`")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=9000)
    a = parser.parse_args()
    for number, without in enumerate(FOLDS, start=1):
        weights = a.out / f"fold_{number}.onnx"
        if weights.exists():
            continue
        state = a.out / f"fold_{number}"
        common = [sys.executable, "-m"]
        train = ["training.finetune", "--base", a.base, "--bank", a.bank, "--out", state]
        train += ["--steps", a.steps, "--without", ",".join(sorted(without))]
        subprocess.run([*common, *map(str, train)], check=True)
        export = ["training.export", "--state", state, "--base", a.base, "--target", weights]
        subprocess.run([*common, *map(str, export)], check=True)


if __name__ == "__main__":
    main()
