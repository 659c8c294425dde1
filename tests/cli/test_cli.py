"""The command line: what it says, what it returns, and that nothing is a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from spheroid_qc.cli import main, terminal
from spheroid_qc.errors import OutputError
from tests.run.conftest import draw, write

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and pipes")


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "images"
    write(folder / "VID1_B2_1_00d00h00m.tif", draw(30))
    write(folder / "VID1_B3_1_00d00h00m.tif", draw(32, seed=1))
    return folder


@pytest.fixture
def call(monkeypatch, capsys):
    """Run `main` in this process: (exit status, standard output, standard error)."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["spheroid-qc", *map(str, arguments)])
        monkeypatch.setattr(main, "stop_on_signals", lambda: None)
        with pytest.raises(SystemExit) as stopped:
            main.main()
        messages = capsys.readouterr()
        assert "Traceback" not in messages.err
        return stopped.value.code or 0, messages.out, messages.err

    return run


def command(*arguments):
    return [sys.executable, "-m", "spheroid_qc.cli.main", *map(str, arguments)]


@pytest.mark.parametrize("path", [(), ("run",), ("inspect",), ("demo",), ("evaluate",)])
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_explains_itself(path, option):
    result = CliRunner().invoke(main.app, [*path, option])
    assert result.exit_code == 0
    assert result.output.startswith("Usage:")


