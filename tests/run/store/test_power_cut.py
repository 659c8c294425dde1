"""A power cut while a person's decisions are written: the old ones or the new ones, never half."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from spheroid_qc import Parameters, run_plate
from spheroid_qc.run.store.corrected_masks import store_correction
from spheroid_qc.run.store.mask_files import read_masks
from spheroid_qc.run.store.review_decisions import Exclusion, read_exclusions, write_exclusions
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.segmentation.adapter import read_adapter, write_adapter
from tests.run.store.test_corrected_masks import half
from tests.run.test_run_images import tables
from tests.segmentation.adapter.test_adapter_file import made as an_adapter


class PowerCut(BaseException):
    """Nothing that runs after it counts."""


@contextlib.contextmanager
def power_cut(monkeypatch, number: int, *, before: bool):
    """Let the power fail at the so-many-th file that gets to its place, or just after."""
    real, left = os.replace, [number]

    def replace(source, target):
        left[0] -= 1
        if left[0] > 0 or not before:
            real(source, target)
        if left[0] <= 0:
            raise PowerCut

    with monkeypatch.context() as patch, contextlib.suppress(PowerCut):
        patch.setattr(os, "replace", replace)
        # Temporary files stay where they are, as after a real one.
        patch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
        yield


MOMENTS = [(n, before) for n in (1, 2) for before in (True, False)]


@pytest.mark.parametrize(("number", "before"), MOMENTS)
def test_while_a_correction_is_kept(small, analysed, out, monkeypatch, number, before):
    run = RunFolder(out)
    mask = sorted((out / "masks").rglob("*.tif"))[0]
    result = field_of(run, mask.name)
    core, shed = half(*read_masks(mask))
    with power_cut(monkeypatch, number, before=before):
        store_correction(run, result, core, shed, 4.0, Parameters(), by="Ada")
    assert run_plate(small, out=out, workers=0).failures == ()
    assert not list(out.rglob("*.part*"))
    found = (out / "corrections" / mask.name).is_file()
    text = (out / "qc.csv").read_text()
    assert ("corrected_by_user" in text) == found
    if not found:
        assert tables(out) == tables(analysed)
    else:
        kept, _ = read_masks(out / "corrections" / mask.name)
        assert np.array_equal(kept > 0, core > 0)


def field_of(run: RunFolder, mask: str) -> dict:
    for path in run.records.glob("*/*.json"):
        for moment in json.loads(path.read_bytes())["moments"]:
            for field in moment["fields"]:
                if field["mask"] == mask:
                    return field
    raise AssertionError(mask)


@pytest.mark.parametrize("before", [True, False])
def test_while_an_exclusion_is_kept(small, out, monkeypatch, before):
    path = out / "exclusions.csv"
    old = [Exclusion("", "B02", None, "fibre")]
    write_exclusions(path, old)
    new = [*old, Exclusion("", "B03", None, "dust")]
    with power_cut(monkeypatch, 1, before=before):
        write_exclusions(path, new)
    assert [one.well for one in read_exclusions(path)] == (["B02"] if before else ["B02", "B03"])
    assert run_plate(small, out=out, workers=0).failures == ()


@pytest.mark.parametrize("before", [True, False])
def test_while_an_adapter_is_kept(tmp_path, monkeypatch, before):
    path = tmp_path / "adapter.npz"
    write_adapter(path, an_adapter())
    with power_cut(monkeypatch, 1, before=before):
        write_adapter(path, an_adapter(change=np.full((2, 49), 0.5, np.float32)))
    assert (read_adapter(path).change == 0.5).all() != before


def test_while_results_are_exported(small, analysed, tmp_path, monkeypatch):
    """Every file that is in the folder is whole; exporting again makes it complete."""
    pytest.importorskip("napari")
    from spheroid_qc.gui.export_files import export_session
    from spheroid_qc.gui.state.run_answer import tables_of

    run, target = RunFolder(analysed), tmp_path / "export"
    arguments = (target, run, tables_of(analysed), Parameters(), "spheroid-qc run x", None)
    whole = {p.name: p.stat().st_size for p in export_session(*arguments)}
    for number in (1, 3, 6):
        shutil.rmtree(target)
        with power_cut(monkeypatch, number, before=True):
            export_session(*arguments)
        for path in target.rglob("*"):
            if path.is_file() and ".part" not in path.name:
                assert path.stat().st_size == whole[path.name]
    export_session(*arguments)
    assert whole.keys() <= {path.name for path in target.rglob("*")}
