"""Every setting of the program, once.

These frozen models are the single source for function arguments, the TOML file, the command
line, the form in napari and `run.json`. A field has a default, bounds, a title, a unit and a
description; nothing else in the program invents a threshold.

The sections follow the direction of travel. A change in `plate.pixel_size_um`, `plate.assay`,
`images`, `segmentation` or `measurement` makes other masks or other measured numbers, so that
an old run folder refuses it; everything else only changes tables that are made anew each time.
(A pixel size alone that is entered late can be taken over by `run.new_pixel_size`.)
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Assay(StrEnum):
    """What a well holds."""

    SINGLE = "single"
    SPHERES = "spheres"


class Method(StrEnum):
    """Which segmenter makes the masks."""

    AUTO = "auto"
    LEARNED = "learned"
    CLASSICAL = "classical"


class Polarity(StrEnum):
    """Whether bodies are darker or brighter than what surrounds them."""

    AUTO = "auto"
    DARK = "dark"
    BRIGHT = "bright"


class ZChoice(StrEnum):
    """How a focus stack becomes one plane."""

    SHARPEST = "sharpest"
    MAX = "max"
    MIN = "min"
    MEAN = "mean"
    FIRST = "first"
    MIDDLE = "middle"


class Overlays(StrEnum):
    """For which frames an overlay picture is written."""

    ALL = "all"
    FLAGGED = "flagged"
    NONE = "none"


class DoseScale(StrEnum):
    """How the doses of a table are written."""

    PLAIN = "plain"
    LOG10 = "log10"


class Severity(StrEnum):
    """What a flag means for the frame that carries it."""

    INFO = "info"
    WARN = "warn"
    EXCLUDE = "exclude"


def setting(default: Any, title: str, description: str, *, unit: str = "", **bounds: Any) -> Any:
    """Declare one field of a model: default, title, unit, description and bounds.

    The title is the label in forms; the description tooltip, comment in the TOML file and help
    text; the unit empty for a pure number; `bounds` are `ge`, `gt`, `le`, `lt` of pydantic's
    `Field`.
    """
    return Field(
        default,
        title=title,
        description=description,
        json_schema_extra={"unit": unit},
        **bounds,
    )


class Section(BaseModel):
    """Base of all parameter models: frozen, and no unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class PlateParameters(Section):
    """What the experiment is: names, times, calibration."""

    assay: Assay = setting(
        Assay.SINGLE,
        "Assay",
        "single: one spheroid a well, followed over time; spheres: many spheres a field.",
    )
    pixel_size_um: float | None = setting(
        None,
        "Pixel size",
        "Size of one pixel; overrules what the files say. None: take it from the files.",
        unit="um/px",
        gt=0,
        le=1000,
    )
    name_pattern: str | None = setting(
        None,
        "Name pattern",
        "Regular expression with named groups (well, or row and column; optionally plate, field, "
        "channel, z, time, day, hour, minute) that is matched against the path below the folder.",
    )
    well_count: int | None = setting(
        None,
        "Wells on a plate",
        "6, 12, 24, 48, 96, 384 or 1536; None: the smallest plate that holds every well seen.",
    )
    dose_time_h: float | None = setting(
        None,
        "Dose time",
        "When the first drug was given, on the time axis of the images, for plates whose map has "
        "no dosed_at_h. None: the first frame.",
        unit="h",
        ge=-10_000,
        le=100_000,
    )
    map_dose_scale: DoseScale = setting(
        DoseScale.PLAIN,
        "Doses of the map",
        "log10: the doses of the plate map are decimal logarithms, though their heading does not "
        "say so.",
    )
    map_columns: str | None = setting(
        None,
        "Columns of the map",
        "What columns of the plate map are that tell wells apart, NAME=MEANING, separated by "
        "semicolons: stratum, replicate, biological_replicate, cell_line, plate or ignore.",
    )
    frame_interval_h: float | None = setting(
        None,
        "Frame interval",
        "Hours between frames where names give only a running number and the files no date.",
        unit="h",
        gt=0,
        le=10_000,
    )

    @field_validator("well_count")
    @classmethod
    def _known_plate(cls, value: int | None) -> int | None:
        if value is not None and value not in (6, 12, 24, 48, 96, 384, 1536):
            raise ValueError("a plate has 6, 12, 24, 48, 96, 384 or 1536 wells")
        return value


