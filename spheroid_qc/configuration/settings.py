"""The list of all settings, and how two sets of them differ.

The models in `parameters` are the single source. This walks over them once and hands every
reader (TOML file, `--set`, forms, the comparison with an old `run.json`) the same records, so
that a field added to a model appears in all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel

from spheroid_qc.parameters import Parameters

REMEASURE = ("plate.assay", "plate.pixel_size_um", "images", "segmentation", "measurement")
"""Settings and sections whose change makes other masks or other measured numbers."""

_BOUNDS = {
    "exclusiveMinimum": "more than",
    "minimum": "at least",
    "exclusiveMaximum": "less than",
    "maximum": "at most",
}
_KINDS = {
    "number": "a number",
    "integer": "a whole number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a table",
}


@dataclass(frozen=True, slots=True)
class SettingRecord:
    """One field of one section, as its readers need it.

    Parameters
    ----------
    section, name : str
        Where the field lives; `key` is both, joined by a point.
    title, description, unit : str
        What the model says about it.
    default : object
        Default as plain data: text instead of an enumeration.
    kind : str
        `number`, `integer`, `string`, `boolean`, `array` or `object` (a table of names).
    optional : bool
        Whether None is a value.
    choices : tuple of str
        Allowed words; empty where any value within the bounds is allowed.
    bounds : tuple of (str, float)
        Wording and limit, for example `("at most", 1000)`.
    """

    section: str
    name: str
    title: str
    description: str
    unit: str
    default: Any
    kind: str
    optional: bool
    choices: tuple[str, ...]
    bounds: tuple[tuple[str, float], ...]

    @property
    def key(self) -> str:
        """Full name, such as `plate.pixel_size_um`."""
        return f"{self.section}.{self.name}"

    def allowed(self) -> str:
        """Say what the value may be, such as `a number, more than 0, at most 1000 (um/px)`."""
        if self.choices and self.kind == "string":
            text = "one of " + ", ".join(self.choices)
        elif self.choices:
            text = f"{_KINDS[self.kind]} with the values " + ", ".join(self.choices)
        else:
            parts = [_KINDS[self.kind]]
            parts += [f"{wording} {limit:.10g}" for wording, limit in self.bounds]
            text = ", ".join(parts)
        return f"{text} ({self.unit})" if self.unit else text


@cache
def settings() -> tuple[SettingRecord, ...]:
    """List every setting in the order of the models.

    Returns
    -------
    tuple of SettingRecord
        One record a field, section by section.
    """
    return tuple(_walk())


@cache
def sections() -> dict[str, str]:
    """Name the sections and what each is about.

    Returns
    -------
    dict of str to str
        Section name to the first line of its model's docstring.
    """
    found = {}
    for name, field in Parameters.model_fields.items():
        # Sections are read by their model's docstring, which stands once for code and file.
        document = getattr(field.annotation, "__doc__", None) or ""
        found[name] = document.strip().splitlines()[0] if document.strip() else ""
    return found


def _walk() -> Iterator[SettingRecord]:
    schema = Parameters.model_json_schema()
    definitions = schema.get("$defs", {})

    def resolved(part: Mapping[str, Any]) -> dict[str, Any]:
        merged = dict(part)
        reference = merged.pop("$ref", None)
        if reference is None and len(merged.get("allOf", ())) == 1:
            reference = merged.pop("allOf")[0].get("$ref")
        if reference is not None:
            merged = {**resolved(definitions[reference.rsplit("/", 1)[-1]]), **merged}
        return merged

    for section, field in Parameters.model_fields.items():
        model = field.annotation
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            raise TypeError(f"{section}: every setting stands in a section")
        properties = resolved(schema["properties"][section])["properties"]
        for name, info in model.model_fields.items():
            whole = resolved(properties[name])
            options = [resolved(option) for option in whole.get("anyOf", [whole])]
            values = [option for option in options if option.get("type") != "null"]
            if len(values) != 1 or values[0].get("type") not in _KINDS:
                raise TypeError(f"{section}.{name}: a setting has one plain type, or that and None")
            value = values[0]
            inner = resolved(value.get("items") or value.get("additionalProperties") or {})
            yield SettingRecord(
                section=section,
                name=name,
                title=info.title or "",
                description=info.description or "",
                unit=whole.get("unit", ""),
                default=whole.get("default"),
                kind=value["type"],
                optional=len(values) < len(options),
                choices=tuple(value.get("enum") or inner.get("enum") or ()),
                bounds=tuple(
                    (wording, value[keyword])
                    for keyword, wording in _BOUNDS.items()
                    if keyword in value
                ),
            )


def flatten(parameters: Parameters | Mapping[str, Any]) -> dict[str, Any]:
    """Turn all settings into one flat table of plain values.

    Parameters
    ----------
    parameters : Parameters or mapping
        The model, or its nested form as it stands in `run.json`.

    Returns
    -------
    dict of str to object
        `section.field` to a value that JSON can hold, in the order of the models.
    """
    if isinstance(parameters, Parameters):
        parameters = parameters.model_dump(mode="json")
    flat: dict[str, Any] = {}
    for section, fields in parameters.items():
        if isinstance(fields, Mapping):
            flat.update({f"{section}.{name}": value for name, value in fields.items()})
        else:
            flat[section] = fields
    return flat


def difference(
    old: Parameters | Mapping[str, Any], new: Parameters | Mapping[str, Any]
) -> list[str]:
    """Say which settings differ.

    Parameters
    ----------
    old, new : Parameters or mapping
        Two sets of settings; a mapping may come from another version of the program and lack
        or hold other fields.

    Returns
    -------
    list of str
        One sentence a changed setting, with both values; empty when all are equal.
    """
    return list(_changes(old, new).values())


def needs_new_masks(
    old: Parameters | Mapping[str, Any], new: Parameters | Mapping[str, Any]
) -> list[str]:
    """Say which changed settings make the masks or measured numbers of an old run void.

    Parameters
    ----------
    old, new : Parameters or mapping
        Settings of the old run and of the one that is asked for.

    Returns
    -------
    list of str
        Sentences of `difference` that belong to `REMEASURE`; empty when tables can be made anew
        from what the folder holds.
    """
    return [
        sentence
        for key, sentence in _changes(old, new).items()
        if key in REMEASURE or key.partition(".")[0] in REMEASURE
    ]


def _changes(
    old: Parameters | Mapping[str, Any], new: Parameters | Mapping[str, Any]
) -> dict[str, str]:
    before, after = flatten(old), flatten(new)
    units = {record.key: record.unit for record in settings()}
    sentences = {}
    for key in [*after, *(key for key in before if key not in after)]:
        unit = f" {units[key]}" if units.get(key) else ""
        if key not in before:
            sentences[key] = (
                f"{key} is {_shown(after[key], unit)}; the older settings don't have it."
            )
        elif key not in after:
            sentences[key] = (
                f"{key} was {_shown(before[key], unit)}; the newer settings don't have it."
            )
        elif before[key] != after[key]:
            sentences[key] = (
                f"{key} was {_shown(before[key], unit)} and is {_shown(after[key], unit)}."
            )
    return sentences


def _shown(value: Any, unit: str) -> str:
    if value is None:
        return "not set"
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return toml_value(value) + (unit if number else "")


def toml_value(value: Any) -> str:
    """Write one value as it stands in a settings file, after the equals sign, on one line.

    What TOML can't hold, None among them, is written as Python does.
    """
    import tomlkit

    try:
        if isinstance(value, str) and "\\" in value and "'" not in value and value.isprintable():
            # Regular expressions stay readable in single quotes, where a backslash is a backslash.
            return tomlkit.string(value, literal=True).as_string()
        if isinstance(value, Mapping):
            table = tomlkit.inline_table()
            table.update(value)
            return table.as_string()
        if isinstance(value, list | tuple):
            return "[" + ", ".join(toml_value(item) for item in value) + "]"
        text: str = tomlkit.item(value).as_string()
        return text
    except TypeError:
        return repr(value)
