"""Image -> core and shed masks, by the method that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spheroid_qc.segmentation.result import Segmentation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from spheroid_qc.parameters import SegmentationParameters


def segment(
    image: ArrayLike,
    pixel_size_um: float | None = None,
    method: str = "auto",
    parameters: SegmentationParameters | None = None,
) -> Segmentation:
    """Find spheroid bodies and the material they shed.

    The result does not change when intensities are multiplied or shifted.

    Parameters
    ----------
    image : array_like, shape (y, x) or (y, x, 3 or 4)
        Any real numeric type; colour is reduced to luminance; NaN is background.
    pixel_size_um : float, optional
        Size of one pixel in um; used where a parameter is given in um.
    method : str
        `learned` (a trained network), `classical` (rules), or `auto`: the network, and where it is
        not sure whichever of the two the evidence speaks for.
    parameters : SegmentationParameters, optional

    Returns
    -------
    Segmentation
        Core labels (largest body first), shed mask, confidence and the method that made them.

    Raises
    ------
    ValueError
        If the array is not an image.
    RequestError
        If the method is unknown or not available.

    Examples
    --------
    A dark, slightly grainy body of 100 pixels across, on a bright ground:

    >>> import numpy as np
    >>> from spheroid_qc import segment
    >>> y, x = np.mgrid[:256, :256]
    >>> body = np.hypot(y - 128, x - 128) < 50
    >>> image = np.random.default_rng(0).normal(np.where(body, 90, 180), 6)
    >>> found = segment(image)
    >>> found.core.shape, int(found.core.max())
    ((256, 256), 1)
    >>> bool(abs(np.sum(found.core > 0) / np.sum(body) - 1) < 0.05)
    True
    >>> bool(found.confidence > 0.5)
    True
    """
    from spheroid_qc.parameters import SegmentationParameters

    check_method(method)
    if pixel_size_um is not None and not 0 < pixel_size_um < float("inf"):
        raise ValueError(f"A pixel size is a positive number of um, not {pixel_size_um!r}.")
    parameters = parameters or SegmentationParameters()
    if name_of(method) == "classical":
        from spheroid_qc.segmentation.classical import segment_classical

        return segment_classical(image, pixel_size_um, parameters)
    if name_of(method) == "learned":
        from spheroid_qc.segmentation.learned import segment_learned

        return segment_learned(image, pixel_size_um, parameters)
    from spheroid_qc.segmentation.auto import segment_auto

    return segment_auto(image, pixel_size_um, parameters)


def check_method(method: str) -> None:
    """Refuse a method that this version does not have.

    Parameters
    ----------
    method : str
        As in `segment`.

    Raises
    ------
    RequestError
        If the method is unknown or not available.
    """
    from spheroid_qc.errors import RequestError

    name = name_of(method)
    if name not in ("auto", "classical", "learned"):
        raise RequestError(
            f"There is no segmentation method {name!r}; use 'auto', 'classical' or 'learned'."
        )
    if name != "classical":
        from spheroid_qc.segmentation.learned.weights import check_weights

        check_weights()


def name_of(method: object) -> str:
    """Name of a method, also where it comes as a choice of the settings."""
    return str(getattr(method, "value", method))
