"""`evaluate` on folders of masks and on tables, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from spheroid_qc.errors import RequestError
from spheroid_qc.evaluate import evaluate
from spheroid_qc.evaluate.mask_pairs import read_mask_file
from spheroid_qc.run.store.mask_files import write_masks
from spheroid_qc.segmentation import Segmentation


def disc(radius: float, size: int = 100, at: tuple[int, int] = (50, 50)) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return np.hypot(y - at[0], x - at[1]) < radius


def save(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask.astype(np.uint8)).save(path)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two groups: good masks and bad ones; one empty image, one without a prediction."""
    ours, true = tmp_path / "ours", tmp_path / "true"
    for n, (radius, found) in enumerate([(30, 30), (30, 29), (20, 21), (25, 25)]):
        save(true / "good" / "masks" / f"a{n}.png", disc(radius))
        save(ours / "good" / f"a{n}.png", disc(found))
    save(true / "bad" / "masks" / "b0.png", disc(30))
    save(ours / "bad" / "b0.png", disc(15))
    save(true / "bad" / "masks" / "b1.png", 0 * disc(1))
    save(ours / "bad" / "b1.png", disc(10))
    save(true / "bad" / "masks" / "b2.png", disc(10))
    save(true / "bad" / "images" / "b0.png", 100 * disc(30))
    return ours, true


def test_groups_failures_and_pictures(folders: tuple[Path, Path], tmp_path: Path) -> None:
    ours, true = folders
    found = evaluate(ours, true, tmp_path / "out", images=true)
    groups = found.groups.set_index("group")
    assert groups.loc["good", "n"] == 4
    assert groups.loc["good", "share_below_0.7"] == 0
    assert groups.loc["bad", "median_iou"] == pytest.approx(0.25, abs=0.01)
    assert groups.loc["bad", "n_empty"] == 1
    assert groups.loc["bad", "n_empty_found_empty"] == 0
    assert groups.loc["all", "n"] == 5
    assert list(found.details["verdict"][:2]) == ["false body", "wrong"]
    assert found.problems == ("bad/b2 has no prediction.",)
    names = sorted(p.name for p in (tmp_path / "out" / "failures").iterdir())
    assert names == ["01_bad_b1.png", "02_bad_b0.png"]
    with Image.open(tmp_path / "out" / "failures" / names[1]) as picture:
        colours = {tuple(c) for c in np.asarray(picture).reshape(-1, 3).tolist()}
        assert {(240, 228, 66), (204, 121, 167)} <= colours
    written = pd.read_csv(tmp_path / "out" / "images.csv")
    assert written["iou"].is_monotonic_increasing


def test_area_bias_is_signed_and_relative(tmp_path: Path) -> None:
    for n in range(5):
        save(tmp_path / "t" / f"{n}.png", disc(20 + n))
        save(tmp_path / "p" / f"{n}.png", disc((20 + n) * np.sqrt(1.1)))
    row = evaluate(tmp_path / "p", tmp_path / "t", tmp_path / "o").groups.iloc[0]
    assert row["area_bias_percent"] == pytest.approx(10, abs=1)
    assert row["area_limit_low"] < row["area_bias_percent"] < row["area_limit_high"]
    assert 0.7 < row["area_concordance"] < 1


def test_pixels_that_the_reference_leaves_open_count_nowhere(tmp_path: Path) -> None:
    truth = disc(30).astype(np.uint8)
    truth[disc(36) & ~disc(30)] = 255
    truth[:5] = 2
    save(tmp_path / "t" / "x.png", truth)
    ours = disc(35).astype(np.uint8)
    ours[:5] = 2
    save(tmp_path / "p" / "x.png", ours)
    row = evaluate(tmp_path / "p", tmp_path / "t", tmp_path / "o").details.iloc[0]
    assert row["iou"] == 1
    assert row["shed_dice"] == 1


def test_what_run_writes_is_understood(tmp_path: Path) -> None:
    core = disc(20).astype(np.int32)
    core[disc(8, at=(85, 85))] = 2
    shed = disc(30) & (core == 0)
    write_masks(tmp_path / "x.ome.tif", Segmentation(core, shed, 1.0, "learned"), None)
    masks = read_mask_file(tmp_path / "x.ome.tif")
    assert masks.bodies == 2
    assert (masks.shed == shed).all()
    assert (masks.core == (core > 0)).all()


def test_values_tell_classes_from_numbers(tmp_path: Path) -> None:
    picture = np.zeros((20, 20), np.uint8)
    picture[:5], picture[5:9] = 1, 2
    save(tmp_path / "a.png", picture)
    assert read_mask_file(tmp_path / "a.png").core.sum() == 100
    assert read_mask_file(tmp_path / "a.png", numbers=True).core.sum() == 180
    picture[9:12] = 3
    save(tmp_path / "b.png", picture)
    assert read_mask_file(tmp_path / "b.png").core.sum() == 240
    save(tmp_path / "c.png", 255 * (picture > 0))
    assert read_mask_file(tmp_path / "c.png").core.sum() == 240


def tables(tmp_path: Path) -> tuple[Path, Path]:
    wells = [f"{r}{c:02d}" for r in "AB" for c in range(1, 6)]
    true = pd.DataFrame(
        {"well": wells, "area_px": np.arange(10) * 10.0 + 100, "arm": list("xy") * 5}
    )
    ours = true.drop(columns="arm").assign(area_px=true["area_px"] * 1.05)
    ours.iloc[::-1].to_csv(tmp_path / "ours.csv", index=False)
    true.to_csv(tmp_path / "true.csv", index=False, sep=";")
    return tmp_path / "ours.csv", tmp_path / "true.csv"


def test_two_tables(tmp_path: Path) -> None:
    ours, true = tables(tmp_path)
    found = evaluate(ours, true, tmp_path / "o", group="arm")
    row = found.groups.set_index("group").loc["all"]
    assert row["n"] == 10
    assert row["median_error_percent"] == pytest.approx(5)
    assert row["bias"] == pytest.approx(0.05 * 145)
    assert set(found.groups["group"]) == {"x", "y", "all"}
    assert found.details.iloc[0]["well"] == "B05"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a, b: (a / "nowhere", b), "does not exist"),
        (lambda a, b: (a, b / "good/masks/a0.png"), "two folders of masks or two tables"),
        (lambda a, b: (a / "good/a0.png", b / "good/masks/a0.png"), "is no table"),
    ],
)
def test_wrong_requests(folders: tuple[Path, Path], change, words: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=words):
        evaluate(*change(*folders), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_tables_that_do_not_fit(tmp_path: Path) -> None:
    ours, true = tables(tmp_path)
    with pytest.raises(RequestError, match="no column 'depth'"):
        evaluate(ours, true, tmp_path / "o", values=("depth",))
    pd.DataFrame({"well": ["A01", "A01"], "area_px": [1, 2]}).to_csv(ours, index=False)
    with pytest.raises(RequestError, match="several rows for"):
        evaluate(ours, true, tmp_path / "o")
    pd.DataFrame({"well": ["H12"], "area_px": [1]}).to_csv(ours, index=False)
    with pytest.raises(RequestError, match="No row of PREDICTED"):
        evaluate(ours, true, tmp_path / "o")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RequestError, match="There is no mask"):
        evaluate(tmp_path / "empty", tmp_path, tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_the_results_never_lie_over_the_masks(folders: tuple[Path, Path]) -> None:
    ours, true = folders
    with pytest.raises(RequestError, match="would lie over"):
        evaluate(ours, true, ours)
