"""Every row of the tables against sums done the long way: from the written masks and the map.

Nothing of the program's own arithmetic is used here. Frames are painted so that masks are known,
and the segmenter is replaced by thresholds: what is judged is everything that comes after it.
"""

from __future__ import annotations

import csv
import math
import re
import statistics
from collections import defaultdict

import numpy as np
import pytest
import tifffile
from scipy import ndimage, stats

from spheroid_qc import Parameters, run_plate
from spheroid_qc.configuration import apply_overrides
from spheroid_qc.segmentation import Segmentation
from tests.run.conftest import PIXEL_UM, SIZE, write

# What they all look at is made once and not once in every process.
pytestmark = pytest.mark.xdist_group("contract")

HOURS = (0, 24, 48, 72, 96)
OUT_OF_EFFECT = ("never_formed", "vanished", "unscorable")
GROWS = [(20, 0.04), (21, 0.05), (22, 0.03), (23, 0.04), (24, 0.05)]

# (radius of the core in px, share of shed area) at each time; None: no file, "broken": no image.
P1 = {
    "A1": GROWS,
    "A2": [(r + 1, s + 0.01) for r, s in GROWS],
    "A3": [(r + 2, s) for r, s in GROWS],
    "A4": [(r - 1, s) for r, s in GROWS],
    "A5": GROWS,
    "A6": [(r + 1, s) for r, s in GROWS],
    "B1": [(21, 0), (22, 0.05), (20, 0.05), (17, 0.1), (15, 0.1)],
    "B2": [(20, 0), (21, 0.02), (18, 0.3), (10, 0.7), (0, 0)],
    "B3": [(20, 0), (21, 0.02), (21, 0), (0, 0), (0, 0)],
    "B4": [(0, 0), (0, 0), (0, 0), (9, 0), (9, 0)],
    "B5": [None, None, (20, 0), (18, 0.2), (17, 0.6)],
    "B6": [(20, 0), (21, 0), (12, 0.6), "broken", (10, 0.7)],
    "B7": ["two", "two", "two", (20, 0), (20, 0)],
    "B8": [(20, 0), (21, 0), (18, 0.2), (0, 0.9), (0, 0.9)],
    "B9": [(20, 0), (21, 0), (14, 0.55), (15, 0.3), (12, 0.6)],
    "B10": [(20, 0), (22, 0), (12, 0.6), (11, 0.65), (13, 0.3)],
    "C2": GROWS,
    "D1": GROWS,
    "D2": [(r + 1, s) for r, s in GROWS],
    "D3": [(20, 0), (21, 0), (18, 0.2), (16, 0.4), (14, 0.55)],
}
P2 = {
    "A1": [(r + 1, s) for r, s in GROWS],
    "A2": GROWS,
    "A3": [(r + 2, s) for r, s in GROWS],
    "B2": [(22, 0), (21, 0.02), (17, 0.3), (14, 0.45), (11, 0.6)],
}
MAP = """plate,well,drug,dose,unit,role,cell_line,vehicle_group,dosed_at_h,state
P1,A1,,,,vehicle,PANC-1,DMSO,24,x
P1,A2,,,,vehicle,PANC-1,DMSO,24,x
P1,A3,,,,vehicle,PANC-1,DMSO,24,x
P1,A4,,,,vehicle,PANC-1,saline,24,x
P1,A5,,,,vehicle,PANC-1,saline,24,x
P1,A6,,,,vehicle,PANC-1,saline,24,x
P1,B1,gemcitabine,100,nM,treated,PANC-1,saline,24,x
P1,B2,selinexor,1,uM,treated,PANC-1,DMSO,24,x
P1,B3,selinexor,1,uM,treated,PANC-1,DMSO,24,x
P1,B4,selinexor,1,uM,treated,PANC-1,DMSO,24,x
P1,B5,selinexor,1,uM,treated,PANC-1,DMSO,24,x
P1,B6,selinexor,1,uM,treated,PANC-1,DMSO,24,x
P1,B7,selinexor,1,uM,treated,PANC-1,DMSO,24,x
P1,B8,selinexor,1,uM,treated,PANC-1,DMSO,24,x
P1,B9,selinexor,1,uM,treated,PANC-1,DMSO,24,x
P1,B10,selinexor,1,uM,treated,PANC-1,DMSO,24,x
P1,C1,selinexor,1,uM,treated,PANC-1,DMSO,24,never imaged
P1,D1,,,,vehicle,MIA PaCa-2,DMSO,24,x
P1,D2,,,,vehicle,MIA PaCa-2,DMSO,24,x
P1,D3,selinexor,1,uM,treated,MIA PaCa-2,DMSO,24,x
P2,A1,,,,vehicle,PANC-1,DMSO,24,x
P2,A2,,,,vehicle,PANC-1,DMSO,24,x
P2,A3,,,,vehicle,PANC-1,DMSO,24,x
P2,B2,selinexor,1,uM,treated,PANC-1,DMSO,24,x
"""


