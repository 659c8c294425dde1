"""Many plates: a run folder for each, and what they say side by side.

Each plate is an ordinary run, with the same bytes as if it had been run alone. One that can't be
analysed is named and the others go on; called again, everything goes on where it stopped. The
summary is made from the tables of the runs, and only when one of them changed.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spheroid_qc import __version__
from spheroid_qc.atomic import TEMPORARY, output_error, write_json
from spheroid_qc.errors import OutputError, RequestError, SpheroidQCError
from spheroid_qc.run.progress import Progress
from spheroid_qc.run.run_request import RunRequest
from spheroid_qc.run.store.run_folder import MAX_RUN_JSON, RunFolder
from spheroid_qc.storage import names_inside, read_plain, real_path
from spheroid_qc.wording import plural
from spheroid_qc.workflow.plates_together import analyse_plates_together
from spheroid_qc.workflow.run_and_report import PlateResult, carry_out

if TYPE_CHECKING:
    from spheroid_qc.analysis.campaign_tables import CampaignPlate

CAMPAIGN_JSON = "campaign.json"
"""Which plate has which run folder; marks a folder as a campaign of ours."""

PAGE = "campaign.html"
TOGETHER = "together"
"""Folder of the analysis of all plates as replicates of each other."""

_TABLES = {
    "plates": "campaign.csv",
    "drift": "campaign_drift.csv",
    "conditions": "campaign_conditions.csv",
    "quality": "campaign_quality.csv",
}
_OURS = frozenset({CAMPAIGN_JSON, PAGE, TOGETHER, *_TABLES.values()})


@dataclass(frozen=True)
class PlateOutcome:
    """What became of one of the folders.

    Parameters
    ----------
    source : Path
        Folder of images.
    run : str
        Its run folder below the campaign's.
    result : PlateResult or None
        None where it could not be analysed.
    sentence : str
        Why it could not; empty otherwise.
    """

    source: Path
    run: str
    result: PlateResult | None
    sentence: str = ""


@dataclass(frozen=True)
class CampaignResult:
    """What a campaign left behind.

    Parameters
    ----------
    out : Path
        Folder of the campaign.
    outcomes : tuple of PlateOutcome
        In the order in which folders were given.
    tables : dict of str to Path
        Name -> CSV file.
    page : Path
        The page that links the plates' reports.
    answer : tuple of str
        What stands out, in sentences.
    failures : tuple of str
        Sentences on plates that could not be analysed, and on the summary.
    """

    out: Path
    outcomes: tuple[PlateOutcome, ...]
    tables: dict[str, Path]
    page: Path
    answer: tuple[str, ...]
    failures: tuple[str, ...]


def run_campaign(
    folders: Sequence[Path],
    out: Path,
    request: RunRequest,
    progress: Callable[[Progress], None] | None = None,
    told: Callable[[int, PlateOutcome], None] = lambda number, outcome: None,
    carry: Callable[..., PlateResult] = carry_out,
) -> CampaignResult:
    """Analyse many plates, and compare them.

    Parameters
    ----------
    folders : sequence of Path
        One folder of images a plate, in the order in which plates are compared.
    out : Path
        Folder of the campaign; an earlier campaign in it is continued.
    request : RunRequest
        What all plates are asked for; `folder` and `out` are each plate's own. A plate map that
        is not a file is looked for by that name in every folder.
    progress : callable, optional
        Called with a `Progress` from this thread.
    told : callable
        Called with number and outcome of each plate when it is done.
    carry : callable
        What analyses one plate.

    Returns
    -------
    CampaignResult

    Raises
    ------
    RequestError
        If the request is wrong as a whole, or not one of the plates can be analysed.
    OutputError
        If the summary can't be written.
    """
    places = _places(folders, out)
    maps = {folder: _map_of(folder, request.plate_map) for folder in folders}
    with RunFolder(out).locked():
        try:
            outcomes = []
            for number, (folder, name) in enumerate(places.items(), start=1):
                own = replace(request, folder=folder, out=out / name, plate_map=maps[folder])
                outcome = _one_plate(own, name, progress, carry)
                outcomes.append(outcome)
                new = not (out / CAMPAIGN_JSON).is_file() or _key(folder.resolve()) not in _known(
                    out
                )
                if new and outcome.result is not None:
                    # From now on it is known which run folder is whose, whatever happens.
                    _remember(out, {folder: name})
                told(number, outcome)
            if all(one.result is None for one in outcomes):
                raise RequestError(
                    "None of the plates could be analysed. "
                    + " ".join(one.sentence for one in outcomes)
                )
            return _summarised(out, outcomes, request)
        except OSError as error:
            raise output_error(out, error) from error


def _places(folders: Sequence[Path], out: Path) -> dict[Path, str]:
    """Say which run folder each plate has: that of an earlier call, else one named like it."""
    resolved = {}
    for folder in folders:
        real = real_path(folder)
        if real in resolved:
            raise RequestError(f"{folder} is given twice; name each plate once.")
        if real_path(out) == real or real_path(out).is_relative_to(real):
            raise RequestError(
                f"The campaign can't go into {out}, which lies in the image folder {folder}; "
                "choose another --campaign folder."
            )
        resolved[real] = folder
    known = _known(out)
    taken = set(known.values()) | _OURS
    alike = Counter(_named(real) for real in resolved)
    places = {}
    for real, folder in resolved.items():
        key = _key(real)
        name = known.get(key)
        if name is None:
            name = _named(real)
            if alike[name] > 1 or name in taken or name.startswith("."):
                digest = hashlib.blake2b(key.encode(), digest_size=4).hexdigest()
                name = f"{name.lstrip('.')}_{digest}"
            taken.add(name)
        places[folder] = name
    return places


def _named(real: Path) -> str:
    name = real.name.encode("utf-8", "backslashreplace").decode().replace("\\", "_")
    return "".join(c if c.isprintable() else "_" for c in name)[:120].strip() or "plate"


def _key(real: Path) -> str:
    return str(real).encode("utf-8", "backslashreplace").decode()


def _known(out: Path) -> dict[str, str]:
    """Read which plate has which run folder; refuses a folder that is not a campaign's."""
    if out.exists() and not out.is_dir():
        raise RequestError(f"{out} is a file, not a folder; choose another --campaign folder.")
    path = out / CAMPAIGN_JSON
    if not path.is_file():
        others = [
            found.name
            for found in (sorted(out.iterdir()) if out.is_dir() else ())
            # A campaign that was killed before its end has run folders only.
            if found.name != ".lock" and TEMPORARY not in found.name and not _is_run(found)
        ]
        if others or RunFolder(out).run_json.is_file():
            raise RequestError(
                f"{out} holds files of something else (such as {(others or ['run.json'])[0]!r}) "
                "and no campaign.json; choose an empty or new --campaign folder."
            )
        return _found_runs(out)
    try:
        content = json.loads(read_plain(path, MAX_RUN_JSON).decode("utf-8"))
        runs = {str(key): str(name) for key, name in content["runs"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RequestError(
            f"{path} can't be read ({error}); restore the file or choose a new --campaign folder."
        ) from error
    if not all(names_inside(name) and Path(name).name == name for name in runs.values()):
        raise RequestError(
            f"{path} names run folders outside of the campaign's; restore the file or choose a new "
            "--campaign folder."
        )
    return runs


def _is_run(folder: Path) -> bool:
    """Tell whether a folder is a run folder, or one that was begun and holds nothing yet."""
    if RunFolder(folder).run_json.is_file():
        return True
    return folder.is_dir() and {found.name for found in folder.iterdir()} <= {".lock"}


def _found_runs(out: Path) -> dict[str, str]:
    """Run folders of a campaign that was stopped before it could write which is whose."""
    found = {}
    for folder in sorted(out.iterdir()) if out.is_dir() else ():
        if folder.is_dir():
            known = RunFolder(folder).read_run() or {}
            if isinstance(known.get("source"), str):
                found[_key(Path(known["source"]).resolve())] = folder.name
    return found


def _remember(out: Path, places: Mapping[Path, str], **more: Any) -> None:
    runs = _known(out) | {_key(folder.resolve()): name for folder, name in places.items()}
    before = _last(out)
    kept = {name: before.get(name) for name in ("state", "answer", "failures")} | more
    write_json(
        out / CAMPAIGN_JSON,
        {"program": "spheroid_qc", "version": __version__, **kept, "runs": runs},
    )


def _map_of(folder: Path, plate_map: Path | None) -> Path | None:
    """Find the plate map of a plate: the file that was named, or one of that name in its folder."""
    if plate_map is None or plate_map.exists() or plate_map.is_absolute():
        return plate_map
    own = folder / plate_map
    return own if own.is_file() else plate_map


def _one_plate(
    request: RunRequest,
    name: str,
    progress: Callable[[Progress], None] | None,
    carry: Callable[..., PlateResult],
) -> PlateOutcome:
    """Analyse one plate; whatever is wrong with it costs the others nothing."""
    try:
        return PlateOutcome(request.folder, name, carry(request, progress))
    except SpheroidQCError as error:
        return PlateOutcome(request.folder, name, None, str(error))
    except MemoryError:
        sentence = "There was not enough memory; run the same command again with fewer --workers."
        return PlateOutcome(request.folder, name, None, sentence)
    except OSError as error:
        return PlateOutcome(request.folder, name, None, str(output_error(request.out, error)))
    except Exception as error:  # a fault of ours in one plate must not cost the campaign
        sentence = (
            f"Something went wrong that should not have ({type(error).__name__}: {error}); run "
            "this plate alone with SPHEROID_QC_TRACEBACK=1 and report what it prints."
        )
        return PlateOutcome(request.folder, name, None, sentence)


def _summarised(
    out: Path,
    outcomes: Sequence[PlateOutcome],
    request: RunRequest,
) -> CampaignResult:
    """Write tables and page of the whole campaign, if anything changed in it."""
    tables = {name: out / file for name, file in _TABLES.items()}
    failures = [
        f"Plate {one.source}: {sentence}"
        for one in outcomes
        for sentence in (
            [one.sentence] if one.sentence else one.result.failures if one.result else ()
        )
    ]
    state = _state(out, outcomes, request)
    known = _last(out)
    made = all(path.is_file() for path in (*tables.values(), out / PAGE))
    if made and known.get("state") == state:
        answer = tuple(str(text) for text in known.get("answer") or ())
        more = [str(text) for text in known.get("failures") or ()]
        return CampaignResult(out, tuple(outcomes), tables, out / PAGE, answer, (*failures, *more))
    answer, more = _write_summary(out, outcomes, request, tables)
    if not more:
        _remember(out, {}, state=state, answer=list(answer), failures=more)
    return CampaignResult(out, tuple(outcomes), tables, out / PAGE, answer, (*failures, *more))


def _last(out: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_plain(out / CAMPAIGN_JSON, MAX_RUN_JSON).decode("utf-8"))
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError, RecursionError):
        return {}


def _state(out: Path, outcomes: Sequence[PlateOutcome], request: RunRequest) -> str:
    """Digest of the tables that the summary is made from, and of how."""
    digest = hashlib.blake2b(digest_size=16)
    asked = [__version__, request.parameters.model_dump(mode="json")]
    digest.update(json.dumps(asked).encode())
    for one in outcomes:
        digest.update(repr((one.run, str(one.source), one.sentence)).encode("utf-8", "replace"))
        for name in ("wells", "qc", "plate_quality"):
            path = RunFolder(out / one.run).table(name)
            if path.is_file():
                content = read_plain(path, MAX_RUN_JSON)
                digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def _write_summary(
    out: Path,
    outcomes: Sequence[PlateOutcome],
    request: RunRequest,
    tables: Mapping[str, Path],
) -> tuple[tuple[str, ...], list[str]]:
    """Write tables and page; gives what stands out, and what could not be made."""
    import pandas as pd

    from spheroid_qc.analysis.campaign_tables import campaign_tables
    from spheroid_qc.analysis.verdict.campaign_sentences import campaign_sentences
    from spheroid_qc.parameters import Assay
    from spheroid_qc.report.campaign_page import (
        CampaignEntry,
        leading_metric,
        views_by_plate,
        write_campaign_page,
    )
    from spheroid_qc.tables.csv_writer import write_table

    plates = _plates(out, outcomes)
    found = campaign_tables(plates, request.parameters.response.time_h)
    for name, path in tables.items():
        write_table(path, getattr(found, name))
    wells = pd.concat([one.wells.assign(plate=one.name) for one in plates], ignore_index=True)
    sentences = campaign_sentences(found)
    together, more = _together(out, plates, request)
    metric = leading_metric(wells, spheres=request.parameters.plate.assay is Assay.SPHERES)
    views = views_by_plate(wells, metric, request.parameters.response.time_h)
    entries = []
    for one in outcomes:
        own = [plate.name for plate in plates if plate.run == one.run]
        reported = (out / one.run / "report.html").is_file()
        entries += [
            CampaignEntry(name, one.run, reported, one.sentence, views.get(name))
            for name in own or [one.run]
        ]
    write_campaign_page(
        out / PAGE, out.resolve().name, entries, found, metric, sentences,
        together=TOGETHER if together else "",
        files=[path.name for path in tables.values()],
    )  # fmt: skip
    return tuple(sentences), more


def _plates(out: Path, outcomes: Sequence[PlateOutcome]) -> list[CampaignPlate]:
    """Read the tables of all runs; also of one that failed now and was finished before."""
    import pandas as pd

    from spheroid_qc.analysis.campaign_tables import CampaignPlate
    from spheroid_qc.run.tables.tables_read_back import read_run_tables
    from spheroid_qc.tables.csv_writer import read_table

    found = []
    for one in outcomes:
        run = RunFolder(out / one.run)
        try:
            read = read_run_tables(run)
        except RequestError:
            continue
        path = run.table("plate_quality")
        quality = read_table(path, text=_QUALITY_TEXT) if path.is_file() else pd.DataFrame()
        names = sorted(str(plate) for plate in read.wells["plate"].unique())
        for plate in names:
            name = one.run if len(names) == 1 else f"{one.run} / {plate}"
            wells, figures, qc = (
                table[table["plate"] == plate] if len(table) else table
                for table in (read.wells, quality, read.qc)
            )
            found.append(CampaignPlate(name, one.run, plate, wells, figures, qc))
    return found


_QUALITY_TEXT = (
    "plate", "statistic", "metric", "compared", "bound", "meets_bound", "cannot_tell", "note",
)  # fmt: skip


def _together(
    out: Path, plates: Sequence[CampaignPlate], request: RunRequest
) -> tuple[bool, list[str]]:
    """Analyse replicate plates together, as one run with several plates; whether that was done."""
    mapped = [one for one in plates if (one.wells["role"] != "unmapped").any()]
    runs = list(dict.fromkeys(out / one.run for one in mapped))
    if len(runs) < 2:
        return False, []
    try:
        analyse_plates_together(runs, out / TOGETHER, request.parameters)
    except OutputError:
        raise
    except SpheroidQCError as error:
        return False, [f"The {plural(len(runs), 'plate')} together: {error}"]
    return True, []
