"""Files that hold several images: each becomes a name of its own, beside the names of files.

The well of an image is what the metadata say in so many words; else what its name says, read as if
the file were a folder; else what the name of the file says, and the images are fields of that well.
Where two of these say different things, the images are left out and asked about.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from spheroid_qc.errors import SpheroidQCError
from spheroid_qc.frames.file_tree import FileTree
from spheroid_qc.frames.held_images import HeldImage
from spheroid_qc.frames.ignored_files import split_suffix
from spheroid_qc.frames.naming.name_doubts import NameDoubt
from spheroid_qc.frames.naming.parsed_name import NameReading, Reading
from spheroid_qc.frames.naming.read_file_names import FolderReading, read_folder_names
from spheroid_qc.frames.naming.user_pattern import NamePattern
from spheroid_qc.frames.optional_readers import OPTIONAL_READERS, without_reader
from spheroid_qc.frames.time_axis import Probe
from spheroid_qc.wells import parse_well

METADATA = "metadata"
"""Scheme of images whose well stands in the file's metadata."""

INSIDE = "image_name"
"""Scheme of images whose well is that of their name inside the file."""

MAX_NAME = 120
"""Longest name of an image that is shown whole."""

_TIFFS = ("tif", "tiff")
_OME_TIFFS = (".ome.tif", ".ome.tiff")
_SAME_SPAN = 0.05
"""Most that the hours in a name and the length of a recording differ, if they are the same."""


@dataclass(frozen=True, slots=True)
class ImageSource:
    """Where an image lies: path below the folder, number in the file (None: the only one).

    `size` are bytes, of the file or, for images in folders, of one time; `probe` is what the file
    says of the image.
    """

    path: str
    series: int | None
    size: int
    probe: Probe