def paint(content, seed):
    """Core at grey 12000, shed material at 20000, background at 30000."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE]
    image = np.full((SIZE, SIZE), 30000.0)
    if content == "two":
        for centre in (60, 130):
            image[np.hypot(y - 96, x - centre) <= 18] = 12000
        return (image + rng.normal(0, 200, image.shape)).astype(np.uint16)
    radius, share = content
    core = np.hypot(y - 96, x - 96) <= radius if radius else np.zeros((SIZE, SIZE), bool)
    core_px = int(core.sum()) or 150
    wanted = share / (1 - share) * core_px
    shed = np.zeros_like(core)
    while shed.sum() < wanted:
        angle = rng.uniform(0, 2 * np.pi)
        far = rng.uniform(max(radius, 8) + 5, 80)
        spot = np.hypot(y - 96 - far * np.sin(angle), x - 96 - far * np.cos(angle)) <= 1.5
        shed |= spot & ~core
    image[shed] = 20000
    image[core] = 12000
    return (image + rng.normal(0, 200, image.shape)).astype(np.uint16)


def thresholds(image, *_, **__):
    core, _ = ndimage.label(image < 16000)
    return Segmentation(
        core=core.astype(np.int32),
        shed=(image >= 16000) & (image < 25000),
        confidence=0.9,
        method="classical",
    )


def file_of(plate, well, number):
    late = 5 if plate == "P2" and number else 0
    return f"{plate}/VID7_{well}_1_{number:02d}d00h{late:02d}m.tif"


def hours_of(plate, number):
    return 24 * number + (5 / 60 if plate == "P2" and number else 0)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contract")
    seed = 0
    for plate, wells in (("P1", P1), ("P2", P2)):
        for well, series in wells.items():
            for number, content in enumerate(series):
                path = folder / "images" / file_of(plate, well, number)
                seed += 1
                if content == "broken":
                    path.write_bytes(b"II*\0 no more than that")
                elif content is not None:
                    write(path, paint(content, seed))
    (folder / "map.csv").write_text(MAP, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spheroid_qc.run.well.segment_and_measure_timepoint.segment", thresholds)
        parameters = apply_overrides(Parameters(), {"output.overlays": "none"})
        run_plate(folder / "images", folder / "map.csv", folder / "out", parameters, workers=0)
    return folder / "out"


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def number_in(text):
    return math.nan if text == "" else float(text)


def same(text, expected):
    value = number_in(text)
    if expected is None or math.isnan(expected):
        return math.isnan(value)
    return math.isclose(value, expected, rel_tol=2e-5, abs_tol=1e-5)


def from_mask(path):
    """Areas, DF and DI, straight from the definitions."""
    core, shed = tifffile.imread(path)
    core, shed = core > 0, shed > 0
    total = core | shed
    pieces, count = ndimage.label(core, np.ones((3, 3)))
    main = max((int((pieces == n).sum()) for n in range(1, count + 1)), default=0)
    everything = int(total.sum())
    found = {
        "main": main,
        "total": everything,
        "df": 1 - main / everything if everything else math.nan,
        "di": math.nan,
    }
    radius = math.sqrt(core.sum() / math.pi)
    if core.any() and radius >= 5:
        cy, cx = (float(np.mean(axis)) for axis in np.nonzero(core))
        distances = sorted(
            math.hypot(y - cy, x - cx) / radius for y, x in zip(*np.nonzero(total), strict=True)
        )
        n = len(distances)
        w1 = sum(abs(d - math.sqrt((i + 0.5) / n)) for i, d in enumerate(distances)) / n
        found["di"] = math.tanh(w1)
    return found


@pytest.fixture(scope="module")
def expected(done):
    """(plate, well, number of the time) -> what the row must say."""
    mapped = {(row["plate"], row["well"]): row for row in csv.DictReader(MAP.splitlines())}
    excluded = {
        (row["plate"], row["well"], row["time_h"])
        for row in rows_of(done / "qc.csv")
        if row["severity"] == "exclude" and row["well"]
    }
    table = {}
    for plate, wells in (("P1", P1), ("P2", P2)):
        names = {w for p, w in mapped if p == plate} | set(wells)
        for well in names:
            for number in range(5):
                canonical = f"{well[0]}{int(well[1:]):02d}"
                time = hours_of(plate, number)
                path = done / "masks" / file_of(plate, well, number).replace(".tif", ".ome.tif")
                seen = from_mask(path) if path.exists() else None
                table[plate, well, number] = {
                    "seen": seen,
                    "map": mapped.get((plate, well)),
                    "scorable": (plate, canonical, f"{time:.6g}") not in excluded,
                    "time": time,
                }
    for plate, well in {(p, w) for p, w, _ in table}:
        follow([table[plate, well, n] for n in range(5)])
    for (plate, _, number), row in table.items():
        against_vehicle(row, [r for (p, _, n), r in table.items() if (p, n) == (plate, number)])
    return table


def follow(series):
    """Time zero, states and what is compared with time zero."""
    baseline = [r for r in series if r["scorable"] and r["time"] <= 24]
    zero = baseline[-1] if baseline else None
    previous = None
    for row in series:
        row["zero"] = row is zero
        seen = row["seen"]
        if not row["scorable"]:
            row["state"] = "unscorable"
            continue
        if zero is not None and zero["seen"]["main"] == 0:
            row["state"] = "never_formed"
            continue
        ratio = seen["main"] / zero["seen"]["main"] if zero else 1.0
        if seen["total"] == 0:
            row["state"] = (
                "lost" if previous in ("shedding", "disintegrated", "lost") else "vanished"
            )
        elif seen["main"] == 0 or seen["df"] >= 0.5:
            row["state"] = "disintegrated"
        elif seen["df"] >= 0.15:
            row["state"] = "shedding"
        elif ratio < 0.9 and row["time"] >= zero["time"]:
            row["state"] = "shrunken"
        else:
            row["state"] = "intact"
        previous = row["state"]
    for row in series:
        row["loss_t0"] = row["excess_t0"] = math.nan
        if zero is not None and row["state"] not in OUT_OF_EFFECT:
            row["loss_t0"] = 1 - (row["seen"]["main"] / zero["seen"]["main"]) ** 1.5
            row["excess_t0"] = (row["seen"]["df"] - zero["seen"]["df"]) / (1 - zero["seen"]["df"])
    since = math.nan
    if zero is not None and zero["state"] == "intact":
        run = []
        for row in (r for r in series if r["time"] >= zero["time"] and r["state"] != "unscorable"):
            run = [*run, row] if row["state"] in ("disintegrated", "lost") else []
            if len(run) == 2:
                since = run[0]["time"] - 24
                break
    for row in series:
        row["since"] = since


def against_vehicle(row, at_this_time):
    row["loss_vehicle"] = row["excess_vehicle"] = math.nan
    row["references"] = 0
    mine = row["map"]
    if mine is None:
        return
    references = [
        other
        for other in at_this_time
        if other["map"] is not None
        and other["map"]["role"] == "vehicle"
        and other["map"]["cell_line"] == mine["cell_line"]
        and other["map"]["vehicle_group"] == mine["vehicle_group"]
        and other["state"] not in OUT_OF_EFFECT
    ]
    row["references"] = len(references)
    if references and row["state"] not in OUT_OF_EFFECT:
        area = statistics.median(r["seen"]["main"] for r in references)
        df = statistics.median(r["seen"]["df"] for r in references)
        row["loss_vehicle"] = 1 - (row["seen"]["main"] / area) ** 1.5
        row["excess_vehicle"] = (row["seen"]["df"] - df) / (1 - df)


def wells_of(done):
    found = {}
    for row in rows_of(done / "wells.csv"):
        number = round(float(row["time_h"]) / 24)
        found[row["plate"], f"{row['row']}{row['column']}", number] = row
    return found


def test_there_is_one_row_for_every_well_at_every_time_in_order(done, expected):
    rows = rows_of(done / "wells.csv")
    places = [(r["plate"], r["row"], int(r["column"]), float(r["time_h"])) for r in rows]
    assert places == sorted(places)
    assert set(wells_of(done)) == set(expected)
    assert len(rows) == len(expected)


def test_columns_stand_in_the_order_of_the_contract(done):
    header = (done / "wells.csv").read_text("utf-8").splitlines()[0].split(",")
    contract = [
        "plate", "well", "row", "column", "time_h", "condition", "role", "drug_1", "dose_1_um",
        "drug_2", "dose_2_um", "drug_3", "dose_3_um", "n_spheroids", "core_area_um2",
        "total_area_um2", "equivalent_diameter_um", "volume_um3", "circularity", "solidity",
        "disintegration_fraction", "disintegration_index", "core_volume_loss_vs_t0",
        "core_volume_loss_vs_vehicle", "state", "flags", "time_since_dose_h",
        "disintegration_fraction_low", "disintegration_fraction_high", "df_excess_vs_t0",
        "df_excess_vs_vehicle", "pixel_size_um", "core_area_px", "total_area_px", "confidence",
        "method",
    ]  # fmt: skip
    assert header[: len(contract)] == contract
    assert header[-1] == "map_state"
    assert len(header) == len(set(header))


def test_every_state_occurs_on_this_plate(expected):
    assert {row["state"] for row in expected.values()} == {
        "intact", "shrunken", "shedding", "disintegrated", "lost", "never_formed", "vanished",
        "unscorable",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("core_area_px", lambda r: r["seen"]["main"]),
        ("total_area_px", lambda r: r["seen"]["total"]),
        ("core_area_um2", lambda r: r["seen"]["main"] * PIXEL_UM**2),
        ("total_area_um2", lambda r: r["seen"]["total"] * PIXEL_UM**2),
        (
            "equivalent_diameter_um",
            lambda r: 2 * math.sqrt(r["seen"]["main"] / math.pi) * PIXEL_UM,
        ),
        (
            "volume_um3",
            lambda r: 4 / 3 * math.pi * (r["seen"]["main"] / math.pi) ** 1.5 * PIXEL_UM**3,
        ),
        ("disintegration_fraction", lambda r: r["seen"]["df"]),
        ("disintegration_index", lambda r: r["seen"]["di"]),
        ("core_volume_loss_vs_t0", lambda r: r["loss_t0"]),
        ("core_volume_loss_vs_vehicle", lambda r: r["loss_vehicle"]),
        ("df_excess_vs_t0", lambda r: r["excess_t0"]),
        ("df_excess_vs_vehicle", lambda r: r["excess_vehicle"]),
        ("time_since_dose_h", lambda r: r["time"] - 24),
        ("disintegrated_since_dose_h", lambda r: r["since"]),
        ("n_reference_wells", lambda r: r["references"]),
    ],
)
def test_numbers_of_every_row(done, expected, column, value):
    always = ("time_since_dose_h", "disintegrated_since_dose_h", "n_reference_wells")
    wrong = []
    for place, row in wells_of(done).items():
        known = expected[place]
        wanted = value(known) if known["seen"] is not None or column in always else math.nan
        if not same(row[column], wanted):
            wrong.append((place, row[column], wanted, known["state"]))
    assert not wrong


def test_states_of_every_row(done, expected):
    found = {place: row["state"] for place, row in wells_of(done).items()}
    assert found == {place: row["state"] for place, row in expected.items()}


def test_flags_follow_from_what_is_missing_or_odd(done, expected):
    flags = {place: row["flags"].split(";") for place, row in wells_of(done).items()}
    for place, row in expected.items():
        plate, well, number = place
        codes = flags[place]
        content = (P1 if plate == "P1" else P2).get(well, [None] * 5)[number]
        assert ("missing_frame" in codes) == (content is None)
        assert ("unreadable" in codes) == (content == "broken")
        assert ("unmapped" in codes) == (well == "C2")
        assert ("mapped_without_image" in codes) == (well == "C1")
        assert ("incomplete_series" in codes) == (well == "B5")
        assert ("several_spheroids" in codes) == (well == "B7")
        assert ("no_baseline" in codes) == (well == "B5" and content is not None)
        assert ("never_formed" in codes) == (row["state"] == "never_formed")
        assert ("vanished" in codes) == (row["state"] == "vanished")
        assert ("few_references" in codes) == (well[0] == "D" and row["state"] != "unscorable")
        if content not in (None, "broken"):
            assert ("df_unvalidated" in codes) == (0.08 <= row["seen"]["df"] < 0.47)
            assert ("no_spheroid" in codes) == (row["seen"]["main"] == 0)


def test_flags_are_sorted_and_each_has_its_line_in_qc(done):
    lines = {(r["plate"], r["well"], r["time_h"], r["code"]) for r in rows_of(done / "qc.csv")}
    told = set()
    for row in rows_of(done / "wells.csv"):
        codes = row["flags"].split(";") if row["flags"] else []
        assert codes == sorted(set(codes))
        told |= {(row["plate"], row["well"], row["time_h"], code) for code in codes}
    assert told == {line for line in lines if line[1]}


def test_conditions_are_summed_up_from_the_wells_that_count(done, expected):
    summary = rows_of(done / "conditions.csv")
    wells = wells_of(done)
    groups = defaultdict(list)
    for (plate, well, number), row in wells.items():
        groups[row["condition"], row["role"], number].append((plate, expected[plate, well, number]))
    assert len(summary) == len(groups)
    both = 0
    for line in summary:
        number = round(float(line["time_h"]) / 24)
        rows = groups.pop((line["condition"], line["role"], number))
        used = [(plate, row) for plate, row in rows if row["state"] not in OUT_OF_EFFECT]
        plates = {plate for plate, _ in used}
        both += len(plates) > 1
        assert int(line["n_wells"]) == len(used)
        assert int(line["n_plates"]) == int(line["n_biological"]) == len(plates)
        for state in ("lost", "vanished", "never_formed", "unscorable"):
            assert int(line[f"n_{state}"]) == sum(row["state"] == state for _, row in rows)
        assert line["interval"] == ("biological" if len(plates) > 1 else "within_plate")
        for metric, value in {
            "core_area_um2": lambda r: r["seen"]["main"] * PIXEL_UM**2,
            "disintegration_fraction": lambda r: r["seen"]["df"],
            "core_volume_loss_vs_t0": lambda r: r["loss_t0"],
            "df_excess_vs_vehicle": lambda r: r["excess_vehicle"],
        }.items():
            numbers = [(plate, value(row)) for plate, row in used]
            numbers = [(plate, v) for plate, v in numbers if not math.isnan(v)]
            units = [v for _, v in numbers]
            if len(plates) > 1:
                units = [
                    statistics.mean(v for p, v in numbers if p == plate)
                    for plate in sorted({p for p, _ in numbers})
                ]
            n = len(units)
            mean = statistics.mean(units) if n else math.nan
            sd = statistics.stdev(units) if n > 1 else math.nan
            half = stats.t.ppf(0.975, n - 1) * sd / math.sqrt(n) if n > 1 else math.nan
            assert int(line[f"{metric}_n"]) == n
            assert same(line[f"{metric}_mean"], mean)
            assert same(line[f"{metric}_sd"], sd)
            assert same(line[f"{metric}_median"], statistics.median(units) if n else math.nan)
            assert same(line[f"{metric}_ci_low"], mean - half)
            assert same(line[f"{metric}_ci_high"], mean + half)
    assert not groups
    assert both == 2 * 5  # vehicle and selinexor, though the plates are imaged minutes apart


def test_numbers_have_six_digits(done):
    number = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
    for name in ("wells", "conditions", "spheroids"):
        for row in rows_of(done / f"{name}.csv"):
            for column, text in row.items():
                if number.fullmatch(text) and not column.startswith("map_"):
                    digits = re.sub(r"[eE].*", "", text).replace(".", "").lstrip("-0")
                    if "." not in text:
                        digits = digits.rstrip("0")
                    assert len(digits) <= 6, (name, column, text)


def test_spheroids_have_one_row_where_something_is(done, expected):
    rows = rows_of(done / "spheroids.csv")
    assert len(rows) == sum(r["seen"] is not None and r["seen"]["total"] > 0
                            for r in expected.values())  # fmt: skip


def test_frames_tell_of_every_file(done):
    rows = rows_of(done / "frames.csv")
    wells = [*P1.values(), *P2.values()]
    assert len(rows) == sum(content is not None for series in wells for content in series)
    broken = [row for row in rows if row["status"] != "read"]
    assert [row["path"] for row in broken] == [file_of("P1", "B6", 3)]
    assert broken[0]["status"] == "unreadable"
    for row in rows:
        if row["status"] == "read":
            assert (row["width_px"], row["height_px"]) == (str(SIZE), str(SIZE))
            assert len(row["sha256"]) == 64
