"""The written plate: reproducible, readable, true to its masks."""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from spheroid_qc.frames.frame_table import frame_table
from spheroid_qc.parameters import PlateParameters
from spheroid_qc.plate_map import read_plate_map
from spheroid_qc.samples import DEMO, Modality, PlateDesign, Truth, WellPlan, write_plate
from spheroid_qc.samples.exact_masks import masks_of
from spheroid_qc.samples.plate_design import tri_drug_plate
from spheroid_qc.samples.plate_writer import render_frame
from spheroid_qc.samples.simulated_drug_effects import Hill
from spheroid_qc.samples.simulated_time_course import history_of
from spheroid_qc.samples.truth import frame_truth, with_states

SEL, GEM, NAB = (drug.name for drug in DEMO.drugs[:3])

SMALL = PlateDesign(
    wells=(
        WellPlan(1, 1, (), "vehicle"),
        WellPlan(1, 2, ((SEL, 0.9),)),
        WellPlan(1, 10, ((SEL, 0.9), (GEM, 0.09), (NAB, 0.027)), replicate=2),
        WellPlan(2, 1, (), "blank", empty=True),
        WellPlan(2, 2, ((NAB, 0.003),), blurred_from_h=24.0),
        WellPlan(2, 3, ((GEM, 0.09),), truncated_at_h=24.0),
    ),
    interactions=DEMO.interactions,
    times_h=(0.0, 6.5, 24.0, 72.0),
    shape=(300, 320),
    pixel_size_um=4.0,
    break_share=1.0,
)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return write_plate(tmp_path_factory.mktemp("plate"), SMALL, seed=3, masks=True)


def test_same_seed_same_bytes_in_any_order(plate: Truth, tmp_path: Path) -> None:
    again = write_plate(tmp_path / "a", SMALL, seed=3, masks=True)
    assert digests(tmp_path / "a") == digests(plate.folder)
    assert again.frames == plate.frames
    backwards = replace(SMALL, wells=SMALL.wells[::-1])
    write_plate(tmp_path / "b", backwards, seed=3)
    theirs, ours = digests(tmp_path / "b"), digests(plate.folder)
    images = [name for name in ours if name.endswith(".tif")]
    assert [theirs[name] for name in images] == [ours[name] for name in images]


def test_processes_change_nothing(plate: Truth, tmp_path: Path) -> None:
    write_plate(tmp_path, SMALL, seed=3, masks=True, workers=2)
    assert digests(tmp_path) == digests(plate.folder)


def test_another_seed_is_another_plate(plate: Truth, tmp_path: Path) -> None:
    one = replace(SMALL, wells=SMALL.wells[:1])
    other = write_plate(tmp_path, one, seed=4)
    assert other.frames[0].core_area_px != plate.frames[0].core_area_px


def test_a_frame_can_be_made_on_its_own(plate: Truth) -> None:
    frame = render_frame(SMALL, SMALL.wells[2], 3, seed=3)
    written = tifffile.imread(plate.folder / plate.frames[11].file)
    np.testing.assert_array_equal(frame.image, written)


def test_names_are_incucyte_names(plate: Truth) -> None:
    files = [frame.file for frame in plate.frames]
    assert files[:4] == [
        "VID1_B2_1_00d00h00m.tif",
        "VID1_B2_1_00d06h30m.tif",
        "VID1_B2_1_01d00h00m.tif",
        "VID1_B2_1_03d00h00m.tif",
    ]
    assert all(re.fullmatch(r"VID1_[A-Z]\d+_1_\d\dd\d\dh\d\dm\.tif", name) for name in files)
    assert "VID1_B11_1_03d00h00m.tif" in files
    assert {p.name for p in plate.folder.glob("*.tif")} == set(files)


def test_the_program_reads_the_folder_as_it_is_meant(plate: Truth) -> None:
    table = frame_table(plate.folder, PlateParameters())
    read = {frame.path: (frame.plate, frame.well, frame.time_h) for frame in table.frames}
    assert read == {f.file: (f.plate, f.well, f.time_h) for f in plate.frames}
    assert {finding.kind for finding in table.findings} == {"stray"}
    mapped = {well.well: well for well in read_plate_map(plate.plate_map).wells}
    assert [(d.drug, d.dose_um) for d in mapped["B11"].drugs] == [
        (SEL, pytest.approx(0.9)),
        (GEM, pytest.approx(0.09)),
        (NAB, pytest.approx(0.027)),
    ]
    assert mapped["C02"].role == "blank"