def test_a_run_says_what_was_done_and_where(call, images, tmp_path):
    status, out, err = call("run", images, "--out", tmp_path / "out", "--workers", 1)
    assert status == 0
    messages = f"2 frames analysed; tables, masks and overlays: {tmp_path / 'out'}\n"
    assert out.endswith(messages)
    assert "By condition at 0 h" in out
    assert "note: " in err
    assert (tmp_path / "out" / "wells.csv").is_file()
    status, out, _ = call("run", images, "--out", tmp_path / "out", "--dose-time", 500)
    assert "2 of them were done before" in out


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        ((), "Usage"),
        (("run",), "Say which folder of images"),
        (("nonsense",), "nonsense"),
        (("run", "{images}", "--nonsense"), "--nonsense"),
        (("run", "{tmp}/absent"), "There is no folder"),
        (("run", "{tmp}/file.txt"), "is a file"),
        (("run", "{tmp}/folder"), "No image"),
        (("run", ""), "FOLDER is an empty text"),
        (("run", "{images}", "--out", ""), "--out is an empty text"),
        (("run", "{images}", "--out="), "--out is an empty text"),
        (("run", "{images}", "--out", "{images}"), "can't go into the image folder"),
        (("run", "{images}", "--out", "{tmp}/file.txt"), "is a file"),
        (("run", "{images}", "--out", "{tmp}/file.txt/x"), "Not a directory"),
        (("run", "{images}", "--out", "{tmp}/folder"), "files of something else"),
        (("run", "{images}", "--out", "{tmp}/" + "x" * 300), "File name too long"),
        (("run", "{tmp}/" + "x" * 300), "File name too long"),
        (("run", "{images}", "--pixel-size", "-1"), "--pixel-size"),
        (("run", "{images}", "--pixel-size", "nan"), "--pixel-size"),
        (("run", "{images}", "--pixel-size", "inf"), "--pixel-size"),
        (("run", "{images}", "--pixel-size", "wide"), "--pixel-size"),
        (("run", "{images}", "--dose-time", "nan"), "--dose-time"),
        (("run", "{images}", "--dose-time", "1e30"), "--dose-time"),
        (("run", "{images}", "--assay", "double"), "--assay"),
        (("run", "{images}", "--method", "magic"), "--method"),
        (("evaluate", "{images}", "{tmp}/nowhere"), "does not exist"),
        (("evaluate", "{images}", "{images}", "--tolerance", "-1"), "--tolerance"),
        (("run", "{images}", "--workers", "0"), "--workers"),
        (("run", "{images}", "--name-pattern", "("), "not a regular expression"),
        (("run", "{images}", "--name-pattern", "x"), "where the well stands"),
        (("run", "{images}", "--set", "nonsense"), "section.field=value"),
        (("run", "{images}", "--set", "plate.nonsense=1"), "plate.nonsense"),
        (("run", "{images}", "--set", "quality.severity.nonsense=info"), "nonsense"),
        (("run", "{images}", "--config", "{tmp}/absent.toml"), "absent.toml"),
        (("run", "{images}", "--config", "{tmp}/bytes.bin"), "not UTF-8"),
        (("run", "{images}", "--plate-map", "{tmp}/absent.csv"), "absent.csv"),
        (("run", "{images}", "--plate-map", "{tmp}/empty.csv"), "empty"),
        (("run", "{images}", "--plate-map", "{tmp}/bytes.bin"), "bytes.bin"),
        (("run", "{images}", "--plate-map", "{tmp}/folder"), "is a folder"),
        (("run", "{images}", "--plate-map", "{tmp}/" + "x" * 300), "File name too long"),
        (("run", "{images}", "--join", "{tmp}/wells.csv"), "Z99"),
        (("run", "{images}", "--exclusions", "{tmp}/wells.csv"), "atp"),
        (("run", "--write-config", "{tmp}/file.txt"), "exists already"),
        (("run", "--write-config", "{tmp}/absent/x.toml"), "can't be written"),
        (("run", "--write-config", "{tmp}/" + "x" * 300), "File name too long"),
        (("inspect", "{tmp}/absent"), "There is no folder"),
        (("inspect", "{tmp}/folder"), "No image"),
        (("inspect", ""), "FOLDER is an empty text"),
        (("demo", "--out", ""), "--out is an empty text"),
        (("demo", "--out", "{tmp}/folder"), "files of something else"),
    ],
)
def test_a_wrong_request_gets_a_sentence_and_writes_nothing(
    call, images, tmp_path, monkeypatch, arguments, messages
):
    (tmp_path / "file.txt").write_text("mine")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "bytes.bin").write_bytes(bytes(range(128, 256)) * 20)
    (tmp_path / "wells.csv").write_text("well,atp\nZ99,1\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    status, _, err = call(*(a.format(images=images, tmp=tmp_path) for a in arguments))
    assert status == 2
    assert messages in err
    assert err.rstrip().endswith(".") or "Usage" in err
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file.txt").read_text() == "mine"


@POSIX
@pytest.mark.parametrize("option", ["--plate-map", "--join", "--exclusions"])
def test_a_pipe_for_a_table_is_refused_and_not_waited_for(call, images, tmp_path, option):
    os.mkfifo(tmp_path / "pipe.csv")
    status, _, err = call("run", images, "--out", tmp_path / "out", option, tmp_path / "pipe.csv")
    assert status == 2
    assert "not a regular file" in err


def test_a_dose_time_after_the_last_image_and_lost_end_points_are_said(call, images, tmp_path):
    (tmp_path / "atp.csv").write_text("well,atp\nB2,1\nH12,2\n")
    status, _, err = call(
        "run", images, "--out", tmp_path / "out", "--dose-time", 5000, "--join",
        tmp_path / "atp.csv", "--workers", 1,
    )  # fmt: skip
    assert status == 0
    assert "dose time 5000 h lies after the last image" in err
    assert "H12 of VID1" in err


def test_an_unforeseen_fault_is_a_sentence_unless_the_traceback_is_wanted(call, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("one\ntwo")

    monkeypatch.setattr("spheroid_qc.frames.frame_table.frame_table", broken)
    status, _, err = call("inspect", ".")
    assert status == 1
    assert err.count("\n") == 1
    assert "ZeroDivisionError: one\\ntwo in test_cli.py" in err
    monkeypatch.setenv("SPHEROID_QC_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        call("inspect", ".")


@pytest.mark.parametrize(
    ("error", "status"),
    [(OutputError("The disk is full."), 1), (MemoryError(), 1), (terminal.StopSignal(15), 143)],
)
def test_exit_states_of_what_ends_a_run(call, monkeypatch, error, status):
    def ends(*_, **__):
        raise error

    monkeypatch.setattr("spheroid_qc.workflow.run_and_report.run_plate", ends)
    found, _, err = call("run", "anything")
    assert found == status
    assert err.startswith("spheroid-qc: ")
    assert err.endswith(".\n")


def test_control_characters_of_names_never_reach_the_terminal(call, tmp_path):
    name = "\x1b[31mred\nx_D16.tif" if sys.platform != "win32" else "\u202ered_D16.tif"
    write(tmp_path / "images" / name, draw(30))
    write(tmp_path / "images" / "A1.tif", draw(30))
    status, out, err = call("run", tmp_path / "images", "--out", tmp_path / "out", "--workers", 1)
    assert status == 1
    assert "\x1b" not in out + err
    assert "\u202e" not in out + err
    problems = [line for line in err.splitlines() if line.startswith("problem: ")]
    assert len(problems) == 1
    assert "red" in problems[0]
    assert "D16" in problems[0]


def test_a_stream_that_can_not_be_written_to_costs_nothing(monkeypatch):
    class Broken:
        encoding = "ascii"

        def write(self, _):
            raise BrokenPipeError

        def flush(self):
            raise BrokenPipeError

        def isatty(self):
            return False

        def fileno(self):
            raise OSError

    for stream in (Broken(), None):
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        terminal.echo("text")
        terminal.echo("text", err=True)
        from spheroid_qc.run import Progress

        with terminal.Reporter() as report:
            report(Progress("frames", 1, 1, 1.0, None))


def test_an_ascii_terminal_gets_every_sentence(images, tmp_path):
    folder = tmp_path / "images"
    write(folder / "\u00fcber_A1.tif", draw(30))
    write(folder / "\u00fcber_D16.tif", draw(30))
    done = subprocess.run(
        command("inspect", folder), capture_output=True, text=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert "ber_D16.tif" in done.stdout
    assert not done.stderr
    assert done.returncode in (0, 1)


@POSIX
def test_a_reader_that_goes_away_does_not_end_the_run(images, tmp_path):
    out = tmp_path / "out"
    process = subprocess.Popen(
        command("run", images, "--out", out, "--workers", 1),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 0
    assert (out / "wells.csv").is_file()


@POSIX
def test_a_folder_that_is_gone_is_a_sentence(images, tmp_path):
    gone = tmp_path / "gone"
    script = f"cd {gone}; rmdir {gone}; exec {sys.executable} -m spheroid_qc.cli.main run {images}"
    gone.mkdir()
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    assert done.returncode == 2
    assert "does not exist any more" in done.stderr
    assert "Traceback" not in done.stderr


@POSIX
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_to_the_group_ends_everything_with_a_sentence(images, tmp_path, name, status):
    # Whoever runs the tests in the background may have set signals to be ignored.
    process = subprocess.Popen(
        command("run", images, "--out", tmp_path / "out", "--workers", 2),
        start_new_session=True, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    process.stderr.readline()  # progress: workers are being started
    os.killpg(process.pid, getattr(signal, name))
    _, err = process.communicate(timeout=30)
    assert process.returncode == status
    assert err == "spheroid-qc: Stopped; run the same command again to continue.\n"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    else:
        pytest.fail("workers outlived the run")
    done = subprocess.run(command("run", images, "--out", tmp_path / "out", "--workers", 1))
    assert done.returncode == 0


def test_inspect_reads_the_times_of_stacks_as_a_run_does(tmp_path, call) -> None:
    planes = np.stack([draw(30, seed=seed) for seed in range(3)])
    tifffile.imwrite(tmp_path / "A02.tif", planes, imagej=True, metadata={"axes": "TYX"})
    status, out, _ = call("inspect", tmp_path)
    assert status == 0
    assert "3 times (frames 0 to 2, not hours)" in out


def test_a_map_with_logarithmic_doses_and_a_batch(images, tmp_path, call) -> None:
    plate_map = tmp_path / "map.csv"
    doses = "B2,gem,-1,a\nB3,gem,-1,b\nC2,gem,0,a\nC3,gem,0,b\n"
    plate_map.write_text(f"well,drug,dose_uM,batch\n{doses}D2,DMSO,,a\nD3,DMSO,,b\n", "utf-8")
    asked = ("run", images, "--plate-map", plate_map, "--out", tmp_path / "out")
    status, _, error = call(*asked)
    assert (status, "is negative" in error) == (2, True)
    status, _, error = call(*asked, "--dose-scale", "log10")
    assert (status, "differ in the column batch" in error) == (2, True)
    status, _, error = call(*asked, "--dose-scale", "log10", "--column", "lot=ignore")
    assert (status, "no column 'lot'" in error) == (2, True)
    stated = ("--dose-scale", "log10", "--column", "batch=ignore")
    status, _, _ = call(*asked, *stated, "--workers", "1", "--overlays", "none")
    assert status == 0
    wells = (tmp_path / "out" / "wells.csv").read_text("utf-8")
    assert "gem 0.1 uM" in wells
    settings = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    assert settings["parameters"]["plate"]["map_columns"] == "batch=ignore"
