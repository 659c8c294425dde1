"""Checking settings, with sentences that say what to write instead."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, to_jsonable_python

from spheroid_qc.configuration.settings import SettingRecord, sections, settings, toml_value
from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import Parameters

_NUMBER_AND_REST = re.compile(
    r"(?P<number>[+-]?(?:\d[\d.,]*|[.,]\d+)(?:[eE][+-]?\d+)?)\s*(?P<rest>[^\d\s.,].*)?"
)
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


def validated(data: Mapping[str, Any], where: Callable[[tuple[str, ...]], str]) -> Parameters:
    """Make the model from nested plain data.

    Parameters
    ----------
    data : mapping
        Section to field to value.
    where : callable
        Turns the location of a problem (section, field, item) into the start of its sentence.

    Returns
    -------
    parameters : Parameters
        Checked settings.

    Raises
    ------
    RequestError
        One sentence a problem.
    """
    try:
        # Strict and by way of JSON: "0.65" is no number and true is no length, but the words of
        # an enumeration are accepted.
        try:
            plain = json.dumps(to_jsonable_python(data, inf_nan_mode="constants"))
        except (ValueError, RecursionError):
            raise RequestError(f"{where(())} is nested too deeply to be settings.") from None
        return Parameters.model_validate_json(plain, strict=True)
    except ValidationError as error:
        known = {record.key: record for record in settings()}
        problems = []
        for detail in error.errors(include_url=False):
            location = tuple(str(part) for part in detail["loc"])
            sentence = _problem_sentence(detail, location, known)
            problems.append(f"{where(location)}: {sentence}")
        raise RequestError("\n".join(dict.fromkeys(problems))) from None


def _problem_sentence(
    detail: ErrorDetails, location: tuple[str, ...], known: Mapping[str, SettingRecord]
) -> str:
    key = ".".join(location)
    if detail["type"] == "extra_forbidden":
        return unknown_setting(key)
    if len(location) == 1 and detail["type"] != "value_error":
        return f"{key} is a section; write [{key}] on a line of its own and its settings below."
    given = _given(detail["input"])
    if detail["type"] == "value_error":
        reason = str(detail.get("ctx", {}).get("error", detail["msg"]))
        subject = key if isinstance(detail["input"], Mapping) else f"{key} = {given}"
        return f"{subject} is not possible: {reason}."
    record = known.get(".".join(location[:2]))
    if record is None:
        return f"{key} = {given} is not possible: {detail['msg']}."
    if len(location) > 2 and record.choices:
        allowed = "one of " + ", ".join(record.choices)
    else:
        allowed = record.allowed() + (", or be left unset" if record.optional else "")
    advice = f"{key} = {given} is not possible; it must be {allowed}"
    if record.kind in ("number", "integer") and isinstance(detail["input"], str):
        advice += _number_advice(detail["input"], record)
    elif record.kind == "string" and not record.choices:
        advice += "; text stands in quotes"
    return advice + "."


def _number_advice(text: str, record: SettingRecord) -> str:
    """Say what to write where a text stands for a number."""
    match = _NUMBER_AND_REST.fullmatch(text.strip())
    if match is None:
        return ""
    number, rest = match["number"], match["rest"]
    advice = []
    if rest:
        unit = f"the unit is {record.unit}" if record.unit else "it has no unit"
        advice.append(f"write the number alone, {unit}")
    if "," in number and record.kind == "number":
        whole = number.replace(",", "")
        if number.count(",") == 1 and "." not in number:
            advice.append(f"write {number.replace(',', '.')} with a decimal point")
            if _GROUPED.fullmatch(number):
                advice[-1] += f", or {whole} if a thousand is meant"
        else:
            advice.append("write the number with a decimal point and no other separator")
    elif "," in number:
        advice.append("write the number without a comma")
    return f"; {'; '.join(advice)}" if advice else "; numbers stand without quotes"


def unknown_setting(key: str) -> str:
    """Say that there is no such setting, and which ones there are: the likely spelling, the names.

    `key` is `section.field` as it was written, or only one of the two.
    """
    known = [record.key for record in settings()]
    section, _, name = key.rpartition(".") if key.count(".") < 2 else key.partition(".")
    names = [full.partition(".")[2] for full in known if full.startswith(f"{section}.")]
    if key in sections():
        names = [full.partition(".")[2] for full in known if full.startswith(f"{key}.")]
        return f"{key} is a section; name one of its settings: {', '.join(names)}."
    # The right name in the wrong section comes before a similar name in the right one.
    near = [full for full in known if full.partition(".")[2] == name]
    if not near:
        near = [f"{section}.{match}" for match in difflib.get_close_matches(name, names)]
    if not near:
        elsewhere = {full.partition(".")[2]: full for full in known}
        matches = difflib.get_close_matches(name, elsewhere, cutoff=0.7)
        near = [elsewhere[match] for match in matches]
    if not near and not section:
        near = difflib.get_close_matches(name, sections(), n=1)
    hint = f"; did you mean {' or '.join(near[:3])}?" if near else "."
    if names:
        allowed = f"The settings of [{section}] are {', '.join(names)}."
    else:
        allowed = f"The sections are {', '.join(sections())}."
    return f"the setting {key} is not known{hint} {allowed}"


def _given(value: Any) -> str:
    text = toml_value(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
