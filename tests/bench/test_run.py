"""The bench as a program: a smoke run over the fake engine."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest
from bench.queue import measure as measure_queue
from bench.row import Row
from bench.run import demo_rows, main, table
from bench.startup import measure, wall_times

import bench


def test_a_smoke_run_prints_a_table_and_writes_its_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    times = tmp_path / "times.json"
    times.write_text(json.dumps({"seconds": 12.5, "complete": True, "steps": []}))
    out = tmp_path / "deep" / "bench.json"
    arguments = ["--quick", "--engine", "fake", "--out", str(out), "--demo", str(times)]
    assert main([*arguments, "--only", "moon", "--only", "demo"]) == 0
    report = json.loads(out.read_text())
    assert {row["group"] for row in report["rows"]} == {"moon", "demo"}
    assert report["skipped"] == {}
    assert report["conditions"]["build"]
    assert report["conditions"]["cores"] >= 1
    assert "moonlight" in report["rows"][0]["figures"]
    assert "12.5 s" in capsys.readouterr().out


def test_what_cannot_be_measured_is_told_and_fails_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "bench.json"
    missing = str(tmp_path / "none.json")
    assert main(["--quick", "--only", "demo", "--demo", missing, "--out", str(out)]) == 0
    assert "make demo" in json.loads(out.read_text())["skipped"]["demo"]
    assert "not measured" in capsys.readouterr().out


@pytest.mark.parametrize(
    "path", sorted(Path(bench.__file__).parent.glob("[a-z]*.py")), ids=lambda path: path.stem
)
def test_every_measurement_finds_what_it_is_built_on(path: Path) -> None:
    assert importlib.import_module(f"bench.{path.stem}").__doc__


def test_the_demos_clock(tmp_path: Path) -> None:
    times = tmp_path / "times.json"
    times.write_text(json.dumps({"seconds": 91.0, "complete": True}))
    assert demo_rows(times)[0].met is False
    times.write_text(json.dumps({"seconds": 20.0, "complete": False}))
    assert demo_rows(times)[0].met is False
    times.write_text(json.dumps({"seconds": 20.0, "complete": True}))
    assert demo_rows(times)[0].met is True


def test_wall_times_of_a_process() -> None:
    taken = wall_times([sys.executable, "-c", "pass"], 2)
    assert len(taken) == 2
    assert all(0 < seconds < 30 for seconds in taken)
    with pytest.raises(RuntimeError, match="gone"):
        wall_times([sys.executable, "-c", "raise SystemExit('gone')"], 1)


def test_start_up_is_measured_on_the_real_program() -> None:
    rows = measure("fake", None, quick=True)
    assert [row.group for row in rows] == ["start-up", "start-up"]
    assert all(row.value > 0 for row in rows)


def test_the_queue_is_measured_with_a_real_worker() -> None:
    rows = measure_queue(quick=True)
    assert {row.group for row in rows} == {"queue"}
    assert all(row.value > 0 for row in rows)
    assert [row.name for row in rows if row.target] != []


def test_the_table_takes_any_text() -> None:
    shown = table([Row("moon", "[b]x[/b]", 1.0, "[/]", "≥ 1", True)])
    assert shown.row_count == 1
