"""The page in a real browser: what it says, what it does, and that nothing breaks out of it."""

from __future__ import annotations

import base64
import io
import re
import time
import zipfile
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spheroid_qc import Parameters, run_plate
from spheroid_qc.analysis import Analysis, analyse_table, write_analysis
from spheroid_qc.analysis.run_folder_analysis import analyse_wells
from spheroid_qc.configuration import apply_overrides
from spheroid_qc.report import write_report
from spheroid_qc.response.condition_summary import summarise_conditions
from spheroid_qc.workflow.run_and_report import analyse
from tests.report.browser import Browser
from tests.report.conftest import FORMULA, HOURS, IMAGE, SCRIPT
from tests.run.conftest import draw, write

# What they all look at is made once and not once in every process.
pytestmark = pytest.mark.xdist_group("page")

COLOUR_OF = "getComputedStyle(document.querySelector('[data-w=B10] circle')).fill"


def test_opens_without_fault_network_or_side_scroll(browser: Browser, page: Path) -> None:
    for width in (1366, 390):
        browser.window(width, 768)
        browser.open(page)
        assert browser.faults() == []
        assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.run("document.querySelectorAll('h1').length") == 1
        assert browser.run("document.querySelectorAll('section').length") > 8


def test_says_the_verdict_of_the_analysis(browser: Browser, page: Path, analysis: Analysis) -> None:
    browser.window(1366, 768)
    browser.open(page)
    messages = " ".join(browser.run("document.querySelector('#verdict').textContent").split())
    for finding in analysis.verdict.findings:
        assert " ".join(re.sub(r"(?<=\d )uM\b", "µM", finding.sentence).split()) in messages
    # The first screen shows the headline and a picture a treatment.
    cards = browser.run(
        "[...document.querySelectorAll('.card image')].map(e => e.getBoundingClientRect().bottom)"
    )
    assert len(cards) == 4
    assert max(cards) < 768


def test_names_stay_text(browser: Browser, page: Path) -> None:
    browser.window(1366, 768)
    browser.open(page)
    for well in ("B05", "C06", "D07"):
        browser.point_at(f"[data-w={well}]", click=True)
        browser.press("Escape", 27)
    assert browser.run("window.hit === undefined")
    assert browser.run("document.querySelectorAll('img, main b.bold, iframe').length") == 0
    assert browser.run("document.querySelectorAll('script').length") == 3
    whole = browser.run("document.body.textContent")
    for name in (SCRIPT, IMAGE, FORMULA):
        assert name in whole
    # In figures too, and never read as a formula.
    drawn = browser.run("[...document.querySelectorAll('svg text')].map(e => e.textContent)")
    assert any(SCRIPT in text for text in drawn)
    assert browser.faults() == []


def test_text_of_the_page_holds_no_name_unescaped(page: Path) -> None:
    text = page.read_text("utf-8")
    assert SCRIPT not in text
    assert "<img" not in text
    assert "<b>bold" not in text
    assert "{{7*7}}" in text  # a template inside a name is not one
    assert text.count("</script>") == 3


def test_only_its_own_script_may_run(page: Path) -> None:
    text = page.read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]{44}'", policy[1])
    found = Elements()
    found.feed(text)
    assert found.names["script"] == 3
    assert not set(found.names) & {"img", "iframe", "object", "embed", "link", "base"}
    assert [name for name, _ in found.attributes if name.startswith("on")] == []
    links = [value for name, value in found.attributes if name in ("src", "href", "xlink:href")]
    assert len(links) > 20
    assert [value for value in links if not value.startswith(("data:", "#"))] == []


class Elements(HTMLParser):
    """Counts elements and gathers attributes as a browser would see them."""

    def __init__(self) -> None:
        super().__init__()
        self.names: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]

    handle_startendtag = handle_starttag


