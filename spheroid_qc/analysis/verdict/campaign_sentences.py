"""What stands out among the plates of a campaign, in words."""

from __future__ import annotations

from spheroid_qc.analysis.campaign_tables import (
    FEWEST_TO_JUDGE,
    TRACKED,
    CampaignTables,
    outlying,
)
from spheroid_qc.wording import plural

_LEVEL = 0.01
"""Level of the test of drift: it is asked of six figures."""


def campaign_sentences(tables: CampaignTables) -> list[str]:
    """Say which figures drift and which plates stand out, or that none does.

    Empty where there are no two plates to compare.
    """
    found = []
    for line in tables.drift.to_dict("records"):
        if line["p"] < _LEVEL:
            way = "rises" if line["tau"] > 0 else "falls"
            found.append(
                f"The {line['title']} {way} from plate to plate (by {line['slope_per_plate']:+.3g} "
                f"a plate, Kendall's tau {line['tau']:.2f}, p = {line['p']:.2g}, "
                f"{plural(int(line['n_plates']), 'plate')})."
            )
    far = {name: outlying(tables.plates, name) for name in TRACKED}
    for place, line in enumerate(tables.plates.to_dict("records")):
        for name, title in TRACKED.items():
            if far[name][place]:
                z = line[f"{name}_robust_z"]
                found.append(
                    f"Plate {line['name']}: {title} {line[name]:.3g}, {abs(z):.1f} robust standard "
                    f"deviations {'above' if z > 0 else 'below'} the campaign's median."
                )
    if found or len(tables.plates) < 2:
        return found
    if len(tables.plates) < FEWEST_TO_JUDGE:
        return [f"With fewer than {FEWEST_TO_JUDGE} plates none is said to stand out."]
    return ["No figure drifts from plate to plate, and no plate stands out."]
