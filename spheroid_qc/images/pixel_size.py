"""How large a pixel is, and who says so.

Every source of a pixel size becomes a `Calibration`; `resolve_pixel_size` takes the most
trusted one that has a value (parameter, plate file, OME, ImageJ, vendor, none) and says where
the others disagree. A number is never made up: what is absent, absurd or a mere placeholder
stays absent, with a note that says why.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

CalibrationSource = Literal["parameter", "plate_file", "ome", "imagej", "vendor", "none"]

TRUST: tuple[CalibrationSource, ...] = ("parameter", "plate_file", "ome", "imagej", "vendor")

# Outside these bounds no light microscope or plate camera works: the number is a mistake.
MIN_PIXEL_SIZE_UM = 0.005
MAX_PIXEL_SIZE_UM = 200.0

# Further apart than this the pixel is not square; closer, it is rounding in the file.
SQUARE_TOLERANCE = 0.01

_UNITS_UM = {
    "pm": 1e-6,
    "å|a|angstrom|ångström": 1e-4,
    "nm|nanometer|nanometre": 1e-3,
    "µm|um|mcm|micron|micro|micrometer|micrometre|mikrometer": 1.0,
    "mm|millimeter|millimetre": 1e3,
    "cm|centimeter|centimetre": 1e4,
    "in|inch|inches": 25_400.0,
    "m|meter|metre": 1e6,
}
_LENGTHS_UM = {word: length for words, length in _UNITS_UM.items() for word in words.split("|")}

_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


@dataclass(frozen=True, slots=True)
class Calibration:
    """One source's word on the pixel size.

    Parameters
    ----------
    pixel_size_um : float or None
        Edge of a pixel in um; None where the source has no usable value.
    source : str
        `parameter`, `plate_file`, `ome`, `imagej`, `vendor` or `none`.
    note : str
        Where exactly the value stood, or why it was not taken; may be empty.
    """

    pixel_size_um: float | None
    source: CalibrationSource
    note: str = ""


NONE = Calibration(None, "none")


@dataclass(frozen=True, slots=True)
class ResolvedPixelSize:
    """The pixel size that counts for one frame.

    Parameters
    ----------
    pixel_size_um : float or None
        Edge of a pixel in um; None: uncalibrated.
    source : str
        Who gave it; `none` where nobody did.
    conflict : str
        A sentence where a less trusted source says something else, else empty.
    notes : tuple of str
        Why sources were left aside, doubts about the value.
    """

    pixel_size_um: float | None
    source: CalibrationSource
    conflict: str = ""
    notes: tuple[str, ...] = ()


def length_in_um(unit: str | None) -> float | None:
    r"""Length of a unit in um; None for `pixel`, an empty unit, and words that are not a length.

    The unit is as found in a file: `µm` with either code point, `\u00B5m`, `micron`, `nm`, `inch`
    ...
    """
    if not unit:
        return None
    text = _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), unit)
    # Greek mu, the micro sign read in the wrong encoding, and a character lost on the way are
    # all the one letter that can stand before the m of a microscope's unit.
    text = text.replace("Âµ", "µ").replace("Î¼", "µ").replace("\u03bc", "µ").replace("\ufffd", "µ")
    text = text.strip().strip("\x00\"'[]()").strip()
    if text == "Å":
        return _LENGTHS_UM["å"]
    text = text.lower().replace(" ", "").rstrip(".").removesuffix("/pixel").removesuffix("/px")
    if text in _LENGTHS_UM:
        return _LENGTHS_UM[text]
    return _LENGTHS_UM.get(text.removesuffix("s"))


def calibration_of(
    x: float | None,
    y: float | None,
    source: CalibrationSource,
    where: str,
    *,
    unit_um: float = 1.0,
) -> Calibration:
    """Judge the width `x` and height `y` of a pixel that a source gives, in units of `unit_um` um.

    One of them may be missing; `where` names the field in the file, for the note. There is no
    value, but a note, where the number is absurd or pixels are not square. Within 1 % the geometric
    mean is taken, which keeps areas right.
    """
    known = [length * unit_um for length in (x, y) if length is not None]
    if not known:
        return Calibration(None, source, f"{where} holds no pixel size.")
    x, y = known[0], known[-1]
    for value in known:
        if not math.isfinite(value) or value <= 0:
            return Calibration(None, source, f"{where} gives {value:g} um/px, which is no size.")
        if not MIN_PIXEL_SIZE_UM <= value <= MAX_PIXEL_SIZE_UM:
            return Calibration(
                None,
                source,
                f"{where} gives {value:g} um/px, which no microscope has; it is ignored.",
            )
    if abs(x - y) > SQUARE_TOLERANCE * max(x, y):
        return Calibration(
            None,
            source,
            f"{where} gives pixels that are not square ({x:g} x {y:g} um); lengths and shapes "
            "would be wrong, so it is ignored. Resample the images to square pixels.",
        )
    size = x if x == y else math.sqrt(x * y)
    note = where
    if size == 1.0:
        note = f"{where} gives exactly 1 um/px, which is often a placeholder: please check."
    return Calibration(size, source, note)


def pixel_size_from_resolution(
    x: float, y: float, unit_um: float, source: CalibrationSource, where: str
) -> Calibration:
    """Read a resolution in pixels per inch or centimetre, if a microscope wrote it.

    Printers and screens use the same fields: 72, 96, 300 pixels per inch say nothing about the
    specimen. A resolution counts only if the pixel it implies is at most 20 um (1270 per inch) and,
    up to 9600 per inch, where scanners and printers end, it is not one of their round numbers (a
    multiple of 72, 96 or 100 per inch). `x` and `y` are pixels per unit, `unit_um` is the unit in
    um (25400 for an inch, 10000 for a centimetre); `where` names the field, for the note.
    """
    if not (math.isfinite(x) and math.isfinite(y)) or x <= 0 or y <= 0:
        return Calibration(None, source, f"{where} holds no resolution.")
    per_inch = 25_400.0 * x / unit_um
    if per_inch < 1270 or (per_inch <= 9600 and _round_number(per_inch)):
        return Calibration(
            None,
            source,
            f"{where} gives {per_inch:.6g} dots per inch, which is for screens and printers; "
            "it is no calibration.",
        )
    return calibration_of(unit_um / x, unit_um / y, source, where)


def _round_number(per_inch: float) -> bool:
    return any(
        abs(per_inch / step - round(per_inch / step)) * step < 1e-4 * per_inch
        for step in (72, 96, 100)
    )


def resolve_pixel_size(
    parameter: float | None,
    plate_file: Calibration | None,
    calibrations: Iterable[Calibration],
    tolerance: float = 0.02,
) -> ResolvedPixelSize:
    """Take the most trusted pixel size, and say where others contradict it.

    Parameters
    ----------
    parameter : float or None
        What the user says, in um/px.
    plate_file : Calibration or None
        What the instrument's plate file says of this image.
    calibrations : iterable of Calibration
        What the image file itself holds (`ImageInfo.calibrations`).
    tolerance : float
        Relative difference beyond which two sources contradict each other.

    Returns
    -------
    ResolvedPixelSize
        Value, source, conflict sentence, notes.
    """
    stated = [] if parameter is None else [Calibration(parameter, "parameter")]
    stated += [] if plate_file is None else [plate_file]
    stated += list(calibrations)
    order = {source: rank for rank, source in enumerate(TRUST)}
    stated.sort(key=lambda one: order.get(one.source, len(order)))
    valued = [one for one in stated if one.pixel_size_um is not None]
    notes = tuple(one.note for one in stated if one.pixel_size_um is None and one.note)
    if not valued:
        return ResolvedPixelSize(None, "none", "", notes)
    chosen = valued[0]
    size = chosen.pixel_size_um
    assert size is not None
    if "placeholder" in chosen.note:
        notes = (chosen.note, *notes)
    conflict = ""
    for other in valued[1:]:
        value = other.pixel_size_um
        assert value is not None
        if abs(size - value) > tolerance * value:
            conflict = (
                f"The pixel size {size:g} um/px ({_named(chosen)}) is used, but "
                f"{_named(other)} says {value:g} um/px: check the objective and the binning."
            )
            break
    return ResolvedPixelSize(size, chosen.source, conflict, notes)


def _named(one: Calibration) -> str:
    return {
        "parameter": "the setting",
        "plate_file": "the plate file",
        "ome": "the file's OME metadata",
        "imagej": "the file's ImageJ metadata",
        "vendor": "the file's own metadata",
        "none": "nobody",
    }[one.source]
