"""Settings from and to a TOML file, and from the command line.

The file that is written explains every setting in comments, so that it can be edited without a
manual; what is read is checked against the models and refused with the file, line, key and what
to write instead. A misspelt key is never ignored.
"""

from __future__ import annotations

import re
import textwrap
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from spheroid_qc.atomic import write_text
from spheroid_qc.configuration.settings import (
    SettingRecord,
    flatten,
    sections,
    settings,
    toml_value,
)
from spheroid_qc.configuration.validation import unknown_setting, validated
from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import Parameters
from spheroid_qc.storage import read_plain

_PLAIN_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""Also `.5` and `5.`."""

_MAX_BYTES = 10_000_000
"""All settings with their comments have 40 kB."""


def read_configuration(path: str | Path) -> Parameters:
    """Read settings from a TOML file.

    Parameters
    ----------
    path : str or Path
        File as `write_configuration` writes it; what it leaves out keeps its default.

    Returns
    -------
    parameters : Parameters
        Checked settings.

    Raises
    ------
    RequestError
        Unreadable file, broken TOML, unknown key, wrong type, or a value out of bounds.
    """
    path = Path(path)
    try:
        text = read_plain(path, _MAX_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        raise RequestError(
            f"The configuration file {path} does not exist; "
            "make one with: spheroid-qc run --write-config FILE."
        ) from None
    except OSError as error:
        raise RequestError(
            f"The configuration file {path} can't be read: {error.strerror or error}."
        ) from error
    except UnicodeDecodeError:
        raise RequestError(
            f"The configuration file {path} is not UTF-8 text; save it as UTF-8 and try again."
        ) from None
    return parse_configuration(text, source=str(path))


def parse_configuration(text: str, source: str = "configuration") -> Parameters:
    """Read settings from TOML text.

    Parameters
    ----------
    text : str
        TOML with one table a section.
    source : str
        Name used in messages.

    Returns
    -------
    parameters : Parameters
        Checked settings.

    Raises
    ------
    RequestError
        As `read_configuration`.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RequestError(_syntax_sentence(text, source, str(error))) from None
    except RecursionError:
        raise RequestError(f"{source} is nested too deeply to be a configuration.") from None
    except ValueError as error:  # a number of thousands of digits
        raise RequestError(
            f"{source} can't be read as a configuration ({error}); correct that value."
        ) from None

    def where(location: tuple[str, ...]) -> str:
        line = _key_line(text, location)
        return f"{source}, line {line}" if line else source

    return validated(data, where)


def configuration_text(parameters: Parameters | None = None) -> str:
    """Write settings as TOML with a comment for each.

    Parameters
    ----------
    parameters : Parameters, optional
        Settings to write; the defaults when left out.

    Returns
    -------
    str
        Text that `parse_configuration` turns into equal settings.
    """
    parameters = parameters or Parameters()
    values = flatten(parameters)
    lines = [
        "# Settings of spheroid-qc. Every setting stands here with its value; a setting that is",
        "# left out keeps its default. Use with: spheroid-qc run FOLDER --config THIS_FILE",
    ]
    section = ""
    for record in settings():
        if record.section != section:
            section = record.section
            lines += ["", "", f"# {sections()[section]}", f"[{section}]"]
        lines += ["", *_comments(record)]
        value = values[record.key]
        if value is None:
            lines.append(f"# {record.name} =")
        else:
            lines.append(f"{record.name} = {toml_value(value)}")
    return "\n".join(lines) + "\n"


