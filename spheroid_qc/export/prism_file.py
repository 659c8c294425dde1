"""GraphPad Prism's open format (`.pzfx`) of the responses: curves as XY tables, pairs as grouped.

XML as Prism 5 and later read it. One XY table a response and stratum: a row a dose, a column a
drug, a subcolumn a well; vehicle wells stand at dose 0. One grouped table a pair of drugs: rows
are doses of the first, columns those of the second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pandas as pd

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<GraphPadPrismFile xmlns="http://graphpad.com/prism/Prism.htm" PrismXMLVersion="5.00">\n'
)


def prism_text(used: pd.DataFrame) -> str:
    """Write responses as a `.pzfx`.

    Parameters
    ----------
    used : DataFrame
        `used_responses.csv`: `response, stratum, role, drug_1, dose_1, unit_1, drug_2 ...` and
        `effect`, which is written as it is.

    Returns
    -------
    str
        The XML; the same for the same table.
    """
    tables = [
        text
        for (response, stratum), rows in used.groupby(["response", "stratum"], sort=False)
        for text in _tables(rows, " ".join(filter(None, (str(response), str(stratum)))))
    ]
    refs = "".join(
        f'<Ref ID="Table{n}"{" Selected=" + quoteattr("1") if n == 0 else ""}/>'
        for n in range(len(tables))
    )
    body = "".join(text.replace("@ID@", f"Table{n}") for n, text in enumerate(tables))
    return f"{_HEAD}<TableSequence>{refs}</TableSequence>\n{body}</GraphPadPrismFile>\n"


def _tables(rows: pd.DataFrame, title: str) -> Iterator[str]:
    """Tables of one response and stratum: the drugs alone, then every pair."""
    slots = [n for n in range(1, 10) if f"drug_{n}" in rows]
    named = [
        tuple(
            (str(row[f"drug_{n}"]), float(row[f"dose_{n}"]), str(row[f"unit_{n}"]))
            for n in slots
            if pd.notna(row[f"drug_{n}"]) and row[f"drug_{n}"]
        )
        for _, row in rows.iterrows()
    ]
    effect = rows["effect"].to_numpy(dtype=float)
    vehicle = effect[[not given for given in named] & (rows["role"] == "vehicle").to_numpy()]
    alone: dict[str, dict[float, list[float]]] = {}
    pairs: dict[tuple[str, str], dict[tuple[float, float], list[float]]] = {}
    for given, value in zip(named, effect.tolist(), strict=True):
        if len(given) == 1:
            ((drug, dose, unit),) = given
            alone.setdefault(f"{drug} ({unit})", {}).setdefault(dose, []).append(value)
        elif len(given) == 2:
            one, two = given
            key = f"{one[0]} ({one[2]})", f"{two[0]} ({two[2]})"
            pairs.setdefault(key, {}).setdefault((one[1], two[1]), []).append(value)
    if alone:
        doses = sorted({0.0, *(dose for own in alone.values() for dose in own)})
        columns = [(name, [own.get(d, vehicle.tolist() if d == 0 else []) for d in doses])
                   for name, own in alone.items()]  # fmt: skip
        units = {unit for given in named if len(given) == 1 for *_, unit in given}
        heading = f"dose ({units.pop()})" if len(units) == 1 else "dose"
        yield _table("XY", f"{title} by dose", heading, [_number(d) for d in doses], columns)
    for (first, second), cells in pairs.items():
        wells = dict(cells)
        wells[0.0, 0.0] = vehicle.tolist()
        wells |= {(dose, 0.0): own for dose, own in alone.get(first, {}).items()}
        wells |= {(0.0, dose): own for dose, own in alone.get(second, {}).items()}
        down, across = (sorted({key[n] for key in wells}) for n in (0, 1))
        columns = [(f"{second} {_number(b)}", [wells.get((a, b), []) for a in down])
                   for b in across]  # fmt: skip
        words = [f"{first} {_number(a)}" for a in down]
        yield _table("TwoWay", f"{title}: {first} x {second}", "", words, columns)


def _table(
    kind: str, title: str, heading: str, rows: Sequence[str],
    columns: Sequence[tuple[str, Sequence[Sequence[float]]]],
) -> str:  # fmt: skip
    """Write one table; every cell of a column holds the wells of one row."""
    repeats = max(1, *(len(cell) for _, cells in columns for cell in cells))
    first = "XColumn" if kind == "XY" else "RowTitlesColumn"
    x_format = ' XFormat="numbers"' if kind == "XY" else ""
    text = [
        f'<Table ID="@ID@"{x_format} YFormat="replicates" Replicates="{repeats}" '
        f'TableType="{kind}" EVFormat="AsteriskAfterNumber">\n<Title>{escape(title)}</Title>\n',
        f'<{first} Width="81" Subcolumns="1"><Title>{escape(heading)}</Title><Subcolumn>',
        "".join(f"<d>{escape(row)}</d>" for row in rows),
        f"</Subcolumn></{first}>\n",
    ]
    for name, cells in columns:
        text.append(f'<YColumn Width="81" Subcolumns="{repeats}"><Title>{escape(name)}</Title>')
        for n in range(repeats):
            values = (_number(cell[n]) if n < len(cell) else "" for cell in cells)
            text.append("<Subcolumn>" + "".join(f"<d>{v}</d>" for v in values) + "</Subcolumn>")
        text.append("</YColumn>\n")
    return "".join([*text, "</Table>\n"])


def _number(value: float) -> str:
    return f"{value:.6g}" if np.isfinite(value) else ""
