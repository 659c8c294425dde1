"""Which files of a folder are whole, while somebody writes into it.

A file counts when its size and date stood still from one look to the next and, if it is an
image, it opens and its last picture can be decoded. Until then it is neither a frame nor damaged.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spheroid_qc.errors import ImageError
from spheroid_qc.frames.file_tree import list_folder
from spheroid_qc.frames.ignored_files import reason_to_ignore, split_suffix
from spheroid_qc.frames.optional_readers import OPTIONAL_READERS
from spheroid_qc.images.read_image import ImageFile, probe
from spheroid_qc.parameters import ImageParameters

_DISTURBED_LOOKS = 30
"""Looks for which a file that was whole before may be written anew until all others go on."""


@dataclass
class _Known:
    """What is known of one file: its bytes and date, and for how many looks it stood still."""

    is_image: bool
    state: tuple[int, int] = (-1, -1)
    settled: bool = False
    was_settled: bool = False
    still: int = 0
    moving: int = 0


def _is_image(path: str) -> bool:
    return reason_to_ignore(path.rpartition("/")[2]) is None


class SettledFiles:
    """The files of a folder that is being written, from look to look.

    Parameters
    ----------
    folder : Path
        The image folder.
    parameters : ImageParameters
        How images are opened.
    read_before : mapping of str to int
        Path -> bytes of images that an earlier run has read: they need not be opened again.
    """

    def __init__(
        self, folder: Path, parameters: ImageParameters, read_before: Mapping[str, int]
    ) -> None:
        self.folder = folder
        self._parameters = parameters
        self._read_before = dict(read_before)
        self._known: dict[str, _Known] = {}

    def look(self, *, last: bool = False) -> int:
        """Look at all files once.

        Parameters
        ----------
        last : bool
            No look follows: only see what is new. Nothing becomes whole by it, and what was whole
            stays so.

        Returns
        -------
        int
            Images that became whole since the last look.

        Raises
        ------
        RequestError
            If the folder can't be listed.
        """
        found: dict[str, _Known] = {}
        fresh = 0
        for path, size in list_folder(self.folder).files:
            try:
                state = (size, (self.folder / path).stat().st_mtime_ns)
            except OSError:
                continue  # it is gone again, or about to be renamed
            one = self._known.get(path) or _Known(_is_image(path))
            found[path] = one
            if last and one.settled:
                continue
            if one.state != state:
                one.was_settled = one.was_settled or one.settled
                one.state, one.settled, one.still = state, False, 0
                one.moving += 1
                continue
            if one.settled or last:
                continue
            one.still += 1
            # A file that does not open is tried more and more rarely.
            if one.still & (one.still - 1) == 0 and self._is_whole(one, path):
                one.settled, one.moving = True, 0
                fresh += one.is_image
        self._known = found
        return fresh

    def _is_whole(self, one: _Known, path: str) -> bool:
        if not one.is_image or self._read_before.get(path) == one.state[0]:
            return True
        with contextlib.suppress(ImageError):
            if split_suffix(path)[1] in OPTIONAL_READERS:
                # What such a file holds is asked in a process of its own, which it may end.
                return probe(self.folder / path, self._parameters) is not None
            with ImageFile(self.folder / path, self._parameters) as image:
                image.plane(image.info.n_t - 1, image.info.n_c - 1)
            return True
        return False

    @property
    def whole(self) -> frozenset[str]:
        """Paths of files that are whole."""
        return frozenset(path for path, one in self._known.items() if one.settled)

    @property
    def missing(self) -> tuple[str, ...]:
        """Paths of images that are not whole, or not known to be."""
        return tuple(
            path for path, one in sorted(self._known.items()) if one.is_image and not one.settled
        )

    @property
    def stuck(self) -> tuple[str, ...]:
        """Paths of images that stood still for some looks and don't open."""
        return tuple(path for path in self.missing if self._known[path].still)

    @property
    def disturbed(self) -> bool:
        """Whether a file that was whole is being written anew: it is better waited for."""
        return any(
            one.was_settled and not one.settled and one.moving + one.still < _DISTURBED_LOOKS
            for one in self._known.values()
        )

    @property
    def state(self) -> frozenset[tuple[str, int, int]]:
        """Path, bytes and date of all whole images: what a run would be made of."""
        return frozenset(
            (path, *one.state) for path, one in self._known.items() if one.is_image and one.settled
        )