class ImageParameters(Section):
    """Which pixels of a file are analysed."""

    channel: str | None = setting(
        None,
        "Channel",
        "Name or number (from 1) of the channel that shows the spheroid. None: the transmitted "
        "light channel if one is named so, else the first.",
    )
    z: ZChoice = setting(
        ZChoice.SHARPEST,
        "Focus stack",
        "sharpest: the plane in best focus; max, min, mean: a projection; first, middle: that "
        "plane.",
    )
    max_megapixels: float = setting(
        400.0,
        "Largest frame",
        "Larger frames are refused: a damaged or hostile header can ask for any amount of memory.",
        unit="Mpx",
        gt=0,
        le=100_000,
    )
    pixel_size_tolerance: float = setting(
        0.02,
        "Pixel size tolerance",
        "A given pixel size that differs from the file's by more than this share is flagged.",
        ge=0,
        le=1,
    )


class SegmentationParameters(Section):
    """How core and shed material are found."""

    method: Method = setting(
        Method.AUTO,
        "Method",
        "learned: a trained network; classical: several cues judged by evidence; auto: the "
        "network, and where it is not sure whichever of both the evidence speaks for.",
    )
    polarity: Polarity = setting(
        Polarity.AUTO,
        "Polarity",
        "dark or bright: seek only bodies darker or brighter than their surroundings (bodies that "
        "show by texture are found either way); auto: whichever the evidence speaks for.",
    )
    min_diameter_share: float = setting(
        0.056,
        "Smallest body, share of the field",
        "Diameter below which the largest body of a frame is not believed, as a share of the "
        "side of the field of view; used where the smallest body is not set as a length, or the "
        "pixel size is not known.",
        gt=0,
        le=1,
    )
    min_diameter_um: float | None = setting(
        None,
        "Smallest body, diameter",
        "The same in um, for frames of known pixel size. None: only the share of the field counts.",
        unit="um",
        gt=0,
        le=10_000,
    )
    sensitivity: float = setting(
        0.7,
        "Sensitivity",
        "How little evidence is enough for a body: higher finds fainter bodies and, in empty "
        "wells, sooner or later something that is none. The classical method asks for it, and auto "
        "where that is not sure of the network.",
        ge=0.05,
        le=0.95,
    )
    shed: bool = setting(
        True, "Shed material", "Look for loose cells, clumps and clouds around the bodies."
    )
    even_light: bool = setting(
        True,
        "Even light",
        "Divide frames of a plate by the uneven light of its lamp, where that is strong beside "
        "the bodies' contrast; it is estimated from the plate's own frames when a run begins.",
    )
    neighbours: bool = setting(
        True,
        "Sight of neighbours",
        "Where the network is in doubt of a core that stands out from the frames before and after "
        "it, see it together with them; of single spheroids at three times or more, with masks "
        "that are written.",
    )
    static_background: bool = setting(
        True,
        "Static background",
        "Take marks of a well that stand at the same place with the same structure from the "
        "first time on (scratches, rings, dirt) out of the shed material; needs four times, and "
        "masks that are written.",
    )


class MeasurementParameters(Section):
    """How masks become numbers."""

    min_fragment_um2: float = setting(
        200.0,
        "Smallest fragment",
        "Pieces of core or shed material below this area are not counted as fragments; they "
        "still count as area.",
        unit="um2",
        ge=0,
        le=1e6,
    )
    min_fragment_px: int = setting(
        20,
        "Smallest fragment, uncalibrated",
        "The same floor where no pixel size is known.",
        unit="px",
        ge=0,
        le=1_000_000,
    )
    min_core_radius_px: float = setting(
        5.0,
        "Smallest core for distances",
        "Below this core radius the disintegration index is empty: dividing by a tiny radius "
        "would drive it to 1 whatever the shed material does.",
        unit="px",
        ge=0,
        le=10_000,
    )


class SpheresParameters(Section):
    """The sphere-forming assay."""

    min_diameter_um: float = setting(
        50.0,
        "Smallest sphere",
        "Bodies of a smaller equivalent diameter are not counted as spheres.",
        unit="um",
        ge=0,
        le=10_000,
    )
    well_area_mm2: float | None = setting(
        None,
        "Well area",
        "Growth area of one well; with it counts are scaled from the imaged area to the well.",
        unit="mm2",
        gt=0,
        le=10_000,
    )


