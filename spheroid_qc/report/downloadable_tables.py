"""Tables inside the page: it works when it is mailed alone, without network or neighbours."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TABLES = {
    "conditions": "By drug condition and time: number of wells, mean, SD, median, 95 % interval.",
    "dose_response": "EC50, IC50, Hill slope, Emax with intervals, by drug.",
    "curves": "The fitted curves with their interval, point by point.",
    "synergy": "Every combination, method and level, with intervals.",
    "survival": "Kaplan–Meier curves, medians and log-rank tests by condition.",
    "comparisons": "Each condition against its vehicle.",
    "plate_quality": "Every figure of plate quality with its bound.",
    "qc": "Every finding of quality control.",
    "kinetics": "Growth rate, doubling time, growth delay and areas under the curve, by well.",
    "kinetics_conditions": "The same by condition.",
    "gr_values": "Volume-GR by well.",
    "gr_metrics": "Volume-GR metrics by drug.",
    "synergyfinder": "Responses in SynergyFinder's columns.",
    "used_responses": "The responses that were analysed, a row each.",
    "wells": "One row for each well and time, with everything that was measured.",
    "spheroids": "One row for each spheroid and frame.",
    "frames": "Every file and how it was read.",
}
"""Table -> what it holds, in the order of the page."""

_SMALL = 300_000
_MOST_ZIPPED = 2_500_000
_BEGINNING = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Download:
    """One thing to save.

    `size` in bytes; `uri` is a `data:` URI, empty where it is only in the archive, or only beside
    the page because it was too large to be put into it (`beside`).
    """

    name: str
    about: str
    size: int
    uri: str
    beside: bool = False


def downloads(folders: Sequence[Path], tables: Sequence[str] = tuple(TABLES)) -> list[Download]:
    """Put tables into the page.

    First one archive of all that fit, then each table; small ones can be saved alone. The first of
    the folders that has the CSV file is asked; tables that none has are passed over.
    """
    found = []
    for name in tables:
        paths = [folder / f"{name}.csv" for folder in folders]
        path = next((p for p in paths if p.is_file()), None)
        if path is not None:
            found.append((path.name, TABLES[name], path.read_bytes()))
    if not found:
        return []
    packed = {name: _zipped([(name, content)]) for name, _, content in found}
    left = _MOST_ZIPPED
    inside = []
    for name, _, content in found:
        if len(packed[name]) <= left:
            left -= len(packed[name])
            inside.append((name, content))
    archive = _zipped(inside)
    kept = {name for name, _ in inside}
    result = [
        Download(
            "tables.zip", "All tables in one archive.", len(archive),
            _uri("application/zip", archive),
        )
    ]  # fmt: skip
    for name, about, content in found:
        small = len(content) <= _SMALL
        uri = _uri("text/csv;charset=utf-8", content) if small and name in kept else ""
        result.append(Download(name, about, len(content), uri, name not in kept))
    return result


def _zipped(files: Sequence[tuple[str, bytes]]) -> bytes:
    """Pack files; the same files are the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files:
            entry = zipfile.ZipInfo(name, _BEGINNING)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