def test_files_are_calibrated_16_bit_ome_tiffs(plate: Truth) -> None:
    with tifffile.TiffFile(plate.folder / plate.frames[0].file) as file:
        assert file.is_ome
        page = file.pages[0]
        assert page.shape == (300, 320)
        assert page.dtype == np.uint16
        pixels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
    assert pixels["PhysicalSizeX"] == pixels["PhysicalSizeY"] == 4.0
    assert pixels["PhysicalSizeXUnit"] == "µm"


def test_only_the_truncated_file_is_corrupt(plate: Truth) -> None:
    damaged = [frame.file for frame in plate.frames if frame.quality == "truncated"]
    assert damaged == ["VID1_C4_1_01d00h00m.tif"]
    for frame in plate.frames:
        path = plate.folder / frame.file
        if frame.quality == "truncated":
            with pytest.raises(Exception):  # noqa: B017
                tifffile.imread(path)
        else:
            assert tifffile.imread(path).max() <= 4095


def test_truth_counts_the_masks(plate: Truth) -> None:
    from PIL import Image

    for frame in plate.frames:
        with Image.open(plate.folder / "truth/masks" / f"{frame.file[:-4]}_mask.png") as picture:
            mask = np.asarray(picture)
        assert np.count_nonzero(mask == 1) == frame.core_total_area_px
        assert np.count_nonzero(mask == 2) == frame.shed_area_px
        assert frame.total_area_px == frame.core_total_area_px + frame.shed_area_px
        assert frame.core_area_um2 == pytest.approx(16 * frame.core_area_px)
        if frame.total_area_px:
            assert frame.disintegration_fraction == pytest.approx(
                1 - frame.core_area_px / frame.total_area_px
            )
        else:
            assert frame.disintegration_fraction is None


def well(plate: Truth, name: str) -> list:
    return [frame for frame in plate.frames if frame.well == name]


def test_wells_do_what_their_drugs_say(plate: Truth) -> None:
    vehicle, selinexor, triple = (well(plate, name) for name in ("B02", "B03", "B11"))
    assert {frame.state for frame in vehicle} == {"intact"}
    assert all(frame.disintegration_fraction <= 0.02 for frame in vehicle)
    assert np.all(np.diff([frame.core_area_px for frame in vehicle]) > 0)
    for frames in (selinexor, triple):
        assert np.all(np.diff([frame.disintegration_fraction for frame in frames]) > 0.01)
        assert np.all(np.diff([frame.core_area_px for frame in frames[1:]]) < 0)
    assert triple[-1].state == "disintegrated"
    shrinking = well(plate, "C04")
    assert shrinking[-1].state == "shrunken"
    assert shrinking[-1].core_volume_loss_vs_t0 > 0.3


def test_empty_well_holds_nothing(plate: Truth) -> None:
    for frame in well(plate, "C02"):
        assert (frame.state, frame.quality) == ("never_formed", "empty")
        assert frame.total_area_px == frame.n_pieces == 0
        image = tifffile.imread(plate.folder / frame.file)
        assert np.percentile(image, 5) > 0.7 * np.percentile(image, 95)


def test_blurred_frames_are_blurred(plate: Truth) -> None:
    from scipy.ndimage import uniform_filter

    frames = well(plate, "C03")
    assert [frame.quality for frame in frames] == ["ok", "ok", "out_of_focus", "out_of_focus"]
    steps = []
    for frame in frames:
        smooth = uniform_filter(tifffile.imread(plate.folder / frame.file).astype(float), 3)
        steps.append(np.abs(np.diff(smooth, axis=1)).max())
    assert max(steps[2:]) < 0.4 * min(steps[:2])


def test_plate_map_says_what_is_in_the_wells(plate: Truth) -> None:
    with plate.plate_map.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["drug"] for row in rows if row["well"] == "B11"] == [SEL, GEM, NAB]
    assert [row["dose"] for row in rows if row["well"] == "B11"] == ["0.9", "0.09", "27"]
    assert {row["unit"] for row in rows if row["drug"] == NAB} == {"nM"}
    assert {row["well"] for row in rows} == {plan.well for plan in SMALL.wells}
    assert [row["role"] for row in rows if not row["drug"]] == ["vehicle", "blank"]


