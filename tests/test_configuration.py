"""Settings from TOML and from the command line: exact round trips and helpful refusals."""

from __future__ import annotations

import contextlib
import os
import re
import string
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from pydantic import ValidationError

from spheroid_qc.configuration import (
    REMEASURE,
    apply_overrides,
    configuration_text,
    difference,
    flatten,
    needs_new_masks,
    parse_configuration,
    parse_overrides,
    read_configuration,
    write_configuration,
)
from spheroid_qc.configuration.settings import SettingRecord, sections, settings
from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import Overlays, Parameters

WELLS = (6, 12, 24, 48, 96, 384, 1536)


def values_of(record: SettingRecord) -> st.SearchStrategy[Any]:
    """Draw any value that a setting accepts, among them the awkward ones."""
    bounds = dict(record.bounds)
    if record.key == "plate.well_count":
        drawn: st.SearchStrategy[Any] = st.sampled_from(WELLS)
    elif record.key == "watch.until":
        drawn = st.datetimes().map(lambda time: time.isoformat())
    elif record.choices and record.kind == "string":
        drawn = st.sampled_from(record.choices)
    elif record.kind == "object":
        texts = st.sampled_from(record.choices) if record.choices else st.text(max_size=8)
        drawn = st.dictionaries(st.text(max_size=12), texts, max_size=3)
    elif record.kind == "boolean":
        drawn = st.booleans()
    elif record.kind == "integer":
        low, high = bounds.get("at least"), bounds.get("at most")
        drawn = st.integers(None if low is None else int(low), None if high is None else int(high))
    elif record.kind == "number":
        drawn = st.floats(
            min_value=bounds.get("at least", bounds.get("more than")),
            max_value=bounds.get("at most", bounds.get("less than")),
            exclude_min="more than" in bounds,
            exclude_max="less than" in bounds,
            allow_nan=False,
        )
    elif record.kind == "string":
        drawn = st.sampled_from(
            [r"(?P<well>[A-P]\d+)'s\.tif$", r'(?P<well>\w+)"""', "(?P<well>.)\x7f"]
        )
        if record.key != "plate.name_pattern":
            drawn |= st.text()
    else:
        raise AssertionError(f"no values for {record.key} of kind {record.kind}")
    return drawn | st.none() if record.optional else drawn


@st.composite
def parameter_sets(draw: st.DrawFn) -> Parameters:
    """Any settings that the models accept field by field."""
    nested: dict[str, dict[str, Any]] = {section: {} for section in sections()}
    for record in draw(
        st.lists(st.sampled_from(settings()), max_size=6, unique_by=lambda record: record.key)
    ):
        nested[record.section][record.name] = draw(values_of(record))
    try:
        return Parameters.model_validate(nested)
    except ValidationError as error:
        # Fields that bind each other (a < b) can't be drawn one by one; bounds can.
        if {detail["type"] for detail in error.errors()} != {"value_error"}:
            raise
        reject()


@given(parameter_sets())
def test_toml_gives_back_exactly_what_was_written(parameters: Parameters) -> None:
    assert parse_configuration(configuration_text(parameters)) == parameters


@given(parameter_sets())
def test_overrides_can_carry_every_setting(parameters: Parameters) -> None:
    assert apply_overrides(Parameters(), flatten(parameters)) == parameters


@given(parameter_sets(), parameter_sets())
def test_difference_names_exactly_the_changed_settings(old: Parameters, new: Parameters) -> None:
    before, after = flatten(old), flatten(new)
    changed = [key for key in after if before[key] != after[key]]
    assert [sentence.split()[0] for sentence in difference(old, new)] == changed
    marked = {sentence.split()[0] for sentence in needs_new_masks(old, new)}
    heavy = ("plate.assay", "plate.pixel_size_um")
    rooms = ("images.", "segmentation.", "measurement.")
    assert marked == {key for key in changed if key in heavy or key.startswith(rooms)}


