"""One well as arrays: its frames, the masks that count, and what was measured from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import ImageError
from spheroid_qc.gui.state.lazy_stack import FrameCache, LazyStack, MaskStack
from spheroid_qc.gui.state.opened_folder import Opened
from spheroid_qc.run.store.corrected_masks import corrected_record, mask_path
from spheroid_qc.run.store.mask_files import read_masks
from spheroid_qc.run.store.well_records import WellTimepoint, read_record
from spheroid_qc.run.well.load_images import FieldImage, OpenFile
from spheroid_qc.run.well.reload_frame import load_analysed


@dataclass(frozen=True)
class WellData:
    """Everything that is shown of one well, time by time; None where there is no image or no mask.

    `results` is what the record says of the field that is shown, corrections included, `automatic`
    the same without them; `field` is shown where nothing has been analysed; `image` is
    (time, y, x). `load` gives the picture of a frame's number with all channels; None where it
    can't be read.
    """

    plate: str
    well: str
    times_h: tuple[float, ...]
    well_timepoints: tuple[WellTimepoint | None, ...]
    results: tuple[dict[str, Any] | None, ...]
    automatic: tuple[dict[str, Any] | None, ...]
    field: int
    image: LazyStack
    core: MaskStack | None
    shed: MaskStack | None
    load: Callable[[int], FieldImage | None]

    @property
    def analysed(self) -> bool:
        """Whether there are masks."""
        return self.core is not None

    @property
    def stacks(self) -> list[LazyStack]:
        """Image and masks, as far as there are any."""
        return [one for one in (self.image, self.core, self.shed) if one is not None]

    def close(self) -> None:
        """Stop reading ahead."""
        for stack in self.stacks:
            stack.close()


def open_well(
    opened: Opened, plate: str, well: str, cache: FrameCache, field: int | None = None,
    channel: str = "",
) -> WellData:  # fmt: skip
    """Prepare one well, as many frames as the plate has times; they are read when looked at.

    Default `field`: the one that was analysed, else the first; `channel` is shown, by default the
    one that is analysed.
    """
    times = opened.times(plate)
    of_time = {
        well_timepoint.timepoint: well_timepoint
        for well_timepoint in opened.well_timepoints.get((plate, well), [])
    }
    well_timepoints = tuple(of_time.get(timepoint) for timepoint in times)
    results, automatic = (
        tuple(
            None
            if well_timepoint is None
            else _field_of(record.get(well_timepoint.signature), field)
            for well_timepoint in well_timepoints
        )
        for record in (
            corrected_record(opened.run, plate, well),
            read_record(opened.run, plate, well),
        )
    )
    fields = [r["field"] for r in results if r] or [n for m in of_time.values() for n in m.fields]
    shown = field if field is not None else (fields[0] if fields else 1)
    shape, dtype = _shape_of(opened, results)
    further = opened.picture.further if opened.picture is not None else ()
    dtype = next((np.dtype(one.dtype) for one in further if one.name == channel), dtype)
    pictures = _Pictures(opened, well_timepoints, results, shown, channel)
    image = LazyStack(pictures.pixels, len(times), shape, dtype, cache, pictures.names())
    core = shed = None
    if any(result and result["mask"] for result in results):
        masks = _Masks(opened, results)
        core = MaskStack(masks.core, len(times), shape, np.uint16, cache)
        shed = MaskStack(masks.shed, len(times), shape, np.uint8, cache)
    return WellData(
        plate, well, tuple(times.values()), well_timepoints, results, automatic, shown, image, core,
        shed, partial(pictures.load, with_others=True),
    )  # fmt: skip


def warm_well(
    opened: Opened, plate: str, well: str, cache: FrameCache, field: int | None, channel: str,
    timepoint: int,
) -> None:  # fmt: skip
    """Read the picture of a well that is likely to be asked for next, into the cache."""
    data = open_well(opened, plate, well, cache, field, channel)
    try:
        data.image.frame(timepoint)
    finally:
        data.close()


def _field_of(well_timepoint: dict[str, Any] | None, field: int | None) -> dict[str, Any] | None:
    if well_timepoint is None or not well_timepoint["fields"]:
        return None
    of_field = {one["field"]: one for one in well_timepoint["fields"]}
    return of_field.get(field) if field is not None else next(iter(of_field.values()))


def _shape_of(
    opened: Opened, results: tuple[dict[str, Any] | None, ...]
) -> tuple[tuple[int, int], Any]:
    known = [result for result in results if result]
    if known:
        shapes = np.array([result["shape"][:2] for result in known])
        y, x = shapes.max(axis=0).tolist()
        return (y, x), np.result_type(*{result["dtype"] for result in known})
    if opened.picture is None:
        return (512, 512), np.dtype(np.uint8)
    return opened.picture.shape, np.dtype(opened.picture.dtype)


class _Pictures:
    """Reads frames of one well; a file that can't be read is an empty frame."""

    def __init__(
        self,
        opened: Opened,
        well_timepoints: tuple[WellTimepoint | None, ...],
        results: tuple[dict[str, Any] | None, ...],
        field: int,
        channel: str,
    ) -> None:
        self._channel = channel
        self._opened = opened
        self._well_timepoints = well_timepoints
        self._results = results
        self._field = field

    def names(self) -> list[tuple[str, int, bool, str] | None]:
        """Tell where the pixels of each frame come from; None where there is no image."""
        how = self._opened.parameters.images.model_dump_json()
        return [
            None
            if well_timepoint is None
            else (well_timepoint.signature, *self._which(n), f"{self._channel} {how}")
            for n, well_timepoint in enumerate(self._well_timepoints)
        ]

    def _which(self, n: int) -> tuple[int, bool]:
        """Give the number of the field that is shown, and whether it was put together."""
        well_timepoint, result = self._well_timepoints[n], self._results[n]
        if result is not None:
            return result["field"], result["stitched"]
        if well_timepoint is not None and self._field not in well_timepoint.fields:
            return next(iter(well_timepoint.fields)), False
        return self._field, False

    def load(self, n: int, *, with_others: bool = False) -> FieldImage | None:
        well_timepoint = self._well_timepoints[n]
        if well_timepoint is None:
            return None
        field, stitched = self._which(n)
        try:
            with OpenFile() as files:
                return load_analysed(
                    self._opened.folder, well_timepoint, field, stitched, self._opened.parameters,
                    self._opened.calibration, files, with_others=with_others,
                    light=(self._results[n] or {}).get("light"),
                )  # fmt: skip
        except ImageError:
            return None

    def pixels(self, n: int) -> NDArray[Any] | None:
        image = self.load(n, with_others=bool(self._channel))
        if image is None:
            return None
        pixels = image.others.get(self._channel) if self._channel else image.pixels
        if pixels is None:
            return None
        return np.nan_to_num(pixels) if pixels.dtype.kind == "f" else pixels


class _Masks:
    """Reads the masks that count; both channels of a file at once."""

    def __init__(self, opened: Opened, results: tuple[dict[str, Any] | None, ...]) -> None:
        self._run = opened.run
        self._max_megapixels = opened.parameters.images.max_megapixels
        self._results = results
        self._last: tuple[int, NDArray[Any], NDArray[Any]] | None = None
        self.core = partial(self._read, 1)
        self.shed = partial(self._read, 2)

    def _read(self, which: int, n: int) -> NDArray[Any] | None:
        result = self._results[n]
        if result is None or not result["mask"]:
            return None
        last = self._last
        if last is None or last[0] != n:
            try:
                core, shed = read_masks(
                    mask_path(self._run, result["mask"]), self._max_megapixels, result["shape"]
                )
            except ImageError:
                return None
            last = (n, core.astype(np.uint16), shed.astype(np.uint8))
        # The pair is read once, for whichever channel comes first.
        self._last = None if self._last is not None and self._last[0] == n else last
        found = last[which]
        assert isinstance(found, np.ndarray)
        return found
