"""Many plates: each as if it had been run alone, and a summary that survives what goes wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from spheroid_qc import Parameters, run_plate
from spheroid_qc.errors import RequestError
from spheroid_qc.run.progress import Progress
from spheroid_qc.run.run_request import RunRequest
from spheroid_qc.workflow.campaign import CampaignResult, run_campaign
from tests.run.conftest import draw, write

# What they all look at is made once and not once in every process.
pytestmark = pytest.mark.xdist_group("campaign")

MAP = "well,drug,dose,unit,role\nB2,,,,vehicle\nB3,,,,vehicle\nC4,gemcitabine,1,uM,treated\n"
NASTY = "p <b>&'\" =1+1 é"


@pytest.fixture(scope="module")
def plates(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three plates and a folder without images; two are called the same."""
    root = tmp_path_factory.mktemp("campaign")
    folders = [root / "a" / "plate", root / "b" / "plate", root / NASTY, root / "empty"]
    for number, folder in enumerate(folders[:3]):
        for n, well in enumerate(("B2", "B3", "C4")):
            for t in range(2):
                image = draw(
                    14 + n - t + number, size=64, centre=(32, 32), seed=n + 7 * t + 50 * number
                )
                write(folder / f"VID1_{well}_1_00d{6 * t:02d}h00m.tif", image)
        (folder / "map.csv").write_text(MAP, "utf-8")
    folders[3].mkdir()
    return folders


def campaign(plates: list[Path], out: Path, **more: object) -> CampaignResult:
    request = RunRequest(plates[0], out, Path("map.csv"), Parameters(), workers=0)
    return run_campaign(plates, out, request, **more)  # type: ignore[arg-type]


def files(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("*.csv")}


@pytest.fixture(scope="module")
def made(plates: list[Path], tmp_path_factory: pytest.TempPathFactory) -> CampaignResult:
    return campaign(plates, tmp_path_factory.mktemp("campaign_out") / "out")


@pytest.mark.slow
def test_each_plate_is_as_if_it_had_been_run_alone(
    plates: list[Path], made: CampaignResult, tmp_path: Path
) -> None:
    assert [one.result is not None for one in made.outcomes] == [True, True, True, False]
    assert len({one.run for one in made.outcomes}) == 4
    for n, outcome in enumerate(made.outcomes[:3]):
        # Alone, into a run folder of the same name: the page says where it lies.
        alone = run_plate(
            plates[n], plates[n] / "map.csv", tmp_path / str(n) / outcome.run, workers=0
        )
        run = made.out / outcome.run
        assert files(run) == files(alone.out)
        page = (run / "report.html").read_bytes()
        assert page == (alone.out / "report.html").read_bytes()


@pytest.mark.slow
def test_the_summary(plates: list[Path], made: CampaignResult) -> None:
    table = pd.read_csv(made.tables["plates"])
    assert list(table["order"]) == [1, 2, 3]
    assert list(table["run"].str.replace("'=", "=")) == [one.run for one in made.outcomes[:3]]
    assert list(table["n_frames"]) == [6, 6, 6]
    assert table["vehicle_size_t0"].notna().all()
    conditions = pd.read_csv(made.tables["conditions"])
    assert set(conditions["n_plates"]) == {3}
    assert any(str(plates[3]) in sentence for sentence in made.failures)
    page = made.page.read_text("utf-8")
    assert "<b>&'" not in page
    assert page.count("/report.html") >= 4
    together = pd.read_csv(made.out / "together" / "plate_quality.csv")
    assert together["plate"].nunique() == 3
    assert (made.out / "together" / "report.html").is_file()


@pytest.mark.slow
def test_called_again_nothing_is_made_anew(plates: list[Path], made: CampaignResult) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.tables.values()}
    again = campaign(plates, made.out)
    assert [one.run for one in again.outcomes] == [one.run for one in made.outcomes]
    assert all(one.result.n_new == 0 for one in again.outcomes if one.result)
    assert {path: path.stat().st_mtime_ns for path in made.tables.values()} == before
    assert (again.answer, again.failures) == (made.answer, made.failures)


@pytest.mark.slow
def test_it_goes_on_where_it_stopped(plates: list[Path], made: CampaignResult, tmp_path: Path):
    class Stopped(Exception):
        pass

    done: list[int] = []

    def told(number: int, outcome: object) -> None:
        done.append(number)
        if number == 2:
            raise Stopped

    with pytest.raises(Stopped):
        campaign(plates, tmp_path / "out", told=told)
    assert not (tmp_path / "out" / "campaign.html").exists()
    result = campaign(plates, tmp_path / "out")
    assert [one.result.n_new for one in result.outcomes if one.result] == [0, 0, 6]
    assert files(result.out) == files(made.out)
    assert result.page.read_text("utf-8") == made.page.read_text("utf-8")


def test_a_fault_of_ours_costs_one_plate(plates: list[Path], tmp_path: Path) -> None:
    class Carried:
        def __init__(self) -> None:
            self.calls = 0

        def __call__(self, request: RunRequest, progress: Progress | None) -> object:
            self.calls += 1
            if self.calls == 2:
                raise ZeroDivisionError("nothing to divide by")
            from spheroid_qc.workflow.run_and_report import carry_out

            return carry_out(request, None)

    result = campaign(plates[:2], tmp_path / "out", carry=Carried())
    first, second = result.outcomes
    assert first.result is not None
    assert "ZeroDivisionError" in second.sentence
    assert len(pd.read_csv(result.tables["plates"])) == 1


def test_requests_that_are_wrong_as_a_whole(plates: list[Path], tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="given twice"):
        campaign([plates[0], plates[0]], tmp_path / "out")
    with pytest.raises(RequestError, match="lies in the image folder"):
        campaign(plates[:1], plates[0] / "out")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.docx").write_text("")
    with pytest.raises(RequestError, match="something else"):
        campaign(plates[:1], tmp_path / "other")
    with pytest.raises(RequestError, match="None of the plates"):
        campaign(plates[3:], tmp_path / "out")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", json.dumps({"runs": {"x": "../../elsewhere"}})]
)
def test_a_damaged_or_hostile_campaign(plates: list[Path], tmp_path: Path, content: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "campaign.json").write_text(content)
    with pytest.raises(RequestError, match=r"campaign\.json"):
        campaign(plates[:1], out)
    assert [path.name for path in out.iterdir()] == ["campaign.json"]
    shutil.rmtree(out)
