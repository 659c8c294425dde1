"""What was left out of every mean and why, and what was counted but is worth a look: as records."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import pandas as pd

from spheroid_qc.analysis.verdict.findings import VerdictFinding
from spheroid_qc.wording import listed

_MOST_REASONS = 30
_NONE = "Every frame could be scored."
_WORTH_A_LOOK = "Worth a look, but counted: {}; see qc.csv and overlays."


@dataclass(frozen=True)
class LeftOut:
    """Wells that are kept out of every mean, for one reason at the same times.

    `code` is that of the flag, or the state `never_formed`, and `title` says it in words; before
    the names of `wells` stands the plate where there are several; `always`: `times_h` are all of a
    plate.
    """

    code: str
    title: str
    wells: tuple[str, ...]
    times_h: tuple[float, ...]
    always: bool

    @property
    def words(self) -> str:
        """Reason, times and wells: `Out of focus at 12, 24 h: B02, B03`."""
        hours = ", ".join(f"{time:g}" for time in self.times_h)
        when = "at all times" if self.always else f"at {hours} h"
        return f"{self.title} {when}: {listed(self.wells)}"


def left_out_of(qc: pd.DataFrame, wells: pd.DataFrame) -> list[LeftOut]:
    """Gather which frames are kept out of every mean, and why.

    Reads `plate, well, time_h` with `code, severity, title` of `qc.csv` and `role, state` of
    `wells.csv`, and keeps the order of the tables.
    """
    several = wells["plate"].nunique() > 1
    n_times = wells.groupby("plate")["time_h"].nunique().max()
    unformed = wells[(wells["state"] == "never_formed") & (wells["role"] != "blank")]
    named = ["plate", "well", "time_h", "code", "title"]
    found = [
        qc.loc[(qc["severity"] == "exclude") & qc["well"].notna(), named],
        unformed[named[:3]].assign(code="never_formed", title="No spheroid at time zero"),
    ]
    reasons: dict[tuple[str, str, tuple[float, ...]], list[str]] = {}
    for table in found:
        for (plate, well, code), rows in table.groupby(["plate", "well", "code"], sort=False):
            times = tuple(float(time) for time in rows["time_h"].drop_duplicates())
            key = (str(code), str(rows["title"].iloc[0]), times)
            reasons.setdefault(key, []).append(f"{plate} {well}" if several else str(well))
    return [
        LeftOut(code, title, tuple(names), times, len(times) == n_times)
        for (code, title, times), names in reasons.items()
    ]


def left_out_findings(qc: pd.DataFrame, wells: pd.DataFrame) -> list[VerdictFinding]:
    """Say what is kept out of every mean and why, and what is counted but worth a look.

    `facts` of what is left out are those of its `LeftOut`.
    """
    found = [
        VerdictFinding(
            "left_out", listed(one.wells), "yes", f"Kept out of every mean: {one.words}.",
            asdict(one),
        )
        for one in left_out_of(qc, wells)[:_MOST_REASONS]
    ] or [VerdictFinding("left_out", "", "yes", _NONE)]  # fmt: skip
    warned = _warned(qc)
    if warned:
        found.append(VerdictFinding("left_out", warned, "yes", _WORTH_A_LOOK.format(warned)))
    return found


def left_out_lines(qc: pd.DataFrame, wells: pd.DataFrame) -> list[str]:
    """Say the same in lines for a terminal, one line per reason."""
    found = left_out_of(qc, wells)
    lines = ["Not trusted, and kept out of every mean:"] if found else [_NONE]
    lines += [f"  {one.words}" for one in found[:_MOST_REASONS]]
    if len(found) > _MOST_REASONS:
        lines.append(f"  ... and {len(found) - _MOST_REASONS} more reasons in qc.csv")
    warned = _warned(qc)
    return [*lines, _WORTH_A_LOOK.format(warned)] if warned else lines


def _warned(qc: pd.DataFrame) -> str:
    """Count what was flagged and counted all the same, most frequent first."""
    warned = qc.loc[(qc["severity"] == "warn") & qc["well"].notna(), "title"].value_counts()
    return ", ".join(f"{str(title).lower()} ({n})" for title, n in warned.items())
