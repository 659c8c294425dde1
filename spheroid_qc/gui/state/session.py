"""What all panels of one viewer share: folder, plate map, settings, tables, decisions.

Panels change the session and listen to its signals; none knows another. It computes nothing:
what is decided here is written to the run folder, where every run honours it. No Qt.
"""

from __future__ import annotations

import getpass
import weakref
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import pandas as pd
from psygnal import Signal

from spheroid_qc.configuration import needs_new_masks
from spheroid_qc.errors import PlateMapError, RequestError, SpheroidQCError
from spheroid_qc.flags import MasksUnfit, masks_unfit
from spheroid_qc.gui.state.editable_map import EditableMap
from spheroid_qc.gui.state.frames_with_corrections import FrameKey
from spheroid_qc.gui.state.lazy_stack import FrameCache
from spheroid_qc.gui.state.opened_folder import Opened
from spheroid_qc.gui.state.run_answer import RunAnswer
from spheroid_qc.gui.state.shown_names import shown_condition, shown_name
from spheroid_qc.parameters import Parameters
from spheroid_qc.plate_map import MappedWell, PlateMap, condition_name, without_stratum
from spheroid_qc.run.new_pixel_size import is_unfinished, only_pixel_size_differs
from spheroid_qc.run.run_request import RunRequest
from spheroid_qc.run.store.corrected_masks import Correction
from spheroid_qc.run.store.review_decisions import Exclusion, read_exclusions, write_exclusions
from spheroid_qc.wells import PLATE_FORMATS, row_column, smallest_format

Key = tuple[str, str]


class Stage(Enum):
    """How far a run folder is: nothing there, begun (stopped, or being run), or all of it made."""

    NEW = "new"
    BEGUN = "begun"
    DONE = "done"


