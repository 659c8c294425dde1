"""What the command line says of a watched plate and of many plates."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spheroid_qc.cli import main
from tests.run.conftest import draw, write

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "images"
    for n, well in enumerate(("B2", "B3")):
        image = draw(14, size=64, centre=(32, 32), seed=n)
        write(folder / f"VID1_{well}_1_00d00h00m.tif", image)
    return folder


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["spheroid-qc", *map(str, arguments)])
        monkeypatch.setattr(main, "stop_on_signals", lambda: None)
        with pytest.raises(SystemExit) as stopped:
            main.main()
        messages = capsys.readouterr()
        assert "Traceback" not in messages.err
        return int(stopped.value.code or 0), messages.out, messages.err

    return run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("A", "B"), "--campaign"),
        (("A", "--campaign", "C", "--watch"), "leave out --out and --watch"),
        (("A", "--campaign", "C", "--out", "D"), "leave out --out and --watch"),
        (("A", "--watch-until", "tomorrow"), "2026-05-04T18:00"),
    ],
)
def test_what_does_not_go_together_is_refused(
    call, images: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    places = {"A": images, "B": images.parent, "C": tmp_path / "c", "D": tmp_path / "d"}
    status, _, err = call("run", *(places.get(one, one) for one in arguments))
    assert status == 2
    assert words in err
    assert not list(tmp_path.iterdir())


def test_a_campaign_says_what_became_of_each_plate(call, images: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    out = tmp_path / "out"
    status, said, err = call("run", images, tmp_path / "empty", "--campaign", out, "--workers", 1)
    assert status == 1
    assert f"1/2  {images}: 2 frames, 2 new; {out / 'images'}" in said
    assert "2/2" in err
    assert "not analysed" in err
    assert f"to look at: {out / 'campaign.html'}" in said
    assert (out / "campaign.csv").is_file()
    status, _, err = call("run", tmp_path / "empty", "--campaign", tmp_path / "other")
    assert status == 2
    assert "None of the plates" in err


@POSIX
@pytest.mark.slow
def test_ctrl_c_ends_a_watch_with_its_tables(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(
        [
            sys.executable, "-m", "spheroid_qc.cli.main", "run", str(images), "--out", str(out),
            "--watch", "--set", "watch.look_seconds=0.2", "--workers", "1",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A suite that runs in the background ignores Ctrl-C, and what it starts does as well.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert process.stdout is not None
    lines = []
    begun = time.monotonic()
    for line in process.stdout:
        lines.append(line)
        if "2 new, 2 frames in all" in line:
            process.send_signal(signal.SIGINT)
            break
        assert time.monotonic() - begun < 300
    rest, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "To end it: Ctrl-C" in lines[0]
    assert "Ending when this round is done" in err
    assert "2 frames analysed" in rest
    assert (out / "wells.csv").is_file()
    assert (out / "alarms.csv").is_file()
