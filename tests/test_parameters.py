"""The models are the single source: every field is complete, and every reader shows all."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from spheroid_qc.configuration import apply_overrides, configuration_text, flatten
from spheroid_qc.configuration.settings import SettingRecord, sections, settings
from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import Parameters, Section

RECORDS = [pytest.param(record, id=record.key) for record in settings()]


def refusal(key: str, value: float) -> str:
    """Return what is said against a value; empty where nothing is."""
    try:
        apply_overrides(Parameters(), {key: value})
    except RequestError as refused:
        return str(refused)
    return ""


def model_keys() -> set[str]:
    """Walk over the models themselves, not over the records made from them."""
    keys = set()
    for section, field in Parameters.model_fields.items():
        model = field.annotation
        assert isinstance(model, type)
        assert issubclass(model, BaseModel), section
        keys |= {f"{section}.{name}" for name in model.model_fields}
    return keys


@pytest.mark.parametrize("record", RECORDS)
def test_every_setting_explains_itself(record: SettingRecord) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", record.name)
    assert record.title
    assert record.title[0].isupper() or record.title[0].isdigit() or record.title == "z"
    assert len(record.title) <= 40
    assert record.description.rstrip().endswith((".", "?"))
    assert len(record.description) >= 20
    if record.kind in ("number", "integer") and record.key != "plate.well_count":
        wordings = {wording for wording, _ in record.bounds}
        assert wordings & {"at least", "more than"}, "a number needs a lower bound"
        assert wordings & {"at most", "less than"}, "a number needs an upper bound"


@pytest.mark.parametrize("record", RECORDS)
def test_unit_in_the_name_is_the_unit_of_the_setting(record: SettingRecord) -> None:
    suffixes = {"_um": "um", "_um2": "um2", "_mm2": "mm2", "_px": "px", "_h": "h"}
    for suffix, unit in suffixes.items():
        if record.name.endswith(suffix):
            assert record.unit.split("/")[0] == unit


@pytest.mark.parametrize("record", RECORDS)
def test_default_passes_its_own_bounds(record: SettingRecord) -> None:
    if record.default is None:
        assert record.optional
    else:
        same = apply_overrides(Parameters(), {record.key: record.default})
        assert same == Parameters()
    if record.choices and record.kind == "string":
        assert record.default in record.choices


@pytest.mark.parametrize("record", RECORDS)
def test_bounds_are_enforced_on_both_sides(record: SettingRecord) -> None:
    for wording, limit in record.bounds:
        step = 1 if record.kind == "integer" else max(abs(limit), 1.0) * 1e-6
        inside = {"at least": 0, "at most": 0, "more than": step, "less than": -step}[wording]
        outside = {"at least": -step, "at most": step, "more than": 0, "less than": 0}[wording]
        # At the limit itself a setting may clash with a neighbour, never with its own bounds.
        message = refusal(record.key, limit + inside)
        assert "it must be" not in message
        assert "it must be" in refusal(record.key, limit + outside)


def test_every_reader_shows_the_same_settings() -> None:
    expected = model_keys()
    assert {record.key for record in settings()} == expected
    assert set(flatten(Parameters())) == expected

    schema = Parameters.model_json_schema()
    shown = set()
    for section, reference in schema["properties"].items():
        name = (reference.get("$ref") or reference["allOf"][0]["$ref"]).rsplit("/", 1)[-1]
        shown |= {f"{section}.{field}" for field in schema["$defs"][name]["properties"]}
    assert shown == expected

    # With the commented-out names filled in as text, TOML itself lists them all.
    filled = re.sub(r"^# (\w+) =$", r"\1 = 'x'", configuration_text(), flags=re.MULTILINE)
    listed = tomllib.loads(filled)
    assert {f"{section}.{name}" for section in listed for name in listed[section]} == expected

    for key, value in flatten(Parameters()).items():
        assert apply_overrides(Parameters(), {key: value}) == Parameters()


def test_models_are_frozen_and_closed() -> None:
    for section, field in Parameters.model_fields.items():
        model: Any = field.annotation
        assert issubclass(model, Section)
        assert model.model_config.get("frozen")
        assert model.model_config.get("extra") == "forbid"
        with pytest.raises(ValidationError):
            model(no_such_setting=1)
        name = next(iter(model.model_fields))
        with pytest.raises(ValidationError):
            setattr(getattr(Parameters(), section), name, None)


def test_every_section_says_what_it_is_about() -> None:
    for section, about in sections().items():
        assert about.endswith("."), section


def test_settings_survive_json() -> None:
    record = json.loads(json.dumps(Parameters().model_dump(mode="json")))
    assert Parameters.model_validate(record) == Parameters()
