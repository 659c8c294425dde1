"""`run.json`: what was analysed with what; and whether an old run folder still fits."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from spheroid_qc import __version__
from spheroid_qc.atomic import write_json
from spheroid_qc.configuration.settings import difference, needs_new_masks
from spheroid_qc.configuration.validation import validated
from spheroid_qc.errors import RequestError
from spheroid_qc.frames.frame_table import FrameTable
from spheroid_qc.parameters import Parameters
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.storage import MAX_TABLE_BYTES, read_plain

_LIBRARIES = (
    "numpy",
    "scipy",
    "scikit-image",
    "pandas",
    "tifffile",
    "imagecodecs",
    "pillow",
    "onnxruntime",
)


def check_same_run(run: RunFolder, source: Path, parameters: Parameters, table: FrameTable) -> None:
    """Refuse to continue a run whose masks or measurements would come out differently.

    The `RequestError` names every difference, or says that the folder belongs to other images or
    another version.
    """
    old = run.read_run()
    if old is None:
        return
    if old.get("version") != __version__:
        raise RequestError(
            f"{run.root} was made by spheroid_qc {old.get('version')}, and this is {__version__}; "
            "masks of two versions must not be mixed: choose a new --out folder."
        )
    try:
        before = validated(old["parameters"], lambda _: str(run.run_json))
    except RequestError as error:
        raise RequestError(
            f"{run.run_json} holds parameters that this version does not know ({error}); choose a "
            "new --out folder."
        ) from error
    changed = needs_new_masks(before, parameters)
    if changed:
        sentences = [
            s for s in difference(before, parameters) if any(s.startswith(key) for key in changed)
        ]
        raise RequestError(
            f"{run.root} was made with other settings, with which masks or measurements come out "
            "differently: "
            + "; ".join(s.rstrip(".") for s in sentences or changed)
            + ". Choose a new --out folder, or go back to the old settings."
        )
    known = {entry["path"] for entry in old.get("inputs", ())}
    if known and not known & {frame.path for frame in table.frames}:
        raise RequestError(
            f"{run.root} holds the results of other images (such as {sorted(known)[0]}), none of "
            f"which is in {source}; choose a new --out folder."
        )


def write_run_json(
    run: RunFolder,
    context: Mapping[str, Any],
    table: FrameTable,
    hashes: Mapping[str, str],
    *,
    status: str,
) -> None:
    """Write version, parameters, inputs, libraries and times; `status` is `running` or `done`.

    `context` holds `source`, `plate_map`, `join` and `adapter` (from `table_input`), `parameters`,
    `started` (seconds since the epoch), `illumination` (from `write_illumination`) and `methods`
    (from `plate_methods`), or what an earlier run says of these; `hashes` the SHA-256 of inputs by
    path, in hexadecimal, as far as known.
    """
    sizes = {frame.path: frame.size for frame in table.frames}
    started = datetime.fromtimestamp(context["started"], UTC)
    parameters: Parameters = context["parameters"]
    done = status == "done"
    content = {
        "program": "spheroid_qc",
        "version": __version__,
        "status": status,
        "source": str(context["source"]),
        "plate_map": context["plate_map"],
        "join": context["join"],
        "adapter": context["adapter"],
        "parameters": parameters.model_dump(mode="json"),
        "illumination": context.get("illumination"),
        "methods": context.get("methods"),
        "libraries": library_versions(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds") if done else None,
        # A clock may have been set back meanwhile.
        "seconds": max(0.0, round(time.time() - context["started"], 1)) if done else None,
    }

    def inputs() -> Iterator[dict[str, Any]]:
        for path in sorted(sizes):
            yield {"path": path, "size": sizes[path], "sha256": hashes.get(path)}

    write_json(run.run_json, content, inputs=inputs())


def adapter_digest(run: Mapping[str, Any] | None) -> str:
    """SHA-256 of the adapter that a run was made with, as its `run.json` says; empty if none."""
    entry = (run or {}).get("adapter")
    return str(entry.get("sha256") or "") if isinstance(entry, dict) else ""


def table_input(path: str | Path | None) -> dict[str, Any] | None:
    """Say which plate map, table of end points or adapter was read: `path`, `size`, `sha256`.

    `RequestError` if the file can't be read any more.
    """
    if path is None:
        return None
    try:
        content = read_plain(Path(path), MAX_TABLE_BYTES)
    except OSError as error:
        raise RequestError(
            f"{path} can't be opened any more ({error.strerror}); check the file."
        ) from error
    return {
        "path": str(path),
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def library_versions() -> dict[str, str | None]:
    """Versions of the libraries that numbers depend on; None for one that is not installed."""
    return {name: _version(name) for name in _LIBRARIES}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