def test_any_metric_and_time(browser: Browser, page: Path) -> None:
    browser.window(1366, 768)
    browser.open(page)
    assert browser.run("document.querySelector('#time-out').textContent") == "24 h"
    late = browser.run(COLOUR_OF)
    browser.run(
        "(() => { const s = document.querySelector('#time'); s.value = 0;"
        "s.dispatchEvent(new Event('input')); })()"
    )
    assert browser.run("document.querySelector('#time-out').textContent") == "0 h"
    assert browser.run(COLOUR_OF) != late
    names = browser.run("[...document.querySelector('#metric').options].map(o => o.textContent)")
    assert len(names) > 20
    for wanted in ("Disintegration fraction", "State", "Core diameter, µm", "Solidity of the core"):
        assert wanted in names
    browser.run(
        "(() => { const s = document.querySelector('#metric'); s.value = '1';"
        "s.dispatchEvent(new Event('change')); })()"
    )
    assert browser.run("document.querySelector('[data-w=B02]').textContent.trim()") == "I"
    assert "intact" in browser.run("document.querySelector('[data-w=B02]').ariaLabel")


def test_wells_show_their_film(browser: Browser, page: Path) -> None:
    browser.window(1366, 768)
    browser.open(page)
    browser.point_at("[data-w=B03]")
    assert browser.run("document.querySelector('#detail h3').firstChild.textContent") == "B03"
    tiles = browser.run(
        "[...document.querySelectorAll('.film figure')].map(f => f.textContent + '|' +"
        "f.querySelectorAll('image').length + '|' + f.querySelector('.core-line')"
        ".getAttribute('d').length)"
    )
    assert [tile.partition(" h")[0] for tile in tiles] == [str(h) for h in HOURS]
    assert all(tile.split("|")[1] == "1" and int(tile.split("|")[2]) > 20 for tile in tiles)
    # What could not be read says so, in its place.
    browser.point_at("[data-w=B05]")
    assert "no picture" in browser.run("document.querySelector('.film').textContent")
    assert "Unreadable file" in browser.run("document.querySelector('#detail').textContent")


def test_keys_do_what_the_mouse_does(browser: Browser, page: Path) -> None:
    browser.window(1366, 768)
    browser.open(page)
    name = "document.querySelector('#detail h3').firstChild.textContent"
    browser.run("document.querySelector('.w[tabindex=\"0\"]').focus()")
    assert browser.run(name) == "B02"
    browser.press("ArrowRight", 39)
    browser.press("ArrowDown", 40)
    assert browser.run(name) == "C03"
    browser.press("Enter", 13)
    browser.point_at("[data-w=D08]")
    assert browser.run(name) == "C03"  # held
    browser.press("Escape", 27)
    browser.point_at("[data-w=D09]")
    assert browser.run(name) == "D09"
    assert browser.run("document.querySelectorAll('.w[tabindex=\"0\"]').length") == 1


def test_outlines_can_be_taken_away(browser: Browser, page: Path) -> None:
    browser.window(1366, 768)
    browser.open(page)
    shown = "getComputedStyle(document.querySelector('.outlines')).display"
    assert browser.run(shown) != "none"
    browser.point_at("#outlines", click=True)
    assert browser.run(shown) == "none"


