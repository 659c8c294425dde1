"""TOML as text: writing values, and saying where a file went wrong.

The standard library reads TOML and neither writes it nor tells on which line a key stands.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_LARGEST_INTEGER = 2**63


def toml_value(value: Any) -> str:
    """Write one value.

    Parameters
    ----------
    value : bool, int, float, str, list or mapping
        None has no form in TOML.

    Returns
    -------
    str
        Text after the equals sign.

    Raises
    ------
    TypeError
        A value that TOML can't hold.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if not -_LARGEST_INTEGER <= value < _LARGEST_INTEGER:
            raise TypeError("TOML holds whole numbers of 64 bits")
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return _toml_text(value)
    if isinstance(value, Mapping):
        items = (f"{_toml_key(str(name))} = {toml_value(item)}" for name, item in value.items())
        inside = ", ".join(items)
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    raise TypeError(f"{type(value).__name__} has no form in TOML")


def _toml_key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _quoted(name)


def _toml_text(text: str) -> str:
    # Regular expressions stay readable in single quotes, where a backslash is a backslash.
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return _quoted(text)


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's, except that TOML wants the delete character escaped as well.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def syntax_sentence(text: str, source: str, message: str) -> str:
    """Say where and why a text is not TOML.

    Parameters
    ----------
    text : str
        The whole text.
    source : str
        Name of the file for the message.
    message : str
        What the standard library's parser said.

    Returns
    -------
    str
        A sentence with line, what stands there and, for the usual slips, what to write.
    """
    lines = text.rstrip().splitlines()
    match = re.search(r"\(at line (\d+), column \d+\)", message)
    number = min(int(match[1]), len(lines)) if match else len(lines)
    written = lines[number - 1].strip() if lines else ""
    reason = re.sub(r"\s*\(at .*\)$", "", message)
    sentence = f"{source}, line {number}: this is not valid TOML ({reason}): {written}"
    sentence += "" if written.endswith(".") else "."
    if re.search(r"=\s*[-+]?\d+,\d+\s*(#.*)?$", written):
        sentence += " Write numbers with a decimal point."
    elif re.search(r"=\s*(#.*)?$", written):
        sentence += " Give the setting a value or remove the line."
    elif re.search(r"=\s*[A-Za-z]", written) or (r"\\" in repr(written) and '"' in written):
        sentence += " Text stands in quotes; with backslashes in single quotes: '...'."
    return sentence


def key_line(text: str, location: tuple[str, ...]) -> int | None:
    """Find the line where a key is set, for keys written one to a line.

    Parameters
    ----------
    text : str
        The whole text.
    location : tuple of str
        Section, field and, in a table, item.

    Returns
    -------
    int or None
        Line number from 1; None where the key is not found.
    """
    section: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?$", line)
        if header:
            section = _parts(header[1])
            if section == location:
                return number
            continue
        assigned = re.match(r"\s*([^=#]+?)\s*=", line)
        if assigned:
            full = section + _parts(assigned[1])
            # An item of an inline table is reported by longer location than its line's key.
            if full[: len(location)] == location or (
                len(full) > 1 and location[: len(full)] == full
            ):
                return number
    return None


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
