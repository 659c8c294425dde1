"""Which adapter a run uses: the run folder's own, or one that was learned on an earlier plate.

It lies in the run folder as `adapter.npz`, `run.json` holds its digest, and the signatures of all
timepoints depend on it: with another one every mask is made anew, and corrected masks are kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from spheroid_qc.atomic import atomic_path
from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import Method, Parameters
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.run_json import adapter_digest, table_input
from spheroid_qc.storage import MAX_TABLE_BYTES, read_plain

if TYPE_CHECKING:
    from spheroid_qc.run.run_request import PlannedRun
    from spheroid_qc.segmentation import Adapter


def choose_adapter(
    run: RunFolder, given: Path | None, parameters: Parameters
) -> tuple[Adapter | None, dict[str, Any] | None]:
    """Read the adapter that a run uses.

    Parameters
    ----------
    run : RunFolder
        An `adapter.npz` in it is used without being named.
    given : Path or None
        The one that was asked for.
    parameters : Parameters
        All settings.

    Returns
    -------
    adapter : Adapter or None
    entry : dict or None
        What `run.json` says of it.

    Raises
    ------
    RequestError
        If it can't be used: no adapter, fitted for other weights, of no use to rules, or not the
        one that an old run folder was made with.
    """
    path = given if given is not None else run.adapter
    if given is None and not run.adapter.is_file():
        return None, None
    from spheroid_qc.segmentation import read_adapter

    adapter = read_adapter(path)
    entry = table_input(path)
    if parameters.segmentation.method is Method.CLASSICAL:
        raise RequestError(
            f"The adapter {path} corrects the network, which the method 'classical' does not use; "
            "choose the method 'auto' or 'learned', or leave the adapter away."
        )
    known = kept_digest(run)
    if run.run_json.is_file() and known != adapter_digest({"adapter": entry}):
        had = "with another adapter" if known else "without an adapter"
        raise RequestError(
            f"{run.root} was made {had}, and {path} makes other masks; choose a new --out folder, "
            "or leave --adapter away."
        )
    return adapter, entry


def kept_digest(run: RunFolder) -> str:
    """SHA-256 of the adapter that lies in a run folder; empty where none does."""
    return adapter_digest({"adapter": table_input(run.adapter if run.adapter.is_file() else None)})


def adapter_notes(run: RunFolder, entry: dict[str, Any] | None) -> list[str]:
    """Say that an adapter is used, and whether an old run's masks are made anew for it."""
    old = run.read_run()
    now = adapter_digest({"adapter": entry})
    notes = []
    if entry is not None:
        notes.append(
            f"The network is corrected by {entry['path']}, which learned from masks that were "
            "corrected by hand."
        )
    if old is not None and adapter_digest(old) != now:
        what = "is new or has changed" if now else "is not there any more"
        notes.append(
            f"{run.adapter.name} in {run.root} {what}, so all masks are made anew; corrected "
            "masks are kept."
        )
    return notes


def place_adapter(planned: PlannedRun) -> None:
    """Put the adapter that was asked for into the run folder, where the next run finds it.

    `RequestError` if its file has changed since it was read.
    """
    given, run = planned.request.adapter, planned.run
    if given is None or (run.adapter.is_file() and given.samefile(run.adapter)):
        return
    content = table_input(given)
    if content != planned.context["adapter"]:
        raise RequestError(f"{given} has changed since it was read; run the same command again.")
    with atomic_path(run.adapter, durable=True) as temporary:
        temporary.write_bytes(read_plain(given, MAX_TABLE_BYTES))