@dataclass(slots=True)
class OpenedFiles:
    """Names and images of a folder, files that hold several images taken apart.

    `sources` has, by the path of a name, where its image lies; names that are not in it are files.
    `left_out` has path, kind, a finished sentence and possible readings.
    """

    names: list[NameReading] = field(default_factory=list)
    sources: dict[str, ImageSource] = field(default_factory=dict)
    left_out: list[tuple[str, str, str, tuple[str, ...]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    doubts: list[NameDoubt] = field(default_factory=list)


@dataclass(slots=True)
class _File:
    """A file whose images are known: its own name, and name and reading of each image."""

    path: str
    size: int
    own: NameReading
    images: tuple[Probe, ...]
    shown: list[str] = field(default_factory=list)
    read: list[NameReading] = field(default_factory=list)


def open_files(
    folder: Path,
    tree: FileTree,
    pattern: NamePattern | None,
    well_count: int | None,
    above: str,
    probe: Callable[[Path], Probe | None] | None,
) -> OpenedFiles:
    """Read the names of a folder, and of the images in files that hold several.

    Parameters
    ----------
    folder : Path
        The analysed folder.
    tree : FileTree
        What lies in it.
    pattern : NamePattern or None
        The user's own pattern, matched against the path of a file, or against that path, a slash
        and the name of an image in it.
    well_count : int or None
        Wells on the plate, if known.
    above : str
        Names of the folder itself and of those above it.
    probe : callable or None
        Asks one file; raises `SpheroidQCError` where one of a kind that may hold several images
        can't be read. None: files are not opened.

    Returns
    -------
    OpenedFiles
    """
    sizes = dict(tree.files)
    paths = [*sizes, *tree.zarrs]
    own_name = folder.resolve().name
    found = read_folder_names(
        [*sizes, *(_zarr_name(path, own_name) for path in tree.zarrs)], pattern, well_count, above
    )
    opened = OpenedFiles(notes=list(found.notes))
    own: dict[str, NameReading] = {}
    for path, one in zip(paths, found.names, strict=True):
        one.path = path
        own[path] = one
    files = _looked_into(folder, tree, own, probe, opened)
    inside = _read_inside(files, pattern, well_count, above)
    opened.notes += inside.notes
    for file in files:
        _settle(file, pattern, opened)
    gone = {file.path for file in files}
    opened.names += [one for path, one in own.items() if path not in gone]
    open_names = {path for path, kind, _, _ in opened.left_out if kind == "doubtful"}
    for doubt in found.doubts:
        kept = tuple(path for path in doubt.paths if path not in gone or path in open_names)
        if kept:
            opened.doubts.append(replace(doubt, paths=kept))
    for doubt in inside.doubts:
        if open_names & set(doubt.paths):
            opened.doubts.append(doubt)
    return opened


def _zarr_name(path: str, own_name: str) -> str:
    name = own_name if path == "." else path
    return name if name.lower().endswith(".zarr") else f"{name}.zarr"


def _looked_into(
    folder: Path,
    tree: FileTree,
    own: dict[str, NameReading],
    probe: Callable[[Path], Probe | None] | None,
    opened: OpenedFiles,
) -> list[_File]:
    """Ask the files that may hold several images; what can't be read keeps the name it has."""
    sizes = dict(tree.files)
    files: list[_File] = []
    zarrs = frozenset(tree.zarrs)
    if probe is not None:
        for path in (*sizes, *tree.zarrs):
            suffix = "zarr" if path in zarrs else split_suffix(path)[1]
            if suffix not in OPTIONAL_READERS or without_reader(suffix):
                continue
            if own[path].kind == "stray":
                continue
            probed = _asked(folder, path, probe, opened, own[path])
            if probed is not None:
                files.append(_File(path, sizes.get(path, 0), own[path], probed.images))
        for path, probed in _several_in_tiffs(folder, sizes, own, probe):
            files.append(_File(path, sizes[path], own[path], probed.images))
    for path in zarrs:
        if own[path].kind != "read":
            own[path].path = _folder_of(path)
            if probe is None and not without_reader("zarr"):
                own[path].message = "An OME-Zarr whose name tells no well; it was not opened."
    return files


def _asked(
    folder: Path,
    path: str,
    probe: Callable[[Path], Probe | None],
    opened: OpenedFiles,
    own: NameReading,
) -> Probe | None:
    """Ask one file; where it can't be read and its name tells no well, say why."""
    try:
        probed = probe(folder / path)
    except SpheroidQCError as error:
        # A name that tells a well keeps its place, and reading the image says why it is empty.
        if own.kind != "read":
            own.kind, own.message, own.alternatives = "unread", str(error), ()
        return None
    if probed is None:
        return None
    for name, sentence in probed.left_out:
        opened.left_out.append((_joined(path, _shown(name)), "unread", sentence, ()))
    return probed if probed.images else None


def _several_in_tiffs(
    folder: Path,
    sizes: dict[str, int],
    own: dict[str, NameReading],
    probe: Callable[[Path], Probe | None] | None,
) -> Iterable[tuple[str, Probe]]:
    """Find the OME-TIFF with several images, or with a plate in their metadata.

    Instruments write all files of a folder alike, and 30,000 are not opened to find that each holds
    one image: the largest with a well in its name, and the largest without, speak for the rest.
    """
    if probe is None:
        return
    groups: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for path in sizes:
        suffix = split_suffix(path)[1]
        if suffix not in _TIFFS or own[path].kind == "stray":
            continue
        named = own[path].kind == "read"
        if named and not path.lower().endswith(_OME_TIFFS):
            continue
        groups[path.rpartition("/")[0], named].append(path)
    for (_, named), group in groups.items():
        group.sort(key=lambda path: (-sizes[path], path))
        for number, path in enumerate(group):
            try:
                probed = probe(folder / path)
            except SpheroidQCError:
                continue
            # What the metadata say of the well is asked for where the name says nothing.
            if probed is not None and len(probed.images) > named:
                yield path, probed
            elif number == 0:
                break


def _shown(name: str) -> str:
    """Name of an image as text: no control characters, of bounded length."""
    text = "".join(mark if mark.isprintable() else " " for mark in name.replace("\\", "/"))
    return text.strip().strip("/")[:MAX_NAME].strip()


def _read_inside(
    files: Sequence[_File], pattern: NamePattern | None, well_count: int | None, above: str
) -> FolderReading:
    """Read the names of all images as if their files were folders; fills `shown` and `read`."""
    texts: list[str] = []
    shown: list[str] = []
    for file in files:
        names = [_shown(_held(probe).name) for probe in file.images]
        counts = Counter(names)
        stem = "" if file.path == "." else split_suffix(file.path)[0]
        for number, (probe, name) in enumerate(zip(file.images, names, strict=True), 1):
            held = _held(probe)
            alone = name if name and counts[name] == 1 else f"{name} {number}".strip()
            file.shown.append(_joined(file.path, held.place or alone))
            shown.append(file.shown[-1])
            if pattern is not None:
                texts.append(file.shown[-1])
                continue
            # A file whose name tells a well is no folder: its name was read for itself. Where the
            # metadata give the well it is read too, for what the folders say.
            within = stem if file.own.reading is None else file.path.rpartition("/")[0]
            texts.append(_joined(within or ".", held.well or name or str(number)))
    found = read_folder_names(texts, pattern, well_count, above, are_files=False)
    names_of = dict(zip(texts, shown, strict=True))
    for one, path in zip(found.names, shown, strict=True):
        one.path = path
    places = iter(found.names)
    for file in files:
        file.read = [next(places) for _ in file.images]
    doubts = tuple(
        replace(doubt, paths=tuple(names_of[path] for path in doubt.paths))
        for doubt in found.doubts
    )
    return replace(found, doubts=doubts)


def _joined(path: str, name: str) -> str:
    """Path of something in a file or folder; that of the file itself where it has no name."""
    if not name:
        return path
    return name if path == "." else f"{path}/{name}"


def _held(probe: Probe) -> HeldImage:
    return probe.held or HeldImage()


def _settle(file: _File, pattern: NamePattern | None, opened: OpenedFiles) -> None:
    """Decide the well of every image of a file."""
    readings = _readings(file, pattern)
    if isinstance(readings, tuple):
        kind, message, words = readings
        for path in file.shown if len(file.images) > 1 else [file.path]:
            opened.left_out.append((path, kind, message, words))
        return
    taken: list[tuple[int, NameReading]] = []
    for number, one in enumerate(readings):
        held = _held(file.images[number])
        if one.kind != "read" or one.reading is None:
            opened.left_out.append((one.path, one.kind, one.message, one.alternatives))
        elif held.conflict:
            opened.left_out.append((one.path, "conflict", held.conflict, ()))
        else:
            question = _own_times(one.reading, file.images[number])
            if question:
                words = ("the time of the first", "a time that is no part of the recording")
                opened.left_out.append((one.path, "doubtful", question, words))
            else:
                taken.append((number, one))
    _number_fields(file, taken)
    for number, one in taken:
        held = _held(file.images[number])
        probe = file.images[number]
        alone = len(file.images) == 1 and not probe.number
        path = _joined(file.path, held.place)
        size = held.frame_bytes or file.size
        series = None if alone or held.place else probe.number
        opened.sources[one.path] = ImageSource(path, series, size, probe)
        opened.names.append(one)


def _folder_of(path: str) -> str:
    """Path of a folder, as findings write it."""
    return "./" if path == "." else f"{path}/"


def _readings(
    file: _File, pattern: NamePattern | None
) -> list[NameReading] | tuple[str, str, tuple[str, ...]]:
    """Read each image; where none can be used, give a kind of finding, a sentence and words."""
    own = file.own.reading
    count = len(file.images)
    stated = [_held(probe).well for probe in file.images]
    named = [one.reading for one in file.read if one.kind == "read" and one.reading is not None]
    if pattern is not None and any(one.reading is not None for one in file.read):
        return file.read
    if any(stated):
        return _by_metadata(file)
    wells = {one.well.name for one in named}
    if not named:
        if own is not None:
            return [_as_field(file, number) for number in range(count)]
        if count == 1 and file.own.kind == "doubtful":
            return "doubtful", file.own.message, file.own.alternatives
        doubtful = [one for one in file.read if one.kind == "doubtful"]
        if doubtful:
            return file.read
        return "unread", _no_well(file), ()
    if own is not None and wells != {own.well.name}:
        if len(wells) == 1:
            return "conflict", _contradiction(file, own.well.name, min(wells)), ()
        name = own.well.name
        words = (f"{count} fields of well {name}", f"wells {', '.join(sorted(wells)[:4])} ...")
        message = (
            f"The name of the file says well {name}, and the names of its images are wells too "
            f"({', '.join(sorted(wells)[:4])}): they are left out; rename the file, or give "
            "--name-pattern."
        )
        return "doubtful", message, words
    return [_with_file(file, one) for one in file.read]


def _by_metadata(file: _File) -> list[NameReading] | tuple[str, str, tuple[str, ...]]:
    """Wells as the metadata say; what else is known is what the names of folders and files say."""
    own = file.own.reading
    stated = {_held(probe).well for probe in file.images} - {""}
    if own is not None and len(stated) == 1 and own.well.name not in stated:
        return "conflict", _contradiction(file, own.well.name, min(stated)), ()
    result = []
    for probe, one in zip(file.images, file.read, strict=True):
        held = _held(probe)
        well = parse_well(held.well)
        if well is None:
            one.kind, one.reading = "unread", None
            one.message = (
                "The metadata name the wells of other images of this file and not of this one; it "
                "is left out."
            )
        else:
            # The text that was read is the well itself; a folder may have made it doubtful.
            reading = one.reading or Reading(METADATA, well)
            if own is not None:
                reading = replace(own)
                one.plate_folder = file.own.plate_folder
                one.plate_folder_short = file.own.plate_folder_short
            reading.scheme, reading.well, reading.field = METADATA, well, held.field
            reading.part, reading.label, reading.words = None, "", ""
            if held.acquired is not None:
                reading.acquired_at = held.acquired
            one.kind, one.reading, one.message, one.alternatives = "read", reading, "", ()
            if held.plate:
                one.plate_folder = one.plate_folder_short = held.plate
        result.append(one)
    return result


def _with_file(file: _File, one: NameReading) -> NameReading:
    """Put together what the name of an image says, and that of its file."""
    own, inside = file.own.reading, one.reading
    if inside is None:
        return one
    inside.scheme = INSIDE
    if own is None:
        return one
    reading = replace(own, field=inside.field, part=inside.part)
    if inside.channel:
        reading.channel = inside.channel
    return replace(file.own, path=one.path, reading=reading)


def _as_field(file: _File, number: int) -> NameReading:
    """One of several images of a file whose name tells the well: a field of it."""
    own = file.own.reading
    assert own is not None
    if len(file.images) == 1:
        path = _joined(file.path, _held(file.images[0]).place)
        return replace(file.own, path=path, reading=replace(own))
    return replace(file.own, path=file.shown[number], reading=replace(own, field=number + 1))


def _contradiction(file: _File, named: str, stated: str) -> str:
    return (
        f"The name of the file says well {named} and what is in it says {stated}: it is left out; "
        "rename the file, or give --name-pattern."
    )


def _no_well(file: _File) -> str:
    if len(file.images) == 1:
        return (
            "Neither the name of the file nor its metadata tell a well; put the well into the "
            "name of the file, as in B03_name, or give --name-pattern."
        )
    names = [path.rpartition("/")[2] for path in file.shown[:2]]
    words = [re.escape(name).replace("\\ ", " ") for name in names]
    pattern = "|".join(
        f"(?P<well_{well}>{word}$)" for well, word in zip(("B2", "B3"), words, strict=True)
    )
    return (
        f"It holds {len(file.images)} images ({', '.join(names)} ...), and neither their names nor "
        "that of the file tell a well; name the positions after their wells in the instrument's "
        "program, put the well into the name of the file, or say which is which, as in "
        f"--name-pattern '{pattern}'."
    )


def _own_times(reading: Reading, probe: Probe) -> str:
    """Let the times of a recording stand before a time in names; a question where both may count.

    A bare number in the name is no time of a file that holds several. Hours are, unless they are
    the length of the recording.
    """
    if probe.n_times <= 1:
        return ""
    reading.index = None
    hours = reading.hours
    if hours is None:
        return ""
    span = 0.0 if probe.times_h is None else max(probe.times_h) - min(probe.times_h)
    if span and abs(span - hours) <= _SAME_SPAN * max(span, hours):
        reading.hours, reading.hours_from = None, ""
        return ""
    lasts = f" over {span:g} h" if span else ""
    return (
        f"The name says {hours:g} h, and the file holds {probe.n_times} times{lasts}: it is left "
        "out; take the time out of the name to use those of the file, or export each time as a "
        "file of its own."
    )


def _number_fields(file: _File, taken: Sequence[tuple[int, NameReading]]) -> None:
    """Images of one well that nothing tells apart are its fields, in the order of the file."""
    groups: dict[tuple[object, ...], list[Reading]] = defaultdict(list)
    for _, one in taken:
        reading = one.reading
        assert reading is not None
        if reading.field is None and reading.part is None:
            key = (reading.well, reading.channel, reading.z, reading.hours, reading.index)
            groups[(*key, reading.acquired_at)].append(reading)
    for group in groups.values():
        if len(group) > 1:
            for number, reading in enumerate(group, 1):
                reading.field = number