def test_commented_file_explains_every_setting() -> None:
    text = configuration_text()
    for record in settings():
        assert re.search(rf"^(# )?{record.name} =", text, re.MULTILINE), record.key
        flowing = " ".join(text.replace("\n# ", " ").split())
        assert " ".join(record.description.split()) in flowing, record.key
        for _, limit in record.bounds:
            assert f"{limit:.10g}" in flowing, record.key
    assert max(map(len, text.splitlines())) <= 100


def test_unset_values_are_commented_lines_that_can_be_filled_in() -> None:
    text = configuration_text()
    assert "\n# pixel_size_um =\n" in text
    filled = text.replace("\n# pixel_size_um =\n", "\npixel_size_um = 0.65\n")
    assert parse_configuration(filled).plate.pixel_size_um == 0.65


def test_a_file_may_leave_everything_out() -> None:
    assert parse_configuration("") == Parameters()
    assert parse_configuration("[plate]\n") == Parameters()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[plate]\npixel_sise_um = 1", ["line 2", "plate.pixel_sise_um", "plate.pixel_size_um?"]),
        ("[images]\npixel_size_um = 1", ["line 2", "did you mean plate.pixel_size_um"]),
        ("pixel_size_um = 1", ["line 1", "did you mean plate.pixel_size_um"]),
        ("[plats]\nassay = 'single'", ["line 1", "did you mean plate?", "segmentation"]),
        ("[plate]\nzzz = 1", ["line 2", "The settings of [plate] are assay"]),
        ("plate = 3", ["plate is a section"]),
        ("[plate]\n\npixel_size_um = -1", ["line 3", "-1", "more than 0", "at most 1000", "um/px"]),
        ("[plate]\npixel_size_um = 1001.0", ["1001.0", "at most 1000"]),
        ("[plate]\npixel_size_um = nan", ["nan", "more than 0"]),
        ("[plate]\npixel_size_um = true", ["true", "a number"]),
        ('[plate]\npixel_size_um = "0.65"', ["without quotes"]),
        ("[output]\noverlay_px = 70.5", ["70.5", "a whole number"]),
        ("[output]\nmasks = 1", ["true or false"]),
        ("[output]\nmasks = 'yes'", ["true or false"]),
        ("[plate]\nassay = 'singel'", ["one of single, spheres"]),
        ("[plate]\nwell_count = 97", ["97", "6, 12, 24, 48, 96, 384 or 1536"]),
        ("[images]\nchannel = 2", ["text stands in quotes"]),
        ("[plate]\ndose_time_h = 2024-01-01", ["2024-01-01", "a number"]),
        ("[quality.severity]\nout_of_focus = 'bad'", ["line 2", "one of info, warn, exclude"]),
        ("[quality]\nseverity = { out_of_focus = 'bad' }", ["line 2", "info, warn, exclude"]),
        ("[plate]\npixel_size_um = 0,65", ["line 2", "0,65", "decimal point"]),
        ("[plate]\nassay =", ["line 2", "Give the setting a value"]),
        ("[plate]\nassay = single\n", ["line 2", "in quotes"]),
        ('[plate]\nname_pattern = "(\\d+)"', ["line 2", "single quotes"]),
        ("[plate]\nassay = 'single'\nassay = 'spheres'", ["line 3", "assay = 'spheres'"]),
        ("nonsense", ["line 1", "nonsense"]),
        ("[output]\noverlay_px = " + "9" * 30, ["a whole number"]),
        ("a = " + "[" * 20_000, ["nested too deeply"]),
    ],
)
def test_refusals_say_where_and_what(text: str, expected: list[str]) -> None:
    with pytest.raises(RequestError) as refused:
        parse_configuration(text, source="my.toml")
    message = str(refused.value)
    assert message.startswith("my.toml")
    assert message.endswith((".", "?"))
    for part in expected:
        assert part in message


def test_all_problems_of_a_file_are_told_at_once() -> None:
    with pytest.raises(RequestError) as refused:
        parse_configuration("[plate]\npixel_size_um = -1\nzzz = 2\n[output]\nmasks = 3\n", "c.toml")
    lines = str(refused.value).splitlines()
    assert [re.match(r"c\.toml, line (\d)", line)[1] for line in lines] == ["2", "3", "5"]  # type: ignore[index]


