"""What becomes of everything that goes wrong: one line that says what to do, and an exit code."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import typer

from maquette.cli.words import one_line
from maquette.errors import MaquetteError

__all__ = ["BROKEN_PIPE", "settle", "silence_stdout"]

BROKEN_PIPE = 141
"""128 + SIGPIPE: what a shell reports for a program whose reader has gone."""

HINTS = {
    "Cancelled": "",
    "WordUnknown": "use words of the prompt; 'maquette show V' shows it",
}
"""What to do where an error does not say it itself."""


def settle(work: Callable[[], object], arguments: Sequence[str]) -> int:
    """Do the work and return the exit code; say what failed on stderr, in one line."""
    try:
        code = _attempt(work, as_json="--json" in arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        silence_stdout()
        return BROKEN_PIPE
    return code


def _attempt(work: Callable[[], object], *, as_json: bool) -> int:
    try:
        result = work()
    except BrokenPipeError:
        raise
    except MaquetteError as error:
        _debug()
        kind = type(error).__name__
        hint = error.hint or HINTS.get(kind, "'maquette COMMAND --help' shows what is possible")
        _say(kind, str(error), hint, error.exit_code, as_json=as_json)
        return error.exit_code
    except typer.TyperException as error:
        _debug()
        kind = "UsageError" if error.exit_code == 2 else type(error).__name__
        _say(kind, error.format_message(), _help_of(error), error.exit_code, as_json=as_json)
        return error.exit_code
    except typer.Abort:
        return 130
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except Exception as error:
        _debug()
        place = _write_down()
        _say(
            type(error).__name__,
            f"an unforeseen fault, {type(error).__name__}: {error}",
            f"please report it with the file {place}; finished versions are safe",
            1,
            as_json=as_json,
        )
        return 1
    return result if isinstance(result, int) else 0


def _say(kind: str, message: str, hint: str, code: int, *, as_json: bool) -> None:
    message, hint = one_line(message).rstrip("."), one_line(hint)
    if as_json:
        about = {"error": kind, "message": message, "hint": hint, "exit_code": code}
        line = json.dumps(about, ensure_ascii=False)
    else:
        line = f"maquette: {message}." + (f" What to do: {hint}" if hint else "")
    try:
        print(line, file=sys.stderr, flush=True)
    except UnicodeEncodeError:
        print(line.encode("ascii", "replace").decode(), file=sys.stderr, flush=True)


def _help_of(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "maquette"
    return f"'{path} --help' shows the right form"


def _debug() -> None:
    if os.environ.get("MAQUETTE_DEBUG") == "1":
        traceback.print_exc()


def _write_down() -> Path | str:
    """The traceback in a file of its own that only this person can read."""
    try:
        handle, name = tempfile.mkstemp(prefix="maquette-fault-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(traceback.format_exc())
    except OSError:
        return "that MAQUETTE_DEBUG=1 shows (no log file could be written)"
    return Path(name)


def silence_stdout() -> None:
    """Let the interpreter's last flush go nowhere instead of complaining."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
