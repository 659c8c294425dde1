"""Which page of a TIFF holds which time, channel and focus plane.

OME and ImageJ say so; files of other origin are read by convention, and a note tells how.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from spheroid_qc.images.metadata_imagej import ImageJFacts
from spheroid_qc.images.metadata_ome import Key, OmeImage
from spheroid_qc.images.tiff_structure import EXTRA, PHOTOMETRIC, Directory

MINISWHITE, MINISBLACK, RGB, PALETTE, SEPARATED, YCBCR, CIELAB = 0, 1, 2, 3, 5, 6, 8

_SHAPED = re.compile(r'^\{"shape":\s*\[([\d,\s]{1,200})\]')
_AXES = re.compile(r'"axes":\s*"([A-Z]{1,10})"')


class Address(NamedTuple):
    """Where a plane lies: page, sample within its pixels (None: all), picture within the page."""

    page: int
    sample: int | None = None
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class PageLayout:
    """Where the planes of a file lie.

    `sizes` are the numbers of times, channels and focus planes; `base` is the page that the others
    are like. Planes are dealt out over `pages` in `order`, the axes T, C, Z from fast to slow, or
    stand in `planes`, (time, channel, z) -> page. `spread` channels lie side by side in a pixel;
    `repeated`: all pictures stand behind the first page, one after the other. `notes` are doubts
    about how axes were read; `unused` says which pages are not read, empty if all are.
    """

    sizes: Key
    base: int
    pages: Sequence[int] = ()
    order: str = "TCZ"
    spread: int = 1
    repeated: bool = False
    planes: Mapping[Key, int] | None = None
    notes: tuple[str, ...] = ()
    unused: str = ""

    def find(self, time: int, channel: int, z: int) -> Address | None:
        """Address of a plane; None where the stack has a gap or the file ends before."""
        channel, sample = divmod(channel, self.spread)
        chosen = sample if self.spread > 1 else None
        if self.planes is not None:
            page = self.planes.get((time, channel, z))
            return None if page is None else Address(page, chosen)
        at = {"T": time, "C": channel, "Z": z}
        size = {"T": self.sizes[0], "C": self.sizes[1] // self.spread, "Z": self.sizes[2]}
        number, stride = 0, 1
        for axis in self.order:
            number += at[axis] * stride
            stride *= size[axis]
        if self.repeated:
            return Address(self.pages[0], chosen, number)
        return Address(self.pages[number], chosen) if number < len(self.pages) else None


def layout_of(
    pages: Sequence[Directory],
    description: str,
    ome: OmeImage | None,
    imagej: ImageJFacts | None,
    order: tuple[str, Key] | None,
    file_name: str,
    *,
    cut: bool = False,
    apart: bool = False,
) -> PageLayout:
    """Lay out the planes of a file; there is at least one.

    `pages` are all of the main chain, `description` is the text of the first. `order` has axes from
    fast to slow and their sizes (t, c, z), where a vendor says so. `cut`: the chain of pages breaks
    off, so that pictures must not be looked for behind the first page. `apart`: the three planes of
    a picture called RGB are grey planes of different things.
    """
    if ome is not None:
        laid = _by_ome(pages, ome)
        if laid is not None:
            return laid
    base = _base(pages)
    like = [i for i, page in enumerate(pages) if page.key == pages[base].key and not page.reduced]
    like = like or [base]
    spread = 3 if apart else spread_samples(pages[base])
    laid = _lay_out(pages, description, imagej, order, file_name, base, like, spread, cut=cut)
    notes = list(laid.notes)
    if apart:
        notes.append(
            f"{file_name} calls its three planes red, green and blue, but they show different "
            "things: they are read as three channels."
        )
    other = sum(not page.reduced for page in pages) - len(like)
    unused = ""
    if other > 0:
        unused = (
            f"{other} of the {len(pages)} pages of {file_name} have another size or kind than the "
            "largest and are not used; export them as files of their own."
        )
        notes.append(unused)
    return replace(laid, notes=tuple(notes), unused=unused)


def _lay_out(
    pages: Sequence[Directory],
    description: str,
    imagej: ImageJFacts | None,
    order: tuple[str, Key] | None,
    file_name: str,
    base: int,
    like: list[int],
    spread: int,
    *,
    cut: bool,
) -> PageLayout:
    """Lay out the pages that are alike."""
    if imagej is not None:
        return _by_imagej(like, imagej, base, spread, file_name, cut)
    if order is not None:
        behind = len(like) == 1 and math.prod(order[1]) > 1
        return _grid(like, order[0], order[1], base, spread, [], repeated=behind)
    shaped = _by_shape(description, pages[base], like, base, spread)
    if shaped is not None:
        return shaped
    notes = []
    if len(like) > 1:
        notes.append(f"{file_name} has {len(like)} pages without labels; they are read as times.")
    return _grid(like, "TCZ", (len(like), 1, 1), base, spread, notes)


def spread_samples(page: Directory) -> int:
    """Count the channels that lie side by side in a pixel; 1 for colour and grey."""
    if page.one(PHOTOMETRIC, MINISBLACK) not in (MINISWHITE, MINISBLACK):
        return 1
    extra = page.values.get(EXTRA, ())
    alpha = sum(kind in (1, 2) for kind in extra)
    return max(1, page.samples - alpha)


def _base(pages: Sequence[Directory]) -> int:
    full = [i for i, page in enumerate(pages) if not page.reduced] or list(range(len(pages)))
    return max(full, key=lambda i: (pages[i].width * pages[i].height, -i))


def _by_ome(pages: Sequence[Directory], ome: OmeImage) -> PageLayout | None:
    first = ome.planes.get((0, 0, 0), min(ome.planes.values()))
    if first >= len(pages):
        return None
    spread = spread_samples(pages[first])
    n_t, n_c, n_z = ome.sizes
    planes = ome.planes
    if spread > 1 and spread == ome.samples * n_c:
        # The document counts as planes what lies side by side in the pixels of one page.
        planes = {(t, 0, z): page for (t, c, z), page in planes.items() if c == 0}
        n_c = 1
    return PageLayout(
        (n_t, n_c * spread, n_z), first, (), "TCZ", spread, False, planes, tuple(ome.notes)
    )


def _by_imagej(
    like: list[int], imagej: ImageJFacts, base: int, spread: int, file_name: str, cut: bool
) -> PageLayout:
    sizes = (imagej.n_t, imagej.n_c, imagej.n_z)
    total = sizes[0] * sizes[1] * sizes[2]
    notes = list(imagej.notes)
    claimed = max(imagej.images, len(like))
    if total != claimed and not (total > 1 and imagej.images == 1):
        if claimed > 1:
            notes = [
                f"{file_name} holds {claimed} images, which are not its ImageJ frames x channels x "
                "slices; they are read as times."
            ]
        sizes, total = (claimed, 1, 1), claimed
    # ImageJ writes stacks beyond 4 GB as one page with the pictures one after the other.
    repeated = len(like) == 1 and total > 1 and not cut
    return _grid(like, "CZT", sizes, base, spread, notes, repeated=repeated)


def _by_shape(
    description: str, page: Directory, like: list[int], base: int, spread: int
) -> PageLayout | None:
    """Files of Python's tifffile: a shape, and maybe axes, in JSON."""
    shape_match = _SHAPED.match(description)
    if shape_match is None:
        return None
    try:
        shape = [int(one) for one in shape_match[1].split(",")]
    except ValueError:
        return None
    axes_match = _AXES.search(description[:2000])
    axes = axes_match[1] if axes_match else ""
    planar = page.samples > 1 and shape[-1] != page.samples
    inner = 3 if page.samples > 1 and not planar else 2
    outer = shape[: len(shape) - inner - int(planar)]
    total = math.prod(outer)
    repeated = len(like) == 1 and total > 1
    if total < 1 or total > 1_000_000 or (not repeated and total != len(like)):
        return None
    names = axes[: len(outer)] if len(axes) == len(shape) else ""
    if names and set(names) <= set("TCZ") and len(set(names)) == len(names):
        sizes = {"T": 1, "C": 1, "Z": 1, **dict(zip(names, outer, strict=True))}
        order = names[::-1] + "".join(axis for axis in "TCZ" if axis not in names)
        notes: list[str] = []
    else:
        sizes, order = {"T": total, "C": 1, "Z": 1}, "TCZ"
        notes = ["The pages have no labels; they are read as times."] if total > 1 else []
    key = (sizes["T"], sizes["C"], sizes["Z"])
    return _grid(like, order, key, base, spread, notes, repeated=repeated)


def _grid(
    pages: list[int],
    order: str,
    sizes: Key,
    base: int,
    spread: int,
    notes: list[str],
    *,
    repeated: bool = False,
) -> PageLayout:
    """Deal pages out over the axes, the first of `order` running fastest."""
    n_t, n_c, n_z = sizes
    return PageLayout(
        (n_t, n_c * spread, n_z), base, pages, order, spread, repeated, None, tuple(notes)
    )
