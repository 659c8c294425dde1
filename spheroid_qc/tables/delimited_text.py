"""Tables that people make: CSV and TSV of any dialect, and workbooks, with places kept.

Every cell knows its file, line and column, so that a mistake can be named where it stands. What
was recognised (separator, encoding, sheet) is said in notes; what can't be read with certainty is
refused. Nothing in a table is ever executed.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from spheroid_qc.errors import PlateMapError
from spheroid_qc.storage import MAX_TABLE_BYTES, NotPlainError, read_plain
from spheroid_qc.tables.located_cells import Table, TableRow, bare_text, unescape

_SEPARATORS = "\t;,"
_SEPARATOR_NAMES = {"\t": "tabs", ";": "semicolons", ",": "commas"}
_UNLIKELY_LETTERS = frozenset("ƒ‚„†‡ˆ˜¤¦¬¯¸")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f]")


def read_tables(path: Path) -> tuple[Table, ...]:
    """Read a text table or all visible sheets of a workbook.

    The content decides what a file is, not its suffix.

    Parameters
    ----------
    path : Path
        CSV, TSV or TXT in UTF-8, UTF-16 or Windows-1252, or XLSX.

    Returns
    -------
    tuple of Table
        One for a text file; one per visible sheet with something in it for a workbook.

    Raises
    ------
    PlateMapError
        If the file is absent, empty, too large, or no table that can be read.
    """
    name = Path(path).name
    data = file_bytes(path)
    if not data.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise PlateMapError(
            f"{name}, line 1: the file is empty; save the table again and give that file."
        )
    if data[:4] == b"PK\x03\x04":
        from spheroid_qc.tables.workbooks import read_workbook

        return read_workbook(name, data)
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise PlateMapError(
            f"{name} is an old Excel workbook (.xls) or protected by a password; save it as "
            ".xlsx without a password, or as CSV."
        )
    return (_text_table(name, data),)


def file_bytes(path: Path) -> bytes:
    """Read a file whole; raises `PlateMapError` if it is absent, too large, or no plain file."""
    path = Path(path)
    name = path.name
    try:
        return read_plain(path, MAX_TABLE_BYTES)
    except NotPlainError as error:
        if error.is_folder:
            what = "give the file with the table"
        elif error.too_large:
            what = "give a smaller file"
        else:
            what = "save the table as a file and give that"
        raise PlateMapError(f"{name} can't be read as a table: {error.strerror}; {what}.") from None
    except FileNotFoundError:
        raise PlateMapError(f"{path} does not exist; check the path.") from None
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise PlateMapError(f"{name} can't be opened ({reason}); check the file.") from None


def _decode(name: str, data: bytes) -> tuple[str, str]:
    """Decode a text file; give the text and a note on the encoding."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return _strictly(name, data[len(mark) :], encoding), ""
    head = data[:4000]
    if b"\x00" in head:
        even, odd = head[0::2].count(0), head[1::2].count(0)
        if odd > 0.4 * len(head) / 2 and even == 0:
            return _strictly(name, data, "utf-16-le"), f"{name} is read as UTF-16."
        if even > 0.4 * len(head) / 2 and odd == 0:
            return _strictly(name, data, "utf-16-be"), f"{name} is read as UTF-16."
        raise _not_text(name, data.index(b"\x00"), data)
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError as error:
        place = error.start
    text = data.decode("cp1252", errors="replace")
    # Bytes that are valid UTF-8 beside others that are not: damaged, or glued from two files.
    some_utf8 = re.search(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}", data)
    foreign = (
        "\ufffd" in text
        or _CONTROLS.search(text)
        or re.search(r"[^\x00-\x7f\s]{3}", text)
        or _UNLIKELY_LETTERS & set(text)
    )
    if some_utf8 or foreign:
        raise _not_text(name, place, data)
    return text, f"{name} is not UTF-8; it is read as Windows-1252, as European Excel writes it."


