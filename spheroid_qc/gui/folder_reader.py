"""A folder that is dropped on napari, or opened with it, is a plate."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from spheroid_qc.frames.file_tree import ZARR_FILES
from spheroid_qc.frames.ignored_files import IMAGE_SUFFIXES, split_suffix
from spheroid_qc.frames.naming.read_file_names import read_names
from spheroid_qc.frames.optional_readers import OPTIONAL_READERS, without_reader
from spheroid_qc.images.ome_zarr.zarr_folder import ZarrFolder
from spheroid_qc.run.store.run_folder import RunFolder

_LOOK_AT = 300


def folder_reader(path: str | list[str]) -> Callable[[Any], list[tuple[None]]] | None:
    """Give a reader for a folder with images that tell their wells; None for everything else."""
    if isinstance(path, list):
        if len(path) != 1:
            return None
        path = path[0]
    folder = Path(path)
    if not folder.is_dir():
        return None
    if RunFolder(folder).run_json.is_file():
        return _read
    if any((folder / name).is_file() for name in ZARR_FILES):
        # Other images are napari's own, and the plug-ins' for OME-Zarr.
        node = None if without_reader("zarr") else ZarrFolder(folder).node()
        return _read if node is not None and "plate" in node.ome else None
    names = list(_first_names(folder))
    known = names and any(one.reading is not None for one in read_names(names, None, None, ""))
    # What they hold tells the wells.
    known = known or any(split_suffix(name)[1] in OPTIONAL_READERS for name in names)
    return _read if known else None


def _first_names(folder: Path) -> Iterator[str]:
    """Names of the first images, relative to the folder; a large folder is not walked through."""
    found = 0
    for place, folders, files in os.walk(folder):
        if not ZARR_FILES.isdisjoint(files):
            folders.clear()
            yield f"{Path(place).relative_to(folder).as_posix()}.zarr"
            continue
        for name in sorted(files):
            if split_suffix(name)[1] in IMAGE_SUFFIXES:
                yield (Path(place) / name).relative_to(folder).as_posix()
                found += 1
                if found >= _LOOK_AT:
                    return


def _read(path: str | list[str]) -> list[tuple[None]]:
    """Open the folder in the Plate panel; layers follow when a well is looked at."""
    import napari

    from spheroid_qc.gui.open_and_save import open_images, open_panel

    viewer = napari.current_viewer()
    if viewer is not None:
        open_panel(viewer, "Plate")
        open_images(viewer, Path(path[0] if isinstance(path, list) else path))
    # napari's sign for: read, but there is no layer.
    return [(None,)]
