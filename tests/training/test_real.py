"""Training examples from real images: what is drawn on top never changes what is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from training import sources
from training.bank import LARGE, Bank, fills, pack
from training.coronas import with_corona
from training.leave_out import FOLDS, blind_folds
from training.real import Drawn, choose_region, example_of, fill_ground, truth_of, unseen
from training.sources import (
    CHECKSUMS,
    SOURCES,
    Micrograph,
    Source,
    check_images,
    checksum,
    micrographs,
)


def drawn(seed: int = 0, group: str = "one") -> Drawn:
    """A dark ball with a few dark cells on noisy ground."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:300, :360]
    ball = np.hypot(y - 140, x - 170) < 60
    shed = np.zeros(ball.shape, bool)
    for _ in range(20):
        angle, far = rng.uniform(0, 6.28), rng.uniform(75, 120)
        shed |= np.hypot(y - 140 - far * np.sin(angle), x - 170 - far * np.cos(angle)) < 5
    shed &= ~ball
    plane = 0.7 - 0.4 * ball - 0.25 * shed + rng.normal(0, 0.01, ball.shape)
    ignore = np.zeros(ball.shape, bool)
    ignore[:20] = True
    source = Source("open/none", group, "nobody/nothing", "MIT")
    return Drawn.real(
        Micrograph(
            Path("one.png"), source, plane.astype(np.float32), ball.astype(np.int32), shed, ignore
        )
    )


def test_targets_are_shares_of_pixels_and_nothing_is_asked_where_the_eye_could_not_tell() -> None:
    image = drawn()
    target, weight = truth_of(image.labels, image.shed.astype(np.float32), image.ignore, (75, 90))
    assert target[0].sum() * 16 == pytest.approx(np.count_nonzero(image.labels), rel=0.01)
    assert target[1].sum() * 16 == pytest.approx(np.count_nonzero(image.shed), rel=0.02)
    assert target[3].max() == pytest.approx(1, abs=0.05)
    assert (weight[:, :4] == 0).all()
    assert (weight[0, 6:] == 1).all()


def test_examples_repeat_themselves_and_count_only_within_the_region() -> None:
    pool = {"one": [drawn(0)], "two": [drawn(1, "two")]}
    first, again = (example_of(pool, np.random.default_rng(5), 96) for _ in range(2))
    assert first[0] == again[0]
    for a, b in zip(first[1], again[1], strict=True):
        np.testing.assert_array_equal(a, b)
    for seed in range(12):
        groups, (channels, target, weight) = example_of(pool, np.random.default_rng(seed), 96)
        assert groups
        assert set(groups) <= {"one", "two"}
        assert channels.shape == target.shape == weight.shape == (4, 96, 96)
        assert np.isfinite(channels).all()
        assert ((target >= 0) & (target <= 1)).all()


def test_the_ground_beneath_a_body_is_that_around_it() -> None:
    rng = np.random.default_rng(3)
    ground = np.tile(np.linspace(0.3, 0.6, 200, dtype=np.float32), (160, 1))
    ground += rng.normal(0, 0.01, ground.shape).astype(np.float32)
    body = np.zeros(ground.shape, bool)
    body[50:110, 70:130] = True
    found = fill_ground(np.where(body, 0, ground).astype(np.float32), ndimage.binary_dilation(body))
    assert np.abs(found - ground)[body].mean() < 0.03
    assert found[body].std() > 0.005


def test_what_noise_hides_is_not_asked_for() -> None:
    image = drawn()
    assert unseen(image.plane, image.shed).sum() < 0.05 * image.shed.sum()
    noise = np.random.default_rng(0).normal(0, 0.5, image.plane.shape).astype(np.float32)
    hidden = unseen(image.plane + noise, image.shed)
    assert hidden.sum() > 0.5 * image.shed.sum()


def test_regions_lie_within_the_image() -> None:
    image = drawn()
    for seed in range(40):
        region = choose_region(image, np.random.default_rng(seed))
        assert region.plane.shape == region.labels.shape == region.ground.shape
        assert min(region.plane.shape) >= 16


def test_polygons_belong_to_their_image_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source("open/made", "made", "nobody/nothing", "MIT")
    images, polygons = tmp_path / "open/made/images", tmp_path / "annotations/made"
    images.mkdir(parents=True)
    polygons.mkdir(parents=True)
    Image.fromarray(np.full((40, 50), 90, np.uint8)).save(images / "a.png")
    square = [[10, 10], [30, 10], [30, 30], [10, 30]]
    drawn_on = {
        "image": "open/made/images/a.png", "sha256": sources.checksum(images / "a.png"),
        "width": 50, "height": 40, "region": [5, 5, 45, 35], "remark": "",
        "polygons": [
            {"label": 2, "points": square},
            {"label": 1, "points": [[12, 12], [20, 12], [20, 20]]},
        ],
    }  # fmt: skip
    (polygons / "a.json").write_text(json.dumps(drawn_on))
    monkeypatch.setattr(sources, "SOURCES", (source,))
    monkeypatch.setattr(sources, "ANNOTATIONS", tmp_path / "annotations")
    found = next(iter(micrographs(tmp_path)))
    assert found.labels is not None
    assert found.labels.max() == 1
    assert found.shed is not None
    assert found.ignore is not None
    assert found.shed[28, 28]
    assert not found.shed[14, 18]
    assert found.ignore[0, 0]
    assert not found.ignore[6, 6]
    Image.fromarray(np.full((40, 50), 91, np.uint8)).save(images / "a.png")
    with pytest.raises(ValueError, match="not the image"):
        next(iter(micrographs(tmp_path)))


