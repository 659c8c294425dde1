"""Which pictures the page holds, and drawing them in processes.

The page has to stay light: all times of a small plate, some times of a large one. Which ones is
decided here and said on the page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spheroid_qc.report.film_strips import Crop, Strip, StripTask, draw_strip
from spheroid_qc.report.image_and_mask_of_well import Sources, find_sources
from spheroid_qc.report.kept_tiles import tile_key
from spheroid_qc.report.overview import Card
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.well_records import record_path
from spheroid_qc.run.worker_processes import WorkerDied, default_workers, map_unordered

STRIP_PX = 112
CARD_PX = 240
FINDING_PX = 150
_MOST_TILES = 1500
_MOST_FINDINGS = 40
_FEW = 3
_STEPS = 8
"""Steps in which the cut of the pictures doubles: each shows a tenth more of the well."""


@dataclass(frozen=True)
class Pictures:
    """All pictures of a page.

    `strips`: (plate, well) -> strip at `times`, which are indices by plate; `cards`: one picture,
    larger; `findings`: (plate, well, time in words) -> the whole frame; `worst`: the same, larger,
    of frames that speak against their masks. `messages` says which times
    there are, or why there are no pictures.
    """

    strips: dict[tuple[str, str], Strip] = field(default_factory=dict)
    cards: dict[tuple[str, str], Strip] = field(default_factory=dict)
    findings: dict[tuple[str, str, str], Strip] = field(default_factory=dict)
    worst: dict[tuple[str, str, float], Strip] = field(default_factory=dict)
    times: dict[str, tuple[int, ...]] = field(default_factory=dict)
    messages: str = ""


def chosen_times(count: int, wells: int, keep: Sequence[int] = ()) -> tuple[int, ...]:
    """Choose which times are shown, so that the page stays light.

    Of `count` times all where they are few, else evenly spaced ones with the first, the last and
    those of `keep` (time zero, analysis time). `wells` are those of all plates.
    """
    maximum = max(_FEW, _MOST_TILES // max(1, wells))
    if count <= maximum:
        return tuple(range(count))
    must = {0, count - 1, *(k for k in keep if 0 <= k < count)}
    free = max(0, maximum - len(must))
    even = {round(x) for x in np.linspace(0, count - 1, free + 2)[1:-1]} if free else set()
    return tuple(sorted(must | even))


def draw_pictures(
    root: Path | None,
    wells: pd.DataFrame,
    time_h: float | None,
    cards: Sequence[Card],
    findings: Sequence[tuple[str, str, str]],
    worst: Sequence[tuple[str, str, float]] = (),
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    *,
    keep: bool = False,
) -> Pictures:
    """Draw all pictures.

    `cards` are wells that stand for a treatment; `findings` (plate, well, time in words) and
    `worst` (plate, well, hours) frames that are shown whole. `workers` of 0 draws in this process;
    `progress` is told pictures done and of how many. Without pictures, and with a sentence, where
    images or masks are not at hand. Film strips that were drawn before are taken from the run
    folder, and with `keep` those drawn now are kept there.
    """
    if root is None:
        return Pictures(messages="There were no images, so there are no pictures of wells.")
    sources = find_sources(root)
    if not sources.views:
        return Pictures(messages=sources.lacking)
    times = {
        str(plate): sorted(float(t) for t in rows["time_h"].dropna().unique())
        for plate, rows in wells.groupby("plate", sort=True)
    }
    imaged = sorted({(plate, well) for plate, well, _ in sources.views})
    chosen = {
        plate: chosen_times(len(found), len(imaged), _must(found, time_h))
        for plate, found in times.items()
    }
    side = side_of(wells)
    crops = crops_of(wells, side)
    tasks = []
    under = tile_key(
        sources.parameters.images.model_dump(mode="json"),
        sources.parameters.plate.model_dump(mode="json"),
        repr(sources.calibration),
    )
    run = RunFolder(root)
    for key in imaged:
        views = tuple(sources.views.get((*key, n)) for n in chosen.get(key[0], ()))
        task = _task(sources, ("strip", *key), views, crops(*key), STRIP_PX)
        kept = record_path(run, *key).with_suffix(".pictures.npz")
        tasks.append(replace(task, kept=kept, under=under, keep=keep))
    for card in cards:
        key = (card.plate, card.well)
        view = sources.views.get((*key, _index(times.get(card.plate, []), card.time_h)))
        tasks.append(_task(sources, ("card", *key), (view,), crops(*key), CARD_PX))
    for plate, well, words in list(dict.fromkeys(findings))[:_MOST_FINDINGS]:
        index = _index(times.get(plate, []), float(words) if words else math.nan)
        view = sources.views.get((plate, well, index))
        if view is not None:
            tasks.append(_task(sources, ("finding", plate, well, words), (view,), None, FINDING_PX))
    for plate, well, hours in worst:
        view = sources.views.get((plate, well, _index(times.get(plate, []), hours)))
        if view is not None:
            tasks.append(_task(sources, ("worst", plate, well, hours), (view,), None, CARD_PX))
    drawn = _draw(tasks, workers, progress)
    shown = sorted({len(c) for c in chosen.values()})
    whole = all(len(chosen[p]) == len(times[p]) for p in chosen)
    messages = "" if whole else (
        f"Film strips show {shown[-1]} of {max(len(t) for t in times.values())} times, evenly "
        "spaced, so that the page stays light; every frame is in the tables and masks."
    )  # fmt: skip
    return Pictures(
        strips={k[1:]: s for k, s in drawn.items() if k[0] == "strip"},
        cards={k[1:]: s for k, s in drawn.items() if k[0] == "card"},
        findings={k[1:]: s for k, s in drawn.items() if k[0] == "finding"},
        worst={k[1:]: s for k, s in drawn.items() if k[0] == "worst"},
        times=chosen,
        messages=messages,
    )


def _must(times: Sequence[float], time_h: float | None) -> list[int]:
    if time_h is None:
        return []
    return [n for n, t in enumerate(times) if math.isclose(t, time_h, abs_tol=1e-6)]


def _index(times: Sequence[float], time_h: float) -> int:
    found = [n for n, t in enumerate(times) if math.isclose(t, time_h, rel_tol=1e-5, abs_tol=1e-6)]
    return found[0] if found else -1


def side_of(wells: pd.DataFrame) -> float | None:
    """One length for all strips: what nearly every spheroid with its debris fits into.

    Returns None where frames are shown whole, as where many spheres are counted.
    """
    need = ("reach", "core_area_px", "feret_max_px", "centroid_y_px", "centroid_x_px")
    if any(name not in wells for name in need):
        return None
    rows = wells[wells["core_area_px"].fillna(0) > 0]
    if not len(rows):
        return None
    radius = np.sqrt(rows["core_area_px"].to_numpy(float) / np.pi)
    reach = np.fmax(
        rows["reach"].to_numpy(float) * radius, rows["feret_max_px"].to_numpy(float) / 2
    )
    reach = reach[np.isfinite(reach)]
    if not len(reach):
        return None
    # In steps, so that one more time point rarely changes the cut of all pictures.
    steps = math.ceil(math.log2(2 * 1.3 * float(np.quantile(reach, 0.95))) * _STEPS)
    return float(round(2 ** (steps / _STEPS)))


def crop_of(wells: pd.DataFrame, plate: str, well: str, side: float | None) -> Crop | None:
    """Centre on the spheroid where it was first seen."""
    rows = wells[(wells["plate"] == plate) & (wells["well"] == well)]
    centre = _middle(wells)
    return crops_of(rows, side, centre)(plate, well)


def crops_of(
    wells: pd.DataFrame, side: float | None, middle: tuple[float, float] | None = None
) -> Callable[[str, str], Crop | None]:
    """Look up where each well is cut: around the spheroid where it was first seen.

    Where none was seen, around `middle`, by default that of all wells.
    """
    if side is None:
        return lambda plate, well: None
    y, x = _middle(wells) if middle is None else middle
    seen = wells[wells["centroid_y_px"].notna() & wells["centroid_x_px"].notna()]
    first = seen.sort_values("time_h", kind="stable").drop_duplicates(["plate", "well"])
    places = zip(first["plate"], first["well"], strict=True)
    centres = zip(first["centroid_y_px"], first["centroid_x_px"], strict=True)
    of = {place: (float(y), float(x)) for place, (y, x) in zip(places, centres, strict=True)}
    return lambda plate, well: (*of.get((plate, well), (y, x)), side)


def _middle(wells: pd.DataFrame) -> tuple[float, float]:
    if "centroid_y_px" not in wells:
        return 0.0, 0.0
    every = wells[["centroid_y_px", "centroid_x_px"]].median()
    return float(every.iloc[0]), float(every.iloc[1])


def _task(
    sources: Sources, key: tuple[Any, ...], views: tuple[Any, ...], crop: Crop | None, px: int
) -> StripTask:
    return StripTask(
        key, sources.folder, sources.out, views, crop, px, sources.parameters, sources.calibration
    )


def _draw(
    tasks: Sequence[StripTask],
    workers: int | None,
    progress: Callable[[int, int], None] | None,
) -> dict[tuple[Any, ...], Strip]:
    number = default_workers() if workers is None else workers
    number = min(number, len(tasks) // 8)
    found = {}
    for done, (task, strip) in enumerate(map_unordered(draw_strip, tasks, number), start=1):
        if not isinstance(strip, WorkerDied) and strip.uri:
            found[task.key] = strip
        if progress is not None:
            progress(done, len(tasks))
    return found
