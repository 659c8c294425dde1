"""Disturbances act where they are put, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from spheroid_qc.samples import Optics, Scene, render
from spheroid_qc.samples.artefacts import Bubble, Dust, Extra, Fibre, ScaleBar, TimeStamp, WellWall

QUIET = Optics(level=0.5, shot_noise=0.0, read_noise=0.0, bits=16)


def drawn(*extras: Extra) -> np.ndarray:
    frame = render(Scene((200, 240)), QUIET, np.random.default_rng(0), extras)
    assert not frame.core.any()
    assert not frame.shed.any()
    return frame.image / 65535


def test_dust_is_dark_at_its_place() -> None:
    image = drawn(Dust(50, 60, 6, strength=0.5))
    assert image[50, 60] == pytest.approx(0.25, abs=0.01)
    assert image[150, 200] == pytest.approx(0.5, abs=1e-3)


def test_bubble_has_a_dark_ring_and_a_bright_middle() -> None:
    image = drawn(Bubble(100, 100, 40))
    assert image[100, 100] > 0.55
    assert image[100, 100 + 34] < 0.15


def test_fibre_runs_through_its_points() -> None:
    image = drawn(Fibre(((20, 20), (90, 120), (180, 220)), width=6, strength=0.6))
    assert image[90, 120] < 0.25
    assert image[180, 20] == pytest.approx(0.5, abs=1e-3)


def test_black_surround() -> None:
    image = drawn(WellWall(100, 120, 70, black=True))
    assert image[0, 0] < 1e-3
    assert image[100, 120] == pytest.approx(0.5, abs=0.01)


def test_scale_bar_and_time_stamp_are_burned_in_over_the_noise() -> None:
    image = drawn(ScaleBar(180, 20, 80, "500 um"), TimeStamp(10, 10, "2d 6h 0m", value=0.0))
    assert (image[180:184, 20:100] == 1.0).all()
    assert (image[10:24, 10:106] == 0.0).any()


@pytest.mark.parametrize(
    "extra",
    [
        Dust(-30, 500, 5),
        Bubble(500, -500, 20),
        Fibre(((-90, -90), (-80, -60), (-70, -20))),
        ScaleBar(500, 500, 50, "9 um"),
        TimeStamp(-50, -300, "1d"),
    ],
)
def test_what_lies_outside_changes_nothing(extra: Extra) -> None:
    np.testing.assert_array_equal(drawn(extra), drawn())