def test_every_polygon_file_belongs_to_a_source_that_may_be_trained_on() -> None:
    folders = {Path(source.folder).name: source for source in SOURCES}
    files = sorted(sources.ANNOTATIONS.glob("*/*.json"))
    assert files
    for path in files:
        assert folders[path.parent.name].trains, path
        content = json.loads(path.read_text("utf-8"))
        assert Path(content["image"]).parent.parent.name == path.parent.name
        assert {polygon["label"] for polygon in content["polygons"]} <= {0, 1, 2, 255}


def test_no_group_is_split_over_what_trains_and_what_only_scores() -> None:
    trained = {source.group for source in SOURCES if source.trains}
    scored = {source.group for source in SOURCES if not source.trains}
    assert not trained & scored


@pytest.fixture
def labelled(shared: Path) -> Iterator[Micrograph]:
    """Images of the folder of reference material."""
    return micrographs(shared)


@pytest.mark.slow
@pytest.mark.real
def test_every_labelled_image_is_read_with_its_mask(labelled: Iterator[Micrograph]) -> None:
    count = 0
    for image in labelled:
        assert image.labels is not None
        assert image.labels.shape == image.plane.shape
        count += 1
    assert count >= 140


def test_groups_of_an_example_are_those_that_lent_something() -> None:
    pool = {"one": [drawn(0)], "two": [drawn(1, "two")]}
    seen = [
        set(example_of(pool, np.random.default_rng(seed), 64, synthetic=True)[0])
        for seed in range(20)
    ]
    assert set() in seen
    assert any(seen)


def test_a_corona_surrounds_the_body_and_leaves_it_alone() -> None:
    image = drawn()
    made = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        plane, shed = with_corona(
            image.plane, image.ground, image.labels, image.shed, drawn(1), rng
        )
        body = image.labels > 0
        assert not (shed & body).any()
        np.testing.assert_array_equal(plane[body], np.clip(image.plane, 0, 1)[body])
        new = shed & ~image.shed
        made += new.any()
        if new.any():
            assert np.abs(plane - image.plane)[new].mean() > 0.03
    assert made >= 6


def test_every_group_that_trains_is_left_out_once() -> None:
    groups = {source.group for source in SOURCES if source.trains}
    assert sorted(group for fold in FOLDS for group in fold) == sorted(groups)
    assert blind_folds("gbm") == [1, 2, 3, 4]
    assert blind_folds("dagostino") == [2]
    assert all(len(blind_folds(group)) == 1 for group in groups)


def test_a_view_is_filled_by_what_counts_of_it() -> None:
    target, weight = np.zeros((4, 20, 20), np.float32), np.zeros((4, 20, 20), np.float32)
    assert not fills(target, weight)
    weight[:, :10] = 1
    target[0, :10, : int(20 * LARGE) + 1] = 1
    assert fills(target, weight)
    target[0, :10, int(20 * LARGE) - 1 :] = 0
    target[0, 10:] = 1  # beyond the region nothing counts
    assert not fills(target, weight)


def test_the_bank_leaves_groups_out_and_keeps_values(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    parts = (
        rng.uniform(-1.5, 1.5, (4, 8, 8)), rng.uniform(0, 1, (4, 8, 8)),
        rng.uniform(0, 6, (4, 8, 8)),
    )  # fmt: skip
    stored = pack(*(a.astype(np.float32) for a in parts))
    np.save(tmp_path / "00000.npy", np.stack([stored, stored]))
    (tmp_path / "00000.json").write_text('[["one"], ["one", "two"]]')
    assert len(Bank(tmp_path)) == 2
    assert len(Bank(tmp_path, {"two"})) == 1
    with pytest.raises(ValueError, match="no examples"):
        Bank(tmp_path, {"one"})
    for part, again, step in zip(parts, Bank(tmp_path)[0], (0.012, 0.004, 0.026), strict=True):
        assert np.abs(part - again).max() < step


def test_images_that_were_learned_from_are_what_they_were(shared: Path) -> None:
    listed = dict(line.split("  ", 1)[::-1] for line in CHECKSUMS.read_text().splitlines())
    assert len(listed) > 150
    there = [name for name in listed if (shared / name).is_file()]
    assert [name for name in there if checksum(shared / name) != listed[name]] == []


def test_other_images_are_not_learned_from_unnoticed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"not those of images\.sha256"):
        check_images(tmp_path)
