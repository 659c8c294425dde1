"""Which frames a person should look at, the most suspicious first. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spheroid_qc.flags import FLAGS
from spheroid_qc.parameters import Severity
from spheroid_qc.run.overlays.overlay_choice import NOT_IN_THE_PICTURE

SHOWN = ("doubtful", "left out by a flag", "decided or corrected", "all frames")
"""What can be queued."""

_WEIGHTS = {Severity.EXCLUDE.value: 2.0, Severity.WARN.value: 1.0, Severity.INFO.value: 0.0}
_OURS = frozenset({"corrected_by_user", "accepted_by_user", "excluded_by_user"})


@dataclass(frozen=True)
class Entry:
    """One frame in the queue, with titles of its findings (`why`) and a sentence for each.

    `timepoint` is the rank of the time. `score` says how suspicious it is: 2 for each excluding
    flag, 1 for each warning, what is missing to full confidence, and at most 1 for how far it
    stands apart from its neighbours. `confidence` is that of the
    segmentation; NaN where a person drew the masks. `decision`: `accept`, `exclude` or empty;
    `codes` are those of the findings.
    """

    plate: str
    well: str
    timepoint: int
    time_h: float
    score: float
    why: str
    details: tuple[str, ...]
    confidence: float
    decision: str
    corrected: bool
    codes: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, int]:
        """Plate, well and rank of the time."""
        return self.plate, self.well, self.timepoint

    @property
    def done(self) -> bool:
        """Whether a person has decided."""
        return bool(self.decision) or self.corrected


def queue_of(
    wells: pd.DataFrame,
    qc: pd.DataFrame,
    times: dict[str, dict[int, float]],
    decision: Callable[[str, str, float], str],
    corrected: Callable[[str, str, int], bool],
    shown: str = SHOWN[0],
    *,
    blanks: bool = False,
) -> list[Entry]:
    """Queue the frames of a run, the most suspicious first, then in the order of the table.

    Among frames of like findings those come first that disagree most with their neighbours: the
    frames of the well before and after, and the other wells of the condition at that time. Wells
    without cells (`blank`) are left out unless `blanks` are asked for.

    `times` is plate -> rank of the time -> hours; `decision` gives `accept`, `exclude` or empty for
    plate, well and hours; `corrected` tells for plate, well and rank whether there is a correction
    that the tables may not know yet; `shown` is one of `SHOWN`.
    """
    imaged = wells[wells["file"].notna()] if "file" in wells else wells
    if not blanks and "role" in imaged and shown != SHOWN[2]:
        imaged = imaged[imaged["role"] != "blank"]
    strange = disagreement(imaged)
    findings = _findings(qc)
    ranks = {
        plate: (np.array(list(of_plate.values())), list(of_plate))
        for plate, of_plate in times.items()
    }
    entries = []
    columns = [
        imaged[name].tolist() for name in ("plate", "well", "time_h", "confidence", "method")
    ]
    for plate, well, time_h, confidence, method, away in zip(*columns, strange, strict=True):
        if plate not in ranks:
            continue
        hours, numbers = ranks[plate]
        timepoint = numbers[int(np.argmin(np.abs(hours - time_h)))]
        found = findings.get((plate, well, round(time_h, 4)), [])
        is_corrected = bool(method == "corrected") or corrected(plate, well, timepoint)
        score = sum(_WEIGHTS.get(severity, 0.0) for _, severity, _, _ in found)
        score += 0.0 if np.isnan(confidence) else max(0.0, 1.0 - confidence)
        score += away
        entries.append(
            Entry(
                plate, well, timepoint, time_h, score,
                ", ".join(dict.fromkeys(title for _, _, title, _ in found)),
                tuple(f"{title}: {detail}" for _, _, title, detail in found),
                confidence, decision(plate, well, time_h), is_corrected,
                tuple(dict.fromkeys(code for code, _, _, _ in found)),
            )
        )  # fmt: skip
    kept = [entry for entry in entries if _is_shown(entry, findings, shown)]
    return sorted(kept, key=lambda entry: -entry.score)


def disagreement(wells: pd.DataFrame) -> list[float]:
    """Tell how far each frame stands apart from its neighbours, 0 to 1.

    `wells` has `plate, well, time_h, condition, disintegration_fraction`. The measure is the
    smaller of two distances in disintegration: to the mean of the frames just before and after, and
    to the median of the condition at that time. A frame that agrees with either is no surprise.
    """
    if "disintegration_fraction" not in wells or not len(wells):
        return [0.0] * len(wells)
    table = wells.reset_index(drop=True).sort_values(["plate", "well", "time_h"])
    value = table["disintegration_fraction"].astype(float)
    series = value.groupby([table["plate"], table["well"]])
    beside = pd.concat([series.shift(1), series.shift(-1)], axis=1).mean(axis=1)
    of_condition = [table[name] for name in ("plate", "condition", "time_h") if name in table]
    usual = value.groupby(of_condition).transform("median")
    away = pd.concat([(value - beside).abs(), (value - usual).abs()], axis=1).min(
        axis=1, skipna=False
    )
    return [float(x) if np.isfinite(x) else 0.0 for x in away.sort_index()]


def _findings(qc: pd.DataFrame) -> dict[tuple[str, str, float], list[tuple[str, str, str, str]]]:
    """Collect findings that show in the picture, by frame: code, severity, title, detail."""
    found: dict[tuple[str, str, float], list[tuple[str, str, str, str]]] = {}
    about_frames = qc[qc["well"].notna() & qc["time_h"].notna()]
    names = ("plate", "well", "time_h", "code", "severity", "title", "detail")
    columns = [about_frames[name].tolist() for name in names]
    for plate, well, time_h, code, severity, title, detail in zip(*columns, strict=True):
        if code in NOT_IN_THE_PICTURE or code in _OURS or code not in FLAGS:
            continue
        if severity != Severity.INFO.value:
            key = (str(plate), str(well), round(float(time_h), 4))
            found.setdefault(key, []).append((code, severity, str(title), str(detail)))
    return found


def _is_shown(
    entry: Entry,
    findings: dict[tuple[str, str, float], list[tuple[str, str, str, str]]],
    shown: str,
) -> bool:
    if shown == "all frames":
        return True
    if shown == "decided or corrected":
        return entry.done
    of_frame = findings.get((entry.plate, entry.well, round(entry.time_h, 4)), [])
    if shown == "left out by a flag":
        return any(severity == Severity.EXCLUDE.value for _, severity, _, _ in of_frame)
    return bool(of_frame)
