"""Forms hold what the models say, no more and no less."""

from __future__ import annotations

import pytest

pytest.importorskip("napari")
pytestmark = pytest.mark.gui

from spheroid_qc.gui.panels.settings_forms import SectionForm  # noqa: E402
from spheroid_qc.parameters import (  # noqa: E402
    MeasurementParameters,
    Parameters,
    PlateParameters,
    QualityParameters,
    SegmentationParameters,
)

MODELS = [field.annotation for field in Parameters.model_fields.values()]


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_an_untouched_form_is_the_default(model, qtbot) -> None:
    form = SectionForm(model)
    assert model(**form.asdict()) == model()
    assert set(form.fields) == set(model.model_fields)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_labels_tooltips_and_units_are_the_models(model, qtbot) -> None:
    form = SectionForm(model)
    for name, field in form.fields.items():
        info = model.model_fields[name]
        assert field.label.startswith(info.title)
        assert info.description in field.tooltip


def test_what_is_entered_arrives(qtbot) -> None:
    form = SectionForm(SegmentationParameters)
    heard = []
    form.changed.connect(lambda: heard.append(form.value()))
    form.fields["sensitivity"].value = 0.5
    form.fields["polarity"].value = "dark"
    form.fields["min_diameter_um"].value = "80,5"
    assert heard[-1] == SegmentationParameters(
        sensitivity=0.5, polarity="dark", min_diameter_um=80.5
    )


def test_what_is_not_allowed_is_said_and_not_taken(qtbot) -> None:
    form = SectionForm(PlateParameters)
    form.fields["pixel_size_um"].value = "-3"
    assert form.value() == PlateParameters()
    assert form.problem
    form.fields["pixel_size_um"].value = "about one"
    assert form.value().pixel_size_um is None
    form.fields["pixel_size_um"].value = "1.3"
    assert form.value().pixel_size_um == 1.3
    assert not form.problem


def test_values_can_be_shown_without_telling(qtbot) -> None:
    form = SectionForm(QualityParameters)
    heard = []
    form.changed.connect(lambda: heard.append(1))
    wanted = QualityParameters(severity={"out_of_focus": "warn"}, min_contrast=2.0)
    form.set_value(wanted)
    assert form.value() == wanted
    assert QualityParameters(**form.asdict()) == wanted
    assert not heard


def test_settings_that_are_not_shown_keep_their_values(qtbot) -> None:
    form = SectionForm(MeasurementParameters, only=["min_fragment_um2"])
    form.set_value(MeasurementParameters(min_core_radius_px=9))
    form.fields["min_fragment_um2"].value = 300.0
    assert form.value() == MeasurementParameters(min_core_radius_px=9, min_fragment_um2=300)