class StateParameters(Section):
    """When a spheroid counts as intact, shrunken, shedding or disintegrated."""

    shedding_df: float = setting(
        0.15,
        "Shedding from",
        "Disintegration fraction from which a spheroid is shedding.",
        ge=0,
        le=1,
    )
    disintegrated_df: float = setting(
        0.5,
        "Disintegrated from",
        "Disintegration fraction from which a spheroid is disintegrated.",
        ge=0,
        le=1,
    )
    intact_area_ratio: float = setting(
        0.9,
        "Intact area",
        "Share of its own core area at time zero below which a spheroid is shrunken.",
        ge=0,
        le=10,
    )
    min_consecutive_frames: int = setting(
        2,
        "Frames in a row",
        "Frames in a row in disintegrated or lost before the first of them counts as the event.",
        unit="frames",
        ge=1,
        le=1000,
    )
    min_duration_h: float = setting(
        0.0,
        "Minimum duration",
        "The run of disintegrated or lost frames must span at least this time.",
        unit="h",
        ge=0,
        le=10_000,
    )
    min_reference_wells: int = setting(
        3,
        "Reference wells",
        "Fewer vehicle wells than this on the plate are flagged.",
        unit="wells",
        ge=1,
        le=1536,
    )


class QualityParameters(Section):
    """Thresholds of the quality flags."""

    severity: dict[str, Severity] = setting(
        {},
        "Severities",
        "Flag code = info, warn or exclude, where the default severity is not wanted.",
    )
    blurred_rim: float = setting(
        3.0,
        "Blurred rim",
        "Rim sharpness (edge widths in the spheroid's radius) below which a frame is out of "
        "focus and excluded.",
        ge=0,
        le=1000,
    )
    soft_rim: float = setting(
        4.5,
        "Soft rim",
        "Rim sharpness below which a frame is flagged as out of focus, but kept. For bodies of "
        "few pixels both limits are lowered to a share of the sharpest edge that pixels allow.",
        ge=0,
        le=1000,
    )
    blurred_ratio: float = setting(
        0.4,
        "Blurred beside its plate",
        "A frame whose rim sharpness and focus score are both below this share of the plate's "
        "median is out of focus and excluded.",
        ge=0,
        le=1,
    )
    soft_ratio: float = setting(
        0.6,
        "Soft beside its plate",
        "The same share below which a frame is flagged as out of focus, but kept.",
        ge=0,
        le=1,
    )
    min_contrast: float = setting(
        3.0,
        "Smallest contrast",
        "Difference of the spheroid from the background, in standard deviations of the "
        "background, below which the contrast is low.",
        ge=0,
        le=1000,
    )
    max_saturated_frame: float = setting(
        0.02,
        "Saturated frame",
        "Share of the frame clipped at the bright end from which it is flagged.",
        ge=0,
        le=1,
    )
    max_saturated_spheroid: float = setting(
        0.05,
        "Saturated spheroid",
        "Share of core and shed material clipped at either end from which it is flagged.",
        ge=0,
        le=1,
    )
    cut_border_contact: float = setting(
        0.2,
        "Cut by the border",
        "Share of the core's outline on the edge of the frame from which the frame is excluded; "
        "0.2 hides about 5 % of a round spheroid's area. Any contact is flagged.",
        ge=0,
        le=1,
    )
    max_unevenness: float = setting(
        1.0,
        "Uneven light",
        "Height of the smooth background over the spheroid's contrast from which light is uneven.",
        ge=0,
        le=1000,
    )
    max_unevenness_empty: float = setting(
        0.5,
        "Uneven light, empty frame",
        "The same without a spheroid: height of the background over its level.",
        ge=0,
        le=1000,
    )
    light_change: float = setting(
        3.0,
        "Changed light",
        "Factor by which the background's level may differ from the plate's median.",
        gt=1,
        le=1e6,
    )
    min_confidence: float = setting(
        0.5,
        "Smallest confidence",
        "Confidence of the segmentation below which a frame is flagged.",
        ge=0,
        le=1,
    )
    second_body_ratio: float = setting(
        0.2,
        "Second spheroid",
        "Area of a second compact body over the first from which a well holds several "
        "spheroids, if it does so at time zero.",
        gt=0,
        le=1,
    )
    second_body_solidity: float = setting(
        0.8,
        "Compact body",
        "Solidity from which a second body counts as compact.",
        ge=0,
        le=1,
    )
    size_jump: float = setting(
        0.5,
        "Size jump",
        "Relative change of the core's area from one frame to the next (from one day to the "
        "next, where frames are further apart) from which it is flagged; 0.5 means times or "
        "divided by 1.5.",
        gt=0,
        le=1000,
    )
    drift_diameters: float = setting(
        0.5,
        "Drift",
        "Shift of the core's centre from one frame to the next, in core diameters, from which "
        "it is flagged.",
        unit="diameters",
        gt=0,
        le=1000,
    )
    outlier_z: float = setting(
        3.5,
        "Size outlier",
        "Robust z-score of the core's area at time zero among the plate's wells from which a "
        "well is an outlier.",
        gt=0,
        le=1000,
    )
    outlier_difference: float = setting(
        0.2,
        "Size outlier, difference",
        "Relative difference from the plate's median area that an outlier must have at least: "
        "on a very uniform plate a harmless one has a large z-score.",
        ge=0,
        le=1000,
    )
    outlier_wells: int = setting(
        6,
        "Size outlier, wells",
        "Fewer wells than this at time zero allow no statement about outliers.",
        unit="wells",
        ge=3,
        le=1536,
    )
    unfit_share: float = setting(
        0.2,
        "Masks that don't fit",
        "Share of the wells before the first dose, or of the vehicle wells, that may read as "
        "shedding; with more the masks don't fit this microscope, and the run says so first.",
        ge=0,
        le=1,
    )
    unfit_wells: int = setting(
        2,
        "Masks that don't fit, wells",
        "Fewer wells than this that read as shedding allow no such statement: of four wells a "
        "single one is a quarter.",
        unit="wells",
        ge=1,
        le=1536,
    )
    unvalidated_df_from: float = setting(
        0.08,
        "Unvalidated from",
        "Start of the range of the disintegration fraction for which no published mask exists.",
        ge=0,
        le=1,
    )
    unvalidated_df_to: float = setting(
        0.47,
        "Unvalidated to",
        "Disintegration fraction at which that range without published masks ends.",
        ge=0,
        le=1,
    )


