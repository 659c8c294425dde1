"""From corrected frames of a run to masks that follow them: proposed, shown, kept, used."""

from __future__ import annotations

import io
import json
import shutil
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spheroid_qc import Parameters, run_plate
from spheroid_qc.cli.adapt import run_adapt
from spheroid_qc.configuration import apply_overrides
from spheroid_qc.errors import RequestError
from spheroid_qc.run.adaptation import propose_adapter
from spheroid_qc.run.adaptation.comparison_lines import comparison_lines
from spheroid_qc.run.adaptation.corrected_frames import run_to_learn_from
from spheroid_qc.run.adaptation.propose_adapter import (
    Proposal,
    keep_adapter,
    propose,
    write_pictures,
)
from spheroid_qc.run.store.mask_files import read_masks
from spheroid_qc.run.store.run_folder import RunFolder
from tests.run.conftest import write
from tests.run.store.test_corrected_masks import correct
from tests.segmentation.adapter.zoned import zoned

WELLS = {"B02": 0, "B03": 1, "B04": 2, "C02": 3, "C03": 4}
CORRECTED = ("B02", "B03", "B04")


@pytest.fixture(scope="module")
def zones(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("zones") / "images"
    for well, seed in WELLS.items():
        write(folder / f"VID7_{well}_1_00d00h00m.tif", zoned(seed)[0])
    return folder


@pytest.fixture(scope="module")
def fresh(zones, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("fresh") / "out"
    run_plate(zones, out=out, workers=0)
    return out


@pytest.fixture(scope="module")
def reviewed(zones, fresh, tmp_path_factory) -> Path:
    """Three wells have been corrected."""
    out = Path(shutil.copytree(fresh, tmp_path_factory.mktemp("reviewed") / "out"))
    for well in CORRECTED:
        masks = zoned(WELLS[well])[1]
        correct(zones, out, well, 0, lambda core, shed, m=masks: (m.core, m.shed))
    return out


@pytest.fixture(scope="module")
def proposal(reviewed) -> Proposal:
    return propose(reviewed)


@pytest.fixture(scope="module")
def adapted(zones, reviewed, proposal, tmp_path_factory) -> Path:
    """A copy in which the proposal was kept, and the run made once more."""
    out = Path(shutil.copytree(reviewed, tmp_path_factory.mktemp("adapted") / "out"))
    keep_adapter(replace(proposal, out=out))
    result = run_plate(zones, out=out, workers=0)
    assert result.n_new == len(WELLS)
    assert any("all masks are made anew; corrected masks are kept" in n for n in result.notes)
    return out


def area(out: Path, well: str) -> float:
    wells = pd.read_csv(out / "wells.csv")
    return float(wells.loc[wells["well"] == well, "core_area_px"].item())


def test_fewer_than_three_corrections_are_too_few(zones, fresh, tmp_path) -> None:
    out = Path(shutil.copytree(fresh, tmp_path / "out"))
    with pytest.raises(RequestError, match=r"0 corrected frames, and at least 3.*Review panel"):
        propose(out)
    masks = zoned(0)[1]
    correct(zones, out, "B02", 0, lambda *_: (masks.core, masks.shed))
    with pytest.raises(RequestError, match="1 corrected frame, and at least 3"):
        propose(out)


def test_a_folder_without_a_run_or_without_its_images_is_refused(fresh, tmp_path) -> None:
    with pytest.raises(RequestError, match=r"holds no run \(run\.json is missing\)"):
        propose(tmp_path)
    out = Path(shutil.copytree(fresh, tmp_path / "out"))
    known = json.loads((out / "run.json").read_text("utf-8"))
    known["source"] = str(tmp_path / "gone")
    (out / "run.json").write_text(json.dumps(known), "utf-8")
    with pytest.raises(RequestError, match=r"are not at .*gone any more"):
        propose(out)


@pytest.mark.parametrize("name", ["exclusions.csv", "acceptances.csv", "adapter.npz"])
def test_decisions_that_cannot_be_read_are_refused_as_a_run_does(
    zones, reviewed, tmp_path, name
) -> None:
    out = Path(shutil.copytree(reviewed, tmp_path / "out"))
    (out / name).mkdir()
    with pytest.raises(RequestError, match=r"is no plain file.*remove it") as by_run:
        run_plate(zones, out=out, workers=0)
    with pytest.raises(RequestError) as by_adapt:
        propose(out)
    assert str(by_adapt.value) == str(by_run.value)


def test_corrections_that_are_no_folder_are_refused(reviewed, tmp_path) -> None:
    out = Path(shutil.copytree(reviewed, tmp_path / "out"))
    shutil.rmtree(out / "corrections")
    (out / "corrections").write_text("")
    with pytest.raises(RequestError, match="is no folder"):
        propose(out)


def test_rules_learn_nothing(reviewed, tmp_path) -> None:
    out = Path(shutil.copytree(reviewed, tmp_path / "out"))
    known = json.loads((out / "run.json").read_text("utf-8"))
    known["parameters"]["segmentation"]["method"] = "classical"
    (out / "run.json").write_text(json.dumps(known), "utf-8")
    with pytest.raises(RequestError, match="method 'classical', which learns nothing"):
        propose(out)


def test_corrected_frames_are_told_from_others(reviewed) -> None:
    source = run_to_learn_from(reviewed)
    assert tuple(frame.well for frame in source.corrected) == CORRECTED
    assert [frame.well for frame in source.others] == ["C02", "C03"]


def test_a_proposal_shows_before_and_after(proposal, reviewed) -> None:
    assert proposal.learned.helps
    assert len(proposal.corrected) == 3
    for found in proposal.corrected:
        assert found.overlap_after > found.overlap_before + 0.2
        assert found.picture.width > 3 * 400
    for found in proposal.others:
        assert np.isnan(found.overlap_before)
        assert found.fraction_after < found.fraction_before
        assert found.picture.width > 2 * 400
    assert not (reviewed / "adapter.npz").exists()
    lines = "\n".join(comparison_lines(proposal))
    assert "Learned from 3 corrected frames" in lines
    assert "C03 0 h" in lines


def test_the_command_says_what_it_did(proposal, reviewed, tmp_path, monkeypatch, capsys) -> None:
    out = Path(shutil.copytree(reviewed, tmp_path / "out"))
    here = replace(proposal, out=out)
    monkeypatch.setattr(propose_adapter, "propose", lambda *_: here)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))  # no terminal: nobody was asked
    for options, said in (
        ({"yes": False, "dry_run": True}, "Nothing is kept, since this was a dry run."),
        ({"yes": False, "dry_run": False}, "add --yes to keep it"),
    ):
        run_adapt(out, progress=None, **options)
        assert said in capsys.readouterr().out
        assert not (out / "adapter.npz").exists()
    nothing = replace(here, learned=replace(here.learned, core=0.0, shed=0.0))
    monkeypatch.setattr(propose_adapter, "propose", lambda *_: nothing)
    run_adapt(out, yes=True, dry_run=False, progress=None)
    assert "Nothing is kept: frames that were left out" in capsys.readouterr().out
    assert not (out / "adapter.npz").exists()
    monkeypatch.setattr(propose_adapter, "propose", lambda *_: here)
    run_adapt(out, yes=True, dry_run=False, progress=None)
    printed = capsys.readouterr().out
    assert f"Kept: {out / 'adapter.npz'}" in printed
    assert f"--out {out}" in printed
    assert "--adapter" in printed
    assert (out / "adapter.npz").is_file()
    assert len(list((out / "adaptation").glob("*.png"))) == 5