@given(st.text(max_size=60) | st.text(string.printable, max_size=60))
def test_no_text_gives_anything_but_settings_or_a_refusal(text: str) -> None:
    with contextlib.suppress(RequestError):
        assert isinstance(parse_configuration(text), Parameters)


def test_reading_files(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(b"\xef\xbb\xbf[plate]\r\npixel_size_um = 0.5\r\n")
    assert read_configuration(path).plate.pixel_size_um == 0.5
    path.write_bytes("[plate]".encode("utf-16"))
    with pytest.raises(RequestError, match="not UTF-8"):
        read_configuration(path)
    with pytest.raises(RequestError, match="does not exist"):
        read_configuration(tmp_path / "absent.toml")
    with pytest.raises(RequestError, match="can't be read"):
        read_configuration(tmp_path)


def test_writing_is_whole_and_never_over_an_old_file(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    wanted = apply_overrides(Parameters(), {"output.overlays": "none"})
    write_configuration(path, wanted)
    assert read_configuration(path) == wanted
    assert os.listdir(tmp_path) == ["c.toml"]
    path.write_text("mine")
    with pytest.raises(RequestError, match="exists already"):
        write_configuration(path)
    assert path.read_text() == "mine"
    write_configuration(path, overwrite=True)
    assert read_configuration(path) == Parameters()
    with pytest.raises(RequestError, match="can't be written"):
        write_configuration(tmp_path / "no such folder" / "c.toml")
    assert os.listdir(tmp_path) == ["c.toml"]


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.toml"
    path.write_text("mine")

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(RequestError, match="No space left"):
        write_configuration(path, overwrite=True)
    assert path.read_text() == "mine"
    assert os.listdir(tmp_path) == ["c.toml"]


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("segmentation.method", "classical", "classical"),
        ("segmentation.method", '"classical"', "classical"),
        ("plate.pixel_size_um", "0.65", 0.65),
        ("plate.pixel_size_um", "1", 1.0),
        ("plate.pixel_size_um", "none", None),
        ("images.channel", "2", "2"),
        ("images.channel", "true", "true"),
        ("images.channel", "none", None),
        ("images.channel", "'none'", "none"),
        ("plate.name_pattern", r"(?P<well>[A-H]\d+)\.tif", r"(?P<well>[A-H]\d+)\.tif"),
        ("output.masks", "false", False),
        ("quality.severity", "{ drift = 'exclude' }", {"drift": "exclude"}),
        ("output.overlays", Overlays.ALL, "all"),
    ],
)
def test_override(key: str, text: Any, value: Any) -> None:
    start = apply_overrides(Parameters(), {"plate.pixel_size_um": 9.0, "images.channel": "w1"})
    assert flatten(apply_overrides(start, {key: text})) == {**flatten(start), key: value}


def test_one_item_of_a_table_can_be_overridden() -> None:
    first = apply_overrides(Parameters(), {"quality.severity.drift": "exclude"})
    both = apply_overrides(first, {"quality.severity.low_contrast": "info"})
    assert both.quality.severity == {"drift": "exclude", "low_contrast": "info"}


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"method": "classical"}, ["did you mean segmentation.method?"]),
        ({"segmentation.metod": "classical"}, ["did you mean segmentation.method?"]),
        ({"segmentation": "classical"}, ["is a section", "method"]),
        ({"a.b.c.d": "1"}, ["not known", "The sections are plate"]),
        ({"": "1"}, ["not known"]),
        ({"images.channel.first": "1"}, ["not known", "did you mean"]),
        ({"plate.pixel_size_um": "0,65"}, ["--set plate.pixel_size_um=0,65", "decimal point"]),
        ({"plate.pixel_size_um": "-1"}, ["more than 0"]),
        ({"plate.pixel_size_um": "1\nassay = 'spheres'"}, ["a number"]),
        ({"output.masks": "none"}, ["true or false"]),
        ({"output.masks": "yes"}, ["true or false"]),
        ({"quality.severity.drift": "bad"}, ["one of info, warn, exclude"]),
    ],
)
def test_override_refusals(overrides: dict[str, str], expected: list[str]) -> None:
    with pytest.raises(RequestError) as refused:
        apply_overrides(Parameters(), overrides)
    message = str(refused.value)
    assert message.startswith("--set")
    for part in expected:
        assert part in message