def write_configuration(
    path: str | Path, parameters: Parameters | None = None, *, overwrite: bool = False
) -> None:
    """Write a commented configuration file, whole or not at all.

    Parameters
    ----------
    path : str or Path
        File to write.
    parameters : Parameters, optional
        Settings to write; the defaults when left out.
    overwrite : bool
        Replace an existing file; otherwise it is left alone.

    Raises
    ------
    RequestError
        The file exists, or its folder can't be written to.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise RequestError(f"{path} exists already; choose another name or remove it first.")
    if not path.parent.is_dir():
        raise RequestError(f"{path} can't be written: its folder does not exist.")
    try:
        write_text(path, configuration_text(parameters))
    except OSError as error:
        raise RequestError(f"{path} can't be written: {error.strerror}.") from error


def parse_overrides(items: Iterable[str]) -> dict[str, str]:
    """Split `section.field=value` arguments.

    Parameters
    ----------
    items : iterable of str
        Arguments as typed; of two for one key the later counts.

    Returns
    -------
    dict of str to str
        Key to the text of its value, for `apply_overrides`.

    Raises
    ------
    RequestError
        An argument without key, `=` or value.
    """
    found: dict[str, str] = {}
    for item in items:
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not key:
            raise RequestError(
                f"--set {item}: write it as section.field=value, for example "
                "segmentation.method=classical."
            )
        if not value:
            raise RequestError(
                f"--set {item}: the value is missing; write {key}=none to unset {key}."
            )
        found[key] = value
    return found


def apply_overrides(
    parameters: Parameters,
    overrides: Mapping[str, Any],
    options: Mapping[str, tuple[str, Any]] | None = None,
) -> Parameters:
    """Change some settings.

    Parameters
    ----------
    parameters : Parameters
        Settings to start from; not changed.
    overrides : mapping of str to object
        `section.field` to its new value. Text is read as a TOML value, or as it stands when it
        is none (`classical` needs no quotes); `none` unsets a setting that may be unset. An item
        of a table has a longer key: `quality.severity.out_of_focus`.
    options : mapping of str to (str, object), optional
        Settings that have a command line option of their own: key to the option's name and its
        value, which wins over `overrides`. Text for a number is read as in `overrides`.

    Returns
    -------
    parameters : Parameters
        Checked settings.

    Raises
    ------
    RequestError
        Unknown key, wrong type, or a value out of bounds.
    """
    known = {record.key: record for record in settings()}
    data = parameters.model_dump(mode="json")
    typed = {key: f"--set {key}={value}" for key, value in overrides.items()}
    for key, value in overrides.items():
        record = known.get(key)
        target, name = None, ""
        if record is not None:
            target, name = data[record.section], record.name
        elif key.count(".") > 1:
            table_key = ".".join(key.split(".")[:2])
            table = known.get(table_key)
            if table is not None and table.kind == "object":
                target, name = data[table.section][table.name], key[len(table_key) + 1 :]
        if target is None:
            raise RequestError(f"--set {key}: {unknown_setting(key)}")
        target[name] = _typed_value(value, record) if isinstance(value, str) else value

    for key, (option, value) in (options or {}).items():
        record = known[key]
        if isinstance(value, str) and record.kind in ("number", "integer"):
            data[record.section][record.name] = _typed_value(value, record)
        else:
            data[record.section][record.name] = value
        typed[key] = f"{option} {value}"

    def where(location: tuple[str, ...]) -> str:
        # A problem between two settings of a section is told by the section's name only.
        key = ".".join(location)
        near = [argument for name, argument in typed.items() if f"{name}.".startswith(f"{key}.")]
        return typed.get(key) or ", ".join(near) or "--set"

    return validated(data, where)


def _typed_value(text: str, record: SettingRecord | None) -> Any:
    if record is not None and record.optional and text.lower() == "none":
        return None
    try:
        # A line break would start further TOML lines: such a text is taken as it stands.
        value = text if "\n" in text else tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        value = text
        # Numbers that TOML does not know, though everybody else does.
        if record is not None and record.kind == "number" and _PLAIN_NUMBER.fullmatch(text):
            value = float(text)
    # A channel may be called 2, and a date is no setting's type: text settings take any text.
    if not isinstance(value, str) and (record is None or record.kind == "string"):
        return text
    return value


def _comments(record: SettingRecord) -> list[str]:
    default = "not set" if record.default is None else toml_value(record.default)
    about = f"{record.title}. {record.description}"
    facts = f"{record.allowed()[0].upper()}{record.allowed()[1:]}. Default: {default}."
    wrapped = textwrap.wrap(about, 94, break_long_words=False, break_on_hyphens=False)
    wrapped += textwrap.wrap(facts, 94, break_long_words=False, break_on_hyphens=False)
    return [f"# {line}" for line in wrapped]


def _syntax_sentence(text: str, source: str, message: str) -> str:
    """Say where and why a text is not TOML, and for the usual slips what to write."""
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


def _key_line(text: str, location: tuple[str, ...]) -> int | None:
    """Find the line where a key is set, for keys written one to a line."""
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
