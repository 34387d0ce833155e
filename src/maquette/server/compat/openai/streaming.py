"""Pictures as they come: partial ones while they are drawn, and each when it is done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from maquette.core.geometry import Size
from maquette.core.job import Job
from maquette.core.version import Version
from maquette.server.compat.asking import News, ask, made
from maquette.server.compat.drawing import enlarged
from maquette.server.compat.faces import refusal_of
from maquette.server.compat.home import context_of
from maquette.server.compat.openai.answering import (
    completed,
    error_of,
    event,
    headers_for,
    partial,
    stated,
)
from maquette.server.compat.openai.asked import Edit, Generation
from maquette.server.context import Room
from maquette.server.feed import HEARTBEAT
from maquette.stages.order import Order

__all__ = ["streamed"]

Part = tuple[str, Any]


async def streamed(
    request: Request,
    room: Room,
    asked: Generation | Edit,
    order: Callable[[], Order],
    kind: str,
) -> Response:
    """The answer of a call with ``stream``; ``kind`` begins its events' names.

    What is refused before anything is queued is answered as an error, not as a stream.
    """
    began, context = time.perf_counter(), context_of(request)
    parts: asyncio.Queue[Part] = asyncio.Queue()
    queued = asyncio.Event()

    def begun(jobs: list[Job]) -> None:
        parts.put_nowait(("begun", jobs))
        queued.set()

    def hear(news: News) -> None:
        if news.kind in {"preview", "progress"}:
            parts.put_nowait((news.kind, news))

    async def work() -> None:
        jobs = await ask(context, room, order, hear=hear, begun=begun)
        drawn = await run_in_threadpool(made, room, jobs)
        done = await enlarged(context, room, drawn, asked.wanted, "openai")
        for version in done:
            parts.put_nowait(("done", version))

    task = asyncio.create_task(work())
    waiting = asyncio.create_task(queued.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not queued.is_set():
        await task  # raises what was refused
    headers = headers_for(began, room) | {"X-Accel-Buffering": "no"}
    stream = _events(request, room, asked, kind, task=task, parts=parts)
    return StreamingResponse(stream, headers=headers, media_type="text/event-stream")


async def _events(
    request: Request,
    room: Room,
    asked: Generation | Edit,
    kind: str,
    *,
    task: asyncio.Task[None],
    parts: asyncio.Queue[Part],
) -> AsyncIterator[bytes]:
    shown: dict[int, int] = {}
    size, total = asked.wanted, 0
    task.add_done_callback(lambda _: parts.put_nowait(("end", None)))
    try:
        while True:
            try:
                what, value = await asyncio.wait_for(parts.get(), HEARTBEAT)
            except TimeoutError:
                yield b": still here\n\n"
                continue
            if what == "end":
                break
            if what == "begun":
                jobs: list[Job] = value
                size = size or jobs[0].recipe.size
                sampling = jobs[0].recipe.sampling
                total = sampling.steps if sampling is not None else 0
            elif what == "preview" and size is not None:
                news: News = value
                index = shown.get(news.place, 0)
                if index < asked.partials and _is_due(news, index, asked.partials, total):
                    shown[news.place] = index + 1
                    yield await _partial(news, index, size, asked, kind)
            elif what == "done":
                version: Version = value
                data = await run_in_threadpool(
                    completed, room, version, asked.format, asked.level, asked.preset
                )
                yield event(f"{kind}.completed", data)
        await task
    except Exception as error:
        refusal = refusal_of(request, error)
        yield event("error", {"error": error_of(refusal, refusal.status)})
    finally:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


def _is_due(news: News, index: int, partials: int, total: int) -> bool:
    """Partial pictures are spread evenly over the steps, as far as there are previews."""
    return int(news.data.get("step", 0)) * (partials + 1) >= total * (index + 1)


async def _partial(
    news: News, index: int, size: Size, asked: Generation | Edit, kind: str
) -> bytes:
    image = await run_in_threadpool(
        partial, str(news.data["image"]), size, asked.format, asked.level
    )
    return event(
        f"{kind}.partial_image",
        {
            "b64_json": image,
            "partial_image_index": index,
            "created_at": int(time.time()),
            **stated(size, asked.preset, asked.format),
        },
    )
