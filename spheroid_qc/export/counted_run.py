"""What the tables of a run count, picture by picture: masks, images, and what was found of them.

A run folder is read as its last run left it: frames and times from `frames.csv`, states and flags
from `wells.csv` and `qc.csv`, fields and masks from the records, corrected masks where the tables
have them. Images are looked for only where pixels are wanted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.configuration.validation import validated
from spheroid_qc.errors import ImageError, RequestError
from spheroid_qc.frames.frame_table import Frame
from spheroid_qc.images import PlateCalibration
from spheroid_qc.images.instrument_plate_files import plate_calibration
from spheroid_qc.parameters import Assay, Severity
from spheroid_qc.run.store.corrected_masks import METHOD, corrected_record
from spheroid_qc.run.store.mask_files import mask_digest, read_masks
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.run_json import adapter_digest
from spheroid_qc.run.store.well_records import WellTimepoint, main_channels, timepoints_of
from spheroid_qc.run.well.load_images import FieldImage, OpenFile
from spheroid_qc.run.well.reload_frame import load_analysed
from spheroid_qc.storage import NotPlainError, names_inside
from spheroid_qc.tables.csv_writer import read_table
from spheroid_qc.wells import row_column

if TYPE_CHECKING:
    import pandas as pd

_TEXT = ("path", "status", "plate", "well", "channel", "time_source", "scheme", "flags", "code")
_ANEW = "run the same spheroid-qc run command again, and then export."


@dataclass(frozen=True, eq=False)
class CountedPicture:
    """One picture whose masks stand in the tables.

    Parameters
    ----------
    plate, well : str
        Where.
    timepoint : int
        Rank of the time on the plate, from 0.
    time_h : float
        Hours on the plate's time axis.
    field : int
        Field of view as written.
    place : int
        Rank of the field among those of the plate, from 0; always 0 for one spheroid a well.
    several : bool
        Whether wells of the plate have more than one picture a time.
    well_timepoint : WellTimepoint
        All frames of the well at that time.
    record : mapping
        What was measured of the field, as in a record; from the corrected mask where that counts.
    hashes : mapping
        Path, and number of the image in that file -> SHA-256 of the images that were read.
    dtypes : tuple of str
        Of the picture, and of the images that were read.
    state, flags : str, tuple of str
        As in `wells.csv`; `state` is empty for the assay `spheres`.
    excluded : tuple of str
        Those of the flags that take the frame out of all effects.
    """

    plate: str
    well: str
    timepoint: int
    time_h: float
    field: int
    place: int
    several: bool
    well_timepoint: WellTimepoint
    record: Mapping[str, Any]
    hashes: Mapping[tuple[str, int | None], str]
    dtypes: tuple[str, ...]
    state: str
    flags: tuple[str, ...]
    excluded: tuple[str, ...]

    @property
    def mask(self) -> str:
        """Name of the mask."""
        return str(self.record["mask"])

    @property
    def corrected(self) -> bool:
        """Whether a person drew the masks."""
        return bool(self.record["method"] == METHOD)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        height, width = self.record["shape"]
        return int(height), int(width)

    @property
    def pixel_size_um(self) -> float | None:
        """Micrometres a pixel; None without calibration."""
        return None if (size := self.record["pixel_size_um"]) is None else float(size)

    @property
    def name(self) -> str:
        """Short name: well, field where there are several, number and hours of the time."""
        field = f"_f{self.field}" if self.several else ""
        return f"{self.well}{field}_t{self.timepoint + 1:04d}_{self.time_h:g}h"

    def facts(self) -> dict[str, Any]:
        """Say what other programs are told of the picture, as JSON knows it."""
        return {
            "plate": self.plate,
            "well": self.well,
            "time_h": self.time_h,
            "field": self.field,
            "file": self.record["file"],
            "page": self.record["page"],
            "series": self.record.get("series"),
            "stitched": self.record["stitched"],
            "pixel_size_um": self.pixel_size_um,
            "method": self.record["method"],
            "state": self.state,
            "flags": list(self.flags),
            "excluded": bool(self.excluded),
            "excluded_by": list(self.excluded),
        }


class CountedRun:
    """A finished run, open to be exported.

    Parameters
    ----------
    out : Path
        The run folder.

    Raises
    ------
    RequestError
        If there is no finished run of this version, or its tables lack what was decided later.
    """

    def __init__(self, out: Path) -> None:
        self.run = RunFolder(out)
        known = self.run.read_run()
        if known is None:
            raise RequestError(
                f"{out} holds no run (run.json is missing); give the folder that spheroid-qc run "
                "wrote."
            )
        if known.get("status") != "done":
            raise RequestError(f"The run in {out} has not come to its end; {_ANEW}")
        if self.run.has_later_decisions():
            raise RequestError(
                f"Masks were corrected or frames decided on in {out} after its tables were made; "
                f"{_ANEW}"
            )
        self.parameters = validated(known["parameters"], lambda _: str(self.run.run_json))
        self.version = str(known.get("version") or "")
        self.source = Path(str(known.get("source") or ""))
        self._adapter = adapter_digest(known)
        self._begun = self._digest()
        wells = self._table("wells")
        self._plates = tuple(dict.fromkeys(wells["plate"]))
        self._found: dict[tuple[str, str, float], tuple[str, tuple[str, ...]]] = {}
        states, flags = (
            wells[name].astype(object).where(wells[name].notna(), "") for name in ("state", "flags")
        )
        places = list(
            zip(wells["plate"], wells["well"], wells["time_h"].astype(float), strict=True)
        )
        hours: dict[str, set[float]] = {}
        for place, state, codes in zip(places, states, flags, strict=True):
            self._found[place] = (str(state), tuple(filter(None, str(codes).split(";"))))
            hours.setdefault(place[0], set()).add(place[2])
        self._times = {plate: tuple(sorted(found)) for plate, found in hours.items()}
        self._excluding = self._exclusions()
        self._timepoints = self._imaged()

    @property
    def plates(self) -> tuple[str, ...]:
        """Names of the plates, sorted as in the tables."""
        return self._plates

    def times(self, plate: str) -> tuple[float, ...]:
        """Hours, or numbers, of all timepoints of a plate."""
        return self._times[plate]

    def hours(self, plate: str) -> tuple[float, ...]:
        """As `times`; empty where nothing told the hours, and the times are counted from 0."""
        counted = any(
            place[0] == plate and "time_is_index" in flags
            for place, (_, flags) in self._found.items()
        )
        return () if counted else self._times[plate]

    def for_each_picture(
        self,
        use: Callable[[CountedPicture, NDArray[np.int32], NDArray[np.bool_], OpenFile], None],
        done: Callable[[str, int], None],
    ) -> list[str]:
        """Give every picture with its masks to `use`, plate by plate and well by well.

        `done` is called with every finished well and its number of pictures. Gives sentences on
        pictures that were left out: an `ImageError` of theirs, or of `use`.
        """
        problems: list[str] = []
        for plate in self.plates:
            for well in self.wells(plate):
                pictures = self.pictures(plate, well)
                with OpenFile() as files:
                    for picture in pictures:
                        try:
                            use(picture, *self.masks(picture), files)
                        except ImageError as error:
                            problems.append(str(error))
                done(well, len(pictures))
        return problems

    def wells(self, plate: str) -> list[str]:
        """Wells of a plate that were imaged, by row and column."""
        return sorted((well for p, well in self._timepoints if p == plate), key=row_column)

    def number(self, plate: str) -> int:
        """How many timepoints of wells were imaged on a plate."""
        return sum(len(found) for (name, _), found in self._timepoints.items() if name == plate)

    @property
    def single(self) -> bool:
        """Whether wells hold one spheroid each."""
        return self.parameters.plate.assay is Assay.SINGLE

    def fields(self, plate: str) -> tuple[int, ...]:
        """Numbers of the fields that stay apart; one for all where wells hold one spheroid."""
        if self.single:
            return (1,)
        frames = (
            frame.field
            for (name, _), of_well in self._timepoints.items()
            if name == plate
            for moment in of_well
            for frame in moment.frames
        )
        return tuple(sorted(set(frames)))

    def pictures(self, plate: str, well: str) -> list[CountedPicture]:
        """All pictures of a well that have masks, by time and field.

        `RequestError` if the record of the well does not belong to the tables.
        """
        record = corrected_record(self.run, plate, well)
        fields = self.fields(plate)
        found = []
        for moment in self._timepoints[plate, well]:
            result = record.get(moment.signature)
            if result is None:
                # A frame that ended its process has no record, and no masks.
                continue
            time_h = self._times[plate][moment.timepoint]
            state, flags = self._found[plate, well, time_h]
            hashes = {(e["path"], e.get("series")): e["sha256"] for e in result["inputs"]}
            for field in result["fields"]:
                if not field["mask"]:
                    continue
                found.append(
                    CountedPicture(
                        plate, well, moment.timepoint, time_h, field["field"],
                        0 if self.single else fields.index(field["field"]), len(fields) > 1,
                        moment, field, hashes,
                        (field["dtype"], *(e["dtype"] for e in result["inputs"])),
                        state, flags,
                        tuple(f for f in flags if (plate, well, time_h, f) in self._excluding),
                    )
                )  # fmt: skip
        return found

    def masks(self, picture: CountedPicture) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Read core labels and shed material, both of shape (y, x), as they were counted.

        `ImageError` if they are not there any more, or are not what was counted.
        """
        most = self.parameters.images.max_megapixels
        try:
            if picture.corrected:
                path = self.run.correction(picture.mask)
            else:
                path = self.run.mask(picture.mask)
        except NotPlainError as error:
            raise ImageError(
                f"The mask {picture.mask} can't be used: {error.strerror}; it was left out."
            ) from error
        if not picture.corrected:
            wanted = picture.record.get("mask_sha256")
            if wanted is not None and mask_digest(path, most) != wanted:
                raise ImageError(
                    f"The mask {picture.mask} is missing, or is not the one that was measured; "
                    f"it was left out: {_ANEW}"
                )
        core, shed = read_masks(path, most, picture.shape)
        return core, shed & (core == 0)

    def image(
        self, picture: CountedPicture, files: OpenFile, *, with_others: bool = False
    ) -> FieldImage:
        """Read the picture that the masks belong to, as it was recorded.

        `ImageError` if it is not there any more, or is another one.
        """
        image = load_analysed(
            self.source, picture.well_timepoint, picture.field, picture.record["stitched"],
            self.parameters, self._calibration, files, with_others=with_others,
        )  # fmt: skip
        changed = [
            entry["path"]
            for entry in image.inputs
            if picture.hashes.get((entry["path"], entry.get("series"))) != entry["sha256"]
        ]
        if changed or image.pixels.shape != picture.shape:
            raise ImageError(
                f"{next(iter(changed), picture.record['file'])} has changed since it was analysed; "
                f"{_ANEW}"
            )
        return image

    def check_images(self) -> None:
        """Raise `RequestError` if the image folder is not there."""
        if not str(self.source) or not self.source.is_dir():
            raise RequestError(
                f"The images of {self.run.root} are not at {self.source} any more; put them back, "
                "or export without pixels: --images reference."
            )

    def check_unchanged(self) -> None:
        """Raise `RequestError` if another run has used the folder since it was opened."""
        if self._digest() != self._begun:
            raise RequestError(
                f"{self.run.root} was changed while it was exported; nothing was written: export "
                "again."
            )

    def table(self, name: str, plate: str) -> pd.DataFrame:
        """Rows of a plate of `wells` or `conditions`, as they stand in the run folder."""
        table = self._table(name)
        return table[table["plate"] == plate] if "plate" in table else table

    @cached_property
    def _calibration(self) -> PlateCalibration:
        return plate_calibration(self.source)

    def _digest(self) -> str:
        """Digest of what changes when a run uses the folder, or a person decides."""
        digest = blake2b(self.run.decisions().encode(), digest_size=16)
        for path in (self.run.run_json, *(self.run.table(n) for n in ("frames", "wells", "qc"))):
            try:
                status = os.stat(path)
            except OSError:
                continue
            digest.update(f"{path.name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def _table(self, name: str) -> pd.DataFrame:
        return read_table(self.run.table(name), text=_TEXT)

    def _exclusions(self) -> set[tuple[str, str, float, str]]:
        """Plate, well, time and code of all flags that exclude."""
        qc = self._table("qc")
        rows = qc[(qc["severity"] == Severity.EXCLUDE.value) & qc["time_h"].notna()]
        return set(
            zip(rows["plate"], rows["well"], rows["time_h"].astype(float), rows["code"],
                strict=True)
        )  # fmt: skip

    def _imaged(self) -> dict[tuple[str, str], list[WellTimepoint]]:
        """Timepoints by plate and well, from `frames.csv`."""
        table = self._table("frames")
        table = table[table["timepoint"].notna()]
        frames = list(self._frames(table))
        channels = main_channels(frames, self.parameters.images.channel)
        return timepoints_of(self.source, frames, channels, self._adapter)

    def _frames(self, table: pd.DataFrame) -> Iterator[Frame]:
        columns: Sequence[str] = (
            "path", "plate", "well", "field", "channel", "z", "timepoint", "time_h", "time_source",
            "page", "series", "scheme", "size",
        )  # fmt: skip
        # Run folders of earlier versions have no column `series`.
        rows = table.reindex(columns=[*columns]).astype(object)
        for row in rows.where(rows.notna(), None).to_dict("records"):
            whole = {
                name: None if row[name] is None else int(row[name])
                for name in ("field", "z", "timepoint", "page", "series", "size")
            }
            words = {name: str(row[name] or "") for name in ("channel", "time_source", "scheme")}
            content: dict[str, Any] = {str(name): value for name, value in row.items()}
            frame = Frame(**(content | whole | words))
            if not names_inside(frame.path) or frame.timepoint >= len(
                self._times.get(frame.plate, ())
            ):
                raise RequestError(
                    f"{self.run.table('frames')} does not belong to the other tables ({frame.path}"
                    f"); {_ANEW}"
                )
            yield frame
