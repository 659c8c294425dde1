"""Geometry and masks: what is drawn is what is counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spheroid_qc.samples import (
    Body,
    Cells,
    Light,
    Modality,
    Optics,
    Outline,
    Scene,
    Veil,
    render_scene,
)
from spheroid_qc.samples.exact_masks import cell_pixels, masks_of
from spheroid_qc.samples.optical_layers import rasterise

QUIET = Optics(shot_noise=0.0, read_noise=0.0, bits=16, psf_px=0.0)


def cells_at(*places: tuple[float, float, float]) -> Cells:
    y, x, radius = (np.array(v, dtype=np.float32) for v in zip(*places, strict=True))
    one = np.ones_like(y)
    return Cells(y, x, radius, 0.4 * one, 0.2 * one, one, 0 * one)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("radius", [3.0, 20.0, 90.5])
def test_disc_is_counted_like_the_brute_force(radius: float) -> None:
    outline = Outline(100.3, 97.8, radius)
    core, shed = masks_of(Scene((200, 210), (Body(outline),)))
    y, x = np.indices((200, 210))
    truth = np.hypot(y - 100.3, x - 97.8) < radius
    assert np.count_nonzero(core.astype(bool) != truth) <= 0.001 * truth.sum() + 1
    assert not shed.any()


@settings(max_examples=25, deadline=None)
@given(
    area=st.floats(800, 20_000),
    lobes=st.lists(st.floats(0, 0.05), min_size=0, max_size=6),
    phase=st.floats(0, 6.28),
)
def test_outline_of_area_encloses_that_area(area: float, lobes: list[float], phase: float) -> None:
    waves = tuple((k + 2, a, phase * (k + 1)) for k, a in enumerate(lobes))
    core, _ = masks_of(Scene((300, 300), (Body(Outline.of_area(150, 150, area, waves)),)))
    # Counting whole pixels of a small disc errs by some roots of the pixels on its rim.
    rim = 2 * np.sqrt(np.pi * area)
    assert np.count_nonzero(core) == pytest.approx(area, rel=0.01, abs=2 * np.sqrt(rim))


def test_pieces_are_numbered_from_the_largest() -> None:
    bodies = tuple(Body(Outline(60, x, r)) for x, r in ((30, 10.0), (100, 30.0), (170, 20.0)))
    core, _ = masks_of(Scene((120, 220), bodies))
    sizes = np.bincount(core.ravel())[1:]
    assert len(sizes) == 3
    assert sizes[0] > sizes[1] > sizes[2]
    assert core[60, 100] == 1
    assert core[60, 30] == 3


def test_touching_pieces_are_one() -> None:
    bodies = (Body(Outline(60, 60, 30)), Body(Outline(60, 100, 20)))
    assert masks_of(Scene((120, 160), bodies))[0].max() == 1


def test_concentric_discs_have_the_closed_form_fraction() -> None:
    scene = Scene((400, 400), (Body(Outline(200, 200, 60)),), Veil(Outline(200, 200, 150)))
    core, shed = masks_of(scene)
    total = np.count_nonzero(core) + np.count_nonzero(shed)
    assert 1 - np.count_nonzero(core) / total == pytest.approx(1 - 1 / 2.5**2, abs=0.003)
    assert not (shed & (core > 0)).any()


def test_cells_on_a_body_belong_to_the_body() -> None:
    scene = Scene(
        (120, 120), (Body(Outline(60, 60, 30)),), cells=cells_at((60, 60, 6), (60, 91, 6))
    )
    core, shed = masks_of(scene)
    assert np.count_nonzero(core) == pytest.approx(np.pi * 900, rel=0.01)
    assert 0.4 * np.pi * 36 < np.count_nonzero(shed) < 0.75 * np.pi * 36


def test_stretched_cells_keep_their_area_and_their_direction() -> None:
    round_one = cells_at((40.2, 40.7, 8.0))
    long_one = replace(round_one, stretch=np.float32([1.6]), turn=np.float32([np.pi / 2]))
    n_round = len(cell_pixels(round_one, (80, 80))[0])
    pixel, _, distance = cell_pixels(long_one, (80, 80))
    assert n_round == pytest.approx(np.pi * 64, rel=0.03)
    assert len(pixel) == pytest.approx(n_round, rel=0.04)
    y, x = np.divmod(pixel, 80)
    assert np.ptp(y) > 1.4 * np.ptp(x)
    assert distance.max() <= 1.0


@pytest.mark.parametrize("place", [(-50.0, 60.0), (0.0, 0.0), (119.0, 160.0), (400.0, 400.0)])
@pytest.mark.parametrize("modality", list(Modality))
def test_things_at_and_beyond_the_border_are_cut(
    place: tuple[float, float], modality: Modality
) -> None:
    y, x = place
    scene = Scene(
        (120, 160),
        (Body(Outline(y, x, 30)),),
        Veil(Outline(y, x, 45)),
        cells_at((y, x + 50, 5), (y + 3, x, 5)),
    )
    frame = render_scene(scene, Optics(modality=modality, defocus_px=3.0), rng())
    assert frame.image.shape == frame.core.shape == frame.shed.shape == (120, 160)


def test_empty_scene_has_no_foreground_and_flat_light() -> None:
    frame = render_scene(Scene((100, 100)), QUIET, rng())
    assert rasterise(Scene((100, 100))) is None
    assert not frame.core.any()
    assert not frame.shed.any()
    assert np.ptp(frame.image) == 0


@pytest.mark.parametrize("radius", [40.0, 90.0])
def test_core_mask_ends_at_half_of_the_rims_darkness(radius: float) -> None:
    body = Body(Outline(150, 150, radius), opacity=0.0, grain=0.0, fringe=0.0, rim=0.5)
    layers = rasterise(Scene((300, 300), (body,)))
    assert layers is not None
    row = np.zeros(300)
    row[layers.window[1]] = layers.rim[150 - layers.window[0].start]
    side = row[150:]
    peak = int(side.argmax())
    half = peak + np.interp(-0.5 * side[peak], -side[peak:], np.arange(len(side) - peak))
    assert half == pytest.approx(radius, abs=0.6)


@pytest.mark.parametrize("modality", list(Modality))
def test_masks_do_not_depend_on_the_optics(modality: Modality) -> None:
    scene = Scene(
        (200, 200), (Body(Outline(100, 100, 40)),), None, cells_at((100, 160, 5), (30, 30, 5))
    )
    plain = render_scene(scene, QUIET, rng())
    other = render_scene(
        scene, Optics(modality=modality, defocus_px=8.0, bits=8, light=Light(0.3, 0.2, 0.4)), rng()
    )
    np.testing.assert_array_equal(plain.core, other.core)
    np.testing.assert_array_equal(plain.shed, other.shed)
    assert other.image.dtype == np.uint8


def test_bodies_are_dark_or_bright_as_the_optics_have_it() -> None:
    scene = Scene((200, 200), (Body(Outline(100, 100, 40), opacity=0.6),))
    for modality, dark in (
        (Modality.BRIGHTFIELD, True),
        (Modality.DARKFIELD, False),
        (Modality.FLUORESCENCE, False),
    ):
        level = 0.6 if dark else 0.05
        frame = render_scene(scene, replace(QUIET, modality=modality, level=level), rng())
        inside = frame.image[frame.core > 0].mean()
        outside = np.median(frame.image[frame.core == 0])
        assert (inside < 0.8 * outside) == dark


def test_defocus_takes_sharpness_and_moves_nothing() -> None:
    scene = Scene((240, 240), (Body(Outline(120, 118, 50), opacity=1.0, grain=0, fringe=0),))
    sharp, soft = (
        render_scene(scene, replace(QUIET, defocus_px=d), rng()).image.astype(float)
        for d in (0.0, 12.0)
    )
    assert np.abs(np.diff(soft, axis=1)).max() < 0.2 * np.abs(np.diff(sharp, axis=1)).max()
    darkness = soft.max() - soft
    y, x = np.indices(soft.shape)
    before = sharp.max() - sharp
    assert (darkness * y).sum() / darkness.sum() == pytest.approx(
        (before * y).sum() / before.sum(), abs=0.1
    )
    assert (darkness * x).sum() / darkness.sum() == pytest.approx(
        (before * x).sum() / before.sum(), abs=0.1
    )


def test_noise_is_what_was_asked_for() -> None:
    optics = Optics(level=0.5, shot_noise=0.02, read_noise=0.0, bits=16)
    image = render_scene(Scene((300, 300)), optics, rng()).image / 65535
    assert image.mean() == pytest.approx(0.5, rel=0.002)
    assert image.std() == pytest.approx(0.01, rel=0.03)
