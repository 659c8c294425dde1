"""The neighbours of a frame as a prior: doubt goes along, evidence does not."""

from __future__ import annotations

import numpy as np
import pytest

from spheroid_qc.segmentation.learned.network import CORE
from spheroid_qc.segmentation.learned.sight_of_neighbours import with_neighbours
from spheroid_qc.segmentation.learned.view import Region, View

SIZE = 64
Y, X = np.mgrid[: 2 * SIZE, : 2 * SIZE] / 2


def disc(radius: float, y: float = 32, x: float = 32) -> np.ndarray:
    return np.hypot(Y - y, X - x) < radius


def view(chances: np.ndarray) -> View:
    """Chances of core, (64, 64), of a frame of twice as many pixels."""
    maps = np.zeros((4, SIZE, SIZE), np.float32)
    maps[CORE] = chances
    return View(Region(0, 0, 2 * SIZE, 2 * SIZE, (SIZE, SIZE)), maps, maps[CORE])


def small(mask: np.ndarray) -> np.ndarray:
    return mask[::2, ::2]


@pytest.mark.parametrize(("chance", "follows"), [(0.2, True), (0.4, True), (0.05, False)])
def test_doubt_follows_and_evidence_stays(chance: float, follows: bool) -> None:
    """The rim of a body of radius 20 of which a frame is sure of the inner 14 only."""
    rim = small(disc(19) & ~disc(15))
    chances = np.where(small(disc(14)), 0.95, np.where(small(disc(20)), chance, 0.02))
    seen = with_neighbours(view(chances), [disc(20), disc(20)]).maps[CORE]
    assert ((seen[rim] > 0.5) == follows).all()
    assert (seen[small(disc(13))] > 0.9).all()
    assert (seen[~small(disc(21))] < 0.1).all()


def test_a_body_that_moved_is_looked_for_where_it_is() -> None:
    chances = np.where(small(disc(14, 26, 38)), 0.9, np.where(small(disc(20, 26, 38)), 0.3, 0.02))
    seen = with_neighbours(view(chances), [disc(20), disc(20, 34, 31)]).maps[CORE] > 0.5
    true = small(disc(20, 26, 38))
    assert np.count_nonzero(seen & true) / np.count_nonzero(seen | true) > 0.93


def test_neighbours_that_differ_say_nothing_where_they_do() -> None:
    chances = np.where(small(disc(14)), 0.95, 0.3).astype(np.float32)
    seen = with_neighbours(view(chances), [disc(20), disc(14)]).maps[CORE]
    between = small(disc(18) & ~disc(16))
    assert np.allclose(seen[between], 0.3, atol=0.02)


@pytest.mark.parametrize("turn", [np.rot90, np.flipud, np.fliplr])
def test_turned_alike(turn) -> None:
    rng = np.random.default_rng(3)
    chances = np.where(small(disc(14, 30, 34)), 0.9, rng.uniform(0.1, 0.4, (SIZE, SIZE)))
    straight = with_neighbours(view(chances), [disc(18)]).maps[CORE]
    turned = with_neighbours(view(turn(chances)), [turn(disc(18))]).maps[CORE]
    assert np.allclose(turn(straight), turned, atol=1e-5)
