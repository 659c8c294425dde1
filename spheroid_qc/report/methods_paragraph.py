"""The methods paragraph for the paper's supplement, every setting, every version."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from spheroid_qc import __version__
from spheroid_qc.analysis import Analysis
from spheroid_qc.configuration.settings import flatten, settings

_LIBRARIES = (
    "numpy", "scipy", "scikit-image", "pandas", "tifffile", "imagecodecs", "pillow", "matplotlib",
    "jinja2",
)  # fmt: skip

REFERENCES = {
    "bliss": ("Bliss 1939", "10.1111/j.1744-7348.1939.tb06990.x"),
    "chou": ("Chou and Talalay 1984", "10.1016/0065-2571(84)90007-4"),
    "chou2006": ("Chou 2006", "10.1124/pr.58.3.10"),
    "dunnett": ("Dunnett 1955", "10.2307/2281208"),
    "kaplan": ("Kaplan and Meier 1958", "10.2307/2281868"),
    "hedges": ("Hedges 1981", "10.3102/10769986006002107"),
    "zprime": ("Zhang et al. 1999", "10.1177/108705719900400206"),
    "ssmd": ("Zhang 2007", "10.1016/j.ygeno.2006.12.014"),
    "gr": ("Hafner et al. 2016", "10.1038/nmeth.3853"),
    "generalised": ("Weerahandi 1993", "10.1080/01621459.1993.10476355"),
    "di": ("Průšek et al., code", "10.5281/zenodo.22295119"),
}


def libraries() -> list[tuple[str, str]]:
    """Versions of the libraries that take part."""
    found = []
    for name in _LIBRARIES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return found


def setting_rows(analysis: Analysis) -> list[dict[str, Any]]:
    """Every setting with its value, unit and whether it is the default."""
    values = flatten(analysis.parameters)
    rows = []
    for record in settings():
        key = f"{record.section}.{record.name}"
        value = values.get(key)
        rows.append(
            {
                "key": key, "title": record.title, "unit": record.unit,
                "value": "not set" if value in (None, {}, []) else str(value),
                "changed": value != record.default,
            }
        )  # fmt: skip
    return rows


def paragraphs(analysis: Analysis) -> list[str]:
    """Say what was done, in plain sentences that can be copied; unused methods are left out."""
    messages = []
    if analysis.kind == "run":
        messages += _images(analysis)
    else:
        use = analysis.responses[0] if analysis.responses else None
        messages.append(
            "Responses were read from a table"
            + (f" as {use.title}" if use else "")
            + f" and analysed with spheroid_qc {__version__}; stated values were used as given, "
            "without clipping or renormalising."
        )
    messages += _response(analysis)
    messages.append(
        "Software: spheroid_qc "
        + __version__
        + ", "
        + ", ".join(f"{name} {number}" for name, number in libraries())
        + ". All settings are listed below."
    )
    return messages


def _cited(*keys: str) -> str:
    return "(" + "; ".join(f"{REFERENCES[k][0]}, doi:{REFERENCES[k][1]}" for k in keys) + ")"


def _images(analysis: Analysis) -> list[str]:
    p = analysis.parameters
    methods = sorted(
        {str(m) for m in analysis.wells.get("method", ()) if str(m) not in ("", "nan")}
    )
    named = " and ".join(methods) or "classical"
    first = (
        f"Images were analysed with spheroid_qc {__version__}. In every frame the dense body of "
        "the spheroid (core) and the material that had come off it (shed) were segmented by the "
        f"{named} method. "
    )
    if str(p.plate.assay.value) == "spheres":
        return [
            first + "Bodies with an equivalent diameter of at least "
            f"{p.spheres.min_diameter_um:g} µm were counted as spheres; sphere-forming efficiency "
            "is their number per hundred cells seeded. Frames with a quality flag of severity "
            "exclude entered no mean."
        ]
    s = p.states
    return [
        first + "The disintegration fraction is DF = 1 − area(largest core piece) / area(core and "
        "shed material); core volume loss is 1 − (A / A_ref)^1.5 with A the area of the largest "
        "core piece and A_ref that of the same well at time zero or the median of the vehicle "
        "wells of the same plate and strata at the same time; excess over a reference is (DF − "
        "DF_ref) / (1 − DF_ref). The disintegration index is tanh(W1) with distances in core "
        f"radii {_cited('di')}. Time zero is the last scorable frame at or before the first dose.",
        f"A spheroid was called shedding from DF {s.shedding_df:g}, disintegrated from DF "
        f"{s.disintegrated_df:g} or when no core was left, and shrunken when its core area was "
        f"below {s.intact_area_ratio:g} of its own at time zero.{_doubt(analysis)} Time to "
        f"disintegration is the first of at least {s.min_consecutive_frames} frames in a row that "
        f"were disintegrated or lost, spanning at least {s.min_duration_h:g} h. Frames with a "
        "quality flag of severity "
        "exclude were unscorable and entered no mean; wells without a spheroid at time zero and "
        "wells whose intact spheroid vanished were left out and counted.",
    ]


def _doubt(analysis: Analysis) -> str:
    """Say what the interval of each fraction is, where there is one."""
    column = "disintegration_fraction_low"
    if column not in analysis.wells or not analysis.wells[column].notna().any():
        return ""
    return (
        " Each DF of masks of the network comes with a 90 % interval of its measurement, from the "
        "network's doubt about core and shed material in that frame; states whose limit lies "
        "inside are flagged. This measurement error is a part of the spread of wells, from which "
        "all intervals of conditions were taken, and was not added to them."
    )


def _response(analysis: Analysis) -> list[str]:
    r = analysis.parameters.response
    level = f"{100 * r.confidence:g} %"
    messages = []
    unit = ", ".join(sorted({str(u) for u in analysis.comparisons.get("unit", ())}))
    unit = unit.replace("_", " ") or "well"
    where = ""
    if analysis.time_h is not None and len(analysis.times_h) > 1:
        where = f" Conditions were compared at {analysis.time_h:g} h."
    messages.append(
        f"The unit of analysis was the {unit}. Intervals are {level}; those of means are Student's "
        f"t over these units.{where}"
    )
    if len(analysis.comparisons):
        messages.append(
            "Conditions were compared with the vehicle of their strata by Dunnett's test "
            f"{_cited('dunnett')}, by Welch's t-test and by an exact rank test, both with Holm's "
            "correction over conditions; effect size is Hedges' g with a noncentral interval "
            f"{_cited('hedges')}."
        )
    if len(analysis.survival):
        messages.append(
            "Time to disintegration was estimated by the Kaplan–Meier method on time since dose "
            f"{_cited('kaplan')} and compared with vehicle by the log-rank test (exact where it "
            "could be counted; Holm's correction)."
        )
    if len(analysis.dose_response):
        ends = []
        if r.e0 is not None:
            ends.append(f"response without drug fixed at {r.e0:g}")
        if r.emax is not None:
            ends.append(f"response at full effect fixed at {r.emax:g}")
        fixed = ", ".join(ends) or "free asymptotes"
        messages.append(
            f"Dose responses are four-parameter logistic curves ({fixed}) with profile-likelihood "
            "intervals, judged by the doses without wells at exactly 0 or 1 where these scatter "
            "more; EC50 is the inflection, IC50 the dose at a fraction affected of 0.5; doses "
            f"beyond the tested ones are not extrapolated; curves with p ≥ {r.flat_p:g} in an F "
            "test against a constant have no EC50. Where effects were normalised to vehicle wells, "
            "the error of their mean or median enters the intervals of absolute doses and of "
            "combinations."
        )
    fractions = [use for use in analysis.responses if use.kind == "fa" and analysis.kind == "run"]
    if fractions:
        messages.append(
            "Fractions affected were "
            + " and ".join(
                f"{use.title} (clipped to 0..1: {use.n_below} wells below 0, {use.n_above} above 1)"
                for use in fractions
            )
            + ", analysed side by side since shrinking is not disintegrating. The mean of a "
            "condition with clipped wells lies a little too far inwards, which moves excesses "
            "towards antagonism."
        )
    if analysis.has_synergy:
        messages.append(
            f"Combinations were compared with Bliss independence {_cited('bliss')}, the highest "
            "single agent, Loewe additivity of doses, and for three drugs with the best doublet, "
            "as observed minus expected fraction affected; a combination is called synergistic "
            f"only where the {level} bound of the mean excess over all tested doses lies above 0 "
            f"and the excess itself is at least {r.min_excess:g}, and single doses after Holm's "
            "correction. Intervals judge by the scatter of wells within conditions, pooled over "
            "the plate: by the delta method for Bliss and Loewe, by a parametric bootstrap that "
            "chooses the best drug or doublet anew in every draw for the others. The combination "
            "index is from median-effect "
            f"lines {_cited('chou', 'chou2006')} of effects between {r.fa_low:g} and "
            f"{r.fa_high:g}, given from {r.min_single_doses} single-agent doses on; lines with "
            f"r < {r.min_r:g} are warned of; its intervals are from a joint likelihood of the "
            "drugs alone on the scale of the effect and the error of each combined effect, that "
            "of its mean over doses from confidence distributions of these effects "
            f"{_cited('generalised')}."
        )
    if len(analysis.plate_quality):
        messages.append(
            f"Plate quality: Z′ {_cited('zprime')}, SSMD {_cited('ssmd')}, their robust versions, "
            "variation of size at time zero, edge, row and column effects, and Moran's I of the "
            "residuals."
        )
    if len(analysis.gr_metrics):
        messages.append(
            f"Growth-rate inhibition metrics {_cited('gr')} were computed from core volumes in "
            "place of cell counts."
        )
    return messages
