"""Responses that can't be what they are called: asked about before anything is computed.

Percentages that all lie within 0 to 1.5 are fractions; vehicle wells that are nearly all affected
are viability given as inhibition, or the reverse, or a plate of dead cells; single-drug values that
stand in every repeat to the last digit were measured once. What may be right is said only: a
vehicle off 0, wells far from their replicates, effects of more than all.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from spheroid_qc.errors import RequestError
from spheroid_qc.response.arrays import FloatArray
from spheroid_qc.response.response_table import Responses
from spheroid_qc.response_tables.read_responses import ResponseTable
from spheroid_qc.wording import number, plural

# Percentages reach 100 somewhere; fractions seldom exceed 1.5.
_FRACTIONS_END = 1.5
NO_FRACTION = 2.0
"""Responses beyond this are no fractions."""
_FEWEST = 3
# Untreated cells of which more than half are affected are not untreated, or not affected.
_HALF = 0.5
# The scatter of well-behaved vehicle wells stays below this.
_NEAR_NOTHING = 0.1
# So many single-drug conditions with the same digits in each repeat are no coincidence.
_FEWEST_COPIES = 3
# Times the median distance from the median of the replicates: hardly any well lies there by chance.
_FAR = 10.0
_MOST = 6


def refuse_wrong_unit(read: ResponseTable, kind: str, unit: str) -> None:
    """Refuse percentages of which none is larger than a fraction can be, and the reverse."""
    values = read.rows["response"].abs().dropna()
    if kind != "raw" and unit == "fraction" and len(values) and values.median() > NO_FRACTION:
        raise RequestError(
            f"The responses are called fractions, but half of them exceed {number(NO_FRACTION)} "
            f"(up to {number(values.max())}); say --response-unit percent, and mend the heading "
            f"{read.response!r} where it says fraction."
        )
    if kind == "raw" or unit != "percent" or len(values) < _FEWEST:
        return
    if values.max() <= _FRACTIONS_END and (values > 0).any():
        raise RequestError(
            f"The responses are called percentages, but all lie between "
            f"{number(read.rows['response'].min())} and {number(read.rows['response'].max())}, as "
            f"fractions do; say --response-unit fraction, and mend the heading {read.response!r} "
            "where it says percent."
        )


def refuse_affected_vehicle(whole: Responses, stratum: str = "") -> None:
    """Refuse responses by which the vehicle wells are the affected ones, of all or of a plate.

    Of a plate three wells are asked for, since one of few may be off by chance.
    `stratum` is that of the responses, for the message.
    """
    for plate, vehicle in _vehicles(whole):
        if not float(np.median(vehicle)) > _HALF or (plate and len(vehicle) < _FEWEST):
            continue
        other = "inhibition or fa" if whole.kind == "viability" else "viability"
        where = _where(plate, stratum)
        cause = (
            f"either its cells were dead without any drug, or its response is in another unit, or "
            f"{other} given as {whole.kind}. Leave its rows out or mend them."
            if where
            else f"the response looks like {other} given as {whole.kind}. Say --response-is "
            f"{'inhibition' if whole.kind == 'viability' else 'viability'}, mend its heading, or "
            "say raw if it is a measured signal."
        )
        raise RequestError(
            f"{where or 'T'}he {plural(len(vehicle), 'vehicle well')} would stand at a fraction "
            f"affected of {number(np.median(vehicle))}, though they hold no drug: {cause}"
        )


def vehicle_apart(whole: Responses) -> str:
    """Say where the vehicle wells are far from an effect of nothing, which effects count from."""
    told = [
        f"{_where(plate) or 'T'}he vehicle wells stand at a fraction affected of "
        f"{number(np.median(vehicle), 2)} (median of {len(vehicle)}), not at 0: effects are used "
        "as given and count from 0, so check what they were normalised to."
        for plate, vehicle in _vehicles(whole)
        if abs(float(np.median(vehicle)))
        > (_HALF if plate and len(vehicle) < _FEWEST else _NEAR_NOTHING)
    ]
    return " ".join(told)


def _vehicles(whole: Responses) -> list[tuple[str, FloatArray]]:
    """Effects of the vehicle wells: of all, then of each plate where there are several."""
    if not whole.is_fraction:
        return []
    rows = whole.rows[whole.rows["role"] == "vehicle"]
    found = [("", rows["effect"])] if len(rows) else []
    if whole.has_plates:
        found += [(str(plate), own) for plate, own in rows.groupby("plate")["effect"]]
    return [(plate, own.to_numpy(dtype=np.float64)) for plate, own in found]


def _where(plate: str, stratum: str = "") -> str:
    """Begin of a sentence on the wells of a plate or stratum: `Plate P1: t`; empty for all."""
    words = [f"Plate {plate}"] * bool(plate) + [stratum] * bool(stratum)
    return f"{', '.join(words)}: t" if words else ""


def far_from_replicates(whole: Responses, stratum: str = "") -> str:
    """Say which wells lie far from their replicates, and where more than all is affected.

    All are of one `stratum`, which is named.
    """
    if not whole.is_fraction:
        return ""
    _, condition = np.unique(whole.doses, axis=0, return_inverse=True)
    keys = [whole.rows["plate"], whole.rows["time_h"], pd.Series(np.ravel(condition))]
    own = whole.rows["effect"].groupby(keys)
    away = (whole.rows["effect"] - own.transform("median")).where(own.transform("size") > 2)
    scale = float(away.abs().median())
    far = away[(away.abs() > _HALF) & (away.abs() > _FAR * scale)]
    told = []
    if len(far):
        ends = ", ".join(
            f"{effect:.3g} beside {effect - off:.3g}"
            for effect, off in zip(whole.rows["effect"][far.index][:_MOST], far, strict=False)
        )
        told.append(
            f"{plural(len(far), 'well')} lie{'s' * (len(far) == 1)} far from the replicates "
            f"(fraction affected of {ends}): counted as given, and enough to hide a curve; look "
            "whether the value is a mistake."
        )
    means = own.mean()
    beyond = means[means > 1 + _NEAR_NOTHING]
    if len(beyond):
        told.append(
            f"{plural(len(beyond), 'condition')} stand{'s' * (len(beyond) == 1)} at more than all "
            f"affected (up to {beyond.max():.3g}): check the background that was subtracted, or "
            "the control of full effect."
        )
    return (f"{stratum}: " if stratum and told else "") + " ".join(told)


def without_copies(read: ResponseTable) -> tuple[ResponseTable, str]:
    """Count values once that were copied into every repeat, as matrices of repeats have them.

    Gives the table, and what was left out in a sentence; empty where nothing was.
    """
    rows = read.rows
    if "well" in rows and (rows["well"] != "").any():
        return read, ""
    doses = [name for name in rows if str(name).startswith("dose_")]
    drugs = [name for name in rows if str(name).startswith("drug_")]
    given = pd.DataFrame({drug: rows[drug].where(_is_dosed(rows, str(drug)), "") for drug in drugs})
    single = (given != "").sum(axis=1) <= 1
    others = ("plate", "time_h", "cell_line", "passage", "stratum", "block", "role")
    labels = [name for name in others if name in rows]
    keys = pd.concat([given, rows[doses].fillna(0), rows[labels].fillna("")], axis=1)
    keys = keys[single & rows["response"].notna()]
    if keys.empty:
        return read, ""
    group = keys.groupby(list(keys.columns), sort=False).ngroup()
    values = rows.loc[keys.index, "response"]
    sizes = values.groupby(group).agg(["size", "nunique"])
    repeated = sizes[sizes["size"] > 1]
    copied = repeated[repeated["nunique"] == 1]
    telling = values.groupby(group).first().map(_digits) >= 3
    if int(telling.reindex(copied.index).sum()) < _FEWEST_COPIES or len(copied) * 2 < len(repeated):
        return read, ""
    extra = group.isin(copied.index) & group.duplicated()
    drop = extra[extra].index
    said = (
        f"{plural(len(copied), 'single-drug condition')} stand with the same digits in every "
        f"repeat: they were measured once and copied, and count once ({plural(len(drop), 'row')} "
        "left out)."
    )
    keep = ~rows.index.isin(drop)
    places = tuple(place for place, kept in zip(read.places, keep, strict=True) if kept)
    return replace(read, rows=rows[keep].reset_index(drop=True), places=places), said


def _is_dosed(rows: pd.DataFrame, drug: str) -> pd.Series:
    slot = drug.removeprefix("drug_")
    dosed = pd.Series(False, index=rows.index)
    for name in (f"dose_{slot}_um", f"dose_{slot}"):
        if name in rows:
            dosed |= rows[name].fillna(0) > 0
    return dosed


def _digits(value: float) -> int:
    """Significant digits of a value as written."""
    return len(f"{abs(value):.12g}".replace(".", "").partition("e")[0].strip("0"))
