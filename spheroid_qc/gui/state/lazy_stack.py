"""Frames of one well as one array (time, y, x), read when they are looked at.

A plate is far larger than memory. napari asks an array-like for the slice that it shows; these
read that frame, keep the last few, and read the neighbours ahead in a thread, so that stepping
through time never waits for a disk. Neither imports Qt.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Read = Callable[[int], Array | None]
Key = tuple[Hashable, Hashable]
"""Of a frame: number of its stack and of the frame; or shape and type, and its name."""

_NUMBERS = itertools.count()


class FrameCache:
    """The frames that were read last, shared by all stacks of a session.

    Beyond `limit_bytes` the oldest are forgotten.
    """

    def __init__(self, limit_bytes: int = 256 * 2**20) -> None:
        self._limit = limit_bytes
        self._frames: OrderedDict[Key, Array] = OrderedDict()
        self._bytes = 0
        self._lock = threading.RLock()

    def get(self, key: Key) -> Array | None:
        """Give a frame that is kept, or None."""
        with self._lock:
            found = self._frames.get(key)
            if found is not None:
                self._frames.move_to_end(key)
            return found

    def put(self, key: Key, frame: Array) -> None:
        """Keep a frame, and forget the oldest where there is too much."""
        with self._lock:
            old = self._frames.pop(key, None)
            self._bytes += frame.nbytes - (0 if old is None else old.nbytes)
            self._frames[key] = frame
            while self._bytes > self._limit and len(self._frames) > 1:
                _, gone = self._frames.popitem(last=False)
                self._bytes -= gone.nbytes

    def drop(self, owner: Hashable) -> None:
        """Forget all frames of one stack."""
        with self._lock:
            for key in [key for key in self._frames if key[0] == owner]:
                self._bytes -= self._frames.pop(key).nbytes


class _StackShape:
    """What an array (time, y, x) says of itself."""

    shape: tuple[int, ...]
    dtype: Any

    @property
    def ndim(self) -> int:
        """Always 3."""
        return 3

    @property
    def size(self) -> int:
        """Number of pixels of all frames."""
        return int(np.prod(self.shape))

    @property
    def nbytes(self) -> int:
        """Bytes of all frames, most of which are not in memory."""
        return self.size * int(self.dtype.itemsize)

    def __len__(self) -> int:
        return self.shape[0]


class LazyStack(_StackShape):
    """A read-only array (time, y, x) whose frames are read when they are asked for.

    `read` gives the pixels (y, x) of a frame's number, None where there is no image; larger frames
    than `shape` (y, x) are cut, smaller ones filled with zeros. `names` say what the pixels of each
    frame come from: frames of one name are the same in every stack that shares the cache, and are
    kept when this one is closed; without a name (None) they are its own.
    """

    def __init__(
        self,
        read: Read,
        n_frames: int,
        shape: tuple[int, int],
        dtype: Any,
        cache: FrameCache | None = None,
        names: Sequence[Hashable] | None = None,
    ) -> None:
        self._read = read
        self._names = names
        self._number = next(_NUMBERS)  # not id(): that of a stack that is gone comes again
        self._closed = False
        self.shape = (n_frames, *shape)
        self.dtype = np.dtype(dtype)
        self._cache = FrameCache() if cache is None else cache
        self._ahead: ThreadPoolExecutor | None = None
        self._waiting: set[int] = set()
        self._lock = threading.Lock()

    def frame(self, n: int) -> Array:
        """Give one frame, shape (y, x)."""
        found = self._kept(n)
        if found is None:
            pixels = self._read(n)
            found = self._fitted(pixels)
            if not self._closed:
                # What could not be read may be there the next time that a stack asks for it.
                self._cache.put((self._number, n) if pixels is None else self._key(n), found)
        return found

    def prefetch(self, numbers: Sequence[int]) -> None:
        """Read frames ahead, in a thread."""
        with self._lock:
            if self._ahead is None:
                self._ahead = ThreadPoolExecutor(1, thread_name_prefix="frames-ahead")
            for n in numbers:
                inside = 0 <= n < self.shape[0] and n not in self._waiting
                if inside and self._kept(n) is None:
                    self._waiting.add(n)
                    self._ahead.submit(self._fetch, n)

    def close(self) -> None:
        """Stop reading ahead, and forget the frames that are this stack's own."""
        with self._lock:
            ahead, self._ahead = self._ahead, None
            self._closed = True
        if ahead is not None:
            ahead.shutdown(wait=False, cancel_futures=True)
        self._cache.drop(self._number)

    def _key(self, n: int) -> Key:
        name = None if self._names is None else self._names[n]
        return (self._number, n) if name is None else ((self.shape[1:], self.dtype.str), name)

    def _kept(self, n: int) -> Array | None:
        found = self._cache.get(self._key(n))
        return self._cache.get((self._number, n)) if found is None else found

    def _fetch(self, n: int) -> None:
        try:
            self.frame(n)
        finally:
            with self._lock:
                self._waiting.discard(n)

    def _fitted(self, frame: Array | None) -> Array:
        shape = self.shape[1:]
        if frame is not None and frame.shape == shape:
            return np.ascontiguousarray(frame, dtype=self.dtype)
        fitted = np.zeros(shape, self.dtype)
        if frame is not None:
            y, x = min(shape[0], frame.shape[0]), min(shape[1], frame.shape[1])
            fitted[:y, :x] = frame[:y, :x]
        return fitted

    def __getitem__(self, key: Any) -> Any:
        first, rest = _split(key)
        if isinstance(first, int | np.integer):
            return self.frame(int(first) % self.shape[0])[rest]
        if isinstance(first, slice):
            numbers = range(*first.indices(self.shape[0]))
            frames = [self.frame(n)[rest] for n in numbers]
            if frames:
                return np.stack(frames)
            return np.zeros((0, *self.shape[1:]), self.dtype)[(slice(None), *rest)]
        return self._picked(np.asarray(first), rest)

    def _picked(self, first: Array, rest: tuple[Any, ...]) -> Array:
        """Fancy indexing: one index array for each axis."""
        first, *others = np.broadcast_arrays(first, *(np.asarray(index) for index in rest))
        values = np.zeros(first.shape, self.dtype)
        for n in np.unique(first):
            hit = first == n
            values[hit] = self.frame(int(n))[tuple(index[hit] for index in others)]
        return values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        whole = np.stack([self.frame(n) for n in range(self.shape[0])])
        return whole if dtype is None else whole.astype(dtype)


