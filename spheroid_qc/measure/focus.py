"""Is the spheroid sharp? A ratio of scales, free of how much there is to see."""

from __future__ import annotations

import numpy as np

from spheroid_qc.measure.body import Body
from spheroid_qc.measure.scales import detail_ratio


def focus_score(body: Body) -> float:
    """Fine over coarse detail within and just around C1; low when blurred, NaN without core.

    The number depends on pixel size and optics: compare it within a plate, not between
    microscopes.
    """
    if not body.main_area:
        return np.nan
    where = body.main_surrounds[1] | body.rim
    return detail_ratio(body.levels, where, body.surround.noise)
