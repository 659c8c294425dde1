"""Training images: exact masks, every kind of scene, and the same image for the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spheroid_qc.samples.micrographs import OTHER, WIDE, Micrograph, draw_micrograph
from spheroid_qc.samples.micrographs.canvas import Canvas
from spheroid_qc.samples.micrographs.looks import STYLES, Look
from spheroid_qc.samples.micrographs.outlines import draw_blob, draw_cluster


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
