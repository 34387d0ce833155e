"""Long work shows itself on stderr, and Ctrl-C is heard between two steps."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console

    from maquette.engines.base import Cancel, Event

__all__ = ["Bars", "counting", "interruptible"]


class Bars:
    """Progress bars for an order of ``total`` pictures; hears the engine's events.

    One bar for the pictures (when there are several), one for the steps of those being drawn, with
    the time left. Nothing is written when ``console`` is no terminal. ``finished`` counts pictures
    either way.
    """

    def __init__(self, console: Console, what: str, total: int) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self.finished = 0
        self._total = total
        self._done: dict[int, float] = {}
        self._progress = Progress(
            TextColumn("{task.description}", style="dim"),
            BarColumn(bar_width=32, complete_style="white", finished_style="white"),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._pictures = (
            self._progress.add_task(what, total=total, visible=True) if total > 1 else None
        )
        self._steps = self._progress.add_task(f"{what}: preparing", total=None)
        self._what = what

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Take in an event of the engine."""
        from maquette.engines.base import Picture, Progress

        if isinstance(event, Progress):
            self._done[event.index] = event.step / max(event.steps, 1)
            self._progress.update(
                self._steps,
                description=self._what if self._total == 1 else "steps",
                completed=event.step,
                total=event.steps,
            )
        elif isinstance(event, Picture):
            self.finished += 1
            self._done[event.index] = 1.0
        if self._pictures is not None:
            # Parts of pictures move the bar, and with it the time left.
            whole = sum(self._done.values())
            self._progress.update(self._pictures, completed=round(whole, 2))


@contextmanager
def counting(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that is told how many of how many are done; nothing in a pipe."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    columns = (
        TextColumn("{task.description}", style="dim"),
        BarColumn(bar_width=32, complete_style="white", finished_style="white"),
        MofNCompleteColumn(),
        Left(compact=True),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        bar = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(bar, completed=done, total=total)


@contextmanager
def interruptible(cancel: Cancel, console: Console) -> Iterator[None]:
    """Ctrl-C once asks the work to stop after its step; twice stops it at once.

    In a thread that cannot hear signals nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, _two_stages(cancel, console))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _two_stages(cancel: Cancel, console: Console) -> Callable[[int, FrameType | None], None]:
    def heard(_number: int, _frame: FrameType | None) -> None:
        if not cancel:
            cancel.set()
            if console.is_terminal:
                sys.stderr.write("\rstopping after this step; Ctrl-C again stops at once\n")
            return
        # A third one does not even wait for Python.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        raise KeyboardInterrupt

    return heard
