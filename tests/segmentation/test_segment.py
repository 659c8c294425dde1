"""What `segment` finds in scenes whose truth is known, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest

import spheroid_qc
from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import Polarity, SegmentationParameters
from spheroid_qc.segmentation import segment
from tests.segmentation.scenes import (
    cells,
    classical,
    disc,
    grid,
    ground,
    overlap,
    rim_only,
    scattered,
    soft,
)


def fraction(result: spheroid_qc.Segmentation) -> float:
    """Disintegration fraction."""
    total = np.count_nonzero((result.core > 0) | result.shed)
    return 1 - np.count_nonzero(result.core == 1) / total


@pytest.mark.parametrize("contrast", [-0.3, -0.08, 0.25, 0.08])
@pytest.mark.parametrize("radius", [20, 70, 170])
def test_a_disc_is_found_to_its_edge(contrast: float, radius: float) -> None:
    image, truth = disc(radius=radius, centre=(200, 205), contrast=contrast)
    result = classical(image)
    assert result.core.max() == 1
    assert overlap(result.core > 0, truth) > 0.95
    assert np.count_nonzero(result.core) / truth.sum() == pytest.approx(1, abs=0.03)
    assert fraction(result) < 0.02
    assert result.confidence > 0.5
    assert result.method == "classical"


def test_a_disc_of_a_megapixel_frame_is_exact() -> None:
    image, truth = disc(1024, (500, 540), 130, -0.3)
    result = classical((image * 4000).astype(np.uint16))
    assert overlap(result.core > 0, truth) > 0.985


def test_a_rim_without_contrast_inside_is_filled() -> None:
    image, truth = rim_only()
    assert overlap(classical(image).core > 0, truth) > 0.93


def test_the_glow_of_fluorescence_is_neither_core_nor_shed() -> None:
    y, x = grid(400)
    distance = np.hypot(y - 200, x - 190) - 60
    image = 0.02 + 0.6 * soft(distance, 2) + 0.1 * np.exp(-np.clip(distance, 0, None) / 25)
    image += np.random.default_rng(2).normal(0, 0.01, image.shape)
    result = classical(image)
    assert overlap(result.core > 0, distance < 0) > 0.95
    assert fraction(result) < 0.05


def test_the_bright_halo_of_phase_contrast_is_not_shed() -> None:
    y, x = grid(400)
    distance = np.hypot(y - 200, x - 190) - 60
    image = ground(400) - 0.2 * soft(distance) + 0.2 * np.exp(-(((distance - 5) / 5) ** 2))
    result = classical(image)
    assert overlap(result.core > 0, distance < 0) > 0.95
    assert fraction(result) < 0.05


def test_shed_cells_are_found_and_the_fraction_rises_with_them() -> None:
    image, core = disc(600, (300, 300), 80)
    fractions = []
    for count in (0, 30, 90, 200):
        points = scattered(count, (300, 300), 90, 190)
        shown, loose = cells(image, points, 5, -0.25)
        loose &= ~core
        result = classical(shown)
        assert overlap(result.core > 0, core) > 0.95
        truth = 1 - core.sum() / (core | loose).sum()
        fractions.append(fraction(result))
        assert fractions[-1] == pytest.approx(truth, abs=0.08)
    assert fractions == sorted(fractions)
    assert fractions[0] < 0.01


def test_shed_can_be_switched_off() -> None:
    image, _ = disc(600, (300, 300), 80)
    shown, _ = cells(image, scattered(60, (300, 300), 95, 180), 5, -0.25)
    assert classical(shown).shed.any()
    assert not classical(shown, parameters=SegmentationParameters(shed=False)).shed.any()


def test_a_cloud_of_cells_has_no_core() -> None:
    image, loose = cells(ground(600), scattered(120, (300, 290), 5, 130), 5, -0.25)
    result = classical(image)
    assert result.core.max() == 0
    assert overlap(result.shed, loose) > 0.4
    assert fraction(result) == 1


def test_dust_far_away_belongs_to_nobody() -> None:
    image, _ = disc(600, (300, 300), 70)
    dust = np.array([[40, 40], [560, 60], [50, 550], [545, 555]], float)
    shown, _ = cells(image, dust, 4, -0.3)
    result = classical(shown)
    assert result.core.max() == 1
    assert not result.shed.any()


@pytest.mark.parametrize("seed", range(4))
def test_an_empty_well_is_empty(seed: int) -> None:
    y, x = grid(512)
    rng = np.random.default_rng(seed)
    image = ground(512, seed, 0.015) * (1 - 0.3 * (((y - 256) ** 2 + (x - 256) ** 2) / 256**2) / 2)
    if seed % 2:  # a few specks, a fibre and a scale bar
        image, _ = cells(image, rng.uniform(20, 490, (9, 2)), 3, -0.25)
        fibre = np.abs(y - 80 - 40 * np.sin(x / 90))
        image -= 0.2 * np.exp(-((fibre / 3) ** 2))
        image[480:484, 380:490] = 1.0
    if seed >= 2:  # the wall of the well
        wall = np.hypot(y - 250, x - 260) - 290
        image += -0.35 * np.exp(-((wall / 5) ** 2)) - 0.2 * soft(-wall)
    result = classical(image)
    assert result.core.max() == 0
    assert not result.shed.any()
    assert 0.2 <= result.confidence <= 1


def test_a_whole_well_frame_shows_the_spheroid_and_not_the_well() -> None:
    y, x = grid(700)
    from_centre = np.hypot(y - 350, x - 350)
    image, truth = disc(700, (420, 250), 55, -0.15)
    image += -0.4 * np.exp(-(((from_centre - 318) / 4) ** 2))
    image += 0.3 * np.exp(-(((from_centre - 328) / 4) ** 2))
    image *= soft(from_centre - 335, 1.0)
    result = classical(image)
    assert result.core.max() == 1
    assert overlap(result.core > 0, truth) > 0.93


def test_texture_alone_shows_a_body() -> None:
    y, x = grid(800)
    distance = np.hypot(y - 420, x - 380) - 140
    grain = np.random.default_rng(3).normal(0, 0.04, (800, 800))
    image = ground(800, noise=0.006) + grain * soft(distance)
    assert overlap(classical(image).core > 0, distance < 0) > 0.9


def test_several_bodies_are_labelled_largest_first() -> None:
    y, x = grid(600)
    truth = [(150, 150, 60), (420, 180, 45), (300, 430, 52)]
    image = ground(600)
    for cy, cx, radius in truth:
        image = image - 0.3 * soft(np.hypot(y - cy, x - cx) - radius)
    result = classical(image)
    assert result.core.max() == 3
    sizes = np.bincount(result.core.ravel())[1:]
    assert (np.diff(sizes) <= 0).all()
    assert [int(result.core[cy, cx]) for cy, cx, _ in truth] == [1, 3, 2]


def test_touching_balls_come_apart_and_a_lobed_body_does_not() -> None:
    y, x = grid(500)
    left, right = np.hypot(y - 250, x - 180) - 62, np.hypot(y - 250, x - 298) - 58
    pair = classical(ground(500) - 0.3 * soft(np.minimum(left, right)))
    assert pair.core.max() == 2
    assert pair.core[250, 180] != pair.core[250, 298]
    angle = np.arctan2(y - 250, x - 250)
    lobed = np.hypot(y - 250, x - 250) - 90 * (1 + 0.12 * np.cos(3 * angle))
    assert classical(ground(500) - 0.3 * soft(lobed)).core.max() == 1


def test_a_body_cut_off_by_the_frame_is_kept() -> None:
    image, truth = disc(400, (200, 20), 80)
    assert overlap(classical(image).core > 0, truth) > 0.95


def test_polarity_and_smallest_body_are_obeyed() -> None:
    image, _ = disc(contrast=-0.3)
    bright = SegmentationParameters(polarity=Polarity.BRIGHT)
    dark = SegmentationParameters(polarity=Polarity.DARK)
    assert classical(image, parameters=dark).core.max() == 1
    assert overlap(classical(image, parameters=bright).core > 0, disc()[1]) < 0.5
    large = SegmentationParameters(min_diameter_um=400)
    assert classical(image, parameters=large).core.max() == 1  # no pixel size, no um
    assert classical(image, pixel_size_um=2, parameters=large).core.max() == 0
    assert classical(image, pixel_size_um=4, parameters=large).core.max() == 1


def test_the_front_door_gives_the_function_of_the_room() -> None:
    image, _ = disc(200, (100, 100), 40)
    assert spheroid_qc.segment is segment
    assert spheroid_qc.segment(image).core.max() == 1


def test_methods_that_do_not_exist_are_refused() -> None:
    image, _ = disc(200)
    with pytest.raises(RequestError, match="no segmentation method 'magic'"):
        segment(image, method="magic")
    with pytest.raises(ValueError, match="pixel size"):
        classical(image, pixel_size_um=0)
