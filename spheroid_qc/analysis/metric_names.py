"""Names and scales of what can be shown: from a column of `wells.csv` to words for people."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class MetricName:
    """One column as it is shown.

    Parameters
    ----------
    column : str
        In `wells.csv`; in `conditions.csv` with `_mean` and so on.
    label : str
        For axes and lists.
    short : str
        For tight places.
    unit : str
        Empty for shares and scores.
    low, high : float or None
        Ends of its scale; None: from the data.
    diverging : bool
        Whether both sides of 0 mean something.
    complement : bool
        Shown as 1 minus the column: what is left instead of what is lost.
    help : str
        One sentence.
    """

    column: str
    label: str
    short: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    diverging: bool = False
    complement: bool = False
    help: str = ""

    @property
    def axis(self) -> str:
        """Label with unit."""
        return f"{self.label}, {self.unit}" if self.unit else self.label

    @property
    def phrase(self) -> str:
        """Label within a sentence."""
        return self.label[:1].lower() + self.label[1:]

    def shown(self, values: pd.Series) -> pd.Series:
        """Values as they are shown."""
        numbers = pd.to_numeric(values, errors="coerce").astype(float)
        return 1.0 - numbers if self.complement else numbers


METRICS = {
    metric.column: metric
    for metric in (
        MetricName(
            "disintegration_fraction", "Disintegration fraction", "DF", low=0, high=1,
            help="Share of all material that is not the largest piece of the core. 0: whole; 1: "
            "debris without a core.",
        ),
        MetricName(
            "df_excess_vs_vehicle", "Disintegration beyond vehicle", "DF beyond vehicle", low=-1,
            high=1, diverging=True,
            help="(DF - DF of vehicle) / (1 - DF of vehicle), at the same time.",
        ),
        MetricName(
            "df_excess_vs_t0", "Disintegration beyond time zero", "DF beyond t0", low=-1, high=1,
            diverging=True, help="(DF - DF at time zero) / (1 - DF at time zero).",
        ),
        MetricName(
            "core_volume_loss_vs_vehicle", "Core volume lost, vs vehicle", "core lost", low=-1,
            high=1, diverging=True,
            help="1 - (core area / core area of vehicle)^1.5, at the same time. Negative: larger.",
        ),
        MetricName(
            "core_volume_loss_vs_t0", "Core volume lost, vs time zero", "core lost vs t0", low=-1,
            high=1, diverging=True,
            help="1 - (core area / own core area at time zero)^1.5. Negative: it grew.",
        ),
        MetricName("disintegration_index", "Disintegration index", "DI", low=0, high=1,
               help="How far the material lies from the core, in core radii."),
        MetricName("equivalent_diameter_um", "Core diameter", "diameter", "µm",
               help="Of a circle with the core's area."),
        MetricName("core_area_um2", "Core area", "core", "µm²", help="Largest piece of the core."),
        MetricName("total_area_um2", "Total area", "total", "µm²",
               help="Core and shed material together: rises when a spheroid falls apart in place."),
        MetricName("volume_um3", "Core volume", "volume", "µm³",
               help="Of a ball with the core's area."),
        MetricName("core_area_px", "Core area", "core", "px"),
        MetricName("total_area_px", "Total area", "total", "px"),
        MetricName("confidence", "Confidence of the segmentation", "confidence", low=0, high=1),
        MetricName("circularity", "Circularity of the core", "circularity", low=0, high=1),
        MetricName("solidity", "Solidity of the core", "solidity", low=0, high=1),
        MetricName("n_spheroids", "Compact bodies in the frame", "bodies"),
        MetricName("spheres_per_well", "Spheres a well", "spheres", low=0),
        MetricName("sfe_percent", "Sphere-forming efficiency", "SFE", "%", low=0,
               help="Spheres of at least the cut-off diameter per hundred cells seeded."),
        MetricName("spheres_per_mm2", "Spheres per imaged area", "spheres", "per mm²", low=0),
        MetricName("diameter_sd_um", "Spread of sphere diameters (SD)", "SD", "µm"),
    )
}  # fmt: skip

_OF_SPHERES = {
    metric.column: metric
    for metric in (
        MetricName("n_spheroids", "Spheres in the imaged area", "spheres", low=0),
        MetricName("equivalent_diameter_um", "Mean sphere diameter", "diameter", "µm"),
        MetricName("core_area_um2", "Mean sphere area", "area", "µm²"),
        MetricName("core_area_px", "Mean sphere area", "area", "px"),
        MetricName("volume_um3", "Mean sphere volume", "volume", "µm³"),
        MetricName("circularity", "Circularity of the spheres", "circularity", low=0, high=1),
        MetricName("solidity", "Solidity of the spheres", "solidity", low=0, high=1),
    )
}

RELATIVE_VOLUME = MetricName(
    "core_volume_loss_vs_t0", "Core volume, × time zero", "core volume", low=0, complement=True,
    help="Volume of the core over its volume at time zero.",
)  # fmt: skip

# Nothing that is measured of its own: places, doses, counts, ends of an interval.
NOT_SHOWN = frozenset(
    {
        "time_h", "time_since_dose_h", "column", "row", "dose_1_um", "dose_2_um", "dose_3_um",
        "dose_1", "dose_2", "dose_3", "dosed_at_h", "washout_at_h", "is_t0", "timepoint", "passage",
        "replicate", "biological_replicate", "cells_seeded", "control", "n_reference_wells",
        "pixel_size_um", "disintegration_fraction_low", "disintegration_fraction_high",
    }
)  # fmt: skip

_UNITS = {"um": "µm", "um2": "µm²", "um3": "µm³", "px": "px", "h": "h", "mm2": "mm²"}


def metric_of(column: str, *, spheres: bool = False) -> MetricName:
    """Describe a column; one that isn't known is named by itself.

    Parameters
    ----------
    column : str
        Of `wells.csv`.
    spheres : bool
        Whether a field holds many spheres: the same columns have other meanings.

    Returns
    -------
    MetricName
    """
    known = _OF_SPHERES.get(column) if spheres else None
    known = known or METRICS.get(column)
    if known is not None:
        return known
    match = re.fullmatch(r"(.+)_(um2|um3|um|px|mm2|h)", column)
    words, unit = (match[1], _UNITS[match[2]]) if match else (column, "")
    label = words.replace("_", " ")
    return MetricName(column, label[:1].upper() + label[1:], unit=unit)


def size_metric(table: pd.DataFrame) -> MetricName | None:
    """Choose how size is shown: against time zero where there is one, else as it was measured.

    Parameters
    ----------
    table : DataFrame
        `conditions.csv`.

    Returns
    -------
    MetricName or None
        None if no size is known.
    """
    for metric in (
        RELATIVE_VOLUME,
        METRICS["equivalent_diameter_um"],
        METRICS["core_area_um2"],
        METRICS["core_area_px"],
    ):
        name = f"{metric.column}_mean"
        if name in table and table[name].notna().any():
            return metric
    return None
