"""Lazy arrays behave like the arrays that they stand for."""

from __future__ import annotations

import numpy as np
import pytest

from spheroid_qc.gui.state.lazy_stack import (
    FrameCache,
    LazyStack,
    MaskStack,
    SwappableStack,
    pixels_of,
)

SHAPE = (5, 6, 7)
WHOLE = np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(np.uint16)


class Disk:
    """Counts how often a frame is read."""

    def __init__(self) -> None:
        self.reads: list[int] = []

    def __call__(self, n: int) -> np.ndarray | None:
        self.reads.append(n)
        return None if n == 4 else WHOLE[n]


KEYS = [
    2, -2, slice(1, 3), (2, slice(None), slice(None)), (slice(2, 3), slice(1, 4), slice(2, 5)),
    (1, 2, 3), (Ellipsis, 3), (slice(None), 2), (np.array([1, 2, 2]), np.array([0, 1, 2]), 3),
    (3, slice(None, None, 2), slice(None, None, 3)), slice(3, 3),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_indexing_is_numpys(key) -> None:
    wanted = WHOLE.copy()
    wanted[4] = 0
    for kind in (LazyStack, MaskStack):
        stack = kind(Disk(), 5, SHAPE[1:], np.uint16)
        assert np.array_equal(stack[key], wanted[key])


@pytest.mark.parametrize("key", KEYS[:-1], ids=str)
def test_writing_is_numpys(key) -> None:
    wanted = WHOLE.copy()
    wanted[4] = 0
    stack = MaskStack(Disk(), 5, SHAPE[1:], np.uint16)
    stack[key] = np.asarray(wanted[key]) + 1
    wanted[key] += 1
    assert np.array_equal(np.asarray(stack), wanted)
    assert np.array_equal(stack.original(2), WHOLE[2])


@pytest.mark.parametrize("key", KEYS[:-1], ids=str)
def test_what_is_shown_is_the_stack_that_it_was_turned_to(key) -> None:
    first, second = (MaskStack(Disk(), 5, SHAPE[1:], np.uint16) for _ in range(2))
    second[:] = 7
    shown = SwappableStack(first)
    assert (shown.shape, shown.dtype, shown.ndim, len(shown)) == (SHAPE, np.uint16, 3, 5)
    assert np.array_equal(shown[key], first[key])
    shown.swap(second)
    assert np.all(np.asarray(shown) == 7)
    shown[key] = 8
    assert np.all(second[key] == 8)
    assert np.array_equal(first[:4], WHOLE[:4]), "nothing is written into what was shown before"


def test_only_stacks_of_one_shape_and_type_take_turns() -> None:
    shown = SwappableStack(LazyStack(Disk(), 5, SHAPE[1:], np.uint16))
    for other in (
        LazyStack(Disk(), 4, SHAPE[1:], np.uint16), LazyStack(Disk(), 5, (6, 8), np.uint16),
        LazyStack(Disk(), 5, SHAPE[1:], np.uint8),
    ):  # fmt: skip
        assert not shown.like(other)
        with pytest.raises(ValueError, match="in place of"):
            shown.swap(other)
    with pytest.raises(TypeError, match="can't be changed"):
        shown[0, 0, 0] = 1


def test_a_frame_is_read_once_and_only_when_looked_at() -> None:
    disk = Disk()
    stack = LazyStack(disk, 5, SHAPE[1:], np.uint16)
    assert disk.reads == []
    _ = stack[2], stack[2, 1:3], stack[2, 0, 0]
    assert disk.reads == [2]


def test_neighbours_are_read_ahead() -> None:
    disk = Disk()
    stack = LazyStack(disk, 5, SHAPE[1:], np.uint16)
    stack.prefetch([0, 1, 9, -1])
    stack._ahead.shutdown(wait=True)
    assert sorted(disk.reads) == [0, 1]
    stack._ahead = None
    _ = stack[1]
    assert sorted(disk.reads) == [0, 1]
    stack.close()


def test_memory_is_bounded() -> None:
    cache = FrameCache(limit_bytes=3 * WHOLE[0].nbytes)
    disk = Disk()
    stack = LazyStack(disk, 5, SHAPE[1:], np.uint16, cache)
    for n in range(5):
        _ = stack[n]
    assert cache._bytes <= 3 * WHOLE[0].nbytes
    _ = stack[0]
    assert disk.reads.count(0) == 2
    stack.close()
    assert cache._bytes == 0


def test_frames_of_one_name_are_read_once_whoever_asks() -> None:
    cache, first, second = FrameCache(), Disk(), Disk()
    names = ["a", "b", None, "d", "e"]
    stack = LazyStack(first, 5, SHAPE[1:], np.uint16, cache, names)
    _ = stack[1], stack[2]
    stack.close()
    again = LazyStack(second, 5, SHAPE[1:], np.uint16, cache, names)
    assert np.array_equal(again[1], WHOLE[1])
    assert second.reads == [], "kept although the first stack was closed"
    _ = again[2]
    assert second.reads == [2], "a frame without a name is the stack's own"
    other = LazyStack(second, 5, SHAPE[1:], np.uint8, cache, names)
    _ = other[1]
    assert second.reads == [2, 1], "of another type"


def test_frames_of_another_size_are_cut_or_filled() -> None:
    stack = LazyStack(lambda n: np.ones((3, 9), np.uint16), 1, (6, 7), np.uint16)
    assert stack[0].sum() == 3 * 7


def test_changes_are_known() -> None:
    stack = MaskStack(Disk(), 5, SHAPE[1:], np.uint16)
    stack[1, 0, 0] = 9
    assert 1 in stack.writes()
    assert 0 not in stack.writes()
    stack.set_frame(2, np.zeros(SHAPE[1:]))
    assert 2 in stack.writes()
    assert not stack[2].any()
    stack[1, 1, 1] = 3
    assert stack.writes() == {1: 2, 2: 1}


def test_writing_into_what_was_given_changes_nothing() -> None:
    stack = MaskStack(Disk(), 5, SHAPE[1:], np.uint16)
    shown = stack[1]
    shown[:] = 9
    assert np.array_equal(stack[1], WHOLE[1])
    assert np.array_equal(stack.original(1), WHOLE[1])


def test_a_closed_stack_leaves_nothing_behind() -> None:
    cache = FrameCache()
    stack = LazyStack(Disk(), 5, SHAPE[1:], np.uint16, cache)
    stack.close()
    assert np.array_equal(stack.frame(1), WHOLE[1]), "a reading ahead that was on its way"
    assert cache._bytes == 0


def test_what_could_not_be_read_is_asked_for_again_by_the_next_stack() -> None:
    cache, names = FrameCache(), ["a"]
    gone = LazyStack(lambda n: None, 1, SHAPE[1:], np.uint16, cache, names)
    assert not gone[0].any()
    there = LazyStack(lambda n: WHOLE[0], 1, SHAPE[1:], np.uint16, cache, names)
    assert np.array_equal(there[0], WHOLE[0])


def test_who_works_on_pixels_keeps_them_while_the_layer_turns() -> None:
    first, second = (LazyStack(Disk(), 5, SHAPE[1:], np.uint16) for _ in range(2))
    layer = type("Layer", (), {"data": SwappableStack(first)})()
    held = pixels_of(layer)
    layer.data.swap(second)
    assert held is first
    assert pixels_of(layer) is second
    layer.data = WHOLE
    assert pixels_of(layer) is WHOLE
