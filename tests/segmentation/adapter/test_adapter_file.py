"""An adapter's file is read as carefully as any file of a user's."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spheroid_qc.errors import RequestError
from spheroid_qc.segmentation import Adapter, read_adapter
from spheroid_qc.segmentation.adapter import write_adapter
from spheroid_qc.segmentation.learned.network import weights_sha256


def made(**other: Any) -> Adapter:
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        "centre": rng.normal(size=48).astype(np.float32),
        "spread": np.ones(48, np.float32),
        "change": rng.normal(size=(2, 49)).astype(np.float32),
        "frames": rng.normal(size=(3, 28)).astype(np.float32),
    }
    return Adapter(**({"weights_sha256": weights_sha256()} | arrays | other))


def test_it_comes_back_as_it_was_and_the_same_is_the_same_bytes(tmp_path) -> None:
    adapter = made()
    write_adapter(tmp_path / "a.npz", adapter)
    write_adapter(tmp_path / "b.npz", adapter)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    found = read_adapter(tmp_path / "a.npz")
    for name in ("centre", "spread", "change", "frames"):
        assert getattr(found, name).tobytes() == getattr(adapter, name).tobytes()
    assert found.weights_sha256 == adapter.weights_sha256


def test_other_weights_are_refused(tmp_path) -> None:
    write_adapter(tmp_path / "a.npz", made(weights_sha256="0" * 64))
    with pytest.raises(RequestError, match=r"other weights of the network.*adapt again"):
        read_adapter(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"centre": np.zeros(3, np.float32)}, "centre"),
        ({"change": np.full((2, 49), np.nan, np.float32)}, "not finite"),
        ({"change": np.full((2, 49), 1e30, np.float32)}, "far too large"),
        ({"spread": np.zeros(48, np.float32)}, "not above zero"),
        ({"frames": np.zeros((0, 28), np.float32)}, "no frame"),
        ({"frames": np.zeros((3, 5), np.float32)}, "frames"),
    ],
)
def test_arrays_of_another_make_are_refused(tmp_path, other, reason) -> None:
    write_adapter(tmp_path / "a.npz", made(**other))
    with pytest.raises(RequestError, match=reason):
        read_adapter(tmp_path / "a.npz")


def test_files_of_another_kind_are_refused(tmp_path) -> None:
    path = tmp_path / "a.npz"
    write_adapter(path, made())
    whole = path.read_bytes()
    for content in (b"", b"no archive", whole[:200], whole[:-30]):
        path.write_bytes(content)
        with pytest.raises(RequestError, match=r"a\.npz is not an adapter"):
            read_adapter(path)
    np.savez(path, format=np.array(1))
    with pytest.raises(RequestError, match="weights_sha256 is missing"):
        read_adapter(path)
    np.save(tmp_path / "b.npy", np.zeros(3))
    with pytest.raises(RequestError, match="is not an adapter"):
        read_adapter(tmp_path / "b.npy")
    with pytest.raises(RequestError, match="can't be opened"):
        read_adapter(tmp_path / "none.npz")
    with pytest.raises(RequestError, match="can't be opened"):
        read_adapter(tmp_path)


class Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_nothing_in_it_is_ever_run_or_unpacked_without_measure(tmp_path) -> None:
    path, trace = tmp_path / "a.npz", tmp_path / "was_here"
    np.savez(path, format=np.array([Evil(trace)], dtype=object))
    with pytest.raises(RequestError, match="is not an adapter"):
        read_adapter(path)
    path.write_bytes(pickle.dumps(Evil(trace)))
    with pytest.raises(RequestError, match="is not an adapter"):
        read_adapter(path)
    assert not trace.exists()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("centre.npy", b"\0" * 50_000_000)
    assert path.stat().st_size < 100_000
    with pytest.raises(RequestError, match="too large"):
        read_adapter(path)
