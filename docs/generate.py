"""Write the generated parts of the pages: columns, flags, settings and commands.

    python docs/generate.py          # renew the pages
    python docs/generate.py --check  # exit 1 where a page is not current

What stands between `<!-- generated: NAME -->` and `<!-- end of NAME -->` comes from the code:
metrics from their registry, flags from their kinds, settings from the parameter models, commands
from the command line. Columns that no metric fills have their line in `columns.toml`. The pages are
committed, so that they can be read where the code is read and a change shows in review; a test
compares them with the code.
"""

from __future__ import annotations

import inspect
import re
import sys
import tomllib
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
COLUMNS = HERE / "columns.toml"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Lines of a Markdown table; a pipe or a `<` in a cell must not end it."""

    def line(cells: tuple[str, ...]) -> str:
        safe = (cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells)
        return "| " + " | ".join(safe) + " |"

    return [line(head), "| " + " | ".join("---" for _ in head) + " |", *map(line, rows)]


def described_columns() -> dict[str, dict[str, str]]:
    """File -> column (or several, or a pattern) -> its line, in the order of the page.

    In `columns.toml` the words `measured` and `channel` stand for what the registry of metrics and
    the list of fluorescence columns say, and `rest` for all metrics without a line of their own.
    """
    from spheroid_qc.measurement.fluorescence_channels import FLUORESCENCE_COLUMNS
    from spheroid_qc.measurement.metric_registry import columns

    # The metric's own line speaks of pixels, its columns of their unit.
    measured = {
        column.name: (re.sub(r",? in (cubic )?px\b", "", column.description), column.unit)
        for column in columns()
    }
    described = {}
    for file, entry in tomllib.loads(COLUMNS.read_text(encoding="utf-8")).items():
        lines = {name: text for name, text in entry.items() if name != "about"}
        for name, text in lines.items():
            if text == "channel":
                lines[name] = f"{FLUORESCENCE_COLUMNS[name.removeprefix('CHANNEL_')]}."
            if text == "measured":
                description, unit = measured[name]
                said = f" ({unit})" if unit else ""
                lines[name] = f"{description.rstrip('.')}{said}."
        if "rest" in lines:
            # Every metric that has no line of its own, in the order of the registry.
            told = {name for key in lines for name in key.split(", ")}
            at = list(lines).index("rest")
            more = {
                name: f"{text.rstrip('.')}{f' ({unit})' if unit else ''}."
                for name, (text, unit) in measured.items()
                if name not in told
            }
            items = list(lines.items())
            lines = dict([*items[:at], *more.items(), *items[at + 1 :]])
        described[file] = lines
    return described


def matches(key: str, column: str) -> bool:
    """Whether a line of the page is about a column: capitals stand for any name."""
    return any(
        re.fullmatch(re.sub(r"[A-Z]{2,}", ".+", name), column) is not None
        for name in key.split(", ")
    )


def columns_part() -> Iterator[str]:
    """One section a file."""
    about = {
        file: entry["about"]
        for file, entry in tomllib.loads(COLUMNS.read_text(encoding="utf-8")).items()
    }
    for file, lines in described_columns().items():
        yield f"## `{file}`"
        yield ""
        yield about[file]
        yield ""
        rows = [(", ".join(f"`{n}`" for n in key.split(", ")), text) for key, text in lines.items()]
        yield from table(("column", "meaning"), rows)
        yield ""


def flags_part() -> Iterator[str]:
    """One line a flag."""
    from spheroid_qc.flags import FLAGS

    rows = [
        (f"`{kind.code}`", kind.severity.value, kind.explanation, kind.advice)
        for kind in FLAGS.values()
    ]
    yield from table(("flag", "severity", "what was found", "what to do"), rows)


def settings_part() -> Iterator[str]:
    """One section of the page for each section of the settings."""
    from spheroid_qc.configuration.settings import sections, settings

    for section, about in sections().items():
        yield f"## `{section}`"
        yield ""
        yield about
        yield ""
        rows = []
        for record in settings():
            if record.section == section:
                default = "not set" if record.default is None else str(record.default)
                if isinstance(record.default, bool):
                    default = default.lower()
                if record.default == {}:
                    default = "none"
                rows.append((f"`{record.key}`", default, record.allowed(), record.description))
        yield from table(("setting", "default", "allowed", "meaning"), rows)
        yield ""


def commands_part() -> Iterator[str]:
    """One section a command, from the signatures that the command line is made of."""
    from spheroid_qc.cli.main import app

    for command in app.registered_commands:
        if command.hidden or command.callback is None:
            continue
        name = command.name or command.callback.__name__
        arguments, options = [], []
        for parameter, (info, hint, default) in annotated(command.callback).items():
            word = info.metavar or word_for(hint)
            text = info.help or ""
            if default not in (None, False, inspect.Parameter.empty) and "default" not in text:
                text = f"{text} [default: {default}]"
            if type(info).__name__ == "ArgumentInfo":
                wanted = info.metavar or parameter.upper()
                needed = default is inspect.Parameter.empty
                arguments.append((wanted if needed else f"[{wanted}]", text))
            else:
                # Inside Annotated typer takes the first name for a default until it is run.
                names = [n for n in (info.default, *(info.param_decls or ())) if is_name(n)]
                declared = names[0] if names else f"--{parameter.replace('_', '-')}"
                options.append((f"`{declared}{f' {word}' if word else ''}`", text))
        yield f"## `spheroid-qc {name}`"
        yield ""
        yield (command.callback.__doc__ or "").strip().splitlines()[0]
        yield ""
        words = " ".join([*(argument for argument, _ in arguments), "[OPTIONS]" * bool(options)])
        yield "```text"
        yield f"spheroid-qc {name} {words}".rstrip()
        yield "```"
        yield ""
        rows = [(f"`{argument}`", text) for argument, text in arguments]
        yield from table(("argument or option", "meaning"), [*rows, *options])
        yield ""


def annotated(function: Callable[..., Any]) -> dict[str, tuple[Any, Any, Any]]:
    """Parameter -> what typer knows of it, its type and its default."""
    found = {}
    signature = inspect.signature(function)
    for name, hint in typing.get_type_hints(function, include_extras=True).items():
        if typing.get_origin(hint) is typing.Annotated:
            inner, info = typing.get_args(hint)[:2]
            found[name] = (info, inner, signature.parameters[name].default)
    return found


def is_name(text: object) -> bool:
    """Whether this is how an option is called."""
    return isinstance(text, str) and text.startswith("-")


def word_for(hint: Any) -> str:
    """Say what follows an option: its choices, or the kind of value."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is typing.Literal:
        return "|".join(typing.get_args(hint))
    if typing.get_origin(hint) is list:
        hint = typing.get_args(hint)[0]
    return {bool: "", int: "N", float: "X", Path: "PATH"}.get(hint, "TEXT")


PARTS: dict[str, Callable[[], Iterator[str]]] = {
    "columns": columns_part,
    "flags": flags_part,
    "settings": settings_part,
    "commands": commands_part,
}


def renewed(text: str) -> str:
    """Renew the generated parts of a page."""
    for name, part in PARTS.items():
        begin, end = f"<!-- generated: {name} -->", f"<!-- end of {name} -->"
        if begin in text:
            before, rest = text.split(begin, 1)
            after = rest.split(end, 1)[1]
            made = "\n".join(part()).strip()
            text = f"{before}{begin}\n\n{made}\n\n{end}{after}"
    return text


def main() -> int:
    """Renew the pages, or say which are not current."""
    old = []
    for page in sorted(HERE.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        new = renewed(text)
        if new != text:
            old.append(page.name)
            if "--check" not in sys.argv[1:]:
                page.write_text(new, encoding="utf-8")
    if old and "--check" in sys.argv[1:]:
        print(f"Not current: {', '.join(old)}; run python docs/generate.py.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
