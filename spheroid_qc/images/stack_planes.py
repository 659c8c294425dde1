"""Which plane of a stack is analysed: channels by name or number, focus by choice.

The focus measure is the mean squared gradient (Tenengrad; Krotkov 1988, DOI 10.1007/BF00127822)
of the plane after small blocks of pixels are averaged, so that camera noise does not count as
sharpness. Within a stack its order does not change when intensities are scaled or shifted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import ImageError
from spheroid_qc.parameters import ZChoice

# Longest side, in blocks, of the reduced plane on which focus is judged.
FOCUS_SIDE = 700

_TRANSMITTED = re.compile(
    r"(?<![a-z])(phase(\s*contrast)?|ph\d?|pc|pgc|bf\d?|bright[\s_-]*field|hellfeld|tl\d*|trans\w*|"
    r"dic|nomarski|dpc|hmc|hoffman|relief|tpmt|esid|dia|tpmt\d*)(?![a-z])",
    re.IGNORECASE,
)


def is_transmitted(name: str) -> bool:
    """Whether a channel's name says that it is transmitted light (phase, bright field, DIC ...)."""
    return _TRANSMITTED.search(name) is not None


def choose_channel(names: Sequence[str], wanted: str | None, file_name: str) -> int:
    """Index of the channel to read.

    Parameters
    ----------
    names : sequence of str
        One name a channel, empty where unknown.
    wanted : str or None
        Name (case, spaces, `_` and `-` do not matter) or number from 1; None: the first
        channel of transmitted light by name, else the first.
    file_name : str
        For the error.

    Returns
    -------
    int
        Zero-based index. A file with one channel has nothing to choose: it is read whatever
        is wanted, because the file itself was chosen for its channel.

    Raises
    ------
    ImageError
        If no channel, or more than one, answers to the name.
    """
    if len(names) <= 1:
        return 0
    if wanted is None or not wanted.strip():
        return next((i for i, name in enumerate(names) if is_transmitted(name)), 0)
    key = _plain(wanted)
    for matches in (
        [i for i, name in enumerate(names) if name and _plain(name) == key],
        [i for i, name in enumerate(names) if key and key in _plain(name)],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            break
    else:
        number = re.fullmatch(r"(?:c|ch|channel|w)?0*([1-9]\d*)", key)
        if number and int(number[1]) <= len(names):
            return int(number[1]) - 1
    known = ", ".join(f"{i} {name}".rstrip() for i, name in enumerate(names, 1))
    raise ImageError(
        f"{file_name} has no single channel “{wanted}”: its channels are {known}; set the "
        "channel to one of these names or numbers."
    )


def _plain(text: str) -> str:
    return re.sub(r"[\s_\-]+", "", text).casefold()


def z_indices(n_z: int, choice: ZChoice) -> range:
    """List the focus planes that a choice needs to see."""
    if choice is ZChoice.FIRST:
        return range(1)
    if choice is ZChoice.MIDDLE:
        return range(n_z // 2, n_z // 2 + 1)
    return range(n_z)


def focus_of(plane: NDArray[Any]) -> float:
    """How sharp a plane is.

    Parameters
    ----------
    plane : ndarray, shape (y, x)
        Grey values of any numeric type; NaN is left out.

    Returns
    -------
    float
        Mean squared gradient of the reduced plane; 0 where there is nothing to judge.
        Comparable between planes of one stack only.
    """
    small = _reduced(np.asarray(plane))
    if small.shape[0] < 2 or small.shape[1] < 2:
        return 0.0
    with np.errstate(all="ignore"):
        down = small[1:, :-1] - small[:-1, :-1]
        right = small[:-1, 1:] - small[:-1, :-1]
        squares = down * down + right * right
    finite = np.isfinite(squares)
    if not finite.any():
        return 0.0
    return float(np.mean(squares, where=finite, dtype=np.float64))


def _reduced(plane: NDArray[Any]) -> NDArray[np.float32]:
    """Mean of square blocks, at least 2 x 2 where the plane has that many pixels."""
    block = max(2, -(-max(plane.shape) // FOCUS_SIDE))
    rows, columns = plane.shape[0] // block, plane.shape[1] // block
    if min(rows, columns) < 4:
        return plane.astype(np.float32)
    whole = plane[: rows * block, : columns * block]
    # Summing strided views is several times faster than a mean over two inner axes.
    total = np.zeros((rows, columns), np.float64 if plane.dtype.itemsize > 2 else np.float32)
    with np.errstate(all="ignore"):
        for y in range(block):
            for x in range(block):
                total += whole[y::block, x::block]
        total /= block * block
    return total.astype(np.float32, copy=False)


def combine_z(planes: Iterable[NDArray[Any]], choice: ZChoice | str) -> NDArray[Any]:
    """Make one plane of a focus stack.

    Parameters
    ----------
    planes : iterable of ndarray, shape (y, x)
        The stack from first to last; it is walked through once.
    choice : ZChoice or str
        `sharpest`, `max`, `min`, `mean`, `first` or `middle`.

    Returns
    -------
    ndarray, shape (y, x)
        The stored type; float32 for the mean. Of equally sharp planes the first is taken. NaN
        counts only where all planes have it.

    Raises
    ------
    ImageError
        If there is no plane, or planes differ in size.
    """
    return combine_z_with_index(planes, ZChoice(choice))[0]


def combine_z_with_index(
    planes: Iterable[NDArray[Any]], choice: ZChoice
) -> tuple[NDArray[Any], int | None]:
    """As `combine_z`, with the index of the plane taken (None for a projection)."""
    if choice in (ZChoice.FIRST, ZChoice.MIDDLE):
        stack = list(planes)
        if not stack:
            raise ImageError("A focus stack without any plane can't be read; check the files.")
        index = 0 if choice is ZChoice.FIRST else len(stack) // 2
        return stack[index], index
    result: NDArray[Any] | None = None
    weights: NDArray[Any] | None = None
    best, best_focus, count, kept = 0, -1.0, 0, result
    for index, plane in enumerate(planes):
        if kept is not None and plane.shape != kept.shape:
            raise ImageError(
                f"The planes of one focus stack differ in size ({kept.shape} and {plane.shape}); "
                "export them again at one size."
            )
        count += 1
        if kept is None:
            kept = plane
        if choice is ZChoice.SHARPEST:
            focus = focus_of(plane)
            if focus > best_focus:
                best, best_focus, result = index, focus, plane
        elif choice is ZChoice.MAX:
            result = plane if result is None else np.fmax(result, plane)
        elif choice is ZChoice.MIN:
            result = plane if result is None else np.fmin(result, plane)
        else:
            if result is None:
                result = np.zeros(plane.shape, np.float64)
                weights = np.zeros(plane.shape, np.int32)
            seen = np.isfinite(plane)
            np.add(result, plane, out=result, where=seen)
            weights += seen
    if result is None:
        raise ImageError("A focus stack without any plane can't be read; check the files.")
    if choice is ZChoice.SHARPEST:
        return result, best
    if weights is not None:
        with np.errstate(all="ignore"):
            result = (result / weights).astype(np.float32)
    return np.ascontiguousarray(result), 0 if count == 1 else None
