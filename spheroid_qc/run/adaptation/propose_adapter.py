"""What the network would learn from a run's corrections: a proposal that a person can judge.

Nothing is changed here but what is asked for: `propose` computes, `write_pictures` and
`keep_adapter` write.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from spheroid_qc.atomic import atomic_path, output_error
from spheroid_qc.errors import ImageError, RequestError
from spheroid_qc.parameters import Assay, Method
from spheroid_qc.run.adaptation.corrected_frames import (
    AnalysedFrame,
    RunToLearnFrom,
    run_to_learn_from,
)
from spheroid_qc.run.overlays.draw_overlay import Caption, draw_overlay
from spheroid_qc.run.plate_light import shown
from spheroid_qc.run.progress import Progress, report_progress
from spheroid_qc.run.store.mask_files import read_masks
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.well.load_images import FieldImage, OpenFile
from spheroid_qc.run.well.reload_frame import load_analysed
from spheroid_qc.run.well.static_pass import marks_taken
from spheroid_qc.wording import plural

if TYPE_CHECKING:
    from spheroid_qc.segmentation import Adapter, Segmentation
    from spheroid_qc.segmentation.adapter.learn_and_judge import Corrected, Learned

PICTURES = "adaptation"
"""Folder in the run folder with the pictures of before and after."""

_SIDE_PX = 420
_GAP_PX = 8


@dataclass(frozen=True, eq=False)
class Comparison:
    """One frame before and after.

    Parameters
    ----------
    plate, well : str
    time_h : float
    fraction_before, fraction_after : float
        Disintegration fraction of the masks; NaN in fields of many spheres.
    overlap_before, overlap_after : float
        Of the core with the corrected one; NaN where nothing was corrected.
    fraction_corrected : float
        As corrected; NaN where nothing was.
    picture : Image
        Corrected masks where there are any, masks before and masks after, side by side.
    """

    plate: str
    well: str
    time_h: float
    fraction_before: float
    fraction_after: float
    overlap_before: float
    overlap_after: float
    fraction_corrected: float
    picture: Image.Image

    @property
    def name(self) -> str:
        """Plate, well and time."""
        return f"{self.plate} {self.well} {self.time_h:g} h"


@dataclass(frozen=True, eq=False)
class Proposal:
    """What could be kept.

    Parameters
    ----------
    out, folder : Path
        Run folder and images.
    learned : Learned
        Adapter, and what it is worth.
    corrected : tuple of Comparison
        Corrected frames; `after` is what was learned from the others.
    others : tuple of Comparison
        Further frames of the run.
    """

    out: Path
    folder: Path
    learned: Learned
    corrected: tuple[Comparison, ...]
    others: tuple[Comparison, ...]


def propose(out: Path, progress: Callable[[Progress], None] | None = None) -> Proposal:
    """Learn from the corrected frames of a run, and compare before with after.

    Parameters
    ----------
    out : Path
        The run folder.
    progress : callable, optional
        Called with a `Progress`.

    Returns
    -------
    Proposal
        `learned.helps` tells whether there is anything to keep.

    Raises
    ------
    RequestError
        If the folder holds no run, its images are gone, it was made by rules alone, or fewer than
        three frames were corrected.
    """
    from spheroid_qc.segmentation.adapter.fit_adapter import lesson_of
    from spheroid_qc.segmentation.adapter.learn_and_judge import Corrected, learn

    source = run_to_learn_from(out)
    check_enough(source)
    steps = Steps(len(source.corrected) + 1 + len(source.others), progress)
    frames: list[tuple[AnalysedFrame, FieldImage, Corrected]] = []
    lessons = []
    with OpenFile() as files:
        for frame in source.corrected:
            image = _load(source, frame, files)
            if image is not None:
                core, shed = read_masks(
                    source.run.correction(frame.mask), source.parameters.images.max_megapixels
                )
                frames.append((frame, image, Corrected(core, shed)))
                lessons.append(lesson_of(image.evened, core, shed))
            steps.done()
        _check_number(len(frames), source.run)
        learned = learn(
            lessons,
            [masks for _, _, masks in frames],
            lambda n, adapter: segment_as_the_run(source, frames[n][0], frames[n][1], adapter),
            many=source.parameters.plate.assay is Assay.SPHERES,
        )
        steps.done()
        corrected = [
            _compare_corrected(source, learned, n, *known) for n, known in enumerate(frames)
        ]
        others = []
        for frame in source.others:
            image = _load(source, frame, files)
            if image is not None:
                others.append(_compare(source, learned, frame, image))
            steps.done()
    return Proposal(out, source.folder, learned, tuple(corrected), tuple(others))


def keep_adapter(proposal: Proposal) -> Path:
    """Put the adapter into the run folder; the next run there makes the masks anew.

    Parameters
    ----------
    proposal : Proposal
        From `propose`.

    Returns
    -------
    Path
        `adapter.npz`.

    Raises
    ------
    RequestError
        If a run is going on in the folder.
    OutputError
        If the file can't be written.
    """
    from spheroid_qc.segmentation.adapter import write_adapter

    run = RunFolder(proposal.out)
    with run.locked():
        try:
            write_adapter(run.adapter, proposal.learned.adapter)
        except OSError as error:
            raise output_error(run.root, error) from error
    return run.adapter


def write_pictures(proposal: Proposal) -> Path:
    """Write the pictures of before and after into the run folder, in the place of earlier ones.

    Parameters
    ----------
    proposal : Proposal
        From `propose`.

    Returns
    -------
    Path
        Their folder.

    Raises
    ------
    OutputError
        If they can't be written.
    """
    folder = proposal.out / PICTURES
    kinds = (("corrected", proposal.corrected), ("further", proposal.others))
    try:
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.png"):
            old.unlink()
        for kind, comparisons in kinds:
            for number, comparison in enumerate(comparisons, start=1):
                with atomic_path(folder / f"{kind}_{number:02d}_{comparison.well}.png") as path:
                    comparison.picture.save(path, format="PNG", compress_level=3)
    except OSError as error:
        raise output_error(proposal.out, error) from error
    return folder


def check_enough(source: RunToLearnFrom) -> None:
    """Refuse a run from which nothing can be learned.

    `RequestError` says what to do: its method uses no network, or too few frames were corrected.
    """
    if source.parameters.segmentation.method is Method.CLASSICAL:
        raise RequestError(
            f"{source.run.root} was made with the method 'classical', which learns nothing from "
            "corrections; make a run with the method 'auto' or 'learned' and correct its masks."
        )
    _check_number(len(source.corrected), source.run)


def _check_number(corrected: int, run: RunFolder) -> None:
    from spheroid_qc.segmentation.adapter.learn_and_judge import FEWEST

    if corrected < FEWEST:
        raise RequestError(
            f"{run.root} holds {plural(corrected, 'corrected frame')}, and at least {FEWEST} are "
            "needed to learn from; correct the masks of more frames in the Review panel, best "
            "those of different wells and times in which they are wrong, and try again."
        )


class Steps:
    """Tells how far the work is."""

    def __init__(self, total: int, progress: Callable[[Progress], None] | None) -> None:
        self.total, self.progress, self.number = total, progress, 0

    def done(self) -> None:
        """Take note of one step."""
        self.number += 1
        report_progress(self.progress, Progress("learning", self.number, self.total, 0.0, None))


def _load(source: RunToLearnFrom, frame: AnalysedFrame, files: OpenFile) -> FieldImage | None:
    try:
        return load_analysed(
            source.folder, frame.well_timepoint, frame.field, frame.stitched, source.parameters,
            source.calibration, files, light=frame.light,
        )  # fmt: skip
    except ImageError:
        return None


def segment_as_the_run(
    source: RunToLearnFrom, frame: AnalysedFrame, image: FieldImage, adapter: Adapter | None
) -> Segmentation:
    """Make the masks that a run makes: by the method of the plate, without marks of the well.

    With an adapter a plate is decided anew, and for the network that was taught. Marks are those
    that the run took out of the shed material of this frame.
    """
    from spheroid_qc.segmentation import segment

    settings = source.parameters.segmentation
    leading = source.methods.get(shown(frame.plate))
    if leading is not None and adapter is not None:
        leading = "learned"
    found = segment(
        image.evened, image.pixel_size_um, settings.method.value, settings, adapter, leading
    )
    marks = marks_taken(source.run, frame.plate, frame.well).get(frame.well_timepoint.signature)
    if marks is None or marks.shape != found.shed.shape:
        return found
    return replace(found, shed=found.shed & ~marks)


def _compare(
    source: RunToLearnFrom, learned: Learned, frame: AnalysedFrame, image: FieldImage
) -> Comparison:
    before = segment_as_the_run(source, frame, image, None)
    after = segment_as_the_run(source, frame, image, learned.adapter) if learned.helps else before
    return _compared(source, frame, image, before, after, None, (float("nan"), float("nan")))


def _compare_corrected(
    source: RunToLearnFrom,
    learned: Learned,
    number: int,
    frame: AnalysedFrame,
    image: FieldImage,
    masks: Corrected,
) -> Comparison:
    overlaps = learned.before[number].core, learned.after[number].core
    before, after = learned.plain[number], learned.left_out[number]
    return _compared(source, frame, image, before, after, masks, overlaps)


def _compared(
    source: RunToLearnFrom,
    frame: AnalysedFrame,
    image: FieldImage,
    before: Segmentation,
    after: Segmentation,
    masks: Corrected | None,
    overlaps: tuple[float, float],
) -> Comparison:
    from spheroid_qc.segmentation.adapter.learn_and_judge import fallen_apart

    single = source.parameters.plate.assay is Assay.SINGLE
    shown = [("before", before.core, before.shed), ("after", after.core, after.shed)]
    if masks is not None:
        shown.insert(0, ("corrected", masks.core, masks.shed))
    fractions = {
        name: fallen_apart(core, shed) if single else float("nan") for name, core, shed in shown
    }
    name = f"{frame.plate}  {frame.well}  {frame.time_h:g} h"
    drawn = [
        draw_overlay(
            image.pixels, core, shed,
            Caption(
                name,
                f"{what}   DF {fractions[what]:.2f}" if single else f"{what}   {core.max()} bodies",
                "",
            ),
            pixel_size_um=image.pixel_size_um,
            longer_side=_SIDE_PX,
        )
        for what, core, shed in shown
    ]  # fmt: skip
    return Comparison(
        frame.plate, frame.well, frame.time_h, fractions["before"], fractions["after"],
        *overlaps, fractions.get("corrected", float("nan")), side_by_side(drawn),
    )  # fmt: skip


def side_by_side(pictures: list[Image.Image]) -> Image.Image:
    """Put pictures beside each other, aligned at the top."""
    width = sum(picture.width for picture in pictures) + _GAP_PX * (len(pictures) - 1)
    sheet = Image.new("RGB", (width, max(picture.height for picture in pictures)))
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width + _GAP_PX
    return sheet
