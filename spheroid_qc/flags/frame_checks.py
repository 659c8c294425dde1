"""Flags that the features of one frame raise by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, isnan, nan

from spheroid_qc.flags.flag_kinds import Flag, check_severities
from spheroid_qc.parameters import Assay, QualityParameters, Severity

# Small bodies: share of the sharpest possible edge below which it is blurred for certain.
_PIXELATED_BLUR = 0.35
_PIXELATED_SOFT = 0.5


def frame_flags(
    features: Mapping[str, float | None],
    parameters: QualityParameters | None = None,
    assay: Assay | str = Assay.SINGLE,
) -> list[Flag]:
    """Judge one frame by its features.

    Parameters
    ----------
    features : mapping of str to float
        Features of `measurement.frame_quality` and measured columns of the same frame. What is
        absent, None or NaN raises no flag, except for `pixel_size_um`, whose absence is the
        finding.
    parameters : QualityParameters, optional
        Thresholds.
    assay : {"single", "spheres"}
        With many spheres in a frame some touch its border, and DF has no meaning.

    Returns
    -------
    list of Flag
        In a fixed order; severity None where it is that of the flag's kind.

    Raises
    ------
    RequestError
        If the parameters name a flag that does not exist.
    """
    quality = QualityParameters() if parameters is None else parameters
    check_severities(quality)
    single = Assay(assay) is Assay.SINGLE

    def feature(name: str) -> float:
        value = features.get(name)
        return nan if value is None else float(value)

    flags: list[Flag] = []
    if feature("intensity_max") <= feature("intensity_min") or feature("dynamic_range") == 0:
        flags.append(Flag("blank_image"))
    if single:
        flags += _focus(feature("rim_sharpness"), feature("equivalent_diameter_px"), quality)
    no_edge = (
        single
        and feature("n_spheroids") > 0
        and "rim_sharpness" in features
        and isnan(feature("rim_sharpness"))
    )
    flags += _contrast(feature("contrast_to_background"), no_edge, quality)
    flags += _saturation(feature("saturated_frame"), feature("saturated_total"), quality)
    flags += _light(feature("unevenness"), feature("unevenness_level"), quality)
    text = max(_zero(feature("annotation_overlap")), _zero(feature("annotation_in_total")))
    if text > 0:
        flags.append(Flag("annotation_overlap"))
    if not isfinite(feature("pixel_size_um")):
        flags.append(Flag("uncalibrated"))
    if feature("n_spheroids") == 0:
        flags.append(Flag("no_spheroid"))
    if single:
        flags += _border(feature("border_contact_core"), feature("border_contact_total"), quality)
    if feature("confidence") < quality.min_confidence:
        flags.append(
            Flag("low_confidence", detail=f"The confidence is {feature('confidence'):.2f}.")
        )
    df = feature("disintegration_fraction")
    if single and quality.unvalidated_df_from <= df < quality.unvalidated_df_to:
        flags.append(Flag("df_unvalidated", detail=f"The disintegration fraction is {df:.2f}."))
    return flags


def _zero(value: float) -> float:
    return 0.0 if isnan(value) else value


def _focus(rim: float, diameter_px: float, quality: QualityParameters) -> list[Flag]:
    detail = f"The edge of the spheroid is blurred over {100 / max(rim, 0.01):.0f} % of its radius."
    # An edge can't be narrower than pixels allow (0.4 R / 1.5 px); few pixels are no blur.
    finest = nan if isnan(diameter_px) else 0.4 * (diameter_px / 2) / 1.5
    if rim < min(quality.blurred_rim, _PIXELATED_BLUR * finest):
        return [Flag("out_of_focus", Severity.EXCLUDE, detail)]
    if rim < min(quality.soft_rim, _PIXELATED_SOFT * finest):
        return [Flag("out_of_focus", Severity.WARN, detail)]
    return []


def _contrast(contrast: float, no_edge: bool, quality: QualityParameters) -> list[Flag]:
    if contrast < quality.min_contrast:
        detail = f"The spheroid is {contrast:.2g} standard deviations of the background away."
        return [Flag("low_contrast", detail=detail)]
    if no_edge:
        return [Flag("low_contrast", detail="No edge stands out from the noise.")]
    return []


def _saturation(frame: float, total: float, quality: QualityParameters) -> list[Flag]:
    if frame > quality.max_saturated_frame:
        return [Flag("saturated", detail=f"{frame:.1%} of the frame is clipped.")]
    if total > quality.max_saturated_spheroid:
        return [Flag("saturated", detail=f"{total:.1%} of the spheroid is clipped.")]
    return []


def _light(relative: float, of_level: float, quality: QualityParameters) -> list[Flag]:
    if relative > quality.max_unevenness:
        detail = f"The background varies by {relative:.1f} times the spheroid's contrast."
        return [Flag("uneven_light", detail=detail)]
    if isnan(relative) and of_level > quality.max_unevenness_empty:
        return [Flag("uneven_light", detail=f"The background varies by {of_level:.0%}.")]
    return []


def _border(core: float, total: float, quality: QualityParameters) -> list[Flag]:
    if core >= quality.cut_border_contact:
        detail = f"{core:.0%} of the core's outline lies on the edge of the frame."
        return [Flag("touches_border", Severity.EXCLUDE, detail)]
    if core > 0:
        detail = f"{core:.1%} of the core's outline lies on the edge of the frame."
        return [Flag("touches_border", detail=detail)]
    if total > 0:
        detail = "Shed material reaches the edge of the frame; more may lie outside."
        return [Flag("touches_border", Severity.INFO, detail)]
    return []