def test_pictures_are_written_in_the_place_of_earlier_ones(proposal, tmp_path) -> None:
    here = replace(proposal, out=tmp_path)
    folder = write_pictures(here)
    (folder / "further_99_X.png").write_bytes(b"old")
    write_pictures(here)
    assert sorted(path.name for path in folder.iterdir()) == [
        "corrected_01_B02.png", "corrected_02_B03.png", "corrected_03_B04.png",
        "further_01_C02.png", "further_02_C03.png",
    ]  # fmt: skip


def test_the_next_run_follows_and_keeps_corrections(adapted, fresh, reviewed) -> None:
    for well in CORRECTED:
        name = f"VID7_{well}_1_00d00h00m.ome.tif"
        kept = [(out / "corrections" / name).read_bytes() for out in (adapted, reviewed)]
        assert kept[0] == kept[1]
    for well in ("C02", "C03"):
        truth = np.count_nonzero(zoned(WELLS[well])[1].core)
        assert area(fresh, well) < 0.7 * truth
        assert area(adapted, well) == pytest.approx(truth, rel=0.15)
    known = json.loads((adapted / "run.json").read_text("utf-8"))
    content = (adapted / "adapter.npz").read_bytes()
    assert known["adapter"]["sha256"] == sha256(content).hexdigest()


def test_before_is_what_the_run_made_and_after_what_the_next_one_makes(
    zones, reviewed, fresh, tmp_path
) -> None:
    """Also on a plate that was decided for the rules: what was taught has the network lead."""
    out = Path(shutil.copytree(reviewed, tmp_path / "out"))
    known = json.loads((out / "run.json").read_text("utf-8"))
    for decided in known["methods"].values():
        decided["method"] = "classical"
    (out / "run.json").write_text(json.dumps(known), "utf-8")
    found = propose(out)
    assert {masks.method for masks in found.learned.plain} == {"classical"}
    assert {masks.method for masks in found.learned.left_out} == {"learned"}
    keep_adapter(found)
    run_plate(zones, out=out, workers=0)
    after = pd.read_csv(out / "wells.csv").set_index("well")
    assert set(after["method"]) == {"corrected", "learned"}
    for one in found.others:
        assert after.loc[one.well, "disintegration_fraction"] == pytest.approx(one.fraction_after)


def test_once_more_there_is_nothing_to_do(zones, adapted) -> None:
    tables = {path: path.read_bytes() for path in adapted.glob("*.csv")}
    result = run_plate(zones, out=adapted, workers=0)
    assert result.n_new == 0
    assert all(path.read_bytes() == content for path, content in tables.items())


def test_another_plate_of_the_microscope_takes_it_over(zones, adapted, tmp_path) -> None:
    out = tmp_path / "next"
    result = run_plate(zones, out=out, adapter=adapted / "adapter.npz", workers=0)
    assert any("corrected by" in note and "adapter.npz" in note for note in result.notes)
    name = "VID7_C02_1_00d00h00m.ome.tif"
    for one, other in zip(
        read_masks(out / "masks" / name), read_masks(adapted / "masks" / name), strict=True
    ):
        assert (one == other).all()
    assert (out / "adapter.npz").read_bytes() == (adapted / "adapter.npz").read_bytes()


def test_an_adapter_for_an_old_folder_is_refused(zones, fresh, adapted) -> None:
    with pytest.raises(RequestError, match=r"was made without an adapter.*new --out folder"):
        run_plate(zones, out=fresh, adapter=adapted / "adapter.npz", workers=0)
    assert not RunFolder(fresh).adapter.exists()


def test_rules_have_no_use_for_it(zones, adapted, tmp_path) -> None:
    rules = apply_overrides(Parameters(), {"segmentation.method": "classical"})
    with pytest.raises(RequestError, match="method 'classical' does not use"):
        run_plate(zones, None, tmp_path / "x", rules, adapter=adapted / "adapter.npz", workers=0)
    assert not (tmp_path / "x").exists()