class Session:
    """State of one viewer: folder, map, settings, tables, what is looked at and what was decided.

    `draft` is the plate map as it is being filled, `plate_map` what of it can be read, or the one
    that was read from `map_path`; `map_problems` are sentences on what can't be read;
    `tables` are those of the run folder by name; `exclusions` and `acceptances` what the user
    decided, signed with `user`, `corrections` the frames whose masks were painted. `plate`, `well`
    (empty if none) and `timepoint` are looked at. `unread` says why the decisions of the run folder
    could not be read; empty if they could.
    """

    opened_changed = Signal()
    map_changed = Signal()
    parameters_changed = Signal()
    tables_changed = Signal()
    answer_changed = Signal()
    decisions_changed = Signal()
    correction_changed = Signal(str, str, int)
    well_wanted = Signal(str, str, int)
    shown_changed = Signal()
    plate_changed = Signal()
    run_queued = Signal()
    run_started = Signal()
    run_progressed = Signal(object)
    run_ended = Signal(object)
    tables_wanted = Signal()

    def __init__(self) -> None:
        self.opened: Opened | None = None
        self.draft = EditableMap()
        self.plate_map: PlateMap | None = None
        self.map_path: Path | None = None
        self.map_problems: tuple[str, ...] = ()
        self.problems_of_file = False
        self.parameters = Parameters()
        self.tables: dict[str, pd.DataFrame] = {}
        self.answer: RunAnswer | None = None
        self.exclusions: list[Exclusion] = []
        self.acceptances: list[Exclusion] = []
        self.corrections: dict[FrameKey, Correction] = {}
        self.plate = ""
        self.well = ""
        self.timepoint = 0
        self.user = account_name()
        self.unread = ""
        self._by_well: dict[str, list[tuple[str, Exclusion]]] | None = None
        self._places: tuple[Any, dict[tuple[str, str], list[tuple[float, int]]]] = (None, {})
        self.cache = FrameCache()
        self._names: tuple[int, str, PlateMap | None, dict[str, str]] = (0, "", None, {})
        self._earlier: tuple[Any, dict[str, Any] | None] = (None, None)

    # the folder

    def set_opened(self, opened: Opened) -> None:
        """Take over a folder that was read; what belongs to another folder is let go."""
        same = self.opened is not None and self.opened.folder == opened.folder
        if self.opened is None or self.opened.out != opened.out:
            self._forget_results()
        self.opened = opened
        self.parameters = opened.parameters
        self.cache = FrameCache()
        if not same:
            self.draft = EditableMap()
            self.plate_map = self.map_path = None
            self.map_problems = ()
        if not (same and (self.plate, self.well) in opened.well_timepoints):
            self.plate = opened.plates[0] if opened.plates else ""
            self.well, self.timepoint = "", 0
        self._read_decisions()
        self.parameters_changed.emit()
        self.opened_changed.emit()

    @property
    def well_count(self) -> int:
        """Wells of the plate: stated, else the smallest usual plate that holds all.

        A few wells in the middle of a plate say nothing of its size: it has less than 96 only where
        the wells reach all four sides of such a plate.
        """
        if self.parameters.plate.well_count is not None:
            return self.parameters.plate.well_count
        known = {well for _, well in self.draft.wells}
        if self.opened is not None:
            known |= {well for _, well in self.opened.well_timepoints}
        if not known:
            return 96
        count = smallest_format(known)
        rows, columns = zip(*map(row_column, known), strict=True)
        reach = (min(rows), min(columns), max(rows) + 1, max(columns) + 1)
        return count if reach == (0, 0, *PLATE_FORMATS[count]) else max(96, count)

    def show(self, plate: str, well: str, timepoint: int | None = None) -> None:
        """Ask for a well and time to be shown."""
        before = self.plate, self.well, self.timepoint
        self.plate, self.well = plate, well
        if timepoint is not None:
            self.timepoint = timepoint
        if before[0] != plate:
            self.plate_changed.emit()
        self.well_wanted.emit(plate, well, self.timepoint)
        if before != (plate, well, self.timepoint):
            self.shown_changed.emit()

    def choose_plate(self, plate: str) -> None:
        """Go to another plate of the folder, and to its first well."""
        if self.opened is not None and plate != self.plate and plate in self.opened.plates:
            wells = self.opened.wells(plate)
            self.show(plate, wells[0] if wells else "", 0)

    def show_at(self, plate: str, well: str, time_h: float) -> None:
        """Ask for the frame of an imaged well that is nearest to a time."""
        if self.opened is not None and (plate, well) in self.opened.well_timepoints:
            times = self.opened.times(plate)
            self.show(plate, well, min(times, key=lambda n: abs(times[n] - time_h)))

    def now_shown(self, plate: str, well: str, timepoint: int) -> None:
        """Take note of what is being shown."""
        if (plate, well, timepoint) != (self.plate, self.well, self.timepoint):
            another = plate != self.plate
            self.plate, self.well, self.timepoint = plate, well, timepoint
            if another:
                self.plate_changed.emit()
            self.shown_changed.emit()

    # the plate map

    def set_map(self, plate_map: PlateMap, path: Path) -> None:
        """Take over a map that was read from a file."""
        self.draft.take_over(plate_map)
        self.map_saved(plate_map, path)

    def map_saved(self, plate_map: PlateMap, path: Path) -> None:
        """Take note that the draft was written to a file."""
        self.plate_map, self.map_path, self.map_problems = plate_map, path, ()
        self.map_changed.emit()

    def map_refused(self, problems: Iterable[str], *, of_file: bool = False) -> None:
        """Take note of why a map could not be taken over; the one before stays.

        `of_file`: one that was to be loaded, whatever has been filled in meanwhile.
        """
        self.map_problems, self.problems_of_file = tuple(problems), of_file
        self.map_changed.emit()

    def map_edited(self) -> None:
        """Read the draft anew: every panel then shows what it says now."""
        self.map_problems, self.problems_of_file = (), False
        if not self.draft.wells:
            self.plate_map = None
        else:
            try:
                self.plate_map = self.draft.check()
            except PlateMapError as error:
                self.map_problems = tuple(error.problems)
                self.plate_map = self.draft.readable()
        self.map_changed.emit()

    def default_map_path(self) -> Path | None:
        """Where a map that was filled in by hand goes: beside the images."""
        if self.opened is None:
            return None
        folder = self.opened.folder.resolve()
        return folder.with_name(f"{folder.name}_plate_map.csv")

    def mapped(self, plate: str) -> dict[str, MappedWell]:
        """Wells of a plate as the map has them; empty where the map does not fit the images."""
        if self.plate_map is None or self.opened is None:
            return {}
        try:
            found = self.plate_map.for_plates(self.opened.plates)
        except SpheroidQCError:
            return {}
        return {well: entry for (name, well), entry in found.items() if name == plate}

    def condition_of(self, plate: str, well: str) -> str:
        """Name of the condition of a well, as in the tables; empty where the map says nothing."""
        entry = self.mapped(plate).get(well)
        return "" if entry is None else condition_name(entry)

    def treatment_of(self, plate: str, well: str) -> str:
        """Say what is in a well, doses as they were written, without its stratum."""
        entry = self.mapped(plate).get(well)
        return "" if entry is None else shown_condition(entry)

    def shown_names(self) -> dict[str, str]:
        """Conditions of the map, as the tables name them, in words for the screen."""
        # Asked for each condition that is listed, and hundreds of wells have the same.
        if self._names[:2] != (id(self.plate_map), self.plate):
            entries = () if self.plate_map is None else self.plate_map.wells
            shared = self.shared_stratum()
            found: dict[str, str] = {}
            for entry in entries:
                name = condition_name(entry)
                if name not in found:
                    found[name] = shown_condition(entry, shared)
            # The map is kept, so that no other comes to have its identity.
            self._names = (id(self.plate_map), self.plate, self.plate_map, found)
        return self._names[3]

    def shown_name(self, condition: str) -> str:
        """Name a condition of the tables on the screen."""
        known = self.shown_names().get(condition)
        return (
            shown_name(without_stratum(condition, self.shared_stratum()))
            if known is None
            else known
        )

    def shared_stratum(self) -> str:
        """Name the stratum that all wells of the plate share; empty where they differ."""
        found = {entry.stratum for entry in self.mapped(self.plate).values()}
        return found.pop() if len(found) == 1 else ""

    # settings

    def set_parameters(self, parameters: Parameters) -> None:
        """Take over settings."""
        if parameters != self.parameters:
            self.parameters = parameters
            if self.opened is not None:
                self.opened = replace(self.opened, parameters=parameters)
            self.parameters_changed.emit()

    def needs_other_folder(self) -> list[str]:
        """Say which settings differ from the earlier run so that its masks are void."""
        old = self._earlier_run()
        return [] if old is None else needs_new_masks(old["parameters"], self.parameters)

    @property
    def stage(self) -> Stage:
        """How far the run folder is, by its own `run.json`; every panel asks here."""
        old = self._earlier_run()
        if old is None:
            return Stage.NEW
        return Stage.DONE if old.get("status") == "done" else Stage.BEGUN

    def _earlier_run(self) -> dict[str, Any] | None:
        """Read what the earlier run says of itself, once: it lists every image.

        None where there is none, or it is damaged, which is said when the folder is opened.
        """
        if self.opened is None:
            return None
        path = self.opened.run.run_json
        try:
            now = path.stat()
        except OSError:
            return None
        key = (path, now.st_mtime_ns, now.st_size)
        if self._earlier[0] != key:
            try:
                self._earlier = key, self.opened.run.read_run()
            except RequestError:
                self._earlier = key, None
        return self._earlier[1]

    def only_size_differs(self) -> bool:
        """Tell whether the pixel size is all that keeps the masks of the earlier run from use."""
        old = self._earlier_run()
        if self.opened is None or old is None:
            return False
        broken_off = is_unfinished(self.opened.run)
        return broken_off or only_pixel_size_differs(old, self.parameters)

    def use_out(self, out: Path) -> None:
        """Put results into another run folder."""
        if self.opened is not None and out != self.opened.out:
            self.opened = replace(self.opened, out=out)
            self._forget_results()
            self._read_decisions()
            self.tables_changed.emit()

    def _forget_results(self) -> None:
        self.tables = {}
        self.answer = None
        self.corrections = {}

    def request(self, workers: int | None = None) -> RunRequest:
        """Say what a run of this session is: what the command line would do."""
        assert self.opened is not None
        return RunRequest(
            self.opened.folder, self.opened.out, self.map_path, self.parameters, self.opened.join,
            workers,
        )  # fmt: skip

    def beside(self, name: str = "") -> str:
        """Where a dialog of files begins: where the results lie, beside the images."""
        return str((Path() if self.opened is None else self.opened.out.parent) / name)

    def command(self, config: Path) -> str:
        """Give the command line that repeats this session."""
        assert self.opened is not None
        parts = ["spheroid-qc", "run", str(self.opened.folder)]
        if self.map_path is not None:
            parts += ["--plate-map", str(self.map_path)]
        if self.opened.join is not None:
            parts += ["--join", str(self.opened.join)]
        parts += ["--config", str(config), "--out", str(self.opened.out)]
        return " ".join(f'"{part}"' if " " in part else part for part in parts)

    # results

    @property
    def unfit(self) -> tuple[MasksUnfit, ...]:
        """Plates of the tables whose masks can't be right; empty where there are none."""
        wells = self.tables.get("wells")
        return () if wells is None else masks_unfit(wells, self.parameters)

    def set_tables(self, tables: dict[str, pd.DataFrame]) -> None:
        """Take over the tables of the run folder."""
        self.tables = tables
        if not tables:
            self.answer = None
        self.tables_changed.emit()

    def set_answer(self, answer: RunAnswer) -> None:
        """Take over what came out."""
        self.answer = answer
        self.answer_changed.emit()

    def row(self, plate: str, well: str, timepoint: int) -> pd.Series | None:
        """Row of the table of wells; None where there is none (yet).

        Asked at every step through time, and so looked up rather than searched.
        """
        wells = self.tables.get("wells")
        if wells is None or self.opened is None:
            return None
        time_h = self.opened.times(plate).get(timepoint)
        if time_h is None:
            return None
        if self._places[0] is not wells:
            places: dict[tuple[str, str], list[tuple[float, int]]] = {}
            names = zip(wells["plate"], wells["well"], wells["time_h"], strict=True)
            for n, (one, other, hours) in enumerate(names):
                places.setdefault((one, other), []).append((hours, n))
            self._places = wells, places
        near = 1e-4 * max(1.0, abs(time_h))
        of_well = self._places[1].get((plate, well), [])
        return next((wells.iloc[n] for hours, n in of_well if abs(hours - time_h) < near), None)

    # decisions

    def decide(
        self, kind: str, plate: str, well: str, time_h: float | None, reason: str = ""
    ) -> None:
        """Exclude or accept a frame, or a whole well; the other decision on it is taken back.

        `kind` is `exclude`, `accept` or `open` (take a decision back); without hours the whole
        well is meant. Raises RequestError if the tables of decisions are there but can't be read,
        OSError if they can't be written.
        """
        kept_out = [e for e in self.exclusions if not _same(e, plate, well, time_h)]
        kept_in = [e for e in self.acceptances if not _same(e, plate, well, time_h)]
        now = datetime.now(UTC).isoformat(timespec="seconds")
        entry = Exclusion(plate, well, time_h, reason, self.user, now)
        if kind == "exclude":
            kept_out.append(entry)
        elif kind == "accept":
            kept_in.append(entry)
        assert self.opened is not None
        run = self.opened.run
        if self.unread:
            # What somebody wrote there by hand must not be replaced unread.
            raise RequestError(self.unread)
        _write(run.exclusions, kept_out)
        _write(run.acceptances, kept_in)
        self.exclusions, self.acceptances = kept_out, kept_in
        self._by_well = None
        self.decisions_changed.emit()

    def set_corrections(self, corrections: dict[FrameKey, Correction]) -> None:
        """Take over which frames of the run folder are corrected."""
        self.corrections = corrections
        self.decisions_changed.emit()

    def note_correction(
        self, plate: str, well: str, timepoint: int, correction: Correction | None
    ) -> None:
        """Take note of a frame that was corrected, or has its automatic masks again (None)."""
        if correction is None:
            self.corrections.pop((plate, well, timepoint), None)
        else:
            self.corrections[plate, well, timepoint] = correction
        self.correction_changed.emit(plate, well, timepoint)

    def decision(self, plate: str, well: str, time_h: float) -> tuple[str, Exclusion | None]:
        """Tell what was decided on a frame: `exclude`, `accept` or empty."""
        for kind, entry in self._decided.get(well, ()):
            if _same(entry, plate, well, time_h) or _same(entry, plate, well, None):
                return kind, entry
        return "", None

    @property
    def _decided(self) -> dict[str, list[tuple[str, Exclusion]]]:
        """Decisions by well: there may be thousands of frames to look them up for."""
        if self._by_well is None:
            found: dict[str, list[tuple[str, Exclusion]]] = {}
            for kind, entries in (("exclude", self.exclusions), ("accept", self.acceptances)):
                for entry in entries:
                    found.setdefault(entry.well, []).append((kind, entry))
            self._by_well = found
        return self._by_well

    def _read_decisions(self) -> None:
        assert self.opened is not None
        run = self.opened.run
        self.exclusions, self.acceptances, self.unread = [], [], ""
        self._by_well = None
        try:
            run.check_decisions()
            if run.exclusions.is_file():
                self.exclusions = read_exclusions(run.exclusions)
            if run.acceptances.is_file():
                self.acceptances = read_exclusions(run.acceptances)
        except SpheroidQCError as error:
            self.unread = f"The decisions in {run.root} can't be read: {error}"
        self.decisions_changed.emit()


def _same(entry: Exclusion, plate: str, well: str, time_h: float | None) -> bool:
    if entry.well != well or (entry.plate and entry.plate != plate):
        return False
    if entry.time_h is None or time_h is None:
        return entry.time_h is None and time_h is None
    return abs(entry.time_h - time_h) < 1e-6 + 1e-5 * abs(time_h)


def _write(path: Path, entries: Iterable[Exclusion]) -> None:
    found = list(entries)
    if found or path.is_file():
        write_exclusions(path, found)


def account_name() -> str:
    """Name of the account that the program runs in."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


_SESSIONS: weakref.WeakKeyDictionary[Any, Session] = weakref.WeakKeyDictionary()


def session_of(viewer: Any) -> Session:
    """Give the session that belongs to a viewer (or its proxy); all its panels share it."""
    viewer = getattr(viewer, "__wrapped__", viewer)
    if viewer not in _SESSIONS:
        _SESSIONS[viewer] = Session()
    return _SESSIONS[viewer]