def test_truth_tables_are_written_as_returned(plate: Truth) -> None:
    with (plate.folder / "truth/truth.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(plate.frames) == 24
    assert [row["state"] for row in rows] == [frame.state for frame in plate.frames]
    table = pd.DataFrame([asdict(row) for row in plate.conditions]).set_index("condition")
    last = table.loc["selinexor 0.9 uM + gemcitabine 0.09 uM + nab-paclitaxel 0.027 uM"]
    assert last["simulated_as"] == "synergistic"
    assert last["shed_excess"] == pytest.approx(last["shed_effect"] - last["shed_bliss"])
    assert last["shed_over_best_pair"] > 0


def test_progress_counts_frames(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_plate(
        tmp_path,
        replace(SMALL, wells=SMALL.wells[:2]),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(4, 8), (8, 8)]


def test_debris_without_a_body() -> None:
    plan = WellPlan(1, 1, ((SEL, 30.0), (GEM, 30.0), (NAB, 30.0)))
    deadly = tuple(replace(drug, shrink=Hill(0.97, 0.01)) for drug in SMALL.drugs)
    design = replace(SMALL, wells=(plan,), times_h=(0.0, 72.0), drugs=deadly)
    frames = [render_frame(design, plan, k, seed=0) for k in (0, 1)]
    truth = with_states([frame_truth("f", design, plan, 0, f.core, f.shed) for f in frames])
    assert truth[1].core_area_px == 0
    assert truth[1].disintegration_fraction == 1.0
    assert truth[1].state == "disintegrated"
    assert truth[1].core_volume_loss_vs_t0 == 1.0


def test_states_after_everything_is_gone() -> None:
    zero, body = np.zeros((9, 9), np.int32), np.zeros((9, 9), np.int32)
    body[2:7, 2:7] = 1
    shed = np.zeros((9, 9), bool)
    shed[:2] = True

    def states(*masks: tuple[np.ndarray, np.ndarray]) -> list[str]:
        frames = [frame_truth("f", SMALL, SMALL.wells[0], 0.0, core, h) for core, h in masks]
        return [frame.state for frame in with_states(frames)]

    none = np.zeros((9, 9), bool)
    assert states((body, none), (body, shed), (zero, none), (zero, none)) == [
        "intact",
        "shedding",
        "lost",
        "lost",
    ]
    assert states((body, none), (zero, none), (zero, none)) == ["intact", "vanished", "vanished"]


def test_modalities_share_the_geometry() -> None:
    frames = [
        render_frame(replace(SMALL, modality=modality), SMALL.wells[1], 2, seed=1)
        for modality in Modality
    ]
    for frame in frames[1:]:
        np.testing.assert_array_equal(frame.core, frames[0].core)
        np.testing.assert_array_equal(frame.shed, frames[0].shed)


def test_demo_plate_holds_what_it_promises() -> None:
    wells = DEMO.wells
    assert len(wells) == 75
    assert len(DEMO.times_h) == 5
    assert sum(plan.role == "vehicle" for plan in wells) == 6
    assert sum(plan.role == "positive_control" for plan in wells) == 3
    assert sum(plan.empty for plan in wells) == 1
    assert sum(plan.blurred_from_h is not None for plan in wells) == 1
    assert sum(plan.truncated_at_h is not None for plan in wells) == 1
    for drug in DEMO.drugs[:3]:
        alone = {plan.treatment for plan in wells if [n for n, _ in plan.treatment] == [drug.name]}
        assert len(alone) == 3
    for treatment in {plan.treatment for plan in wells if len(plan.treatment) > 1}:
        assert sum(plan.treatment == treatment for plan in wells) == 3
    assert len({len(plan.treatment) for plan in wells}) == 4
    ratios = {
        tuple(dose / plan.treatment[0][1] for _, dose in plan.treatment)
        for plan in wells
        if len(plan.treatment) == 3
    }
    assert len({tuple(np.round(r, 9)) for r in ratios}) == 1


def test_demo_history_sheds_steadily() -> None:
    plan = next(p for p in DEMO.wells if len(p.treatment) == 3)
    history = history_of(DEMO, plan, 0)
    scenes = [history.scene_at(k) for k in range(5)]
    assert 0 < len(scenes[0].cells) < 30
    areas = [np.count_nonzero(masks_of(scene)[1]) for scene in scenes]
    assert all(b > a for a, b in pairwise(areas))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"times_h": ()}, "rising"),
        ({"times_h": (0.0, 0.0)}, "rising"),
        ({"times_h": (-1.0, 0.0)}, "start at 0"),
        ({"wells": (WellPlan(0, 0), WellPlan(0, 0))}, "twice"),
        ({"wells": (WellPlan(26, 0),)}, "rows A to Z"),
        ({"wells": (WellPlan(0, 0, (("aspirin", 1.0),)),)}, "aspirin"),
        ({"bits": 7}, "8 to 16 bits"),
    ],
)
def test_impossible_plates_are_refused(change: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(SMALL, **change)


def test_too_many_conditions_for_a_block() -> None:
    with pytest.raises(ValueError, match="block of 24"):
        tri_drug_plate(vehicles_per_replicate=6)
