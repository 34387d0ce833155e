"""What the terminal shows while the demo runs: a bar for the step at hand, a line for each done."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from demo.story import Step

__all__ = ["Display"]


class Display:
    """The running step and the finished ones. Without a terminal only finished steps are told."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
        )
        self._bar = self._progress.add_task("Open the studio", total=None)
        self._pictures = 1

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def begin(self, number: int, title: str, pictures: int) -> None:
        """A step starts, in which the engine will draw so many pictures."""
        self._pictures = max(1, pictures)
        self._progress.reset(self._bar, total=None, description=f"{number}  {title}")

    def drawn(self, index: int, step: int, steps: int) -> None:
        """The engine has done ``step`` of ``steps`` for the picture at ``index``."""
        done = min(self._pictures, index) * steps + step
        self._progress.update(self._bar, total=self._pictures * steps, completed=done)

    def done(self, step: Step) -> None:
        """A step is finished."""
        self.console.print(
            f" [green]✓[/] {step.number}  [bold]{escape(step.title):<35}[/]"
            f" [dim]{step.seconds:5.1f} s[/]  {escape(step.outcome)}",
            soft_wrap=True,
        )

    def say(self, *lines: str) -> None:
        """Plain lines, whatever they hold."""
        for line in lines:
            self.console.print(escape(line), soft_wrap=True)
