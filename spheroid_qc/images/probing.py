"""What the frame table asks of a file whose name tells no time."""

from __future__ import annotations

from pathlib import Path

from spheroid_qc.errors import ImageError
from spheroid_qc.frames.time_axis import Probe
from spheroid_qc.images.reading import open_image
from spheroid_qc.parameters import ImageParameters


def probe(path: Path, parameters: ImageParameters | None = None) -> Probe | None:
    """Ask a file for its number of time points, their times, and when it was taken.

    Parameters
    ----------
    path : Path
        The file.
    parameters : ImageParameters, optional
        Limits.

    Returns
    -------
    Probe or None
        None where the file can't be read; reading it later says why.
    """
    try:
        info = open_image(path, parameters)
    except ImageError:
        return None
    return Probe(n_times=info.n_t, times_h=info.times_h, acquired=info.acquired)
