"""Which frames of a run a person corrected, and which others show what learning does to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from spheroid_qc.configuration.validation import validated
from spheroid_qc.errors import RequestError
from spheroid_qc.frames.frame_table import frame_table
from spheroid_qc.images import PlateCalibration, probe
from spheroid_qc.images.instrument_plate_files import plate_calibration
from spheroid_qc.parameters import Parameters
from spheroid_qc.run.plate_method import decided_methods
from spheroid_qc.run.store.corrected_masks import METHOD, corrected
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.run_json import adapter_digest
from spheroid_qc.run.store.well_records import (
    WellTimepoint,
    main_channels,
    read_record,
    timepoints_of,
)

MOST_CORRECTED = 24
"""Corrected frames that are learned from; of more, so many spread over the plate. The fit hardly
changes with further ones, and it is to take no longer than half a minute."""

SHOWN = 10
"""Further frames on which before and after are shown."""

T = TypeVar("T")


@dataclass(frozen=True)
class AnalysedFrame:
    """One picture of a run that has masks: where it comes from and what its mask is called.

    `light` is what its record says that grey values were divided by.
    """

    plate: str
    well: str
    well_timepoint: WellTimepoint
    field: int
    stitched: bool
    mask: str
    light: Mapping[str, Sequence[float]] | None = None

    @property
    def time_h(self) -> float:
        """Hours on the time axis of the plate."""
        return self.well_timepoint.frames[0].time_h


@dataclass(frozen=True)
class RunToLearnFrom:
    """A run's images and settings, the frames that were corrected and further ones to show.

    `methods` holds the method that each plate was decided for, by its name in `run.json`.
    """

    run: RunFolder
    folder: Path
    parameters: Parameters
    calibration: PlateCalibration
    corrected: tuple[AnalysedFrame, ...]
    others: tuple[AnalysedFrame, ...]
    methods: Mapping[str, str]


def run_to_learn_from(out: Path) -> RunToLearnFrom:
    """Find the corrected frames of a run.

    Parameters
    ----------
    out : Path
        The run folder.

    Returns
    -------
    RunToLearnFrom

    Raises
    ------
    RequestError
        If this is no run folder of this version, its images are not there any more, or a pipe,
        folder or broken link lies where decisions of a person should.
    """
    run = RunFolder(out)
    known = run.read_run()
    if known is None:
        raise RequestError(
            f"{out} holds no run (run.json is missing); give the folder that spheroid-qc run wrote."
        )
    run.check_decisions()
    parameters = validated(known["parameters"], lambda _: str(run.run_json))
    folder = Path(str(known.get("source") or ""))
    if not known.get("source") or not folder.is_dir():
        raise RequestError(
            f"The images of {out} are not at {folder} any more; put them back, or make the run "
            "anew where they are now."
        )
    table = frame_table(folder, parameters.plate, probe=probe)
    timepoints = timepoints_of(
        folder,
        table.frames,
        main_channels(table.frames, parameters.images.channel),
        adapter_digest(known),
    )
    by_hand: list[AnalysedFrame] = []
    automatic: list[AnalysedFrame] = []
    for (plate, well), of_well in timepoints.items():
        record = read_record(run, plate, well)
        for well_timepoint in of_well:
            found = record.get(well_timepoint.signature)
            if found is None:
                continue
            for field in corrected(run, found)["fields"]:
                if not field["mask"]:
                    continue
                frame = AnalysedFrame(
                    plate, well, well_timepoint, field["field"], field["stitched"], field["mask"],
                    field.get("light"),
                )  # fmt: skip
                (by_hand if field["method"] == METHOD else automatic).append(frame)
    return RunToLearnFrom(
        run,
        folder,
        parameters,
        plate_calibration(folder),
        tuple(_spread(by_hand, MOST_CORRECTED)),
        tuple(_spread(automatic, SHOWN)),
        {p: one["method"] for p, one in decided_methods(known.get("methods")).items()},
    )


def _spread(items: Sequence[T], most: int) -> list[T]:
    """Take so many at even distances."""
    if len(items) <= most:
        return list(items)
    return [items[round((n + 0.5) * len(items) / most - 0.5)] for n in range(most)]
