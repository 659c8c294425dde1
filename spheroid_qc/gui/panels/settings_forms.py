"""Forms made from the parameter models: label, unit, bounds, default and tooltip of every setting.

What may be left out is a text field that stays empty; everything else is a check box, a list or
a number within its bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox, LineEdit, SpinBox
from psygnal import Signal
from pydantic import ValidationError
from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel, QWidget

from spheroid_qc.configuration.settings import SettingRecord, settings
from spheroid_qc.parameters import Parameters, Section


class _Page(QWidget):
    """Has its fields made when it is first shown."""

    def __init__(self, make: Callable[[], None]) -> None:
        super().__init__()
        self._make = make

    def showEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        self._make()
        super().showEvent(event)


class SectionForm:
    """The form of one section, or of `only` some of its settings; the others keep their values.

    Its fields are made when somebody looks at it: all settings are hundreds of widgets, which cost
    as much again at every change of theme. `changed`: a value that is allowed was entered; `made`:
    there are fields now.
    """

    changed = Signal()
    made = Signal()

    def __init__(self, model: type[Section], only: Iterable[str] | None = None) -> None:
        self.model = model
        wanted = None if only is None else set(only)
        self.records = {
            record.name: record
            for record in settings()
            if record.section == section_of(model) and (wanted is None or record.name in wanted)
        }
        self._value = model()
        self._fields: dict[str, Any] = {}
        self._marked: dict[str, str | None] = {}
        self._placeholders: dict[str, str] = {}
        self.problem = ""
        self._setting = False
        self._widget = _Page(self._make)

    @property
    def fields(self) -> dict[str, Any]:
        """Fields by the names of their settings."""
        self._make()
        return self._fields

    def _make(self) -> None:
        if self._fields:
            return
        self._fields = {name: _field(r) for name, r in self.records.items()}
        self._marked = dict.fromkeys(self._fields)
        rows = QFormLayout(self._widget)
        rows.setContentsMargins(0, 0, 0, 0)
        # A long name stands above its field where both are too wide for the panel.
        rows.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for field in self._fields.values():
            label = QLabel(field.label)
            label.setWordWrap(True)
            label.setBuddy(field.native)
            if isinstance(field.native, QComboBox):
                field.native.setMinimumContentsLength(8)
                field.native.setSizeAdjustPolicy(
                    QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
                )
            rows.addRow(label, field.native)
        for name, text in self._placeholders.items():
            self._fields[name].native.setPlaceholderText(text)
        self._show_value()
        for field in self._fields.values():
            field.changed.connect(self._on_changed)
        self.made.emit()

    @property
    def native(self) -> QWidget:
        """The Qt widget."""
        return self._widget

    def asdict(self) -> dict[str, Any]:
        """Give the values as entered, with those that are not shown."""
        shown = {name: _entered(self.records[name], field) for name, field in self._fields.items()}
        return self._value.model_dump() | shown

    def value(self) -> Section:
        """Give the last values that are allowed."""
        return self._value

    def set_value(self, value: Section) -> None:
        """Show other values, without telling."""
        self._value = value
        self._show_value()

    def _show_value(self) -> None:
        self._setting = True
        try:
            plain = self._value.model_dump(mode="json")
            for name, field in self._fields.items():
                _enter(self.records[name], field, plain[name])
            self._mark({})
        finally:
            self._setting = False

    def _on_changed(self, *_: Any) -> None:
        if self._setting:
            return
        try:
            value = self.model.model_validate(self.asdict())
        except (ValidationError, ValueError) as error:
            self._mark(_problems(error))
            return
        self._mark({})
        if value != self._value:
            self._value = value
            self.changed.emit()

    def _mark(self, problems: Mapping[str, str]) -> None:
        """Frame in red what is not allowed, and say why."""
        self.problem = " ".join(problems.values())
        for name, field in self._fields.items():
            problem = problems.get(name, "")
            # Restyling all fields of a form takes longer than a blink.
            if problem == self._marked[name]:
                continue
            if problem or self._marked[name]:
                field.native.setStyleSheet("border: 1px solid #d0453a;" if problem else "")
            self._marked[name] = problem
            # As rich text a tip is broken into lines; a plain one is as wide as the screen.
            tip = escape(problem or _tip(self.records[name]), quote=False).replace("\n", "<br>")
            field.native.setToolTip(f"<qt>{tip}</qt>")

    def set_placeholder(self, name: str, text: str) -> None:
        """Say in an empty field what an empty field means."""
        self._placeholders[name] = text
        if self._fields:
            self._fields[name].native.setPlaceholderText(text)


def section_of(model: type[Section]) -> str:
    """Name of the section of a model."""
    for name, field in Parameters.model_fields.items():
        if field.annotation is model:
            return name
    raise ValueError(f"{model.__name__} is no section of the settings")


def _field(record: SettingRecord) -> Any:
    unit = record.unit.replace("um", "µm")
    label = f"{record.title} ({unit})" if unit else record.title
    common = {"name": record.name, "label": label}
    if record.kind == "boolean":
        box = CheckBox(value=bool(record.default), **common)
        box.native.setText("")  # its name stands before it, as that of every field
        return box
    if record.kind == "string" and record.choices and not record.optional:
        return ComboBox(choices=list(record.choices), value=record.default, **common)
    if record.kind in ("integer", "number") and not record.optional:
        low, high = _limits(record)
        if record.kind == "integer":
            return SpinBox(value=int(record.default), min=int(low), max=int(high), **common)
        step = 10 ** math.floor(math.log10(abs(record.default) or 0.1)) / 2
        return FloatSpinBox(
            value=float(record.default), min=low, max=high, step=min(step, (high - low) / 4),
            **common,
        )  # fmt: skip
    field = LineEdit(value=_text(record, record.default), **common)
    field.native.setPlaceholderText("from the files" if record.optional else "none")
    if record.name in ("well_count", "dose_time_h", "min_diameter_um", "time_h", "e0", "emax"):
        field.native.setPlaceholderText("automatic")
    return field


def _limits(record: SettingRecord) -> tuple[float, float]:
    low, high = -1e9, 1e9
    for wording, limit in record.bounds:
        # An open bound: the nearest number that a form can show.
        inside = 1.0 if record.kind == "integer" else 1e-6
        if wording == "at least":
            low = limit
        elif wording == "more than":
            low = limit + inside
        elif wording == "at most":
            high = limit
        elif wording == "less than":
            high = limit - inside
    return low, high


def _tip(record: SettingRecord) -> str:
    default = _text(record, record.default) or "empty"
    return f"{record.description}\nAllowed: {record.allowed()}. Default: {default}."


def _text(record: SettingRecord, value: Any) -> str:
    if value is None:
        return ""
    if record.kind == "object":
        return ", ".join(f"{name}={item}" for name, item in value.items())
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _entered(record: SettingRecord, field: Any) -> Any:
    value = field.value
    if not isinstance(field, LineEdit):
        return value
    text = str(value).strip()
    if record.kind == "object":
        pairs = [part.partition("=") for part in text.split(",") if part.strip()]
        return {name.strip(): item.strip() for name, _, item in pairs}
    if not text:
        return None
    if record.kind in ("number", "integer"):
        try:
            number = float(text.replace(",", "."))
        except ValueError:
            return text  # the model says that it is no number
        return int(number) if record.kind == "integer" and number.is_integer() else number
    return text


def _enter(record: SettingRecord, field: Any, value: Any) -> None:
    if isinstance(field, LineEdit):
        field.value = _text(record, value)
    else:
        field.value = value


def _problems(error: ValidationError | ValueError) -> dict[str, str]:
    if not isinstance(error, ValidationError):
        return {"": str(error)}
    return {str(one["loc"][0]) if one["loc"] else "": f"{one['msg']}." for one in error.errors()}
