"""Everything in one call: a run with its drug response, or drug response of what is there.

The command line, Python and napari call these two functions, so that all of them get the same
tables, the same report and the same words.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from spheroid_qc.atomic import output_error
from spheroid_qc.errors import OutputError, RequestError, SpheroidQCError
from spheroid_qc.parameters import Parameters
from spheroid_qc.run.executor import Executor
from spheroid_qc.run.progress import Progress, report_progress
from spheroid_qc.run.run_images import analyse_images, mark_done
from spheroid_qc.run.run_request import PlannedRun, RunRequest, default_out, plan_run
from spheroid_qc.run.store.finished_run import FinishedRun, remember_run, remembered_run
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.worker_processes import Workers, default_workers
from spheroid_qc.stopwatch import Work, taken, timed
from spheroid_qc.storage import real_path

if TYPE_CHECKING:
    from spheroid_qc.analysis import Analysis
    from spheroid_qc.analysis.plate_alarms import PlateAlarm
    from spheroid_qc.report.watched_page import WatchedPage
    from spheroid_qc.run.tables.write_tables import RunTables


TRIED_AGAIN = ("worker_died", "timed_out", "storage_failed")
"""Flags of frames that the next run tries again."""


@dataclass(frozen=True)
class PlateResult:
    """What a run and its analysis left behind.

    Parameters
    ----------
    out : Path
        The run folder.
    tables : dict of str to Path
        Name -> CSV file; with a plate map also those of the drug response.
    n_frames : int
        Frames (wells x times) in the tables that have an image.
    n_new : int
        Frames analysed now; the others were done before.
    failures : tuple of str
        Sentences on files that could not be read, used or analysed.
    notes : tuple of str
        Sentences on how things were understood.
    warnings : tuple of str
        What has to be said before anything else, for the top of a terminal: plates whose masks
        can't be right, and what to do. Empty where there is no such plate.
    answer : tuple of str
        What came out, in lines for a terminal: by condition, what is not trusted, and what the
        drugs do.
    reported : bool
        Whether there is a report in the run folder.
    profile : mapping of Work to float
        Seconds of processor time by kind of work, those of the workers included.
    """

    out: Path
    tables: dict[str, Path]
    n_frames: int
    n_new: int
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    answer: tuple[str, ...] = ()
    reported: bool = False
    profile: Mapping[Work, float] = field(default_factory=dict)
    _analyse: Callable[[], Analysis | None] = field(default=lambda: None, repr=False)

    @cached_property
    def analysis(self) -> Analysis | None:
        """Drug response; made anew from the tables where nothing was new.

        None without a plate map, or if it could not be made (then `failures` says why).
        """
        return self._analyse()


@dataclass(frozen=True)
class AnalysisResult:
    """What an analysis left behind.

    Parameters
    ----------
    out : Path
        Folder of the tables.
    tables : dict of str to Path
        Name -> file.
    analysis : Analysis
        The answer.
    failures : tuple of str
        Sentences on what could not be made, or is not in the answer.
    """

    out: Path
    tables: dict[str, Path]
    analysis: Analysis
    failures: tuple[str, ...] = ()


def run_plate(
    folder: str | Path,
    plate_map: str | Path | None = None,
    out: str | Path | None = None,
    parameters: Parameters | None = None,
    progress: Callable[[Progress], None] | None = None,
    *,
    join: str | Path | None = None,
    exclusions: str | Path | None = None,
    adapter: str | Path | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    path_map: Sequence[str] = (),
) -> PlateResult:
    """Analyse a folder of images, and with a plate map the drug response.

    Parameters
    ----------
    folder : str or Path
        Folder of images, with any number of folders in it.
    plate_map : str or Path, optional
        Plate map (CSV or XLSX).
    out : str or Path, optional
        Run folder; default: beside the images, named `<folder>_spheroid_qc`. An earlier run in
        it is continued.
    parameters : Parameters, optional
        Settings; default: all defaults.
    progress : callable, optional
        Called with a `Progress` from this thread.
    join : str or Path, optional
        Table of end-point values by plate and well.
    exclusions : str or Path, optional
        Table `plate, well, time_h, reason`; default: `exclusions.csv` in the run folder, if
        there is one.
    adapter : str or Path, optional
        What the network learned from corrections on an earlier plate of this microscope; default:
        `adapter.npz` in the run folder, if there is one.
    workers : int, optional
        Processes; default: one a processor. 0 works in this process. With a scheduler those that
        draw the report's pictures here.
    scheduler : str, optional
        Address of a scheduler of Dask, whose workers then do the wells (extra `cluster`).
    path_map : sequence of str
        `HERE=THERE`: folders of this computer and what the workers call them; default: the same.

    Returns
    -------
    PlateResult
        Where the tables are, what came out, and what could not be done.

    Raises
    ------
    RequestError
        If the request can't be carried out as a whole; nothing is written then.
    OutputError
        If the results can't be written; finished wells are kept.
    ClusterError
        If scheduler or workers are gone for good; finished wells are kept.

    Examples
    --------
    Two small wells of the demo plate at one time, in this process:

    >>> from dataclasses import replace
    >>> from spheroid_qc import run_plate
    >>> from spheroid_qc.samples import DEMO, write_plate
    >>> small = replace(DEMO, wells=DEMO.wells[:2], times_h=(0.0,), shape=(256, 256))
    >>> _ = write_plate("plate", small)
    >>> result = run_plate("plate", out="results", workers=0)
    >>> result.n_frames, result.failures
    (2, ())
    >>> (result.out / "wells.csv").is_file()
    True
    """
    source = Path(folder)
    request = RunRequest(
        folder=source,
        out=default_out(source) if out is None else Path(out),
        plate_map=None if plate_map is None else Path(plate_map),
        parameters=parameters or Parameters(),
        join=None if join is None else Path(join),
        workers=workers,
        exclusions=None if exclusions is None else Path(exclusions),
        adapter=None if adapter is None else Path(adapter),
        scheduler=scheduler,
        path_map=tuple(path_map),
    )
    return carry_out(request, progress)


def carry_out(
    request: RunRequest,
    progress: Callable[[Progress], None] | None = None,
    page: Callable[[tuple[PlateAlarm, ...]], WatchedPage] | None = None,
) -> PlateResult:
    """Analyse what was asked for; as `run_plate`, which says what is returned and raised.

    Parameters
    ----------
    request : RunRequest
        What is asked for.
    progress : callable, optional
        Called with a `Progress` from this thread.
    page : callable, optional
        While a folder is watched: is told the alarms and says what stands at the top of the page.
    """
    taken()
    with _executor(request) as pool:
        planned = plan_run(request, pool)
        pool.ready(request.folder, planned.table.frames[0].path)
        with planned.run.locked():
            known = remembered_run(planned) if page is None else None
            if known is not None:
                return _unchanged(planned, known, progress)
            try:
                tables, n_new, remarks, undone = analyse_images(planned, pool, progress)
                top = _alarmed(planned, tables, page)
                response, failures = _response(request, progress, top)
                failures = (*undone, *failures)
                mark_done(planned, tables)
                result = _result(planned, tables, n_new, response, failures)
                # What a worker died of, or could not be drawn, is tried once more next time.
                tried_again = tables.qc["code"].isin(TRIED_AGAIN).any()
                if page is None and not failures and not tried_again:
                    remember_run(planned, _said(result))
                # What happened on the way is said once.
                result = replace(result, notes=(*result.notes, *remarks))
            except OSError as error:
                raise output_error(request.out, error) from error
    return replace(result, profile=taken())


def _executor(request: RunRequest) -> Executor:
    """Choose who does the work: processes of this computer, or the workers of a scheduler."""
    step_s = request.parameters.limits.frame_seconds
    if request.scheduler is None:
        if request.path_map:
            raise RequestError(
                "--path-map says where workers on other computers find folders; name their "
                "--scheduler too."
            )
        return Workers(default_workers() if request.workers is None else request.workers, step_s)
    from spheroid_qc.run.cluster.dask_executor import Cluster, DaskExecutor
    from spheroid_qc.run.cluster.path_map import PathMap

    return DaskExecutor(Cluster(request.scheduler, PathMap.of(request.path_map)), step_s)


def _unchanged(
    planned: PlannedRun, known: FinishedRun, progress: Callable[[Progress], None] | None
) -> PlateResult:
    """Say once more what the last run ended with."""
    total, out = planned.n_frames, planned.request.out
    report_progress(progress, Progress("frames", total, total, 0.0, None))

    def analysed() -> Analysis | None:
        from spheroid_qc.analysis import analyse_run_folder

        return analyse_run_folder(out, planned.request.parameters) if known.reported else None

    return PlateResult(
        out=out,
        tables={name: out / file for name, file in known.tables.items()},
        n_frames=total,
        n_new=0,
        failures=known.failures,
        notes=known.notes,
        warnings=known.warnings,
        answer=known.answer,
        reported=known.reported,
        profile=taken(),
        _analyse=analysed,
    )


def _said(result: PlateResult) -> FinishedRun:
    return FinishedRun(
        tables={name: path.name for name, path in result.tables.items()},
        failures=result.failures,
        notes=result.notes,
        warnings=result.warnings,
        answer=result.answer,
        reported=result.reported,
    )


def _result(
    planned: PlannedRun,
    tables: RunTables,
    n_new: int,
    response: AnalysisResult | None,
    failures: tuple[str, ...],
) -> PlateResult:
    """Put everything that came out into words."""
    from spheroid_qc.analysis.verdict.left_out import left_out_lines
    from spheroid_qc.analysis.verdict.masks_that_do_not_fit import unfit_lines
    from spheroid_qc.analysis.verdict.run_summary import condition_lines
    from spheroid_qc.analysis.verdict.verdict_sentences import remarks, verdict_lines

    analysis = None if response is None else response.analysis
    survival = None if analysis is None else analysis.survival
    given = {} if planned.plate_map is None else planned.plate_map.given_units
    answer = [
        *condition_lines(tables.conditions, tables.wells, survival, given), "",
        *left_out_lines(tables.qc, tables.wells),
    ]  # fmt: skip
    return PlateResult(
        out=planned.request.out,
        tables=tables.paths | ({} if response is None else response.tables),
        n_frames=planned.n_frames,
        n_new=n_new,
        failures=(*planned.failures, *tables.failures, *failures),
        notes=(*planned.notes, *tables.notes, *(() if analysis is None else remarks(analysis))),
        warnings=tuple(unfit_lines(tables.unfit)),
        answer=(*answer, *(() if analysis is None else ("", *verdict_lines(analysis)))),
        reported=analysis is not None,
        _analyse=lambda: analysis,
    )


def _alarmed(
    planned: PlannedRun,
    tables: RunTables,
    page: Callable[[tuple[PlateAlarm, ...]], WatchedPage] | None,
) -> WatchedPage | None:
    """Write the alarms of a plate that is, or was, watched; gives what the page says at its top."""
    path = planned.run.table("alarms")
    if page is None and not path.is_file():
        return None
    from spheroid_qc.analysis.plate_alarms import alarm_table, plate_alarms
    from spheroid_qc.tables.csv_writer import write_table

    alarms = plate_alarms(tables.wells, planned.request.parameters)
    write_table(path, alarm_table(alarms))
    return None if page is None else page(alarms)


def _response(
    request: RunRequest,
    progress: Callable[[Progress], None] | None,
    top: WatchedPage | None = None,
) -> tuple[AnalysisResult | None, tuple[str, ...]]:
    """Analyse the drug response of finished tables; None and a sentence where that can't be."""
    from spheroid_qc.analysis import analyse_run_folder
    from spheroid_qc.analysis.analysis_files import clear_analysis

    if request.plate_map is None:
        clear_analysis(request.out)
        return None, ()
    try:
        with timed(Work.RESPONSE):
            answer = analyse_run_folder(request.out, request.parameters)
        result = write_answer(answer, request.out, request.workers, progress, top)
    except OutputError:
        raise
    except SpheroidQCError as error:
        # The images took hours: a response that can't be analysed must not undo them.
        clear_analysis(request.out)
        return None, (f"The drug response could not be analysed: {error}",)
    return result, result.failures


