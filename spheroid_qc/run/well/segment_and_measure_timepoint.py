"""One well at one time: read, segment, measure, look for faults.

What comes out is plain data for a record: raw features only, never a judgement that depends on a
threshold, so that flags and states can be worked out anew without touching a pixel.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.measurement import fluorescence, masked_frame, quality_features, rows_of
from spheroid_qc.parameters import Assay, Parameters
from spheroid_qc.run.store.illumination_file import LightMode
from spheroid_qc.run.store.mask_files import write_masks
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.well_records import WellTask, WellTimepoint, output_name
from spheroid_qc.run.well.load_images import FieldError, FieldImage, OpenFile, load_field
from spheroid_qc.run.well.stitching import stitch
from spheroid_qc.run.worker_processes import alive
from spheroid_qc.segmentation import Segmentation, segment
from spheroid_qc.segmentation.array_types import Mask
from spheroid_qc.segmentation.even_light import own_illumination
from spheroid_qc.stopwatch import Work, timed


def analyse_timepoint(
    task: WellTask, well_timepoint: WellTimepoint, files: OpenFile
) -> dict[str, Any]:
    """Analyse all fields of one well at one time and write their masks.

    The result is ready for JSON: `signature`, `inputs`, `problems` ([code, path, sentence]) and
    `fields` (one dict each: file, shape, calibration, measured rows, quality features,
    fluorescence, mask). `files` keeps a stack open from one timepoint to the next.
    """
    run, parameters = RunFolder(task.out), task.parameters
    loaded: list[FieldImage] = []
    problems: list[tuple[str, str, str]] = []
    main = task.light.get(well_timepoint.channel)
    by_frame = main is not None and main.mode is LightMode.FRAME
    for frames in well_timepoint.fields.values():
        try:
            loaded.append(
                load_field(
                    task.folder, frames, parameters, task.calibration, well_timepoint.channel, files
                ).under(task.divisors)
            )
        except FieldError as error:
            problems.append((error.code, error.path, str(error)))
    stitched = False
    if parameters.plate.assay is Assay.SINGLE and len(loaded) > 1:
        whole = stitch(loaded, parameters.images.max_megapixels)
        if whole is not None:
            loaded, stitched = [whole], True
    analysed = [
        _analyse_field(image, task, own_light=by_frame and not stitched) for image in loaded
    ]
    if parameters.plate.assay is Assay.SINGLE and len(analysed) > 1:
        analysed = [max(analysed, key=_holds_core)]
    for image, segmentation, result in analysed:
        if parameters.output.masks:
            run.check_there()
            name = output_name(image.frame, ".ome.tif")
            written = write_masks(run.mask(name), segmentation, image.pixel_size_um)
            result |= {"mask": name, "mask_sha256": written}
        result["stitched"] = stitched
    return {
        "signature": well_timepoint.signature,
        "stamps": list(well_timepoint.stamps),
        "inputs": [entry for image in loaded for entry in image.inputs],
        "problems": [*problems, *(p for image in loaded for p in image.problems)],
        "n_fields": len(well_timepoint.fields),
        "unfinished": any(code == "storage_failed" for code, _, _ in problems),
        "fields": [result for _, _, result in analysed],
    }


def _holds_core(
    analysed: tuple[FieldImage, Segmentation, dict[str, Any]],
) -> tuple[bool, float, float, int]:
    """Rank fields: the whole core first, then the largest core, then the most material."""
    image, segmentation, result = analysed
    row = result["rows"][0]
    labels = segmentation.core
    largest = labels == 1
    edge = np.concatenate([largest[0], largest[-1], largest[:, 0], largest[:, -1]])
    whole = row["n_spheroids"] > 0 and not edge.any()
    return (whole, row["core_area_px"], row["total_area_px"], -image.frame.field)


def _analyse_field(
    image: FieldImage, task: WellTask, *, own_light: bool
) -> tuple[FieldImage, Segmentation, dict[str, Any]]:
    segmentation = segment_field(image, task)
    if own_light:
        with timed(Work.LIGHT):
            found = own_illumination(image.pixels, segmentation.core)
        if found is not None:
            image = image.under({image.frame.channel: found})
            segmentation = segment_field(image, task)
    return image, segmentation, measure_field(image, segmentation, task.parameters)


def segment_field(
    image: FieldImage, task: WellTask, neighbours: Sequence[Mask] = ()
) -> Segmentation:
    """Segment one field as the well's task says, with sight of its neighbours' cores if given."""
    parameters = task.parameters
    alive(max(1.0, image.pixels.size / 1e6))
    return segment(
        image.evened,
        pixel_size_um=image.pixel_size_um,
        method=parameters.segmentation.method.value,
        parameters=parameters.segmentation,
        adapter=task.adapter,
        leading=task.leading,
        neighbours=neighbours,
    )


def measure_field(
    image: FieldImage, segmentation: Segmentation, parameters: Parameters
) -> dict[str, Any]:
    """Measure the masks of one field, whoever made them.

    The result is plain data for a record: file, shape, calibration, rows, quality features,
    fluorescence, and the light that grey values were divided by.
    """
    alive(max(1.0, image.pixels.size / 1e6))
    with timed(Work.MEASURE):
        scene = masked_frame(
            segmentation, image.evened, image.pixel_size_um, parameters.measurement
        )
        rows = rows_of(scene, parameters.plate.assay, segmentation)
    with timed(Work.QUALITY):
        figures = quality_features(scene, image.pixels)
    return {
        "field": image.frame.field,
        "file": image.frame.path,
        "page": image.frame.page,
        "series": image.frame.series,
        "shape": list(image.pixels.shape),
        "dtype": str(image.pixels.dtype),
        "pixel_size_um": image.pixel_size_um,
        "pixel_size_source": image.pixel_size_source,
        "pixel_size_conflict": image.pixel_size_conflict,
        "pixel_hash": _pixel_hash(image.pixels),
        "confidence": float(segmentation.confidence),
        "method": segmentation.method,
        "core_px": int(np.count_nonzero(segmentation.core)),
        "shed_px": int(np.count_nonzero(segmentation.shed & (segmentation.core == 0))),
        "rows": [_plain(row) for row in rows],
        "figures": _plain(figures),
        "fluorescence": {
            name: _plain(_further(segmentation, image, name)) for name in image.others
        },
        "light": {channel: list(light.terms) for channel, light in image.light.items()},
        "mask": None,
        "mask_sha256": None,
    }


@timed(Work.MEASURE)
def _further(segmentation: Segmentation, image: FieldImage, channel: str) -> dict[str, float]:
    recorded, even = image.others[channel], image.other_evened(channel)
    found = fluorescence(segmentation, even, image.pixel_size_um)
    if even is not recorded:  # clipped is what the camera clipped
        as_recorded = fluorescence(segmentation, recorded, image.pixel_size_um)
        found["saturated"] = as_recorded["saturated"]
    return found


def _plain(values: Any) -> dict[str, float | int | None]:
    """Numbers that JSON knows: no numpy types, None for NaN."""
    plain: dict[str, float | int | None] = {}
    for name, value in dict(values).items():
        if isinstance(value, bool | np.bool_ | int | np.integer):
            plain[name] = int(value)
        else:
            number = float(value)
            plain[name] = number if math.isfinite(number) else None
    return plain


@timed(Work.HASH)
def _pixel_hash(pixels: NDArray[Any]) -> str:
    """Digest of what is seen, whatever the file's metadata: finds a frame saved twice."""
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()
