"""What five corrected frames of a source teach the network about its other frames.

    python benchmarks/adaptation.py FOLDER [--draws 3] [--only NAME] [--weights FILE]

FOLDER is the reference material, with `open` and `real` in it (`training/sources.toml`). Of every
source with six masks or more five frames are drawn by lot, the person's correction being the mask
that was drawn by eye; what is learned and how much of it is kept is decided on those five alone,
and the others are segmented before and after. With fixed seeds, several times. The adapters of the
first draw are also used on a frame of every other source, where they should count for nothing or
do no harm. `--weights` names another file of the network, such as one trained without the sources.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from spheroid_qc.segmentation import Adapter, Segmentation, segment
from spheroid_qc.segmentation.adapter.fit_adapter import Lesson, lesson_of
from spheroid_qc.segmentation.adapter.learn_and_judge import (
    Agreement,
    Corrected,
    Learned,
    agreement,
    learn,
)
from spheroid_qc.segmentation.learned import network
from training.sources import Micrograph, micrographs

TAUGHT = 5
FEWEST_MASKS = 6
"""One frame at least is left to be scored."""


@dataclass(eq=False)
class Drawn:
    """A frame with its mask, what it teaches, and how well it is segmented without an adapter."""

    micrograph: Micrograph
    truth: Corrected
    method: str
    many: bool
    _lesson: Lesson | None = None
    _before: Segmentation | None = None

    def segmented(self, adapter: Adapter | None) -> Segmentation:
        if adapter is not None:
            return segment(self.micrograph.plane, method=self.method, adapter=adapter)
        if self._before is None:
            self._before = segment(self.micrograph.plane, method=self.method)
        return self._before

    @property
    def lesson(self) -> Lesson:
        if self._lesson is None:
            truth = self.truth
            self._lesson = lesson_of(self.micrograph.plane, truth.core, truth.shed, truth.unsure)
        return self._lesson

    def scored(self, adapter: Adapter | None) -> Agreement:
        return agreement(self.segmented(adapter), self.truth, many=self.many)


def drawn_frames(shared: Path, method: str) -> dict[str, list[Drawn]]:
    """Read all frames with masks, by source."""
    found: dict[str, list[Drawn]] = defaultdict(list)
    for micrograph in micrographs(shared):
        assert micrograph.labels is not None
        assert micrograph.shed is not None
        truth = Corrected(micrograph.labels, micrograph.shed, micrograph.ignore)
        source = micrograph.source
        found[source.folder].append(Drawn(micrograph, truth, method, source.spheres))
    return found


def taught(frames: list[Drawn], seed: int) -> tuple[Learned, list[Drawn]]:
    """Learn from five frames drawn by lot; gives what was learned, and the other frames."""
    order = np.random.default_rng(seed).permutation(len(frames))
    chosen, rest = [frames[n] for n in order[:TAUGHT]], [frames[n] for n in order[TAUGHT:]]
    learned = learn(
        [frame.lesson for frame in chosen],
        [frame.truth for frame in chosen],
        lambda n, adapter: chosen[n].segmented(adapter),
        many=chosen[0].many,
    )
    return learned, rest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--method", default="auto", choices=("auto", "learned"))
    parser.add_argument("--weights", type=Path)
    arguments = parser.parse_args()
    if not any((arguments.folder / name).is_dir() for name in ("open", "real")):
        print(
            f"skipped: {arguments.folder} holds neither open/ nor real/ of the reference material"
        )
        return 0
    if arguments.weights is not None:
        network.WEIGHTS = str(arguments.weights.resolve())
    sources = drawn_frames(arguments.folder, arguments.method)
    print(f"weights {network.weights_sha256()[:8]}, method {arguments.method}")
    print(
        "| source | n | kept: core, shed | core IoU | change: median, worst | < -0.05 "
        "| 1 - error of DF (fields of many: overlap of all foreground) | change: median, worst "
        "| other sources: n, weight, core IoU mean and worst |\n"
        "| --- | ---: | --- | --- | --- | ---: | --- | --- | --- |"
    )
    everything: list[float] = []
    for name, frames in sources.items():
        if len(frames) < FEWEST_MASKS or arguments.only not in name:
            continue
        before: list[Agreement] = []
        after: list[Agreement] = []
        strengths = []
        for seed in range(arguments.draws):
            begun = time.process_time()
            learned, rest = taught(frames, seed)
            strengths.append(f"{learned.core:g} {learned.shed:g}")
            adapter = learned.adapter if learned.helps else None
            before += [frame.scored(None) for frame in rest]
            after += [frame.scored(adapter) for frame in rest]
            print(f"{name} {seed}: {time.process_time() - begun:.1f} s", file=sys.stderr)
            if seed == 0:
                elsewhere = _elsewhere(sources, frames[0], adapter)
        core = _pairs(before, after, "core")
        shed = _pairs(before, after, "shed")
        everything += list(core[1] - core[0])
        print(
            f"| {name} | {len(frames) - TAUGHT} x {arguments.draws} | {', '.join(strengths)} "
            f"| {_change(core)} | {int(np.sum(core[1] - core[0] < -0.05))} | {_change(shed)} "
            f"| {elsewhere} |",
            flush=True,
        )
    total = np.array(everything)
    print(
        f"| **all** | {total.size} | | | mean {total.mean():+.3f}, median {np.median(total):+.3f}, "
        f"worst {total.min():+.3f} | {int(np.sum(total < -0.05))} | | | |"
    )
    return 0


def _elsewhere(sources: dict[str, list[Drawn]], own: Drawn, adapter: Adapter | None) -> str:
    """Say what an adapter does to the first frame of every source of another group."""
    if adapter is None:
        return ""
    group = own.micrograph.source.group
    others = [f[0] for f in sources.values() if f[0].micrograph.source.group != group]
    found = [frame.segmented(adapter) for frame in others]
    change = [
        agreement(masks, frame.truth, many=frame.many).core - frame.scored(None).core
        for masks, frame in zip(found, others, strict=True)
    ]
    weight = np.mean([masks.evidence.get("adapted", 0.0) for masks in found])
    return f"{len(found)}, {weight:.2f}, {np.mean(change):+.3f}, {np.min(change):+.3f}"


def _pairs(before: list[Agreement], after: list[Agreement], name: str) -> np.ndarray:
    return np.array([[getattr(a, name) for a in found] for found in (before, after)])


def _change(pairs: np.ndarray) -> str:
    """Medians before and after, and median and worst of the change."""
    change = pairs[1] - pairs[0]
    return (
        f"{np.median(pairs[0]):.3f} -> {np.median(pairs[1]):.3f} "
        f"| {np.median(change):+.3f}, {change.min():+.3f}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
