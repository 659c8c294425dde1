"""Masks of the package spheroidkit, run by a Python that has it: see accuracy.py.

    PYTHON peer_spheroidkit.py FOLDER

reads every PNG of FOLDER and writes NAME.mask.npy beside it. It takes no part in the project: its
libraries would not agree with ours, so it lives in an environment of its own
(`python -m venv peer; peer/bin/pip install spheroidkit==1.1.0`).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np


def main() -> None:
    from spheroidkit import analyze_image

    for path in sorted(Path(sys.argv[1]).glob("*.png")):
        start = time.perf_counter()
        try:
            mask = np.asarray(analyze_image(str(path)).mask) > 0
        except Exception as error:  # whatever it raises, it found nothing
            print(f"{path.name}: {type(error).__name__}: {error}", file=sys.stderr)
            mask = np.zeros((1, 1), bool)
        np.save(path.with_suffix(".mask.npy"), mask)
        path.with_suffix(".seconds").write_text(f"{time.perf_counter() - start:.4f}")


if __name__ == "__main__":
    main()