def analyse(
    source: str | Path,
    out: str | Path | None = None,
    response_is: str | None = None,
    response_unit: str | None = None,
    parameters: Parameters | None = None,
    response_column: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    workers: int | None = None,
    *,
    plate_map: str | Path | None = None,
    dose_scale: str | None = None,
    columns_are: str | None = None,
    columns: Sequence[str] = (),
) -> AnalysisResult:
    r"""Analyse the drug response of a run folder or of a table, and write the answer.

    Parameters
    ----------
    source : str or Path
        A run folder, a table of responses (CSV, TSV, XLSX) or a folder of such tables.
    out : str or Path, optional
        Folder of the answer; default: the run folder itself, or a folder beside the table.
    response_is, response_unit, response_column : str, optional
        What the response of a table is; see `analysis.analyse_table`.
    parameters : Parameters, optional
        Settings; default: those of the run, or all defaults.
    progress : callable, optional
        Called with a `Progress` while pictures of the report are drawn.
    workers : int, optional
        Processes that draw them; default: one a processor.
    plate_map, dose_scale, columns_are : str, optional
        What is in the wells of a table of values by well, the scale of doses, and what the columns
        of a wide table are; see `analysis.analyse_table`.
    columns : sequence of str
        What columns of a table are that tell rows apart: `NAME=stratum`, `NAME=ignore` ...

    Returns
    -------
    AnalysisResult
        Tables and the answer.

    Raises
    ------
    RequestError
        If the request can't be carried out; nothing is written then.
    OutputError
        If the answer can't be written.

    Examples
    --------
    Viability of one drug at six doses, from a table that any program may have made:

    >>> from pathlib import Path
    >>> from spheroid_qc import analyse
    >>> wells = [(0, 100), (0.1, 98), (0.3, 93), (1, 78), (3, 52), (10, 21), (30, 8)]
    >>> lines = [f"{'drug' if dose else ''},{dose},{viability}" for dose, viability in wells]
    >>> _ = Path("wells.csv").write_text("\n".join(["drug_1,dose_1_um,response", *lines]))
    >>> result = analyse("wells.csv", response_is="viability", response_unit="percent", workers=0)
    >>> round(float(result.analysis.dose_response["ec50_um"][0]), 1)
    3.1
    >>> sorted(path.name for path in result.out.glob("*.html"))
    ['report.html']
    """
    from spheroid_qc.analysis import analyse_run_folder, analyse_table
    from spheroid_qc.analysis.analysis_files import check_target, default_target
    from spheroid_qc.analysis.run_folder_analysis import is_run_folder

    place = Path(source)
    if not place.exists():
        raise RequestError(f"{place} does not exist; give a run folder or a table of responses.")
    if not is_run_folder(place):
        target = default_target(place) if out is None else Path(out)
        check_target(target, run_folder=False)
        answer = analyse_table(
            place, response_is, response_unit, parameters, response_column, dose_scale or "",
            columns_are or "", plate_map, columns,
        )  # fmt: skip
        return write_answer(answer, target, workers, progress)
    stated = {
        "--response-is": response_is, "--response-unit": response_unit,
        "--response-column": response_column, "--plate-map": plate_map,
        "--dose-scale": dose_scale, "--columns-are": columns_are,
        "--column": columns or None,
    }  # fmt: skip
    named = [name for name, value in stated.items() if value is not None]
    if named:
        raise RequestError(
            f"{named[0]} is about tables of responses; {place} is a run folder, whose responses "
            "come from images."
        )
    target = place if out is None else Path(out)
    own = real_path(target) == real_path(place)
    check_target(target, run_folder=own)
    with RunFolder(target).locked() if own else nullcontext():
        result = write_answer(analyse_run_folder(place, parameters), target, workers, progress)
    if not RunFolder(place).has_later_decisions():
        return result
    late = (
        f"{place} holds corrections, acceptances, exclusions or an adapter that were made after "
        "its tables, and they are not in this answer. Give the images to spheroid-qc run once more "
        "with the same --out, which segments nothing anew unless the network has learned since, "
        "and ends with the answer."
    )
    return replace(result, failures=(*result.failures, late))


