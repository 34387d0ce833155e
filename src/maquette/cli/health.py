"""What ``maquette doctor`` looks at. Each check says what it found and what would mend it."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from maquette.cli.call import read_settings
from maquette.cli.words import amount, bytes_in_words, one_line
from maquette.errors import MaquetteError, ProjectMissing

if TYPE_CHECKING:
    from maquette.settings import Settings
    from maquette.studio import Studio

__all__ = ["Check", "examine"]

LITTLE_SPACE = 500_000_000
"""Bytes under which the disk counts as nearly full: some hundred pictures with their maps."""

LIBRARIES = (
    "torch",
    "diffusers",
    "transformers",
    "safetensors",
    "numpy",
    "pillow",
    "opencv-python-headless",
    "pydantic",
    "sqlalchemy",
    "c2pa-python",
    "cryptography",
)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. ``remedy`` is empty when there is nothing to do."""

    name: str
    level: Literal["ok", "warn", "fail"]
    detail: str
    remedy: str = ""


def examine(folder: str | None) -> Iterator[Check]:
    """Every check, in order. A check that breaks down is itself a failed check."""
    yield _python()
    yield _libraries()
    try:
        settings = read_settings()
    except MaquetteError as error:
        yield Check("settings", "fail", str(error), error.hint)
        return
    root = Path(folder) if folder is not None else settings.project
    checks: tuple[tuple[str, Callable[[], Iterator[Check]]], ...] = (
        ("threads", lambda: _threads(settings)),
        ("model", lambda: _model(settings)),
        ("project", lambda: _project(root)),
        ("disk", lambda: _disk(root)),
        ("signing key", lambda: _key(settings.home)),
    )
    for name, check in checks:
        try:
            yield from check()
        except MaquetteError as error:
            yield Check(name, "fail", one_line(str(error)), error.hint)
        except Exception as error:
            detail = one_line(f"{type(error).__name__}: {error}")
            yield Check(name, "fail", detail, "please report this")


def _python() -> Check:
    from maquette import __version__

    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Check("python", "ok", f"{found}, maquette {__version__}")


def _libraries() -> Check:
    from importlib.metadata import PackageNotFoundError, version

    found: list[str] = []
    missing: list[str] = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        remedy = f"pip install {' '.join(missing)}"
        return Check("libraries", "fail", f"not installed: {', '.join(missing)}", remedy)
    return Check("libraries", "ok", ", ".join(found))


def _threads(settings: Settings) -> Iterator[Check]:
    with_affinity = getattr(os, "sched_getaffinity", None)
    cores = len(with_affinity(0)) if with_affinity else os.cpu_count() or 1
    used = settings.threads or cores
    if used > cores:
        yield Check(
            "threads",
            "warn",
            f"{used} threads on {amount(cores, 'core')}",
            "set MAQUETTE_THREADS to the number of cores, or unset it",
        )
    else:
        yield Check("threads", "ok", f"{amount(used, 'thread')} on {amount(cores, 'core')}")


def _model(settings: Settings) -> Iterator[Check]:
    if settings.engine != "diffusers":
        from maquette.engines.base import Billed
        from maquette.engines.registry import load_engine
        from maquette.studio.engines import Engines

        engine = Engines(settings).get()
        if isinstance(engine, Billed):
            able = engine.capabilities()  # asks a server of one's own; raises when it is away
            name = able.model.name if able.model else "no model"
            yield Check("model", "ok", f"engine '{engine.name}' with {name}")
            return

        load_engine(settings.engine)
        yield Check("model", "ok", f"engine '{settings.engine}' needs none")
        return
    from maquette.engines.diffusers.models import find_model, read_model, verify_model

    card = read_model(find_model(settings.model))
    listed = sum(len(card.about.get(names) or {}) for names in ("files", "beside"))
    verify_model(card)
    name = f"{card.ref.name} {card.ref.digest[:10]}"
    if listed:
        yield Check("model", "ok", f"{name}, {amount(listed, 'file')} as listed")
    else:
        yield Check("model", "ok", f"{name}, which lists no digests to compare with")


def _project(root: Path) -> Iterator[Check]:
    from maquette.studio import Studio

    try:
        studio = Studio(root, settings=read_settings())
    except ProjectMissing as error:
        yield Check("project", "warn", str(error), error.hint)
        return
    with studio:
        count = amount(studio.records.count(), "version")
        yield Check("project", "ok", f"{studio.root.resolve()}, {count}")
        yield from _jobs(studio)
        yield from _intents(studio)


def _jobs(studio: Studio) -> Iterator[Check]:
    from maquette.core.job import Status
    from maquette.stages.order import is_alive

    waiting, running = studio.jobs(Status.QUEUED), studio.jobs(Status.RUNNING)
    for job in running[::-1]:
        alive = is_alive(job.owner)
        state = {True: "is at work", False: "is gone", None: "is on another machine"}[alive]
        detail = f"{job.operation} {job.id[:8]} {job.status}: its process {job.owner} {state}"
        if alive is not False:
            yield Check("job", "ok", detail)
        elif job.lease_until is not None:
            yield Check("job", "warn", detail, "the next 'maquette worker' takes it over")
        else:
            remedy = "run the command again; nothing that was finished is lost"
            yield Check("job", "warn", detail, remedy)
    if waiting:
        remedy = "" if running else "'maquette worker' draws them, and so does 'maquette studio'"
        yield Check("jobs", "ok", f"{amount(len(waiting), 'job')} waiting", remedy)
    elif not running:
        yield Check("jobs", "ok", "none is unfinished")


def _intents(studio: Studio) -> Iterator[Check]:
    """Requests to services that nobody knows the end of."""
    for intent in studio.open_intents():
        cost = f", {intent.money} or so" if intent.money.amount else ""
        detail = f"{intent.engine} {intent.id[:8]} {intent.outcome.value}{cost}: {intent.message}"
        remedy = "order it again to look it up"
        if intent.outcome.value == "submitted_unknown":
            remedy += f", or give it up with 'maquette intents write-off {intent.id[:8]}'"
        yield Check("request", "warn", detail.rstrip(": "), remedy)


def _disk(root: Path) -> Iterator[Check]:
    place = root.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    level = "warn" if free < LITTLE_SPACE else "ok"
    remedy = "free some space; nothing is lost when it runs out" if level == "warn" else ""
    yield Check("disk", level, f"{bytes_in_words(free)} free", remedy)
    with suppress(OSError):
        if place == root.absolute() and not os.access(place, os.W_OK):
            yield Check(
                "disk", "fail", f"{place} cannot be written", "check the folder's permissions"
            )


def _key(home: Path) -> Iterator[Check]:
    from maquette.studio import has_identity

    folder = home / "signing"
    if not has_identity(folder):
        yield Check("signing key", "ok", "none yet; the first export makes one")
        return
    from maquette.exchange.keys import load_identity

    identity = load_identity(folder)
    kind = "self-issued" if identity.local else "from an authority"
    yield Check(
        "signing key", "ok", f"{identity.name}, {kind}, valid until {identity.expires:%Y-%m-%d}"
    )