class MaskStack(LazyStack):
    """Label images (time, y, x) that can be painted: frames that were changed are kept.

    The first change of a frame makes a copy of it; what was read stays as `original`.
    """

    def __init__(
        self,
        read: Read,
        n_frames: int,
        shape: tuple[int, int],
        dtype: Any,
        cache: FrameCache | None = None,
    ) -> None:
        super().__init__(read, n_frames, shape, dtype, cache)
        self._changed: dict[int, Array] = {}
        self._writes: dict[int, int] = {}

    def frame(self, n: int) -> Array:
        """Give one frame as it is now, shape (y, x)."""
        changed = self._changed.get(n)
        return super().frame(n) if changed is None else changed

    def original(self, n: int) -> Array:
        """Give one frame as it was read."""
        return super().frame(n)

    def set_frame(self, n: int, values: Array) -> None:
        """Replace one frame."""
        self._writable(n)[...] = values

    def __getitem__(self, key: Any) -> Any:
        # A copy: a viewer paints into the slice that it shows as well as into the array.
        return np.array(super().__getitem__(key))

    def writes(self) -> dict[int, int]:
        """Tell which frames were written into, and how often."""
        return dict(self._writes)

    def _writable(self, n: int) -> Array:
        self._writes[n] = self._writes.get(n, 0) + 1
        if n not in self._changed:
            self._changed[n] = super().frame(n).copy()
        return self._changed[n]

    def __setitem__(self, key: Any, value: Any) -> None:
        first, rest = _split(key)
        if isinstance(first, int | np.integer):
            self._writable(int(first) % self.shape[0])[rest] = value
            return
        if isinstance(first, slice):
            numbers = range(*first.indices(self.shape[0]))
            inside = np.broadcast_to(np.zeros((), self.dtype), self.shape[1:])[rest].shape
            values = np.broadcast_to(np.asarray(value, self.dtype), (len(numbers), *inside))
            for n, one in zip(numbers, values, strict=True):
                self._writable(n)[rest] = one
            return
        index = np.broadcast_arrays(*(np.asarray(part) for part in (first, *rest)))
        values = np.broadcast_to(np.asarray(value, self.dtype), index[0].shape)
        for n in np.unique(index[0]):
            hit = index[0] == n
            self._writable(int(n))[tuple(part[hit] for part in index[1:])] = values[hit]


def empty_stack(shape: tuple[int, ...], dtype: Any) -> LazyStack:
    """Give a stack of nothing, shape (time, y, x), for masks that are still to come."""
    return LazyStack(lambda n: None, shape[0], (shape[1], shape[2]), dtype)


class SwappableStack(_StackShape):
    """The stack that a layer shows now, behind an array that stays the same.

    A layer that is given another array makes its viewer think about dimensions and extents anew.
    The next well is as large as the last: the layer keeps this array and only looks at it again.
    Whoever works on the pixels for longer asks for the stack that is shown `now`.
    """

    def __init__(self, stack: LazyStack) -> None:
        self._stack = stack
        self.shape, self.dtype = stack.shape, stack.dtype

    def now(self) -> LazyStack:
        """Give the stack that is shown now."""
        return self._stack

    def like(self, stack: LazyStack) -> bool:
        """Tell whether a stack can take the place of what is shown."""
        return self.shape == stack.shape and self.dtype == stack.dtype

    def swap(self, stack: LazyStack) -> None:
        """Show another stack of the same shape and type."""
        if not self.like(stack):
            raise ValueError(f"a stack of shape {stack.shape} in place of {self.shape}")
        self._stack = stack

    def __getitem__(self, key: Any) -> Any:
        return self._stack[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        if not isinstance(self._stack, MaskStack):
            raise TypeError("the pixels of an image file can't be changed")
        self._stack[key] = value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return self._stack.__array__(dtype, copy)


def pixels_of(layer: Any) -> Any:
    """Give the array behind a layer, one that stays what it is whatever the layer shows next.

    Of a pyramid its full resolution: what is measured must not depend on how far one has zoomed.
    """
    if getattr(layer, "multiscale", False):
        return layer.data[0]
    return layer.data.now() if isinstance(layer.data, SwappableStack) else layer.data


def _split(key: Any) -> tuple[Any, tuple[Any, ...]]:
    """Index of the frame, and indices inside it."""
    if not isinstance(key, tuple):
        key = (key,)
    at = next((n for n, part in enumerate(key) if part is Ellipsis), None)
    if at is not None:
        missing = 3 - (len(key) - 1)
        key = (*key[:at], *([slice(None)] * missing), *key[at + 1 :])
    first, *rest = key
    if isinstance(first, list):
        first = np.asarray(first)
    if isinstance(first, np.ndarray) and first.ndim == 0:
        first = int(first)
    return first, tuple(rest)
