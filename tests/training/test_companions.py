"""The companions' trainings: time is divided, what is done is not done again, all are measured."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from training import companions

SHARES = {"clip": 2.0, "faults": 1.0}


def test_time_is_divided_among_what_is_left() -> None:
    assert companions.minutes("clip", SHARES, [], 30) == pytest.approx(20)
    assert companions.minutes("faults", SHARES, ["clip"], 9) == pytest.approx(9)


def test_each_is_trained_once_and_measured(tmp_path: Path) -> None:
    asked: list[list[str]] = []

    def begin(command: list[str]) -> int:
        asked.append(command)
        folder = tmp_path / command[2].split(".")[1]
        folder.mkdir(exist_ok=True)
        (folder / "checkpoint.pt").touch()
        return 0

    until = time.time() + 60
    assert companions.train(tmp_path, until, SHARES, workers=1, begin=begin) == []
    assert [c[2] for c in asked if "--later" in c] == [
        "training.clip.train",
        "training.faults.train",
    ]
    assert [c[2] for c in asked if "--report" in c] == [
        "training.clip.train",
        "training.faults.train",
    ]
    asked.clear()
    companions.train(tmp_path, until, SHARES, workers=1, begin=begin)
    assert not [c for c in asked if "--later" in c]


def test_what_failed_is_told_and_tried_again(tmp_path: Path) -> None:
    asked: list[list[str]] = []

    def begin(command: list[str]) -> int:
        asked.append(command)
        return 1

    for _ in range(2):
        failed = companions.train(tmp_path, time.time() + 60, SHARES, workers=1, begin=begin)
        assert failed == ["clip", "faults"]
    assert len(asked) == 4


def test_without_time_nothing_is_trained(tmp_path: Path) -> None:
    assert companions.train(tmp_path, time.time() - 1, SHARES, workers=1, begin=lambda _: 1) == []


def test_what_stands_on_the_base_is_told_which(tmp_path: Path) -> None:
    asked: list[list[str]] = []
    shares = {"clip": 1.0, **companions.ON_BASE}
    model = tmp_path / "elsewhere"

    def begin(command: list[str]) -> int:
        asked.append(command)
        return 0

    assert not companions.train(
        tmp_path, time.time() + 60, shares, workers=1, begin=begin, model=model
    )
    told = {command[2].split(".")[1]: "--model" in command for command in asked}
    assert told == {"clip": False, "draft": True, "control": True, "reference": True}
    assert str(model) in asked[1]
