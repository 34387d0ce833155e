"""Where results go: JSON lines, or quiet tables for people; and files that a person asked for."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maquette.cli.records import version_record
from maquette.cli.words import safe
from maquette.errors import ExportRefused, StorageFull

if TYPE_CHECKING:
    from PIL import Image
    from rich.console import Console, RenderableType
    from rich.text import Text

    from maquette.core.version import Version
    from maquette.studio import Studio

__all__ = ["SEVERITY", "Voice", "show_versions", "table", "text", "write_picture"]

SEVERITY = {"note": "dim", "warning": "yellow", "fault": "red"}
WIDE = 120
"""Columns of a table that goes into a pipe or a file."""


class Voice:
    """Results on stdout, remarks on stderr. With ``as_json`` stdout carries JSON lines alone."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    @cached_property
    def out(self) -> Console:
        """The console on stdout."""
        return _console(sys.stdout)

    @cached_property
    def errors(self) -> Console:
        """The console on stderr."""
        return _console(sys.stderr)

    def emit(self, record: dict[str, Any]) -> None:
        """One JSON object as one line."""
        line = json.dumps(record, ensure_ascii=False, allow_nan=False)
        # A lone surrogate (from a file name, say) has no UTF-8.
        print(line.encode("utf-8", "replace").decode(), flush=True)

    def show(self, *what: RenderableType) -> None:
        """Something for people; nothing when the output is JSON."""
        if self.as_json:
            return
        for each in what:
            if self.out.is_terminal:
                self.out.print(each)
                continue
            with self.out.capture() as captured:
                self.out.print(each)
            # A table fills its last column with blanks, which are noise in a file.
            lines = captured.get().splitlines()
            self.out.file.write("".join(f"{line.rstrip()}\n" for line in lines))

    def line(self, content: str | Text) -> None:
        """One line for people: never wrapped, cut at a terminal's edge, whole in a pipe."""
        if not self.as_json:
            terminal = self.out.is_terminal
            self.out.print(
                text(content) if isinstance(content, str) else content,
                no_wrap=True,
                overflow="ellipsis" if terminal else "ignore",
                crop=terminal,
            )

    def hint(self, *commands: str) -> None:
        """The next sensible commands, dim; only where a person is looking."""
        if not self.as_json and self.out.is_terminal:
            self.out.print(text("next: " + "  ·  ".join(commands), "dim"))

    def aside(self, content: str) -> None:
        """A dim line beside a result, for people."""
        if not self.as_json:
            self.out.print(text(content, "dim"))

    def remark(self, content: str) -> None:
        """Something worth knowing that is not the result."""
        print(f"maquette: {safe(content)}", file=sys.stderr)


def text(content: object, style: str = "") -> Text:
    """Text as it stands: brackets of a prompt are no markup, control characters are shown."""
    from rich.text import Text

    return Text(safe(str(content)), style=style)


def table(*columns: str, right: Sequence[str] = ()) -> Any:
    """A table without lines; ``right`` names the columns that hold numbers."""
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        grid.add_column(
            column,
            justify="right" if column in right else "left",
            overflow="fold",
            no_wrap=column in right,
        )
    return grid


def show_versions(voice: Voice, studio: Studio, versions: Sequence[Version]) -> None:
    """What a command has made: a JSON line or a table row a version, and what to do next."""
    if voice.as_json:
        for version in versions:
            voice.emit(version_record(studio, version))
        return
    numbers = ("size", "seconds", "seed", "findings")
    grid = table("version", *numbers, right=numbers)
    for version in versions:
        findings = studio.findings(version)
        sampling = version.recipe.sampling
        worst = findings[0].severity if findings else "note"
        grid.add_row(
            text(version.short, "bold"),
            text(version.size),
            text(f"{version.cost.seconds:.2f}"),
            text(sampling.seed if sampling else "–"),
            text(len(findings) or "–", SEVERITY[worst]),
        )
    voice.show(grid)
    voice.hint(*_next_steps(studio, versions))


def _next_steps(studio: Studio, versions: Sequence[Version]) -> list[str]:
    if not versions:
        return []
    if len(versions) > 1:
        return [f"maquette show {versions[0].short}", "maquette log"]
    version = versions[0]
    remedies = [finding for finding in studio.findings(version) if finding.suggestion]
    steps = [f"maquette apply @ {remedies[0].name}"] if remedies else []
    if version.trace is not None:
        steps.append("maquette heatmap @")
    if version.parents:
        steps.append("maquette compare @~1 @")
    return [*steps, "maquette export @ -o picture.png"][:3]


def write_picture(image: Image.Image, path: Path) -> None:
    """Write a picture that a person asked for, whole or not at all, in the format of its name.

    Raises:
        ExportRefused: an ending without a format, or a place that cannot be written.
        StorageFull.
    """
    from PIL import Image

    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind not in {"PNG", "JPEG", "WEBP", "TIFF", "BMP"}:
        raise ExportRefused(
            f"cannot tell a picture format from '{path.name}'", hint="end it in .png"
        )
    partial = path.with_name(f".{path.name[:200]}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            image.save(partial, format=kind)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(f"no space left to write {path}") from error
        raise ExportRefused(
            f"cannot write {path}: {error.strerror or error}", hint="choose another place"
        ) from error


def _console(stream: Any) -> Console:
    from rich.console import Console

    class Pipe(Console):
        """A console whose broken pipe is an exception like any other's."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    terminal = bool(getattr(stream, "isatty", lambda: False)())
    return Pipe(
        file=stream, width=None if terminal else WIDE, highlight=False, markup=False, emoji=False
    )
