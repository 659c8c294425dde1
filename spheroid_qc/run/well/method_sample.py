"""What one frame says of the methods: the overlap with the truth to be expected of each."""

from __future__ import annotations

from spheroid_qc.run.store.well_records import WellTask
from spheroid_qc.run.well.load_images import FieldError, OpenFile, load_field
from spheroid_qc.segmentation.auto import agreement_features, expected_overlaps
from spheroid_qc.segmentation.classical import segment_classical
from spheroid_qc.segmentation.learned import segment_learned
from spheroid_qc.stopwatch import Work, timed


@timed(Work.PLATE, whole=True)
def sample_methods(task: WellTask) -> dict[str, float] | None:
    """Segment the first field of a task's only timepoint by network and by rules.

    Gives what is to be expected of `learned` and `classical`, and how much an adapter counts
    (`adapted`). None where the frame can't be read, which its analysis will say, and where neither
    finds anything: nothing speaks for either then.
    """
    parameters, well_timepoint = task.parameters, task.well_timepoints[0]
    frames = next(iter(well_timepoint.fields.values()))
    try:
        with OpenFile() as files:
            image = load_field(
                task.folder, frames, parameters, task.calibration, well_timepoint.channel, files
            ).under(task.divisors)
    except FieldError:
        return None
    shown, size = image.evened, image.pixel_size_um
    first = segment_learned(shown, size, parameters.segmentation, task.adapter)
    second = segment_classical(shown, size, parameters.segmentation)
    if not first.core.any() and not second.core.any():
        return None
    chances = expected_overlaps(agreement_features(first, second))
    return {**chances, "adapted": first.evidence.get("adapted", 0.0)}
