"""Names for the arrays that are passed around."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Mask = NDArray[np.bool_]
Labels = NDArray[np.int32]
Features = NDArray[np.float64]
Points = NDArray[np.float64]
