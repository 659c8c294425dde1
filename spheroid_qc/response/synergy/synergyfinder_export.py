"""Responses in the column format of SynergyFinder, one block per combination.

`block_id, drug1, drug2, drug3, conc1, conc2, conc3, response, conc_unit` (as many drugs as
the largest combination has), with the response as percent inhibition; other programs that take
tidy tables of combinations read the same (Ianevski et al. 2022, doi:10.1093/nar/gkac382).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import ResponseParameters
from spheroid_qc.response.response_table import Responses
from spheroid_qc.response.wells_analysed_together import (
    analysis_time,
    combinations_given,
    without_other_drugs,
)


def synergyfinder_table(
    responses: Responses, parameters: ResponseParameters | None = None
) -> pd.DataFrame:
    """Rewrite responses for SynergyFinder.

    Parameters
    ----------
    responses : Responses
        Fractions affected.
    parameters : ResponseParameters, optional
        For the time that is analysed.

    Returns
    -------
    DataFrame
        One row per well and block: a block is a combination on a plate, with its vehicle, its
        drugs alone and the combinations of some of them. Replicates are rows of their own.

    Raises
    ------
    RequestError
        For raw responses.
    """
    if not responses.is_fraction:
        raise RequestError("Raw responses can't be written as percent inhibition.")
    settings = ResponseParameters() if parameters is None else parameters
    at_time, _ = analysis_time(responses, settings.time_h)
    combinations = combinations_given(at_time)
    numbers = range(max([2, *(len(columns) for columns in combinations)]))
    names = [*(f"drug{i + 1}" for i in numbers), *(f"conc{i + 1}" for i in numbers)]
    lines: list[dict[str, Any]] = []
    block = 0
    for columns in combinations:
        chosen = without_other_drugs(at_time, columns)
        units = " + ".join(dict.fromkeys(at_time.units[i] for i in columns))
        for plate in sorted(set(at_time.rows["plate"])):
            own = at_time.where((at_time.rows["plate"] == plate).to_numpy() & chosen)
            doses, effect = own.doses[:, list(columns)], own.effect
            if not (doses > 0).all(axis=1).any():
                continue
            block += 1
            for j in np.lexsort((effect, *doses.T[::-1])):
                line: dict[str, Any] = dict.fromkeys(names, np.nan) | {"block_id": block}
                for i in numbers:
                    line[f"drug{i + 1}"] = at_time.drugs[columns[i]] if i < len(columns) else ""
                line |= {f"conc{i + 1}": float(dose) for i, dose in enumerate(doses[j])}
                lines.append(line | {"response": 100 * float(effect[j]), "conc_unit": units})
    return pd.DataFrame(lines, columns=["block_id", *names, "response", "conc_unit"])