def test_without_scripts_everything_but_interaction(browser: Browser, page: Path) -> None:
    browser.window(1366, 768)
    browser.open(page, scripts=False)
    seen = browser.send("DOM.getDocument", {"depth": -1})
    assert seen
    root = seen["root"]["nodeId"]
    found = browser.send("DOM.querySelectorAll", {"nodeId": root, "selector": "svg.figure"})
    assert len(found["nodeIds"]) > 10
    wells = browser.send("DOM.querySelectorAll", {"nodeId": root, "selector": ".w title"})
    assert len(wells["nodeIds"]) == 27
    controls = browser.send("DOM.querySelector", {"nodeId": root, "selector": "#controls"})
    box = browser.send("CSS.enable") or browser.send(
        "CSS.getComputedStyleForNode", {"nodeId": controls["nodeId"]}
    )
    display = {p["name"]: p["value"] for p in box["computedStyle"]}["display"]
    assert display == "none"
    browser.open(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_both_schemes(browser: Browser, page: Path, scheme: str) -> None:
    browser.window(1366, 768)
    browser.open(page, scheme=scheme)
    paper, ink, muted = browser.run(
        "['body', 'h1', '.intro'].map((s, n) => { const c = getComputedStyle("
        "document.querySelector(s)); return n ? c.color : c.backgroundColor; })"
    )
    assert (luminance(paper) < 0.1) == (scheme == "dark")
    assert contrast(paper, ink) > 10
    assert contrast(paper, muted) > 4.5
    inside = browser.run("getComputedStyle(document.querySelector('svg.figure text')).fill")
    assert contrast(paper, inside) > 4.5


def luminance(colour: str) -> float:
    """Relative luminance after WCAG."""
    parts = [int(x) / 255 for x in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Ratio of contrast after WCAG."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_prints(browser: Browser, page: Path) -> None:
    browser.window(1366, 768)
    browser.open(page, scheme="dark")
    printed = base64.b64decode(browser.send("Page.printToPDF", {"printBackground": False})["data"])
    assert printed.startswith(b"%PDF")
    browser.send("Emulation.setEmulatedMedia", {"media": "print"})
    hidden = "['.top', '#controls'].map(s => getComputedStyle(document.querySelector(s)).display)"
    assert browser.run(hidden) == ["none", "none"]
    assert browser.run("document.querySelectorAll('details.table:not([open])').length") == 0
    paper = browser.run("getComputedStyle(document.body).backgroundColor")
    assert luminance(paper) > 0.9  # never dark on paper


def test_tables_are_inside(page: Path, run_folder: Path) -> None:
    text = page.read_text("utf-8")
    links = dict(re.findall(r'<a download="([^"]+)" href="data:[^,"]+,([^"]+)"', text))
    assert {"tables.zip", "dose_response.csv", "synergy.csv", "comparisons.csv"} <= set(links)
    archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(links["tables.zip"])))
    assert {"wells.csv", "spheroids.csv", "qc.csv"} <= set(archive.namelist())
    for name in archive.namelist():
        assert archive.read(name) == (run_folder / name).read_bytes()
    for name in links.keys() - {"tables.zip"}:
        assert base64.b64decode(links[name]) == (run_folder / name).read_bytes()


