"""Invariances, and arrays that no microscope makes but somebody's script does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.segmentation.scenes import cells, classical, disc, overlap, scattered


def scene() -> np.ndarray:
    image, _ = disc(420, (200, 225), 60)
    return cells(image, scattered(40, (200, 225), 68, 120), 4, -0.25)[0]


@pytest.mark.parametrize(("factor", "shift"), [(3.7, 0), (1, 500), (1e-6, 0), (2e5, -4e6)])
def test_multiplying_and_shifting_change_nothing(factor: float, shift: float) -> None:
    image = scene()
    before, after = classical(image), classical(image * factor + shift)
    assert overlap(before.core > 0, after.core > 0) > 0.998
    assert overlap(before.shed, after.shed) > 0.97
    assert before.confidence == pytest.approx(after.confidence, abs=0.01)


@pytest.mark.parametrize("turn", [np.rot90, np.fliplr, np.flipud, np.transpose])
def test_turning_turns_the_masks(turn: type(np.rot90)) -> None:  # type: ignore[valid-type]
    image = scene()
    before, after = classical(image), classical(np.ascontiguousarray(turn(image)))
    assert overlap(turn(before.core > 0), after.core > 0) > 0.97


def test_inverting_finds_the_same_body() -> None:
    image = scene()
    assert overlap(classical(image).core > 0, classical(1 - image).core > 0) > 0.97


@pytest.mark.parametrize(
    "dtype", ["u1", "i1", "u2", "i2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"]
)
def test_every_type_of_number_gives_the_same(dtype: str) -> None:
    image = (np.clip(scene(), 0, 1) * 120).astype(np.uint8)
    before, after = classical(image), classical(image.astype(dtype))
    assert np.array_equal(before.core, after.core)
    assert np.array_equal(before.shed, after.shed)


def test_colour_is_luminance() -> None:
    image = (np.clip(scene(), 0, 1) * 255).astype(np.uint8)
    colour = np.stack([image] * 3, axis=-1)
    alpha = np.concatenate([colour, np.full((*image.shape, 1), 255, np.uint8)], axis=-1)
    assert np.array_equal(classical(colour).core, classical(image).core)
    assert np.array_equal(classical(alpha).core, classical(image).core)


def test_the_same_input_gives_the_same_bytes() -> None:
    image = scene()
    first, second = classical(image), classical(image.copy())
    assert first.core.tobytes() == second.core.tobytes()
    assert first.shed.tobytes() == second.shed.tobytes()
    assert first.confidence == second.confidence


def test_the_input_is_not_changed() -> None:
    image = scene()
    image[:30, :30] = np.nan
    before = image.copy()
    classical(image)
    assert np.array_equal(image, before, equal_nan=True)


def test_nan_is_background() -> None:
    image, truth = disc()
    image[:, :40] = np.nan
    image[300:320, 100:300] = np.nan
    result = classical(image)
    assert overlap(result.core > 0, truth) > 0.95
    assert not result.core[:, :40].any()


def test_extreme_integers_do_not_overflow() -> None:
    _, truth = disc(200, (100, 100), 40)
    info = np.iinfo(np.int64)
    image = np.where(truth, info.max, info.min)
    assert overlap(classical(image).core > 0, truth) > 0.95


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((1, 1)),
        np.full((1, 1), np.nan),
        np.ones((300, 200), np.uint16),
        np.full((64, 64), np.nan),
        np.full((64, 64), np.inf),
        np.arange(3000.0).reshape(3, 1000),
        np.arange(3000.0).reshape(1000, 3),
        np.eye(257, dtype=bool),
        np.random.default_rng(0).random((5, 4000)),
        np.random.default_rng(0).random((2, 2, 3)),
        np.random.default_rng(0).random((40, 40)) * 1e308,
        np.random.default_rng(0).random((40, 40)) * 1e-310,
        np.pad(np.ones((1, 1)), 200),
        np.indices((96, 96)).sum(0) % 2,
    ],
    ids=lambda a: f"{a.shape}-{a.dtype}",
)
@pytest.mark.filterwarnings("error")
def test_nasty_arrays_give_valid_masks(image: np.ndarray) -> None:
    result = classical(image)
    assert result.core.shape == result.shed.shape == image.shape[:2]
    assert result.core.dtype == np.int32
    assert result.shed.dtype == bool
    assert not (result.shed & (result.core > 0)).any()
    assert 0 <= result.confidence <= 1


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**32 - 1), st.sampled_from("ufi"))
@pytest.mark.filterwarnings("error")
def test_any_size_is_answered(height: int, width: int, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 2 ** rng.integers(1, 16), (height, width)).astype(f"{kind}4")
    result = classical(image)
    assert result.core.shape == (height, width)
    labels = np.unique(result.core)
    assert np.array_equal(labels[labels > 0], np.arange(1, result.core.max() + 1))


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros(5), "axes"),
        (np.zeros((4, 5, 5)), "axes"),
        (np.zeros((0, 7)), "no pixels"),
        (np.zeros((6, 6), complex), "real numbers"),
        (np.array([["a", "b"]]), "real numbers"),
    ],
)
def test_what_is_no_image_is_refused(image: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        classical(image)
