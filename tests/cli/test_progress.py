"""What long work shows on a terminal, and that a pipe sees nothing of it."""

from __future__ import annotations

import io
import re
import signal
import threading

import pytest
from PIL import Image
from rich.console import Console

from maquette.cli.output import Voice
from maquette.cli.progress import Bars, interruptible
from maquette.engines.base import Cancel, Picture, Progress

DOT = Image.new("RGB", (1, 1))


def watched(total: int, *, terminal: bool) -> tuple[str, Bars]:
    written = io.StringIO()
    console = Console(file=written, force_terminal=terminal, width=100, color_system=None)
    with Bars(console, "drawing", total) as bars:
        for index in range(total):
            bars(Progress(index, 3, 4))
            bars._progress.refresh()
            bars(Picture(index, DOT, 0.1))
            bars._progress.refresh()
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.getvalue()), bars


def test_one_picture_shows_its_steps() -> None:
    shown, bars = watched(1, terminal=True)
    assert "drawing: preparing" in shown
    assert re.search(r"drawing +━+.* 3/4 ", shown)
    assert bars.finished == 1


def test_several_pictures_show_how_many() -> None:
    shown, bars = watched(3, terminal=True)
    assert re.search(r"drawing +━+.* 2/3 ", shown)
    assert re.search(r"steps +━+.* 3/4 ", shown)
    assert bars.finished == 3


def test_nothing_goes_into_a_pipe() -> None:
    shown, bars = watched(3, terminal=False)
    assert shown == ""
    assert bars.finished == 3


def test_ctrl_c_in_two_stages() -> None:
    cancel, console = Cancel(), Console(file=io.StringIO())
    before = signal.getsignal(signal.SIGINT)
    try:
        with interruptible(cancel, console):
            signal.raise_signal(signal.SIGINT)
            assert cancel
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
    finally:
        assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_keep_their_hands_off_signals() -> None:
    before = signal.getsignal(signal.SIGINT)
    found: list[object] = []

    def work() -> None:
        with interruptible(Cancel(), Console(file=io.StringIO())):
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [before]


def test_hints_are_for_terminals(capsys: pytest.CaptureFixture[str]) -> None:
    voice = Voice(as_json=False)
    voice.hint("maquette log")
    assert capsys.readouterr().out == ""
    voice.out = Console(force_terminal=True, color_system=None)
    voice.hint("maquette log", "maquette show @")
    assert capsys.readouterr().out == "next: maquette log  ·  maquette show @\n"
