"""What is learned from a few corrected frames holds on others, and harms nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from spheroid_qc.segmentation import Adapter, Segmentation, segment
from spheroid_qc.segmentation.adapter.fit_adapter import (
    Lesson,
    fit_adapter,
    lesson_of,
    weakened,
)
from spheroid_qc.segmentation.adapter.learn_and_judge import (
    Agreement,
    Corrected,
    Learned,
    agreement,
    learn,
)
from tests.segmentation.adapter.zoned import lessons, zoned
from tests.segmentation.scenes import disc

# What they all look at is made once and not once in every process.
pytestmark = pytest.mark.xdist_group("learn_and_judge")

FRAMES = [zoned(seed) for seed in range(4)]


@pytest.fixture(scope="module")
def learned() -> Learned:
    return learn(
        lessons(FRAMES),
        [masks for _, masks in FRAMES],
        lambda n, adapter: segment(FRAMES[n][0], method="learned", adapter=adapter),
    )


def test_corrected_frames_that_were_left_out_gain(learned) -> None:
    assert learned.helps
    assert learned.core > 0
    for before, after in zip(learned.before, learned.after, strict=True):
        assert before.core < 0.65
        assert after.core > 0.85
        assert after.shed > 0.9


def test_further_frames_gain(learned) -> None:
    for seed in (10, 11):
        pixels, masks = zoned(seed)
        before = agreement(segment(pixels, method="learned"), masks)
        found = segment(pixels, adapter=learned.adapter)
        after = agreement(found, masks)
        assert found.evidence["adapted"] == 1
        assert after.core > before.core + 0.25


def test_frames_of_another_kind_stay_as_they_are(learned) -> None:
    image, _ = disc(size=256, centre=(120, 130), radius=50, contrast=0.4, seed=3)
    before, after = segment(image), segment(image, adapter=learned.adapter)
    assert after.evidence["adapted"] < 0.05
    assert np.count_nonzero(before.core != after.core) < 0.005 * before.core.size


def test_the_same_corrections_teach_the_same(learned) -> None:
    again = fit_adapter(lessons(FRAMES))
    wanted = weakened(again, learned.core, learned.shed)
    assert wanted.change.tobytes() == learned.adapter.change.tobytes()


def test_masks_that_are_right_already_change_next_to_nothing() -> None:
    frames = []
    for seed in range(3):
        pixels, _ = zoned(seed)
        found = segment(pixels, method="learned")
        frames.append((pixels, Corrected(found.core, found.shed)))
    adapter = fit_adapter(lessons(frames))
    pixels, _ = zoned(20)
    before = segment(pixels, method="learned")
    after = segment(pixels, method="learned", adapter=adapter)
    assert agreement(after, Corrected(before.core, before.shed)).core > 0.95


def lesson(seed: int) -> Lesson:
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(300, 48)).astype(np.float32)
    logits = rng.normal(size=(2, 4, 300)).astype(np.float32)
    return Lesson(np.zeros(28, np.float32), inputs, logits, (logits > 0).astype(np.float32))


@pytest.mark.parametrize(
    ("rows_after", "kept"),
    [
        ((5, 5, 5, 5), True),  # all gain a little
        ((5, 6, 6, 2), False),  # one loses
        ((4, 4, 4, 4), False),  # nothing changes
        ((4, 4, 4, 9), False),  # one gains much: perhaps by chance
    ],
)
def test_what_is_kept_has_to_help_frames_that_were_left_out(rows_after, kept) -> None:
    """The truth has ten rows of core, and without an adapter four are found."""
    core = np.ones((10, 10), np.int32)
    truth = Corrected(core, np.zeros((10, 10), bool))

    def found(n: int, adapter: Adapter | None) -> Segmentation:
        labels = core.copy()
        labels[4 if adapter is None else rows_after[n] :] = 0
        return Segmentation(labels, np.zeros((10, 10), bool), 1, "learned")

    result = learn([lesson(n) for n in range(4)], [truth] * 4, found)
    assert (result.core > 0) is kept
    assert result.shed == 0
    if not kept:
        assert not result.helps
        assert result.after == result.before
        assert not result.adapter.change.any()


def test_what_nobody_is_sure_of_teaches_nothing() -> None:
    pixels, masks = zoned(0)
    unsure = np.zeros(pixels.shape, bool)
    unsure[:, :96] = True
    spoiled = masks.core.copy()
    spoiled[:, :96] = 1
    one = lesson_of(pixels, masks.core, masks.shed)
    half = lesson_of(pixels, spoiled, masks.shed, unsure)
    assert len(half.inputs) < 0.75 * len(one.inputs)
    assert half.wanted.shape == (2, 4, len(half.inputs))
    assert half.wanted[0].mean() < 0.6


def test_the_agreement_is_that_of_the_field() -> None:
    core = np.zeros((10, 10), np.int32)
    core[:4, :5] = 1
    shed = np.zeros((10, 10), bool)
    shed[6:8, :5] = True
    truth = Corrected(core, shed)
    assert agreement(Segmentation(core, shed, 1, "learned"), truth) == Agreement(1, 1)
    bare = Segmentation(core, np.zeros_like(shed), 1, "learned")
    assert agreement(bare, truth).shed == pytest.approx(2 / 3)
    assert agreement(bare, truth, many=True).shed == pytest.approx(2 / 3)
    empty = Segmentation(np.zeros_like(core), np.zeros_like(shed), 1, "learned")
    assert agreement(empty, truth).core == 0
    known = Corrected(core, shed, ~(core > 0))
    assert agreement(bare, known) == Agreement(1, 1)