def test_tables_can_be_saved(browser: Browser, page: Path, tmp_path: Path) -> None:
    browser.window(1366, 768)
    browser.open(page)
    browser.send("Page.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    browser.point_at("a[download='tables.zip']", click=True)
    until = time.monotonic() + 30
    while not (tmp_path / "tables.zip").is_file() and time.monotonic() < until:
        time.sleep(0.1)
    assert zipfile.is_zipfile(tmp_path / "tables.zip")


def test_same_answer_same_bytes(analysis: Analysis, page: Path, run_folder: Path) -> None:
    before = page.read_bytes()
    write_report(analysis, run_folder, workers=0)
    assert page.read_bytes() == before
    write_report(analysis, run_folder, workers=2)
    assert page.read_bytes() == before


def test_where_it_lies_is_not_in_it(page: Path, run_folder: Path) -> None:
    assert str(run_folder.parent) not in page.read_text("utf-8")


def test_a_table_without_images(browser: Browser, responses: pd.DataFrame, tmp_path: Path) -> None:
    answer = analyse_table(responses, "fa", "fraction")
    write_analysis(answer, tmp_path)
    browser.window(1366, 768)
    browser.open(write_report(answer, tmp_path))
    assert browser.faults() == []
    there = browser.run("[...document.querySelectorAll('section')].map(s => s.id)")
    assert {"verdict", "dose", "combinations", "comparisons", "methods", "tables"} <= set(there)
    # No wells with places, no times, no pictures: no such sections, and no dead links to them.
    assert not {"plate", "over-time", "survival", "findings"} & set(there)
    links = browser.run("[...document.querySelectorAll('nav a')].map(a => a.hash.slice(1))")
    assert set(links) <= set(there)
    # Sixteen dose pairs make a matrix of nine tiles beside the axes.
    assert "Effect beyond independence (Bliss)" in browser.run("document.body.textContent")


def test_a_table_with_wells_has_a_map(
    browser: Browser, responses: pd.DataFrame, tmp_path: Path
) -> None:
    wells = [f"{row}{column:02d}" for row in "ABCDEFGH" for column in range(1, 9)]
    answer = analyse_table(responses.assign(well=wells), "fa", "fraction")
    browser.window(1366, 768)
    browser.open(write_report(answer, tmp_path))
    assert browser.faults() == []
    assert browser.run("document.querySelectorAll('.w').length") == 64
    assert browser.run("getComputedStyle(document.querySelector('#play')).display") == "none"
    browser.point_at("[data-w=H08]")
    assert "sel 1 µM + gem 1 µM" in browser.run("document.querySelector('#detail').textContent")


def test_raw_responses(browser: Browser, responses: pd.DataFrame, tmp_path: Path) -> None:
    answer = analyse_table(responses.assign(response=1000 * responses["response"]), "raw")
    browser.open(write_report(answer, tmp_path))
    assert browser.faults() == []
    assert "No synergy" in browser.run("document.querySelector('#combinations').textContent")


def test_spheres(browser: Browser, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    lines = ["well,role,drug,dose,unit,cells_seeded"]
    for row in "BC":
        for column, dose in enumerate(("", "", "0.1", "1", "10"), start=2):
            role, drug, unit = ("treated", "sal", "uM") if dose else ("vehicle", "", "")
            lines.append(f"{row}{column:02d},{role},{drug},{dose},{unit},400")
            field = np.full((256, 256), 30000.0)
            for n in range(6 if not dose else max(1, int(5 - np.log10(float(dose)) * 2))):
                centre = (40 + 80 * (n // 3), 40 + 80 * (n % 3))
                body = draw(rng.uniform(9, 15), size=256, centre=centre, seed=n)
                field = np.minimum(field, body)
            write(tmp_path / "img" / f"{row}{column:02d}_day7.tif", field.astype(np.uint16))
    (tmp_path / "map.csv").write_text("\n".join(lines), "utf-8")
    parameters = apply_overrides(Parameters(), {"plate.assay": "spheres"}, {})
    out = tmp_path / "out"
    run_plate(tmp_path / "img", tmp_path / "map.csv", out, parameters, workers=0)
    browser.window(1366, 768)
    browser.open(out / "report.html")
    assert browser.faults() == []
    there = browser.run("[...document.querySelectorAll('section')].map(s => s.id)")
    assert {"sizes", "plate", "conditions"} <= set(there)
    # DF and states say nothing of spheres: neither they nor what is made of them is shown.
    assert not {"survival", "time"} & set(there)
    messages = browser.run("document.querySelector('main').textContent")
    assert "fell apart" not in messages
    assert "Sphere-forming efficiency" in messages
    assert "spheres" in browser.run("document.querySelector('h1').textContent")
    browser.point_at("[data-w=B02]")
    assert browser.run("document.querySelectorAll('.film image').length") == 1


def test_several_plates_each_have_a_map(browser: Browser, analysis: Analysis, page: Path) -> None:
    both = pd.concat([analysis.wells.assign(plate="P1"), analysis.wells.assign(plate="P2")])
    answer = analyse_wells(
        both, summarise_conditions(both), analysis.parameters, source="two", folder=None
    )
    out = page.parent.parent / "two"
    out.mkdir()
    browser.open(write_report(answer, out))
    assert browser.faults() == []
    assert browser.run("document.querySelectorAll('svg.plate').length") == 2
    browser.point_at("svg.plate[data-plate='1'] [data-w=C04]")
    assert "P2" in browser.run("document.querySelector('#detail h3').textContent")


def test_a_fault_in_the_page_costs_no_table(
    responses: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> str:
        raise ZeroDivisionError("on purpose")

    responses.to_csv(tmp_path / "table.csv", index=False)
    (tmp_path / "out").mkdir()
    monkeypatch.setattr("spheroid_qc.report.build_page.render", broken)
    result = analyse(tmp_path / "table.csv", tmp_path / "out", "fa", "fraction")
    assert "on purpose" in result.failures[0]
    assert (tmp_path / "out" / "synergy.csv").is_file()
    assert not (tmp_path / "out" / "report.html").exists()