def test_options_of_their_own_are_taken_as_they_are_and_win() -> None:
    overrides = {"images.channel": "3", "plate.pixel_size_um": "2"}
    options: dict[str, tuple[str, Any]] = {
        "plate.pixel_size_um": ("--pixel-size", 0.5),
        "plate.name_pattern": ("--name-pattern", "'(?P<well>[A-H]1)'"),
    }
    changed = apply_overrides(Parameters(), overrides, options)
    assert changed.plate.pixel_size_um == 0.5
    assert changed.plate.name_pattern == "'(?P<well>[A-H]1)'"
    assert changed.images.channel == "3"
    with pytest.raises(RequestError, match=r"^--pixel-size -1\.0: .*at most 1000"):
        apply_overrides(Parameters(), {}, {"plate.pixel_size_um": ("--pixel-size", -1.0)})


def test_override_arguments_are_split_once() -> None:
    items = ["plate.name_pattern=a=b", " output.masks = false ", "output.masks=true"]
    assert parse_overrides(items) == {"plate.name_pattern": "a=b", "output.masks": "true"}
    for wrong in ("plate.assay", "=3", "plate.assay="):
        with pytest.raises(RequestError, match="--set"):
            parse_overrides([wrong])


def test_difference_speaks_in_sentences_with_units() -> None:
    old = apply_overrides(Parameters(), {"plate.pixel_size_um": 0.65})
    assert difference(old, Parameters()) == ["plate.pixel_size_um was 0.65 um/px and is not set."]
    assert difference(old, old) == []


def test_difference_with_the_record_of_another_version() -> None:
    record = Parameters().model_dump(mode="json")
    assert difference(record, Parameters()) == []
    del record["segmentation"]["method"]
    record["output"]["gone"] = 3
    messages = difference(record, Parameters())
    assert len(messages) == 2
    assert needs_new_masks(record, Parameters()) == messages[:1]
    assert "segmentation.method" in messages[0]
    assert "output.gone" in messages[1]


def test_what_needs_new_masks_exists() -> None:
    known = {record.key for record in settings()} | set(sections())
    assert set(REMEASURE) <= known


def test_written_toml_is_toml() -> None:
    assert set(tomllib.loads(configuration_text())) == set(sections())


@pytest.mark.parametrize("option", [False, True])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0,755", "write 0.755 with a decimal point."),
        ("1.3um", "write the number alone, the unit is um/px."),
        ("1,3 um/px", "the unit is um/px; write 1.3 with a decimal point."),
        ("1,000", "write 1.000 with a decimal point, or 1000 if a thousand is meant."),
        ("1,000,000.5", "no other separator."),
        ("abc", "it must be a number, more than 0"),
        ("nan", "is not possible"),
    ],
)
def test_numbers_written_by_hand(text: str, words: str, option: bool) -> None:
    key = "plate.pixel_size_um"
    changes = ({}, {key: ("--pixel-size", text)}) if option else ({key: text}, {})
    with pytest.raises(RequestError) as caught:
        apply_overrides(Parameters(), *changes)
    message = str(caught.value)
    assert words in message
    assert message.startswith(f"--pixel-size {text}: " if option else f"--set {key}={text}: ")
    assert "Input should" not in message


@pytest.mark.parametrize("text", [".65", "0.65", "6.5e-1", "+0.65"])
def test_numbers_as_text_of_an_option(text: str) -> None:
    options = {"plate.pixel_size_um": ("--pixel-size", text)}
    assert apply_overrides(Parameters(), {}, options).plate.pixel_size_um == 0.65
