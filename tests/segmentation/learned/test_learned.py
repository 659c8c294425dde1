"""The network as it ships: what it finds, what it leaves alone, and what its card says of it."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files

import numpy as np
import pytest
from scipy import ndimage

from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import Polarity, SegmentationParameters
from spheroid_qc.samples import DEMO, render_frame
from spheroid_qc.segmentation import Segmentation, segment
from spheroid_qc.segmentation.learned import network
from spheroid_qc.segmentation.learned.confidence import FEATURES
from spheroid_qc.segmentation.learned.disintegration_interval import DOUBTS
from tests.segmentation.scenes import cells, disc, ground, overlap, rim_only, scattered

PLACE = files("spheroid_qc.segmentation.learned")


def learned(image: np.ndarray, **options: object) -> Segmentation:
    return segment(image, method="learned", **options)


@pytest.mark.parametrize("contrast", [-0.3, -0.1, 0.25])
@pytest.mark.parametrize("radius", [30, 70, 150])
def test_a_disc_is_found_or_doubted(contrast: float, radius: float) -> None:
    image, truth = disc(radius=radius, centre=(200, 205), contrast=contrast)
    result = learned(image)
    assert result.method == "learned"
    share = overlap(result.core > 0, truth)
    # A bright, featureless disc as wide as three quarters of the frame may be an empty, lit well.
    assert share > 0.85 or result.confidence < 0.5
    assert share > 0.95 or result.confidence < 0.8  # then `auto` asks for a second opinion
    assert overlap(segment(image).core > 0, truth) > 0.95


@pytest.mark.parametrize("share", [0.7, 0.85, 0.95])
@pytest.mark.parametrize("emitting", [False, True])
def test_a_body_that_fills_the_frame(share: float, emitting: bool) -> None:
    side = 400
    y, x = np.mgrid[:side, :side]
    rng = np.random.default_rng(4)
    turn = np.arctan2(y - 203, x - 198)
    rim = 0.5 * share * side * (1 + 0.02 * np.cos(3 * turn) + 0.01 * np.cos(5 * turn))
    away = np.hypot(y - 203, x - 198) / rim
    depth = np.sqrt(np.clip(1 - away**2, 0, 1))
    grain = ndimage.gaussian_filter(rng.standard_normal((side, side)), 2.5)
    grain = grain / grain.std() * (away <= 1)
    light = (
        0.03 + 0.8 * depth * (1 + 0.12 * grain) if emitting else np.exp(-1.2 * depth + 0.1 * grain)
    )
    image = ndimage.gaussian_filter(light, 1.2) + rng.normal(0, 0.01, light.shape)
    result = learned(image)
    assert overlap(result.core > 0, away <= 1) > 0.95
    assert result.confidence > 0.6
    assert not result.shed.any()


def test_a_rim_without_contrast_inside_is_filled() -> None:
    image, truth = rim_only()
    assert overlap(learned(image).core > 0, truth) > 0.85


def test_an_empty_field_holds_no_sure_body() -> None:
    for seed in range(4):
        result = learned(ground(400, seed))
        assert not result.core.any() or result.confidence < 0.5


def test_grey_scales_make_no_difference() -> None:
    image, _ = disc(600, (260, 300), 90)
    one = learned(image)
    for other in (image * 9000, 3 - image * -0.01, (image * 50_000).astype(np.uint16)):
        again = learned(other)
        assert overlap(one.core > 0, again.core > 0) > 0.995
        assert again.confidence == pytest.approx(one.confidence, abs=0.02)


def test_the_same_image_gives_the_same_bytes() -> None:
    image, _ = disc(500, (240, 260), 60, -0.15)
    one, other = learned(image), learned(image.copy())
    assert one.core.tobytes() == other.core.tobytes()
    assert one.shed.tobytes() == other.shed.tobytes()
    assert one.confidence == other.confidence


@pytest.mark.parametrize("shape", [(400, 300), (333, 500), (64, 64), (1040, 1390), (17, 300)])
def test_any_shape(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).normal(100, 5, shape)
    result = learned(image)
    assert result.core.shape == result.shed.shape == shape
    assert not (result.shed & (result.core > 0)).any()
    assert 0 <= result.confidence <= 1


@pytest.mark.parametrize("value", [0, 7, np.nan])
def test_an_image_of_one_value_holds_nothing(value: float) -> None:
    result = learned(np.full((100, 100), value, np.float32))
    assert not result.core.any()
    assert result.confidence == 1


def test_a_tiny_image_holds_nothing() -> None:
    assert not learned(np.random.default_rng(0).random((5, 5))).core.any()


def test_loose_cells_are_shed_and_only_if_wanted() -> None:
    image, _ = disc(500, (250, 250), 80, -0.35)
    points = scattered(140, (250, 250), 95, 190, seed=2)
    image, loose = cells(image, points, 5, -0.25)
    result = learned(image)
    assert np.count_nonzero(result.shed & loose) > 0.3 * np.count_nonzero(loose)
    none = learned(image, parameters=SegmentationParameters(shed=False))
    assert not none.shed.any()
    assert (none.core == result.core).all()


def test_settings_are_heeded() -> None:
    image, truth = disc(radius=60, contrast=-0.3)
    bright = SegmentationParameters(polarity=Polarity.BRIGHT)
    dark = SegmentationParameters(polarity=Polarity.DARK)
    assert overlap(learned(image, parameters=bright).core > 0, truth) < 0.5
    assert overlap(learned(image, parameters=dark).core > 0, truth) > 0.9
    large = SegmentationParameters(min_diameter_um=400)
    assert learned(image, parameters=large).core.any()  # no pixel size, no um
    assert not learned(image, parameters=large, pixel_size_um=2).core.any()


def test_the_weights_are_those_of_the_card() -> None:
    data = PLACE.joinpath(network.WEIGHTS).read_bytes()
    assert len(data) <= 8_000_000
    card = PLACE.joinpath("MODEL_CARD.md").read_text(encoding="utf-8")
    assert hashlib.sha256(data).hexdigest() in card


def test_the_calibration_weighs_what_is_measured() -> None:
    table = json.loads(PLACE.joinpath("calibration.json").read_text(encoding="utf-8"))
    intervals = {"fraction_low", "fraction_high", "fraction_error"}
    assert set(table) == {"bodies", "nothing", "learned_of_two", "classical_of_two", *intervals}
    assert set(table["bodies"]) == {"constant", *FEATURES}
    for name in intervals:
        assert set(table[name]) == {"constant", *DOUBTS}
        assert all(weight >= 0 for weight in table[name].values())


def test_without_weights_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "WEIGHTS", "no_such_file.onnx")
    image, _ = disc(100, (50, 50), 20)
    for method in ("learned", "auto"):
        with pytest.raises(RequestError, match="not in this installation"):
            segment(image, method=method)
    assert segment(image, method="classical").core.any()


def test_a_crowd_has_no_gaps_where_it_is_looked_at_closely() -> None:
    """A small core in a dense cloud: a closer look sees single cells, and bare ground between."""
    plan = next(p for p in DEMO.wells if (p.row, p.column) == (6, 10))  # all three drugs
    frame = render_frame(DEMO, plan, len(DEMO.times_h) - 1, 0)
    found = learned(frame.image)
    away = ndimage.distance_transform_edt(frame.core == 0)
    near = (away > 10) & (away < 60)
    crowd = near & (ndimage.uniform_filter(frame.shed.astype(float), 25) > 0.8)
    assert crowd.mean() > 0.01
    assert found.shed[crowd].mean() > 0.93
