"""Every flag there is: stable code, severity, what it means, what to do.

Codes appear in tables and in other people's scripts: new ones may be added, none renamed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import QualityParameters, Severity


@dataclass(frozen=True)
class FlagKind:
    """One kind of finding.

    Parameters
    ----------
    code : str
        Stable name in tables and parameters.
    severity : Severity
        Severity where neither the finding nor the user says otherwise.
    title : str
        Two or three words.
    explanation : str
        One sentence: what was found.
    advice : str
        One sentence: what to do.
    """

    code: str
    severity: Severity
    title: str
    explanation: str
    advice: str


@dataclass(frozen=True, slots=True)
class Flag:
    """One finding.

    Parameters
    ----------
    code : str
        A key of `FLAGS`.
    severity : Severity or None
        Severity of this finding, where it differs from its kind's; None: its kind's.
    detail : str
        The figures behind it; empty: nothing to add to the kind's explanation.
    """

    code: str
    severity: Severity | None = None
    detail: str = ""

    def __post_init__(self) -> None:
        if self.code not in FLAGS:
            raise KeyError(f"there is no flag {self.code!r}")


def check_severities(parameters: QualityParameters) -> None:
    """Refuse severities for flags that do not exist.

    Raises
    ------
    RequestError
        Naming the unknown codes and those that exist.
    """
    unknown = sorted(set(parameters.severity) - set(FLAGS))
    if unknown:
        raise RequestError(
            f"The setting quality.severity names {', '.join(unknown)}, which no flag is called; "
            f"the flags are {', '.join(sorted(FLAGS))}."
        )


def resolve(flag: Flag, parameters: QualityParameters) -> Flag:
    """Settle the severity of a flag: the user's, else its own, else its kind's.

    Parameters
    ----------
    flag : Flag
        A finding.
    parameters : QualityParameters
        With the user's severities.

    Returns
    -------
    Flag
        The same finding; its severity is not None.

    Raises
    ------
    RequestError
        If the parameters name a flag that does not exist.
    """
    if parameters.severity:
        check_severities(parameters)
    severity = parameters.severity.get(flag.code) or flag.severity or FLAGS[flag.code].severity
    return flag if severity is flag.severity else replace(flag, severity=severity)


_I, _W, _E = Severity.INFO, Severity.WARN, Severity.EXCLUDE

_KINDS = (
    # the picture
    FlagKind(
        "unreadable", _E, "Unreadable file",
        "The file could not be read as an image.",
        "Copy or export the file again, or remove it.",
    ),
    FlagKind(
        "blank_image", _E, "Blank image",
        "All pixels have the same value: this is no picture of a well.",
        "Check lamp, shutter and export; without a picture nothing can be said about the well.",
    ),
    FlagKind(
        "out_of_focus", _E, "Out of focus",
        "The edge of the spheroid is blurred, beyond its plate or beyond what can be outlined.",
        "Look at the picture; image the well again, or leave it out.",
    ),
    FlagKind(
        "low_contrast", _W, "Low contrast",
        "The spheroid hardly differs from the background around it.",
        "Check the outline in the overlay; raise exposure or contrast next time.",
    ),
    FlagKind(
        "saturated", _W, "Saturated",
        "Many pixels are clipped at the end of the grey scale; what was there is lost.",
        "Check the outline in the overlay; lower the exposure next time.",
    ),
    FlagKind(
        "uneven_light", _W, "Uneven light",
        "The background varies as much as the spheroid differs from it.",
        "Check the outline in the overlay; centre the condenser or correct for shading.",
    ),
    FlagKind(
        "light_changed", _W, "Changed light",
        "The background is much brighter or darker than on the rest of the plate.",
        "Check lamp, shutter and exposure; compare intensities with care.",
    ),
    FlagKind(
        "annotation_overlap", _W, "Writing on the spheroid",
        "A scale bar, time stamp or label was burned into the picture at the spheroid.",
        "Export the pictures without annotation.",
    ),
    FlagKind(
        "uncalibrated", _W, "Uncalibrated",
        "No pixel size is known, so that all values in um are empty.",
        "State the pixel size with --pixel-size.",
    ),
    FlagKind(
        "pixel_size_conflict", _W, "Pixel size conflict",
        "The pixel size that was given differs from the one in the file.",
        "Find out which is right, objective and binning included.",
    ),
    FlagKind(
        "channel_missing", _W, "Channel missing",
        "A channel that other frames have is absent here.",
        "Check the export of this well.",
    ),
    FlagKind(
        "planes_unused", _I, "Planes not used",
        "The file holds times or pages that are not read.",
        "Export them as files of their own, or take the time out of the file's name.",
    ),
    FlagKind(
        "reader_note", _I, "Note on reading",
        "Something in the file was read in one of several ways, or was damaged and left out.",
        "Read the note; export the image again if it is not what was meant.",
    ),
    # the spheroid in it
    FlagKind(
        "no_spheroid", _W, "No spheroid",
        "No compact body was found in the frame.",
        "Look at the picture: the spheroid may be lost, out of view, or overlooked.",
    ),
    FlagKind(
        "several_spheroids", _E, "Several spheroids",
        "The well held two or more compact bodies at time zero already.",
        "Leave the well out: two healthy spheroids can't be told from one that broke apart.",
    ),
    FlagKind(
        "touches_border", _W, "Touches the border",
        "The spheroid reaches the edge of the frame; a part of it may be out of view.",
        "Sizes are lower limits; centre the well or image more fields.",
    ),
    FlagKind(
        "low_confidence", _W, "Low confidence",
        "The cues for the outline disagree.",
        "Check the outline in the overlay and correct the mask where it is wrong.",
    ),
    FlagKind(
        "df_unvalidated", _I, "Range without validation",
        "The disintegration fraction lies in a range for which no published mask exists.",
        "Take the value as a ranking, and look at the overlay before a single one counts.",
    ),
    FlagKind(
        # No warning: nothing is wrong with the frame, and on every dose series a share of good
        # ones lies near a limit; they would fill the list of frames that are worth a look.
        "state_uncertain", _I, "State uncertain",
        "The interval of the disintegration fraction holds a limit between two states.",
        "Take the fraction with its interval rather than the state; correct the mask to be sure.",
    ),
    # beside other frames
    FlagKind(
        "size_jump", _W, "Size jump",
        "The area of the core changed abruptly and not because material was shed.",
        "Compare the overlays of both frames.",
    ),
    FlagKind(
        "steadied", _I, "Steadied",
        "The core was in doubt and stood out from the frames before and after, which decided it.",
        "Look at its overlay: something blurred or hid the spheroid in this frame.",
    ),
    FlagKind(
        "drift", _I, "Drift",
        "The spheroid lies elsewhere than in the frame before.",
        "Make sure that it is the same spheroid and that nothing was washed away.",
    ),
    FlagKind(
        "duplicate_frame", _W, "Duplicate frame",
        "Another frame of the plate has exactly the same pixels.",
        "Check the export: at least one of the two is not what its name says.",
    ),
    FlagKind(
        "missing_frame", _E, "Missing frame",
        "There is no picture of this well at this time.",
        "Check the export; the row has no values.",
    ),
    FlagKind(
        "incomplete_series", _W, "Incomplete series",
        "The well lacks pictures at some times of its plate.",
        "Check the export; comparisons over time rest on fewer frames.",
    ),
    FlagKind(
        "size_outlier_t0", _W, "Size outlier",
        "The spheroid's size at time zero is far from the other wells of the plate.",
        "Check seeding and outline; decide by rule, not by result, whether to leave it out.",
    ),
    FlagKind(
        "never_formed", _W, "Never formed",
        "There was no spheroid at time zero.",
        "The well is out of all effects and counted.",
    ),
    FlagKind(
        "blank_not_empty", _W, "Something in a blank",
        "A well that the map calls blank holds something that looks like a spheroid.",
        "Look at the picture: dust, or a well that was mixed up.",
    ),
    FlagKind(
        "vanished", _W, "Vanished",
        "Nothing is left although the spheroid was whole in the frame before.",
        "It was probably washed away or out of view; the well counts as censored from here.",
    ),
    FlagKind(
        "no_baseline", _W, "No baseline",
        "No scorable frame lies at or before the first dose.",
        "Comparisons with time zero are empty; state the dose time or image before dosing.",
    ),
    # the experiment
    FlagKind(
        "masks_unfit", _W, "Masks don't fit",
        "Too many wells without a drug read as falling apart.",
        "Look at the overlays before anything else. Where outlines are wrong, correct a few frames "
        "and run spheroid-qc adapt, or try another method or other settings of the segmentation.",
    ),
    FlagKind(
        "time_is_index", _W, "Time is a count",
        "The names give no time and the files no date, so that time_h counts frames, not hours.",
        "State the interval with the setting plate.frame_interval_h.",
    ),
    FlagKind(
        "dose_time_assumed", _I, "Dose time assumed",
        "No dose time was given, so that the first frame counts as the time of the first dose.",
        "State it with --dose-time or in the plate map's column dosed_at_h.",
    ),
    FlagKind(
        "few_references", _W, "Few references",
        "The plate has too few scorable vehicle wells to compare with.",
        "Take comparisons with the vehicle as provisional; plan more vehicle wells.",
    ),
    FlagKind(
        "no_vehicle", _W, "No vehicle",
        "No well of the plate is marked as vehicle.",
        "Mark the vehicle wells in the plate map; comparisons with the vehicle are empty.",
    ),
    FlagKind(
        "unmapped", _W, "Not on the map",
        "The well was imaged but is not on the plate map.",
        "Add it to the map, or remove its pictures.",
    ),
    FlagKind(
        "mapped_without_image", _W, "Mapped, no image",
        "The well is on the plate map but has no picture.",
        "Check the export, or remove it from the map.",
    ),
    FlagKind(
        "not_stitched", _I, "Fields not stitched",
        "The well has several fields of unknown position; the one with the whole core was used.",
        "Export stage positions, or one stitched picture a well.",
    ),
    FlagKind(
        "imaged_fraction_unknown", _I, "Imaged share unknown",
        "Spheres are given per imaged area, because the imaged share of the well is unknown.",
        "State the well's area with the setting spheres.well_area_mm2, and the pixel size.",
    ),
    FlagKind(
        "excluded_by_user", _E, "Excluded by the user",
        "The user left this frame or well out.",
        "The reason is given; remove the exclusion to take it back in.",
    ),
    FlagKind(
        "accepted_by_user", _I, "Accepted by the user",
        "The user looked at this frame and accepted it: what excluded it is a warning now.",
        "Nothing; take the acceptance back if it was a mistake.",
    ),
    FlagKind(
        "corrected_by_user", _I, "Corrected by the user",
        "The masks of this frame were corrected by hand and measured anew.",
        "Nothing; the automatic masks are still there, and the correction can be taken back.",
    ),
    FlagKind(
        "correction_unused", _W, "Correction not used",
        "A corrected mask is there for this frame, but can't be read or is of another picture.",
        "Correct the frame again, or delete the file in the folder corrections.",
    ),
    FlagKind(
        "worker_died", _E, "Analysis broke off",
        "The process that analysed this frame ended without an answer.",
        "Run again; if it happens again, the file is damaged or memory too small.",
    ),
    FlagKind(
        "timed_out", _E, "Took too long",
        "Twice the process that analysed this frame gave no sign of life and was ended.",
        "Look at the file and at the storage, or raise limits.frame_seconds; then run again.",
    ),
    FlagKind(
        "storage_failed", _E, "Storage failed",
        "The storage that holds the image did not answer, also after waiting.",
        "Look at the disc or the network share, then run again: the frame is tried anew.",
    ),
    # the files
    FlagKind(
        "doubtful_name", _W, "Doubtful name",
        "The file's name can be read in two ways, so that it was left out.",
        "Settle it with --name-pattern, or rename the file.",
    ),
    FlagKind(
        "duplicate_file", _W, "Duplicate file",
        "Two files claim the same plate, well, field, time and channel.",
        "Remove one of them.",
    ),
    FlagKind(
        "stray_file", _I, "Stray file",
        "The file is no frame of the plate and was passed over.",
        "Nothing, unless it should have been one.",
    ),
)  # fmt: skip

FLAGS: dict[str, FlagKind] = {kind.code: kind for kind in _KINDS}