def write_answer(
    answer: Analysis,
    target: Path,
    workers: int | None,
    progress: Callable[[Progress], None] | None,
    top: WatchedPage | None = None,
) -> AnalysisResult:
    """Write everything that an answer has: tables, and the page that shows them."""
    from spheroid_qc.analysis.analysis_files import REPORT, write_analysis
    from spheroid_qc.report import write_report

    begun = time.monotonic()

    def drawn(done: int, total: int) -> None:
        rate = done / max(time.monotonic() - begun, 1e-9)
        left = (total - done) / rate if rate else None
        report_progress(progress, Progress("pictures", done, total, rate, left))

    failures: list[str] = []
    try:
        tables = write_analysis(answer, target)
        try:
            with timed(Work.REPORT):
                write_report(answer, target, workers=workers, progress=drawn, watched=top)
        except (OSError, SpheroidQCError):
            raise
        except Exception as error:  # a fault of ours in a picture must not cost the tables
            if os.environ.get("SPHEROID_QC_TRACEBACK"):
                raise
            (target / REPORT).unlink(missing_ok=True)
            failures.append(
                f"{REPORT} could not be made ({type(error).__name__}: {error}); the tables are "
                "complete. Please report this with the tables."
            )
        return AnalysisResult(target, tables, answer, tuple(failures))
    except OSError as error:
        raise output_error(target, error) from error
