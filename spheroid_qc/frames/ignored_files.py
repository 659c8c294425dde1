"""Files and folders beside the images: what they are and why they are left out."""

from __future__ import annotations

import re

from spheroid_qc.frames.optional_readers import OPTIONAL_READERS, without_reader

IMAGE_SUFFIXES: frozenset[str] = frozenset(
    {"tif", "tiff", "stk", "png", "jpg", "jpeg", "bmp", *OPTIONAL_READERS}
)

_OTHER = """
lof oir oib oif lsm zvi ims flex dv mrxs scn svs ndpi c01 dib xdce heic webp gif jp2 jxl dcm avi mp4
mov
"""
OTHER_FORMATS: frozenset[str] = frozenset(_OTHER.split())
"""Image formats of instruments that must be exported as TIFF."""

SKIPPED_FOLDERS: dict[str, str] = {
    **dict.fromkeys(("mask", "masks"), "a folder of masks"),
    **dict.fromkeys(("overlay", "overlays"), "a folder of overlays"),
    **dict.fromkeys(("labels", "segmentation", "segmentations"), "a folder of segmentations"),
    **dict.fromkeys(("thumbs", "thumbnails", "thumb", "thumbnail"), "a folder of thumbnails"),
    **dict.fromkeys(("__macosx", "@eadir", "$recycle.bin", "lost+found"), "a system folder"),
    "system volume information": "a system folder",
}
"""Folder name in lower case -> what it is."""

_TABLES = frozenset({"csv", "tsv", "xlsx", "xls", "ods"})
_SYSTEM = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r"})
# Behind `_thumb` instruments write a GUID, which may begin with a letter.
_THUMB = re.compile(r"_thumb(?:nail)?s?(?:(?![a-z])|[0-9a-f]{4,}(?:-|$))", re.IGNORECASE)
_MASK_WORD = re.compile(
    r"(?:^|[_\-. ])(?:cp_)?(?:masks?|overlays?)(?:[_\-. ]?[0-9]{1,3})?$"
    r"|[_\-. ](?:seg|segmented|segmentation|labels?|outlines?|probabilit(?:y|ies))$"
    r"|^(?:masks?|overlays?|seg|segmentation)[_\-. ]",
    re.IGNORECASE,
)


def split_suffix(name: str) -> tuple[str, str]:
    """Stem and suffix of a file name; `x.ome.tif` has the suffix `tif` and the stem `x`.

    Returns
    -------
    tuple of str
        Stem and suffix without its point, in lower case.
    """
    stem, point, suffix = name.rpartition(".")
    if not point:
        return name, ""
    suffix = suffix.lower()
    if suffix in ("tif", "tiff", "zarr") and stem[-4:].lower() == ".ome":
        stem = stem[:-4]
    return stem, suffix


def reason_to_ignore(name: str) -> tuple[str, str] | None:
    """Why a file isn't a frame, as far as its name without folders tells; None if it should be.

    Gives the kind (`stray`, or `unread` for images that need a converter) and a finished sentence.
    """
    if name.startswith((".", "~$")) or name.lower() in _SYSTEM:
        return "stray", "A file of the operating system; it is left out."
    stem, suffix = split_suffix(name)
    if suffix in IMAGE_SUFFIXES:
        if not stem:
            return "stray", "The file has no name before its suffix; it is left out."
        if _THUMB.search(stem):
            return "stray", "A thumbnail made by the instrument; it is left out."
        if _MASK_WORD.search(stem):
            return "stray", "A mask, overlay or segmentation made earlier; it is left out."
        missing = without_reader(suffix)
        return ("unread", missing) if missing else None
    if suffix in OTHER_FORMATS:
        return (
            "unread",
            f"Files of type .{suffix} can't be read: export them as TIFF with the instrument's own "
            "program.",
        )
    if suffix in _TABLES:
        return "stray", "A table, not an image; a plate map is given with --plate-map."
    what = f"A .{suffix} file" if suffix else "A file without suffix"
    return "stray", f"{what}, not an image; it is left out."
