"""The page of a campaign: links, small plates, and nothing from a name left unescaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd

from spheroid_qc.analysis.campaign_tables import CampaignPlate, campaign_tables
from spheroid_qc.report.campaign_page import (
    CampaignEntry,
    leading_metric,
    views_by_plate,
    write_campaign_page,
)
from tests.analysis.test_campaign_tables import one_plate

NASTY = "<script>alert('x')</script>\"&#é/../ 100 %"


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.hrefs += [value or "" for name, value in attrs if name == "href"]


def made(tmp_path: Path, name: str = NASTY) -> tuple[str, Links]:
    plates = [one_plate(n, 300.0 + n) for n in (1, 2, 3)]
    first = plates[0]
    wells = first.wells.assign(condition=name)
    plates[0] = CampaignPlate(name, "run1", "P", wells, first.quality, first.qc)
    every = pd.concat([one.wells.assign(plate=one.name) for one in plates], ignore_index=True)
    metric = leading_metric(every, spheres=False)
    views = views_by_plate(every, metric, None)
    entries = [
        CampaignEntry(one.name, f"{one.run}{name}" if n == 0 else one.run, True,
                      view=views[one.name])
        for n, one in enumerate(plates)
    ]  # fmt: skip
    entries.append(CampaignEntry(f"lost {name}", "", False, f"{name} can't be read."))
    path = tmp_path / "campaign.html"
    write_campaign_page(
        path, f"Campaign {name}", entries, campaign_tables(plates), metric, [f"{name} drifts."],
        together="together", files=["campaign.csv"],
    )  # fmt: skip
    text = path.read_text("utf-8")
    links = Links()
    links.feed(text)
    return text, links


def test_every_plate_has_its_link_and_its_picture(tmp_path: Path) -> None:
    text, links = made(tmp_path, "plain")
    assert "./run2/report.html" in links.hrefs
    assert "./together/report.html" in links.hrefs
    assert "./campaign.csv" in links.hrefs
    assert text.count('<svg viewBox="0 0') == 3
    assert "plain drifts." in text
    assert text.count("lost plain") == 1
    assert "µm" in text
    assert "diameter um" not in text


def test_numbers_are_those_of_the_table_also_without_a_plate(tmp_path: Path) -> None:
    bare = one_plate(1, 300.0)
    bare = CampaignPlate(
        bare.name, bare.run, bare.plate, bare.wells.iloc[:0], bare.quality, bare.qc
    )
    plates = [bare, one_plate(2, 301.0), one_plate(3, 302.0)]
    entries = [CampaignEntry("lost", "", False, "It can't be read.")]
    entries += [CampaignEntry(one.name, one.run, True) for one in plates]
    path = tmp_path / "campaign.html"
    write_campaign_page(path, "c", entries, campaign_tables(plates), None, [])
    text = path.read_text("utf-8")
    assert '<th scope="col" title="plate 2">2</th><th scope="col" title="plate 3">3</th>' in text
    assert ">2. plate 2<" in text
    assert '2. <a href="./run2/report.html">plate 2</a>' in text


def test_names_are_escaped_and_lead_nowhere_else(tmp_path: Path) -> None:
    text, links = made(tmp_path)
    assert "script" not in links.tags
    assert "<script" not in text
    for href in links.hrefs:
        assert re.fullmatch(r"\./[\w.~%-]+(/report\.html)?", href), href
        assert "http" not in href.split("/")[0]


def test_the_same_page_for_the_same_tables(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert made(tmp_path / "a")[0] == made(tmp_path / "b")[0]
