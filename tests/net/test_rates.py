from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from maquette.errors import Cancelled, ServiceBusy
from maquette.net import Rate

WORKER = """
import sys, time
from pathlib import Path
from maquette.net import Rate
rate = Rate("shared", 600, burst=1, folder=Path(sys.argv[1]))
for _ in range(4):
    rate.take()
    print(time.time(), flush=True)
"""


def test_one_after_the_other(tmp_path: Path) -> None:
    rate = Rate("a", 600, folder=tmp_path)
    began = time.monotonic()
    for _ in range(4):
        rate.take()
    assert time.monotonic() - began >= 0.29  # three waits of 0.1 s


def test_a_burst_does_not_wait(tmp_path: Path) -> None:
    rate = Rate("a", 1, burst=3, folder=tmp_path)
    assert [rate.take() for _ in range(3)] == [0.0, 0.0, 0.0]
    with pytest.raises(Cancelled):
        rate.take(stop=lambda: True)


def test_processes_share_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    began = time.time()
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    turns = [line for one in workers for line in one.communicate()[0].split()]
    assert len(turns) == 12
    (file,) = tmp_path.iterdir()
    assert float(file.read_text()) >= began + 1.2  # each of the twelve has a turn of its own


def test_hold(tmp_path: Path) -> None:
    rate = Rate("a", 6000, burst=5, folder=tmp_path)
    rate.hold(60)
    with pytest.raises(Cancelled):  # somebody else has to wait too
        Rate("a", 6000, burst=5, folder=tmp_path).take(stop=lambda: True)
    assert Rate("b", 6000, folder=tmp_path).take() == 0


def test_too_long_a_wait_is_said(tmp_path: Path) -> None:
    rate = Rate("a", 60, folder=tmp_path)
    for file in (rate.take(), *tmp_path.iterdir()):
        if isinstance(file, Path):
            file.write_text(str(time.time() + 5000))
    rate.hold(599.9)
    with pytest.raises((ServiceBusy, Cancelled)):
        for _ in range(3):
            rate.take(stop=lambda: True)


def test_a_damaged_file_is_no_obstacle(tmp_path: Path) -> None:
    rate = Rate("a", 60, folder=tmp_path)
    rate.take()
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600 and file.name != "a"
    file.write_text("nonsense")
    assert rate.take() == 0


def test_no_place_to_share_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    rate = Rate("a", 1, folder=tmp_path / "file")
    assert [rate.take(), rate.take()] == [0.0, 0.0]
    rate.hold(1)