class ResponseParameters(Section):
    """How doses become curves, and combinations a verdict."""

    confidence: float = setting(
        0.95,
        "Confidence level",
        "Of every interval in the tables of drug response.",
        ge=0.5,
        le=0.999,
    )
    time_h: float | None = setting(
        None,
        "Analysis time",
        "Time at which drugs are compared. None: the last time that all plates have.",
        unit="h",
        ge=-10_000,
        le=100_000,
    )
    e0: float | None = setting(
        None,
        "Response without drug",
        "Fixes the curve's response at dose 0 (for a fraction affected usually 0). None: free.",
        ge=-1e12,
        le=1e12,
    )
    emax: float | None = setting(
        None,
        "Response at full effect",
        "Fixes the curve's response at an infinite dose (for a fraction affected usually 1). "
        "None: free.",
        ge=-1e12,
        le=1e12,
    )
    flat_p: float = setting(
        0.05,
        "Flat curve",
        "A curve that explains no more than a constant does, by an F test at this level, has no "
        "EC50.",
        gt=0,
        le=1,
    )
    fa_low: float = setting(
        0.0,
        "Median effect from",
        "Only effects above this fraction affected are on the median effect line.",
        ge=0,
        lt=1,
    )
    fa_high: float = setting(
        1.0,
        "Median effect to",
        "Only effects below this fraction affected are on the median effect line.",
        gt=0,
        le=1,
    )
    min_single_doses: int = setting(
        3,
        "Doses of a drug alone",
        "With fewer doses of a drug alone there is no combination index and no Loewe excess.",
        unit="doses",
        ge=2,
        le=1536,
    )
    min_r: float = setting(
        0.9,
        "Smallest correlation",
        "A median effect line with a smaller correlation is warned of.",
        ge=0,
        le=1,
    )
    min_excess: float = setting(
        0.1,
        "Smallest excess",
        "What is shown of a combination but smaller than this is called slight, everywhere (of an "
        "index: a factor of 1 and this). A tenth is customary; images are measured less finely.",
        ge=0,
        le=1,
    )
    normalised_to: Literal["", "mean", "median"] = setting(
        "",
        "Normalised to",
        "What of the vehicle wells of a table its responses were divided by: mean or median. Their "
        "error then counts in every interval. Empty: nothing. Runs know it of their own.",
    )
    resamples: int = setting(
        2000,
        "Resamples",
        "Draws of the condition means, from which every interval of a combination is read.",
        ge=200,
        le=1_000_000,
    )


