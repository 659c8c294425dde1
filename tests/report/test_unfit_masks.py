"""A plate whose masks can't be right: said first, with the frames, in page, terminal and answer."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from spheroid_qc import Parameters, run_plate
from spheroid_qc.analysis import analyse_run_folder
from spheroid_qc.analysis.verdict.masks_that_do_not_fit import ADVICE, unfit_lines
from spheroid_qc.cli import main
from spheroid_qc.configuration import apply_overrides
from tests.report.browser import Browser
from tests.run.tables.test_intervals_and_unfit_masks import SEGMENT, plate, sees

# What they all look at is made once and not once in every process.
pytestmark = pytest.mark.xdist_group("unfit_masks")

SERIES = {f"B{n + 2}": [0.3 + 0.01 * n if n < 8 else 0.02, 0.5, 0.6] for n in range(10)}
MAP = "well,drug,dose,unit,role\n" + "".join(
    f"B{n + 2},,,,vehicle\n" if n < 4 else f"B{n + 2},x,{1 if n < 7 else 3},uM,treated\n"
    for n in range(10)
)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = plate(tmp_path_factory.mktemp("unfit") / "images", SERIES)
    (folder.parent / "map.csv").write_text(MAP, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SEGMENT, sees(0.05))
        run_plate(
            folder, folder.parent / "map.csv", folder.parent / "out",
            apply_overrides(Parameters(), {"plate.dose_time_h": 0}), workers=0,
        )  # fmt: skip
    return folder.parent / "out"


def test_the_verdict_begins_with_it_as_data_and_in_words(out: Path) -> None:
    analysis = analyse_run_folder(out)
    one, vehicle = analysis.unfit
    assert (one.plate, one.n_high, one.n_wells) == ("VID7", 8, 10)
    assert (vehicle.n_high, vehicle.n_wells) == (4, 4)  # few, but all of them
    first = analysis.verdict.findings[0]
    assert (first.topic, first.subject, first.outcome) == ("masks_unfit", "VID7", "no")
    assert first.facts["n_high"] == 8
    second = analysis.verdict.findings[1]
    assert unfit_lines(analysis.unfit) == [first.sentence, second.sentence, ADVICE]
    # The same from the table that the run wrote and from the run itself.
    assert {one.words, vehicle.words} <= set(pd.read_csv(out / "qc.csv")["detail"])


def test_the_page_says_so_first_and_shows_six_frames(browser: Browser, out: Path) -> None:
    page = out / "report.html"
    text = page.read_text("utf-8")
    assert text.index("The masks don&#39;t fit this microscope") < text.index("<h1")
    browser.window(1366, 768)
    browser.open(page)
    assert browser.faults() == []
    words = browser.run("document.querySelector('#unfit').textContent")
    assert "8 of 10 wells (80 %)" in words
    assert ADVICE in words
    shown = browser.run(
        "[...document.querySelectorAll('#unfit .card strong')].map(e=>e.textContent)"
    )
    # The vehicle wells at their last time, then the others before the dose.
    assert shown == ["B02", "B03", "B04", "B05", "B09", "B08"]
    assert browser.run("document.querySelectorAll('#unfit svg image').length") == 6
    ends = browser.run(
        "[...document.querySelectorAll('#unfit .card')].map(e => e.getBoundingClientRect().bottom)"
    )
    assert max(ends) < 768


def test_the_page_shows_measurement_error_for_what_it_is(out: Path) -> None:
    text = (out / "report.html").read_text("utf-8")
    assert "90 % interval of the measurement of one well" in text
    assert "90 % interval of its measurement" in text  # the methods
    assert "mask doubt (SD)" in text
    assert re.search(r'"disintegration_fraction":\[\[\[0\.\d+', text), (
        "the script has the intervals"
    )


def test_a_page_of_masks_that_fit_has_no_such_thing(page: Path) -> None:
    assert 'id="unfit"' not in page.read_text("utf-8")


def test_the_terminal_says_so_before_anything_else(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, "stop_on_signals", lambda: None)
    images = out.parent / "images"
    run = ["run", images, "--plate-map", out.parent / "map.csv", "--out", out, "--dose-time", 0]
    for arguments in (run, ["analyse", out]):
        monkeypatch.setattr("sys.argv", ["spheroid-qc", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main.main()
        assert not stopped.value.code
        shown = capsys.readouterr().out
        assert shown.startswith("warning: The masks don't fit this microscope (plate VID7): 8 of")
        assert ADVICE in " ".join(shown.split())
        assert max(len(line) for line in shown.splitlines()[:8]) <= 100
