"""How far a person has come in the review of a run, from one session to the next. No Qt.

A place is no decision: it is kept with the person's own program data and not in the run folder,
which others read as well.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from spheroid_qc.atomic import write_text
from spheroid_qc.storage import read_plain

_MOST = 200
"""Run folders whose places are kept, the latest: some years of plates in a small file."""
_LARGEST = 1_000_000
_LOCK = threading.Lock()


class ReviewPlace(BaseModel):
    """What was listed (one of `SHOWN`, `blanks` too or not), and the frame that was looked at last.

    `timepoint` is the rank of its time.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    shown: str
    blanks: bool
    plate: str
    well: str
    timepoint: int

    @property
    def key(self) -> tuple[str, str, int]:
        """Plate, well and rank of the time, as of an entry of the queue."""
        return self.plate, self.well, self.timepoint


def places_file() -> Path:
    """Where places are kept."""
    from platformdirs import user_state_path

    return Path(user_state_path("spheroid_qc")) / "review_places.json"


def read_place(out: Path) -> ReviewPlace | None:
    """Give the place in the review of a run folder; None if there is none that can be read."""
    try:
        return ReviewPlace.model_validate(_read().get(str(out.resolve())))
    except ValidationError:
        return None


def keep_place(out: Path, place: ReviewPlace) -> None:
    """Keep the place in the review of a run folder; where that can't be written it is forgotten."""
    with _LOCK:
        known = _read()
        known.pop(str(out.resolve()), None)
        known[str(out.resolve())] = place.model_dump()
        latest = dict(list(known.items())[-_MOST:])
        try:
            write_text(places_file(), json.dumps(latest, ensure_ascii=True, indent=0))
        except OSError:
            return


def _read() -> dict[str, Any]:
    try:
        found = json.loads(read_plain(places_file(), _LARGEST))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