class OutputParameters(Section):
    """What is written beside the tables."""

    overlays: Overlays = setting(
        Overlays.FLAGGED, "Overlays", "Pictures with outlines: for all frames, flagged ones, none."
    )
    overlay_px: int = setting(
        700,
        "Overlay size",
        "Longer side of an overlay picture.",
        unit="px",
        ge=64,
        le=10_000,
    )
    masks: bool = setting(True, "Masks", "Write label images of core and shed material.")


class LimitParameters(Section):
    """What a run waits for, and how long."""

    frame_seconds: float = setting(
        30.0,
        "Time for a frame",
        "Longest time that one step of a frame (reading, segmenting, measuring) may take, for each "
        "megapixel of frames that have more than one. A process that takes longer is ended and the "
        "frame tried once more at the end of the run.",
        unit="s",
        gt=0,
        le=100_000,
    )


class WatchParameters(Section):
    """How a folder is watched while the microscope writes into it, and what raises an alarm."""

    look_seconds: float = setting(
        10.0,
        "Look every",
        "Pause between two looks at the folder. A file counts when size and date stood still from "
        "one look to the next and it opens.",
        unit="s",
        gt=0,
        le=86_400,
    )
    until: str | None = setting(
        None,
        "Watch until",
        "Local date and time at which watching ends, as 2026-05-04T18:00. None: no such time.",
    )
    idle_hours: float = setting(
        96.0,
        "Idle hours",
        "Watching ends after so many hours without a new image: a long weekend. 0: never.",
        unit="h",
        ge=0,
        le=100_000,
    )
    alarm_share: float = setting(
        0.2,
        "Alarm, share",
        "Share of a plate's wells at one time that are out of focus, or whose spheroid vanished, "
        "from which there is an alarm.",
        gt=0,
        le=1,
    )
    alarm_wells: int = setting(
        5,
        "Alarm, wells",
        "Fewer wells than this raise no alarm.",
        unit="wells",
        ge=2,
        le=1536,
    )
    alarm_edge: float = setting(
        0.1,
        "Alarm, edge",
        "Difference in growth of the core's area between outermost and inner wells of the same "
        "condition, from which there is an alarm if it is shown at the 1 % level: water evaporates "
        "at the edge first.",
        gt=0,
        le=10,
    )

    @field_validator("until")
    @classmethod
    def _a_time(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                datetime.fromisoformat(value)
            except ValueError:
                raise ValueError(
                    f"{value!r} is no date and time; write it as 2026-05-04T18:00"
                ) from None
        return value


class Parameters(Section):
    """All settings of one analysis."""

    plate: Annotated[PlateParameters, Field(title="Plate")] = PlateParameters()
    images: Annotated[ImageParameters, Field(title="Images")] = ImageParameters()
    segmentation: Annotated[SegmentationParameters, Field(title="Segmentation")] = (
        SegmentationParameters()
    )
    measurement: Annotated[MeasurementParameters, Field(title="Measurement")] = (
        MeasurementParameters()
    )
    spheres: Annotated[SpheresParameters, Field(title="Spheres")] = SpheresParameters()
    states: Annotated[StateParameters, Field(title="States")] = StateParameters()
    quality: Annotated[QualityParameters, Field(title="Quality")] = QualityParameters()
    response: Annotated[ResponseParameters, Field(title="Drug response")] = ResponseParameters()
    output: Annotated[OutputParameters, Field(title="Output")] = OutputParameters()
    limits: Annotated[LimitParameters, Field(title="Limits")] = LimitParameters()
    watch: Annotated[WatchParameters, Field(title="Watching")] = WatchParameters()
