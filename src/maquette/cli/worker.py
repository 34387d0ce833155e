"""The command that draws what waits in the queue."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from maquette.cli.call import Call, read_settings

if TYPE_CHECKING:
    from maquette.worker import Done, Worker

__all__ = ["COMMANDS", "PANEL"]

PANEL = "Studio"


def worker(
    call: Call,
    *,
    projects: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="ROOT",
            help="A folder whose sub-folders are projects, also those that are made later. May be"
            " repeated. Without it, --project alone.",
        ),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Leave as soon as nothing waits any more.")
    ] = False,
) -> None:
    """Draw what waits in the queues of projects, the most urgent first.

    Ctrl-C puts the job at hand back into the queue and leaves; SIGTERM finishes it first. Several
    workers may share a project. The studio starts one by itself.
    """
    from maquette.studio.engines import Engines
    from maquette.studio.rooms import Rooms
    from maquette.worker import Worker, when_alone

    settings = read_settings()
    engines = Engines(settings)
    alone = [] if projects and call.project is None else [Path(call.project or settings.project)]
    if alone:
        with call.studio():  # says what is wrong with it, if anything is
            pass
    with ExitStack() as stack:
        where: list[tuple[Path | None, Sequence[Path]]] = [(None, alone)]
        where += [(root, ()) for root in projects or ()]
        rooms = [
            stack.enter_context(Rooms(root, extra, settings=settings, engines=engines))
            for root, extra in where
        ]
        crew = Worker(rooms, on_done=lambda done: _say(call, done))
        when_alone(crew.leave, crew.wake)
        with _signals(crew):
            if not once:
                crew.warm(engines)
            crew.run(once=once)


@contextmanager
def _signals(crew: Worker) -> Iterator[None]:
    def leave(_number: int, _frame: FrameType | None) -> None:
        crew.leave()

    def drop(_number: int, _frame: FrameType | None) -> None:
        crew.drop()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a second one does not wait

    before = signal.signal(signal.SIGTERM, leave), signal.signal(signal.SIGINT, drop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])


def _say(call: Call, done: Done) -> None:
    job = done.job
    if call.json:
        call.voice.emit(
            {
                "job": job.id,
                "project": done.root,
                "operation": job.operation,
                "status": job.status.value,
                "version": job.version,
                "seconds": round(done.seconds, 3),
                "message": job.message,
            }
        )
        return
    what = {"done": "done", "queued": "put back"}.get(job.status.value, job.status.value)
    about = f": {job.message}" if job.message else f" in {done.seconds:.1f} s"
    teaches = job.arguments.get("teaches")
    named = f"{job.operation} ({teaches})" if teaches else job.operation
    call.voice.line(f"{named} {job.id[:8]} {what}{about}")


COMMANDS = (worker,)
