"""Disturbances act where they are put, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from spheroid_qc.samples import Optics, Scene, render_scene
from spheroid_qc.samples.optics import Dust, Extra, Fibre

QUIET = Optics(level=0.5, shot_noise=0.0, read_noise=0.0, bits=16)


def drawn(*extras: Extra) -> np.ndarray:
    frame = render_scene(Scene((200, 240)), QUIET, np.random.default_rng(0), extras)
    assert not frame.core.any()
    assert not frame.shed.any()
    return frame.image / 65535


def test_dust_is_dark_at_its_place() -> None:
    image = drawn(Dust(50, 60, 6, strength=0.5))
    assert image[50, 60] == pytest.approx(0.25, abs=0.01)
    assert image[150, 200] == pytest.approx(0.5, abs=1e-3)


def test_fibre_runs_through_its_points() -> None:
    image = drawn(Fibre(((20, 20), (90, 120), (180, 220)), width=6, strength=0.6))
    assert image[90, 120] < 0.25
    assert image[180, 20] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    "extra",
    [
        Dust(-30, 500, 5),
        Fibre(((-90, -90), (-80, -60), (-70, -20))),
    ],
)
def test_what_lies_outside_changes_nothing(extra: Extra) -> None:
    np.testing.assert_array_equal(drawn(extra), drawn())
