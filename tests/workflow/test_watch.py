"""A folder that is watched: slow, unordered and dying writers, stops, restarts, alarms."""

from __future__ import annotations

import random
import shutil
import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from spheroid_qc import Parameters, run_plate
from spheroid_qc.errors import OutputError, RequestError
from spheroid_qc.run.run_request import RunRequest
from spheroid_qc.run.store.illumination_file import read_illumination
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.workflow import watch as watching
from spheroid_qc.workflow.watch import STOP, Round, watch_plate
from tests.run.conftest import draw, write

MAP = "well,drug,dose,unit,role\nB2,,,,vehicle\nB3,,,,vehicle\nC4,gemcitabine,1,uM,treated\n"


def settings(**more: object) -> Parameters:
    watch = {"look_seconds": 0.05, "idle_hours": 0.0, **more}
    return Parameters.model_validate({"watch": watch})


def tables(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("*.csv") if path.stem != "alarms"}


class Told(list):
    """Everything that was said, and when to stop."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self.rounds = rounds

    def stop(self) -> bool:
        return sum(isinstance(one, Round) for one in self) >= self.rounds


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three wells, twice, quickly analysed."""
    images = tmp_path_factory.mktemp("small") / "images"
    for n, well in enumerate(("B2", "B3", "C4")):
        for t in range(2):
            image = draw(14 + n - t, size=64, centre=(32, 32), seed=n + 7 * t)
            write(images / f"VID1_{well}_1_00d{6 * t:02d}h00m.tif", image)
    return images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "map.csv").write_text(MAP, "utf-8")
    return tmp_path / "images"


def asked(folder: Path, parameters: Parameters | None = None) -> RunRequest:
    return RunRequest(
        folder, folder.parent / "out", folder.parent / "map.csv", parameters or settings(),
        workers=0,
    )  # fmt: skip


@pytest.mark.slow
def test_a_writer_that_is_slow_unordered_and_dies(folder: Path, small: Path) -> None:
    names = sorted(path.name for path in small.iterdir())
    random.Random(3).shuffle(names)
    whole, torn = names[:-1], names[-1]

    def write() -> None:
        for name in names:
            content = (small / name).read_bytes()
            with (folder / name).open("wb") as file:
                for start in range(0, len(content), 4000):
                    file.write(content[start : start + 4000])
                    file.flush()
                    time.sleep(0.02)
                    if name == torn and start:
                        return
            time.sleep(0.3)

    writer = threading.Thread(target=write)
    writer.start()
    told: list[object] = []

    def stop() -> bool:
        rounds = [one for one in told if isinstance(one, Round)]
        return not writer.is_alive() and bool(rounds) and rounds[-1].result.n_frames == len(whole)

    result = watch_plate(asked(folder), told.append, stop=stop)
    writer.join()
    rounds = [one for one in told if isinstance(one, Round)]
    assert rounds
    # The half-written file is never damaged: it is not there.
    assert all(not one.result.failures for one in rounds)
    assert result.n_frames == len(whole)
    (failure,) = result.failures
    assert "1 file never became whole" in failure
    assert torn in failure
    assert "unreadable" not in (result.out / "qc.csv").read_text("utf-8")
    # As a run that was started when everything was there, but for the torn file.
    (folder / torn).unlink()
    fresh = run_plate(
        folder, folder.parent / "map.csv", folder.parent / "fresh", settings(), workers=0
    )
    assert tables(result.out) == tables(fresh.out)
    page = (result.out / "report.html").read_text("utf-8")
    assert page == (fresh.out / "report.html").read_text("utf-8").replace("fresh", "out")
    assert 'http-equiv="refresh"' not in page
    # What was torn is copied again: the ordinary run takes it up.
    shutil.copy(small / torn, folder / torn)
    after = run_plate(folder, folder.parent / "map.csv", result.out, settings(), workers=0)
    assert (after.n_frames, after.n_new, after.failures) == (len(names), 1, ())


