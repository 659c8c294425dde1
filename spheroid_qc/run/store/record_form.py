"""What a record must look like, whoever wrote it: names that stay in their folders, plain numbers.

The check line of a record finds damage, not malice: anybody can make one. What is read from a
record is joined to folders and put into tables, so its form is settled before.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from spheroid_qc.flags.flag_kinds import FLAGS
from spheroid_qc.storage import names_inside


def _is_inside(name: str) -> str:
    if not names_inside(name):
        raise ValueError("leads out of its folder")
    return name


_Name = Annotated[str, AfterValidator(_is_inside)]
_Number = float | int | None
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Shape = Annotated[list[Annotated[int, Field(gt=0, lt=2**31)]], Field(min_length=2, max_length=2)]


class Form(BaseModel):
    """Base of all forms: types as JSON has them; more may stand there than is asked for."""

    model_config = ConfigDict(strict=True, extra="ignore")


class NeighboursForm(Form):
    """The frames before and after that a frame was seen with, and the core it had without them."""

    before: str
    after: str
    followed: bool
    core_px: int


class FieldForm(Form):
    """One field of view that was analysed."""

    field: int
    file: _Name
    page: int | None
    series: int | None = None
    shape: _Shape
    dtype: str
    pixel_size_um: Annotated[float, Field(gt=0)] | None
    pixel_size_source: str
    pixel_size_conflict: str
    pixel_hash: str
    method: str
    core_px: int
    shed_px: int
    rows: list[dict[str, _Number]]
    figures: dict[str, _Number]
    fluorescence: dict[str, dict[str, _Number]]
    light: dict[str, list[float | int]]
    mask: _Name | None
    mask_sha256: _Sha256 | None
    stitched: bool
    static_px: int | None = None
    as_found: dict[str, _Number] | None = None
    neighbours: NeighboursForm | None = None


class AutomaticForm(FieldForm):
    """A field whose masks a segmenter made; of those that a person drew there is no confidence."""

    confidence: float | int


class InputForm(Form):
    """One file that was read."""

    path: _Name
    series: int | None = None
    size: int
    sha256: _Sha256
    shape: Annotated[list[int], Field(min_length=2)]
    dtype: str
    unused: str
    notes: list[str]
    pixel_size_um: float | None = None
    pixel_size_source: str = ""


class TimepointForm(Form):
    """What was found in one well at one time."""

    signature: str
    stamps: list[int]
    inputs: list[InputForm]
    problems: list[Annotated[list[str], Field(min_length=3, max_length=3)]]
    n_fields: int
    found: list[AutomaticForm] = Field(alias="fields")
    unfinished: bool = False


class RecordForm(Form):
    """The record of a well."""

    version: int = Field(alias="format")
    plate: str
    well: str
    moments: list[TimepointForm]


def is_record(found: Any) -> bool:
    """Tell whether something has the form of a record."""
    try:
        RecordForm.model_validate(found)
    except (ValidationError, RecursionError):
        return False
    moments = found["moments"]
    codes = {code for moment in moments for code, _, _ in moment["problems"]}
    return codes <= set(FLAGS) and all(_is_measured(one) for m in moments for one in m["fields"])


def is_field(found: Any) -> bool:
    """Tell whether something has the form of an analysed field, as the notes of corrections do."""
    try:
        FieldForm.model_validate(found)
    except (ValidationError, RecursionError):
        return False
    return _is_measured(found)


def _is_measured(field: dict[str, Any]) -> bool:
    """Whether a field that has a core has spheroids, with all columns that are measured."""
    columns = _columns()
    known = bool(field["rows"]) or field["core_px"] == 0
    return known and all(columns <= set(row) for row in field["rows"])


@cache
def _columns() -> frozenset[str]:
    # Imported here: only who reads records needs to know them.
    from spheroid_qc.measurement.metric_registry import REGISTRY

    return frozenset(column.name for metric in REGISTRY.values() for column in metric.columns)
