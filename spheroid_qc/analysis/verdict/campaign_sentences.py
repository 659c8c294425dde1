"""What stands out among the plates of a campaign, in words."""

from __future__ import annotations

import numpy as np

from spheroid_qc.analysis.campaign_tables import FEWEST_TO_JUDGE, OUT, TRACKED, CampaignTables
from spheroid_qc.wording import plural

_LEVEL = 0.01
"""Level of the test of drift: it is asked of six figures."""


def campaign_sentences(tables: CampaignTables) -> list[str]:
    """Say which figures drift and which plates stand out; empty where nothing does."""
    found = []
    for line in tables.drift.to_dict("records"):
        if line["p"] < _LEVEL:
            way = "rises" if line["tau"] > 0 else "falls"
            found.append(
                f"The {line['title']} {way} from plate to plate (by {line['slope_per_plate']:+.3g} "
                f"a plate, Kendall's tau {line['tau']:.2f}, p = {line['p']:.2g}, "
                f"{plural(int(line['n_plates']), 'plate')})."
            )
    for line in tables.plates.to_dict("records"):
        for name, title in TRACKED.items():
            z = line[f"{name}_robust_z"]
            known = int(tables.plates[name].notna().sum())
            if np.isfinite(z) and abs(z) > OUT and known >= FEWEST_TO_JUDGE:
                found.append(
                    f"Plate {line['name']}: {title} {line[name]:.3g}, {abs(z):.1f} robust standard "
                    f"deviations {'above' if z > 0 else 'below'} the campaign's median."
                )
    return found