def test_what_comes_at_the_very_end_is_not_read_as_damaged(folder: Path, small: Path) -> None:
    names = sorted(path.name for path in small.iterdir())
    for name in names[:-1]:
        shutil.copy(small / name, folder)

    told: list[object] = []

    def stop() -> bool:
        if not any(isinstance(one, Round) for one in told):
            return False
        content = (small / names[-1]).read_bytes()
        (folder / names[-1]).write_bytes(content[: len(content) // 2])
        return True

    result = watch_plate(asked(folder), told.append, stop=stop)
    assert sum(isinstance(one, Round) for one in told) == 1
    assert result.n_frames == len(names) - 1
    (failure,) = result.failures
    assert "1 file never became whole" in failure
    assert names[-1] in failure
    assert "unreadable" not in (result.out / "qc.csv").read_text("utf-8")


@pytest.mark.slow
def test_while_it_is_watched_the_page_says_so_and_renews_itself(
    folder: Path, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in small.glob("*00h00m.tif"):
        shutil.copy(path, folder)
    pages: list[str] = []
    told: list[object] = []

    def stop() -> bool:
        page = folder.parent / "out" / "report.html"
        if page.is_file() and len(pages) < sum(isinstance(one, Round) for one in told):
            pages.append(page.read_text("utf-8"))
            for path in small.glob("*06h00m.tif"):
                shutil.copy(path, folder)
        return len(pages) == 2

    monkeypatch.setattr(
        "spheroid_qc.workflow.watch.alarm_sentences", lambda alarms: ["<b>Out of focus & more."]
    )
    result = watch_plate(asked(folder), told.append, stop=stop)
    rounds = [one for one in told if isinstance(one, Round)]
    assert [one.result.n_frames for one in rounds] == [3, 6]
    assert [one.result.n_new for one in rounds] == [3, 3]
    # An alarm is said once, and stands on the page as long as it lasts.
    assert [len(one.fresh_alarms) for one in rounds] == [1, 0]
    for page in pages:
        assert '<meta http-equiv="refresh" content="2">' in page
        assert 'id="alarms"' in page
        assert "&lt;b&gt;Out of focus &amp; more." in page
        assert page.index('id="alarms"') < page.index("<h1")
    final = (result.out / "report.html").read_text("utf-8")
    assert "refresh" not in final.split("</head>")[0]
    assert 'id="alarms"' not in final
    assert (result.out / "alarms.csv").is_file()
    # The pictures of the first time were not drawn twice, and are those of a fresh run.
    fresh = run_plate(
        folder, folder.parent / "map.csv", folder.parent / "fresh", settings(), workers=0
    )
    assert final == (fresh.out / "report.html").read_text("utf-8").replace("fresh", "out")


class Stand:
    """In the place of a run: counts its rounds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, result: object) -> None:
        self.requests: list[RunRequest] = []
        self.watched: list[bool] = []
        self.result = result
        self.errors: list[Exception] = []
        monkeypatch.setattr(watching, "carry_out", self)

    def __call__(self, request: RunRequest, progress: object, page: object = None) -> object:
        self.requests.append(request)
        self.watched.append(page is not None)
        if page is not None and self.errors:
            raise self.errors.pop(0)
        if page is not None:
            page(())  # type: ignore[operator]
        return self.result


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Stand:
    from spheroid_qc.workflow.run_and_report import PlateResult

    return Stand(monkeypatch, PlateResult(folder.parent / "out", {}, 1, 1))


def test_it_stops_when_idle_at_a_time_and_when_told(
    folder: Path, small: Path, stand: Stand
) -> None:
    shutil.copy(next(small.iterdir()), folder)
    idle = settings(idle_hours=0.2 / 3600)
    watch_plate(asked(folder, idle), lambda _: None)
    assert stand.watched == [True, False]
    past = (datetime.now() - timedelta(hours=1)).isoformat()
    stand.watched.clear()
    with pytest.raises(RequestError, match="became whole"):
        # It is later than that: one look, and nothing stood still for two.
        watch_plate(asked(folder, settings(until=past)), lambda _: None)
    out = folder.parent / "out"
    out.mkdir()

    def told(_: object) -> None:
        (out / "run.json").write_text("{}")
        (out / STOP).write_text("")

    stand.watched.clear()
    watch_plate(asked(folder), told)
    assert stand.watched == [True, False]
    assert not (out / STOP).exists()


def test_what_holds_it_up_is_said_once_and_tried_again(
    folder: Path, small: Path, stand: Stand
) -> None:
    shutil.copy(next(small.iterdir()), folder)
    stand.errors = [OutputError("The disk is full."), OutputError("The disk is full.")]
    told = Told(rounds=1)
    watch_plate(asked(folder), told.append, stop=told.stop)
    said = [one for one in told if isinstance(one, str)]
    assert said == ["The disk is full. Trying again at the next look."]
    assert stand.watched == [True, True, True, False]


def test_a_folder_in_use_is_waited_for(folder: Path, small: Path) -> None:
    for path in small.glob("*B2*00h00m.tif"):
        shutil.copy(path, folder)
    told: list[object] = []
    run = RunFolder(folder.parent / "out")
    with run.locked():
        looks = iter(range(1000))
        with pytest.raises(RequestError, match="in use"):
            watch_plate(asked(folder), told.append, stop=lambda: next(looks) > 8)
    assert sum("in use" in str(one) for one in told) == 1


def test_a_share_that_is_gone_is_waited_for(folder: Path, small: Path, stand: Stand) -> None:
    shutil.copy(next(small.iterdir()), folder)
    told: list[object] = []
    away = folder.with_name("away")

    def said(one: object) -> None:
        told.append(one)
        if isinstance(one, Round) and folder.is_dir():
            folder.rename(away)
        elif isinstance(one, str):
            away.rename(folder)

    watch_plate(asked(folder), said, stop=lambda: any(isinstance(one, str) for one in told))
    assert any("Looking again" in str(one) for one in told)


def test_a_wrong_request_is_refused_at_once(folder: Path, small: Path) -> None:
    shutil.copy(next(small.iterdir()), folder)
    (folder.parent / "map.csv").write_text("well,drug\nB2,gemcitabine\n", "utf-8")
    with pytest.raises(RequestError, match="dose"):
        watch_plate(asked(folder), lambda _: None)
    with pytest.raises(RequestError, match="no folder"):
        watch_plate(asked(folder / "nowhere"), lambda _: None)


def test_nothing_that_ever_became_whole_is_an_error(folder: Path, small: Path) -> None:
    content = next(small.iterdir()).read_bytes()
    (folder / "VID1_B2_1_00d00h00m.tif").write_bytes(content[: len(content) // 2])
    looks = iter(range(1000))
    with pytest.raises(RequestError, match="1 file does not open"):
        watch_plate(asked(folder), lambda _: None, stop=lambda: next(looks) > 8)
    assert not (folder.parent / "out" / "wells.csv").exists()


@pytest.mark.slow
def test_light_that_was_decided_too_early_is_decided_again(folder: Path, small: Path) -> None:
    """The first frames come last: masks are those of a run that had them from the beginning."""

    def uneven(radius: float, seed: int):
        image = draw(radius, seed=seed, size=128, centre=(64, 64)).astype(float)
        slope = np.linspace(0.7, 1.3, 128)[None, :]
        return np.clip(image * slope, 0, 65535).astype(np.uint16)

    def images(hours: int, even: bool) -> None:
        for n, well in enumerate(("B2", "B3", "B4", "C2", "C3", "C4")):
            radius, seed = 22 + n, 10 * n + hours
            image = (
                draw(radius, seed=seed, size=128, centre=(64, 64)) if even
                else uneven(radius, seed)
            )  # fmt: skip
            write(folder / f"VID1_{well}_1_00d{hours:02d}h00m.tif", image)

    images(6, even=True)
    request = replace(asked(folder), plate_map=None)
    told = Told(rounds=1)
    watch_plate(request, told.append, stop=told.stop)
    images(0, even=False)
    told = Told(rounds=1)
    result = watch_plate(request, told.append, stop=told.stop)
    fresh = run_plate(folder, None, folder.parent / "fresh", settings(), workers=0)
    assert tables(result.out) == tables(fresh.out)
    lights = [read_illumination(RunFolder(one.out)) for one in (result, fresh)]
    assert lights[0] == lights[1]
