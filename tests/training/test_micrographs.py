"""Training images: exact masks, every kind of scene, and the same image for the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.micrographs import OTHER, WIDE, Micrograph, draw_micrograph
from training.micrographs.canvas import Canvas
from training.micrographs.looks import STYLES, Look
from training.micrographs.outlines import draw_blob, draw_cluster
from training.micrographs.surroundings import _dust, add_clutter, add_moulds


def draw(seed: int, fate: str | None = None, style: str | None = None) -> Micrograph:
    family = WIDE
    if fate is not None:
        family = replace(family, fates={fate: 1.0})
    if style is not None:
        family = replace(family, styles={style: 1.0})
    return draw_micrograph(np.random.default_rng(seed), 128, family)


def test_a_seed_is_an_image() -> None:
    one, other, third = draw(3), draw(3), draw(4)
    assert one.image.tobytes() == other.image.tobytes()
    assert one.labels.tobytes() == other.labels.tobytes()
    assert one.image.tobytes() != third.image.tobytes()


@pytest.mark.parametrize("fate", WIDE.fates)
def test_every_scene_has_sound_masks(fate: str) -> None:
    for seed in range(6):
        drawn = draw(seed, fate=fate)
        assert drawn.image.min() >= 0
        assert drawn.image.max() <= 1
        assert np.isfinite(drawn.image).all()
        assert (drawn.fine >= 0).all()
        assert not (drawn.shed & (drawn.labels > 0)).any()
        assert ((drawn.depth > 0) <= (drawn.labels > 0)).all() or drawn.labels.max() >= 0
        if fate == "nothing":
            assert not drawn.shed.any()
        if fate in ("nothing", "debris"):
            assert drawn.labels.max() == 0


@pytest.mark.parametrize("style", STYLES)
def test_every_style_shows_its_bodies(style: str) -> None:
    """On the average a body differs from its surroundings, in intensity or in texture."""
    apart = []
    for seed in range(12):
        drawn = draw(seed, fate="intact", style=style)
        core = drawn.labels > 0
        if not 0.005 < core.mean() < 0.6:
            continue
        inside, outside = drawn.image[core], drawn.image[~core]
        spread = np.median(np.abs(outside - np.median(outside))) + 1e-3
        apart.append(abs(np.median(inside) - np.median(outside)) / spread)
        apart.append(
            abs(np.log((drawn.fine[core].mean() + 1e-4) / (drawn.fine[~core].mean() + 1e-4)))
        )
    assert np.mean(apart) > 0.5


def test_chances_are_kept_and_families_differ() -> None:
    assert sum(WIDE.chances(WIDE.fates)) == pytest.approx(1)
    fates = [draw_micrograph(np.random.default_rng(n), 96).fate for n in range(150)]
    assert {"intact", "shedding", "corona", "cloud"} <= set(fates)
    assert WIDE.fates != OTHER.fates
    assert OTHER.clutter > WIDE.clutter


def test_an_outline_has_the_area_that_was_asked_for() -> None:
    rng = np.random.default_rng(0)
    areas = []
    for _ in range(40):
        blob = draw_blob(rng, (200, 200), (100, 100), 40, lobes=0.03)
        assert blob is not None
        areas.append(np.count_nonzero(blob.depth > 0))
    assert np.mean(areas) == pytest.approx(np.pi * 40**2, rel=0.05)
    cluster = draw_cluster(rng, (200, 200), (100, 100), 40)
    assert cluster is not None
    assert 0.3 < np.count_nonzero(cluster.depth > 0) / (np.pi * 40**2) < 1.8
    assert draw_blob(rng, (200, 200), (-300, 100), 40) is None


def test_the_rim_of_a_body_is_where_its_mask_ends() -> None:
    canvas = Canvas((200, 200))
    rng = np.random.default_rng(1)
    blob = draw_blob(rng, canvas.shape, (100, 100), 50, lobes=0.0)
    assert blob is not None
    canvas.add_body(rng, blob, Look(flat=1, dome=0, grain=0, soft=1.5, fine=0.1))
    dark = canvas.signal > 0.5
    core = canvas.labels > 0
    assert np.count_nonzero(dark & ~core) == 0
    assert np.count_nonzero(dark) > 0.95 * np.count_nonzero(core)


def test_moulds_are_a_grid_of_wells_that_do_not_overlap() -> None:
    for seed in range(12):
        signal = np.zeros((160, 160), np.float32)
        centres, radius = add_moulds(np.random.default_rng(seed), signal, 1.0)
        assert np.abs(signal).max() > 0.02  # something of the wells shows
        assert len(centres) >= 1
        assert (centres > -0.3 * radius).all()
        assert (centres < 160 + 0.3 * radius).all()
        apart = np.hypot(*(centres[:, None] - centres[None]).transpose(2, 0, 1))
        np.fill_diagonal(apart, np.inf)
        assert apart.min() > 1.9 * radius  # packed in hexagons, rows are nearer than wells
        # Every well lies as the first one does: the pattern repeats from centre to centre.
        y, x = (np.round(centres).astype(int)).T
        within = (y >= 8) & (y < 152) & (x >= 8) & (x < 152)
        middles = signal[y[within], x[within]]
        assert np.ptp(middles) < 0.35 * np.ptp(signal) + 1e-6


def test_dust_is_drawn_but_is_nothing_to_find() -> None:
    """Specks all over the frame stay out of the masks, however many there are."""
    for seed in range(8):
        rng = np.random.default_rng(seed)
        signal, fine = np.zeros((128, 128), np.float32), np.zeros((128, 128), np.float32)
        add_clutter(rng, signal, fine, 50.0, False, 0.3)  # every kind of clutter
        assert np.count_nonzero(np.abs(signal) > 1e-3) > 100
    for seed in range(30):
        drawn = draw(seed, fate="nothing")
        assert not drawn.shed.any()
        assert drawn.labels.max() == 0


def test_a_veil_lies_close_around_a_whole_body() -> None:
    shed = [
        drawn
        for drawn in (draw(seed, fate="intact", style="dark") for seed in range(120))
        if drawn.shed.mean() > 0.01 and drawn.labels.max() == 1
    ]
    assert len(shed) >= 4
    nearer = 0
    for drawn in shed:
        y, x = np.nonzero(drawn.labels)
        radius = np.sqrt(y.size / np.pi)
        far_y, far_x = np.nonzero(drawn.shed)
        away = np.hypot(far_y - y.mean(), far_x - x.mean())
        nearer += np.median(away) < 2.2 * radius
    assert nearer >= 0.75 * len(shed)


def test_dust_is_as_dense_in_every_part_of_the_frame() -> None:
    drawn = np.zeros((4, 4))
    for seed in range(60):
        signal = np.zeros((128, 128), np.float32)
        _dust(np.random.default_rng(seed), signal, signal.copy(), 1.0)
        share = np.abs(signal).reshape(4, 32, 4, 32).sum((1, 3))
        drawn += share / share.sum()
    assert drawn.min() > 0.6 * drawn.mean()
    assert drawn.max() < 1.5 * drawn.mean()