def _strictly(name: str, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _not_text(name, error.start, data) from None


def _not_text(name: str, position: int, data: bytes) -> PlateMapError:
    before = data[:position]
    lines = before.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    column = max(lines[-1].count(separator) for separator in (b",", b";", b"\t")) + 1
    return PlateMapError(
        f"{name}, line {len(lines)}, column {column}: the file is not text in UTF-8, UTF-16 "
        "or Windows-1252; save it as CSV UTF-8 or as .xlsx and give that file."
    )


def _text_table(name: str, data: bytes) -> Table:
    text, encoding_note = _decode(name, data)
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    control = _CONTROLS.search(text)
    if control:
        raise _not_text(name, control.start(), text[: control.start() + 1].encode("utf-8"))
    notes = [encoding_note] if encoding_note else []
    lines = text.split("\n")
    skipped = 0
    stated = re.fullmatch(r"\s*\"?sep=(.|\\t)\"?[,;\s]*", lines[0]) if lines else None
    if stated:
        separator = "\t" if stated[1] == "\\t" else stated[1]
        if separator not in _SEPARATORS:
            raise PlateMapError(
                f"{name}, line 1, column 1: the separator {separator!r} is not known; separate "
                "columns by commas, semicolons or tabs."
            )
        skipped = 1
    else:
        separator = _sniff(lines)
    rows, comments = [], []
    comment_lines = _comment_lines(lines, skipped)
    for line, texts in _records(name, lines, separator or ",", skipped, comment_lines):
        if any(texts):
            rows.append(TableRow(line, texts))
    for line in sorted(comment_lines):
        cells = next(csv.reader([lines[line - 1]], delimiter=separator or ","), [])
        comments.append(TableRow(line, tuple(cell.strip() for cell in cells)))
    if not rows and not comments:
        raise PlateMapError(
            f"{name}, line 1: the file is empty; save the table again and give that file."
        )
    if separator:
        notes.append(f"Columns of {name} are separated by {_SEPARATOR_NAMES[separator]}.")
    if comments:
        count = len(comments)
        notes.append(
            f"{count} line{'s' * (count > 1)} of {name} beginning with # "
            f"{'are' if count > 1 else 'is'} left out as comment."
        )
    return Table(name, "", tuple(rows), tuple(comments), separator, tuple(notes))


def _comment_lines(lines: list[str], skipped: int) -> set[int]:
    """Find lines that begin with # and a word, outside quotes; `#` and `#1` may be data."""
    found = set()
    quotes = 0
    for number, line in enumerate(lines[skipped:], start=skipped + 1):
        if quotes % 2 == 0 and re.match(r"\s*\"?#+\s*[^\s#\d,;\"]", line):
            found.add(number)
        else:
            quotes += line.count('"')
    return found


def _records(
    name: str, lines: list[str], separator: str, skipped: int, comments: set[int]
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the first line and the stripped cells of each record."""
    feed = (
        "\n" if number in comments else line + "\n"
        for number, line in enumerate(lines[skipped:], start=skipped + 1)
    )
    reader = csv.reader(feed, delimiter=separator, strict=True, skipinitialspace=True)
    while True:
        line = skipped + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise PlateMapError(
                f"{name}, line {line}, column 1: a quotation mark opens a cell here and is not "
                "closed before the next separator; close it, or double quotation marks that "
                "belong to the text."
            ) from None
        yield line, tuple(unescape(bare_text(cell)) for cell in cells)


def _sniff(lines: list[str]) -> str:
    """Find the separator: the one that cuts most lines into the same number of columns."""
    sample = [line for line in lines[:2000] if line.strip() and not line.lstrip().startswith("#")]
    best, best_score = "", (False, 0)
    for separator in _SEPARATORS:
        widths: Counter[int] = Counter()
        reader = csv.reader(
            (line + "\n" for line in sample), delimiter=separator, skipinitialspace=True
        )
        try:
            for cells in reader:
                widths[len(cells)] += 1
        except csv.Error:
            continue
        most = max(((width - 1) * count for width, count in widths.items()), default=0)
        # Lines that are all alike beat more columns: decimal commas cut all but the headings.
        score = (most > 0 and len(widths) == 1, most)
        if score > best_score:
            best, best_score = separator, score
    return best
