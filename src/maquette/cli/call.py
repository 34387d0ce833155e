"""One call of the command line: where its project is, how it speaks, what it opens."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import typer

from maquette.cli.faults import BROKEN_PIPE, silence_stdout
from maquette.cli.options import Json, ProjectFolder
from maquette.cli.output import Voice
from maquette.errors import Cancelled, MaquetteError, SettingRefused

if TYPE_CHECKING:
    from rich.console import Console

    from maquette.core.version import Version
    from maquette.settings import Settings
    from maquette.studio import Studio

__all__ = ["Call", "read_settings", "spoken"]


@dataclass(frozen=True)
class Call:
    """What every command gets first."""

    name: str
    project: str | None
    json: bool

    @cached_property
    def voice(self) -> Voice:
        """Where results and remarks go."""
        return Voice(self.json)

    @property
    def errors(self) -> Console:
        """The console on stderr."""
        return self.voice.errors

    @contextmanager
    def studio(
        self,
        *,
        create: bool = False,
        quiet: bool = False,
        engine: str | None = None,
        model: str | None = None,
    ) -> Iterator[Studio]:
        """Open the project; unless ``quiet``, say so in the end when it was made for this."""
        from maquette.studio import Studio

        with Studio(
            self.project, create=create, engine=engine, model=model, settings=read_settings()
        ) as studio:
            yield studio
            if studio.created and not quiet:
                self.voice.remark(f"made a project in {studio.root.resolve()}")

    def waiting(self, what: str) -> AbstractContextManager[Any]:
        """A spinner on stderr while something without steps is done; nothing in a pipe."""
        return self.errors.status(what) if self.errors.is_terminal else nullcontext()

    def make(
        self,
        studio: Studio,
        what: str,
        work: Callable[[], Sequence[Version]],
        *,
        total: int = 1,
    ) -> list[Version]:
        """Let the studio draw, show how far it is, and say what was made.

        When the work stops half-way the finished versions are shown like any others before the
        error goes on.

        Raises:
            Cancelled: by Ctrl-C, with how many were finished and kept.
        """
        from maquette.cli.output import show_versions
        from maquette.cli.progress import Bars, interruptible

        stopped: BaseException | None = None
        versions: list[Version] = []
        finished: list[Version] = []
        with Bars(self.errors, what, total) as bars, interruptible(studio.cancel, self.errors):
            studio.on_event = bars
            studio.on_version = finished.append
            try:
                versions = list(work())
            except (MaquetteError, KeyboardInterrupt) as error:
                stopped, versions = error, finished
        if versions:
            show_versions(self.voice, studio, versions)
        if stopped is None and bars.finished < len(versions):
            self.voice.aside(f"{len(versions) - bars.finished} drawn before and not drawn again")
        if isinstance(stopped, (Cancelled, KeyboardInterrupt)):
            raise Cancelled(f"stopped; {bars.finished} of {total} finished and kept") from stopped
        if stopped is not None:
            raise stopped
        return versions


def read_settings() -> Settings:
    """The settings of the environment.

    Raises:
        SettingRefused: for a value that cannot be used, with the variable's name.
    """
    from pydantic import ValidationError

    from maquette.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "MAQUETTE_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingRefused(
            f"{name} is {first['input']!r}: {first['msg'].lower()}",
            hint=f"correct {name} in the environment, or unset it",
        ) from error


def spoken(name: str, command: Callable[..., Any]) -> Callable[..., Any]:
    """A command as typer wants it: --project and --json join its options, a Call is put first."""

    def run(context: typer.Context, **given: Any) -> Any:
        before: Mapping[str, Any] = context.obj if isinstance(context.obj, dict) else {}
        project = given.pop("project")
        as_json = given.pop("json") or before.get("json", False)
        call = Call(name, project if project is not None else before.get("project"), as_json)
        try:
            return command(call, **given)
        except KeyboardInterrupt:
            raise Cancelled("stopped") from None
        except BrokenPipeError:
            silence_stdout()
            raise typer.Exit(BROKEN_PIPE) from None

    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    run.__signature__ = inspect.Signature(  # pyright: ignore[reportFunctionMemberAccess]
        [
            inspect.Parameter("context", keyword, annotation=typer.Context),
            *(parameter.replace(kind=keyword) for parameter in own),
            inspect.Parameter("project", keyword, annotation=ProjectFolder, default=None),
            inspect.Parameter("json", keyword, annotation=Json, default=False),
        ]
    )
    run.__doc__, run.__name__, run.__annotations__ = command.__doc__, name, {}
    return run
