"""Names of files without the files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from spheroid_qc.frames import frame_table as module
from spheroid_qc.frames.file_tree import FileTree
from spheroid_qc.frames.frame_table import FrameTable, frame_table
from spheroid_qc.parameters import PlateParameters

Read = Callable[..., FrameTable]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """Read names as the files of a folder `Exp`, without writing them."""

    def read_them(names: Iterable[str], pattern: str | None = None) -> FrameTable:
        files = tuple((name, size) for size, name in enumerate(sorted(set(names))))
        monkeypatch.setattr(module, "list_folder", lambda folder: FileTree(files, ()))
        return frame_table(Path("/somewhere/Exp"), PlateParameters(name_pattern=pattern))

    return read_them
