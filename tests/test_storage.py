"""Files that others named: only plain ones are opened, names stay in their folder, errors pass."""

from __future__ import annotations

import errno
import io
import os
import sys
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spheroid_qc import storage
from spheroid_qc.storage import (
    NotPlainError,
    files_below,
    inside,
    names_inside,
    open_plain,
    patiently,
    read_arrays,
    read_plain,
    taken_waits,
)

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="pipes, devices and links")


@pytest.fixture(autouse=True)
def forgotten():
    taken_waits()
    storage._waiting.gave_up = False


def test_a_plain_file_is_read_whole(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    assert read_plain(path, 5) == b"12345"
    (tmp_path / "empty").touch()
    assert read_plain(tmp_path / "empty", 5) == b""
    with pytest.raises(NotPlainError, match="MB are allowed") as raised:
        read_plain(path, 4)
    assert raised.value.too_large
    with pytest.raises(FileNotFoundError):
        read_plain(tmp_path / "nothing", 5)
    with pytest.raises(OSError, match="null"):
        read_plain(tmp_path / "a\0b", 5)


@POSIX
def test_pipes_devices_and_folders_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    begun = time.monotonic()
    for path in (tmp_path / "pipe", Path("/dev/zero"), Path("/dev/null"), tmp_path):
        with pytest.raises(NotPlainError) as raised:
            open_plain(path)
        assert raised.value.is_folder == (path == tmp_path)
    assert time.monotonic() - begun < 1


def test_a_file_that_grows_while_it_is_read_is_no_larger_than_allowed(tmp_path, monkeypatch):
    path = tmp_path / "log"
    path.write_bytes(b"x" * 10)
    monkeypatch.setattr(storage, "open_plain", lambda path: (io.BytesIO(b"x" * 1000), 10))
    with pytest.raises(NotPlainError, match="allowed"):
        read_plain(path, 100)


def test_a_file_that_never_ends_to_arrive_is_given_up(tmp_path, monkeypatch):
    class Slow(io.RawIOBase):
        def readable(self):
            return True

        def read(self, size=-1):
            return b"x"

    monkeypatch.setattr(storage, "open_plain", lambda path: (Slow(), 10))
    monkeypatch.setattr(storage, "MAX_READ_S", 0.05)
    with pytest.raises(OSError, match="too long"):
        read_plain(tmp_path / "x", 10**12)


@pytest.mark.parametrize("name", ["", "/x", "../x", "a/../../x", "a\0b", None, 5, "..", "a/.."])
def test_names_that_lead_out_are_not_joined(tmp_path, name):
    assert not names_inside(name)
    with pytest.raises((NotPlainError, TypeError)):
        inside(tmp_path / "masks", name)


@POSIX
def test_links_that_lead_out_are_not_followed(tmp_path):
    run = tmp_path / "run"
    (run / "masks").mkdir(parents=True)
    (tmp_path / "victim").mkdir()
    assert inside(run / "masks", "a/b.tif") == run / "masks" / "a" / "b.tif"
    (run / "masks" / "plate").symlink_to(tmp_path / "victim")
    with pytest.raises(NotPlainError, match="leads out"):
        inside(run / "masks", "plate/b.tif")
    # The run folder itself may lie wherever a link leads.
    (tmp_path / "link").symlink_to(run)
    assert inside(tmp_path / "link" / "masks", "b.tif").name == "b.tif"


def test_storage_that_fails_for_a_while_is_waited_for(monkeypatch):
    monkeypatch.setattr(storage, "_FIRST_PAUSE_S", 0.01)
    left = [3]

    def call():
        left[0] -= 1
        if left[0] >= 0:
            raise OSError(errno.EIO, "Input/output error")
        return "read"

    assert patiently(call, "A01.tif") == "read"
    waits = taken_waits()
    assert (waits.number, waits.first) == (1, "Input/output error, first at A01.tif")
    assert "did not answer once (Input/output error, first at A01.tif)" in waits.sentence()
    assert taken_waits().sentence() == ""


def test_what_does_not_pass_is_raised_at_once():
    def call():
        calls.append(1)
        raise PermissionError(errno.EACCES, "Permission denied")

    calls: list[int] = []
    with pytest.raises(PermissionError):
        patiently(call, "x")
    assert len(calls) == 1


def test_storage_that_is_gone_is_waited_for_once(monkeypatch):
    """A plate of a thousand frames must not wait a minute for each of them."""
    monkeypatch.setattr(storage, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(storage, "PATIENCE_S", 0.1)
    calls: list[int] = []

    def gone():
        calls.append(1)
        raise OSError(errno.ESTALE, "Stale file handle")

    for wanted in (6, 2, 2):
        calls.clear()
        with pytest.raises(OSError, match="Stale"):
            patiently(gone, "x")
        assert len(calls) <= wanted
    assert patiently(lambda: 1, "x") == 1
    calls.clear()
    with pytest.raises(OSError, match="Stale"):
        patiently(gone, "x")
    assert len(calls) > 2


def test_somebody_who_waits_for_storage_is_heard(monkeypatch):
    monkeypatch.setattr(storage, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(storage, "PATIENCE_S", 0.05)
    heard: list[int] = []
    storage.while_waiting(lambda: heard.append(1))
    try:
        with pytest.raises(OSError, match="x"):
            patiently(lambda: (_ for _ in ()).throw(OSError(errno.EIO, "x")), "x")
    finally:
        storage.while_waiting(lambda: None)
    assert heard


def test_a_file_comes_back_while_it_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "_FIRST_PAUSE_S", 0.05)
    path = tmp_path / "x"
    threading.Timer(0.2, lambda: path.write_bytes(b"1")).start()
    gone = (errno.ENOENT,)
    found = patiently(lambda: path.read_bytes(), path, lambda error: error.errno in gone)
    assert found == b"1"


def test_arrays_are_numbers_of_a_bounded_size(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, a=np.arange(3))
    assert read_arrays(path, 10_000)["a"].tolist() == [0, 1, 2]
    np.savez(path, a=np.array([{}], dtype=object))
    for damage in (b"", b"PK\x03\x04", path.read_bytes(), path.read_bytes()[:-20]):
        path.write_bytes(damage)
        with pytest.raises(ValueError):
            read_arrays(path, 10_000)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(1_000_000))
    with pytest.raises(ValueError, match="too large"):
        read_arrays(path, 10_000)


def test_files_below_a_folder_without_following_links(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x").touch()
    (tmp_path / "y").touch()
    assert sorted(entry.name for entry in files_below(tmp_path)) == ["x", "y"]
    assert list(files_below(tmp_path / "nothing")) == []
