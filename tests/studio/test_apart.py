"""Looks of a process that must stay light are done by another, which ends without harm."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maquette.errors import EngineFailed, PictureRefused
from maquette.search import FakeEncoder
from maquette.studio.apart import Apart, EncoderApart
from maquette.studio.desk import read_file


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    found = Apart()
    yield found
    found.close()


def test_looks_are_done_elsewhere_and_answers_are_the_same(apart: Apart) -> None:
    encoder = EncoderApart(FakeEncoder(), apart)
    images = [Image.new("RGB", (40, 30), name) for name in ("red", "blue")]
    assert apart.call(os.getpid) != os.getpid()
    assert np.array_equal(encoder.pictures(images), FakeEncoder().pictures(images))
    assert np.array_equal(encoder.words("a red mug"), FakeEncoder().words("a red mug"))
    assert (encoder.digest, encoder.width) == (FakeEncoder().digest, FakeEncoder().width)


def test_what_goes_wrong_there_is_told_here(apart: Apart, tmp_path: Path) -> None:
    with pytest.raises(PictureRefused) as refused:
        apart.call(read_file, tmp_path)
    assert "is not a file" in str(refused.value) and refused.value.hint == "check the file's path"


def test_it_leaves_when_nobody_asks_and_is_replaced_when_it_died(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timers: list[tuple[float, Callable[[], None]]] = []

    class Timer:
        daemon = False

        def __init__(self, seconds: float, then: Callable[[], None]) -> None:
            timers.append((seconds, then))

        def start(self) -> None: ...
        def cancel(self) -> None: ...

    monkeypatch.setattr(threading, "Timer", Timer)
    mine = Apart(idle=7.0)
    first = mine.call(os.getpid)
    assert mine.call(os.getpid) == first, "it stays for the next look"
    seconds, leave = timers[-1]
    assert seconds == 7.0
    leave()
    with pytest.raises(EngineFailed, match="has ended"):
        mine.call(os._exit, 3)
    assert mine.call(os.getpid) != first
    mine.close()
    with pytest.raises(EngineFailed, match="closed"):
        mine.call(os.getpid)
