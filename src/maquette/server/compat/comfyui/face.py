"""The face: its addresses (each also below ``/api``), and its errors."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import uuid
from collections.abc import Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from maquette.errors import SettingRefused
from maquette.server.answers import answer
from maquette.server.compat.comfyui import pictures
from maquette.server.compat.comfyui.board import MOST_WAITING, Board, Prompt
from maquette.server.compat.comfyui.checking import GraphRefused, check
from maquette.server.compat.comfyui.names import FOLDERS, Names
from maquette.server.compat.comfyui.nodes import NODES, described
from maquette.server.compat.comfyui.running import Run
from maquette.server.compat.comfyui.socket import listen
from maquette.server.compat.faces import PROJECT, Endpoint, Face, Refusal
from maquette.server.compat.home import context_of, room_of
from maquette.server.context import Room
from maquette.server.problems import HttpRefused

__all__ = ["PROTOCOL", "face"]

PROTOCOL = "0.3.64"
"""The ComfyUI whose protocol this is."""

_MOST_JSON = 8 * 2**20
_PATHS = (
    r"(/api)?/(prompt|queue|history|interrupt|free|object_info|view|upload|system_stats|models"
    r"|embeddings|features|extensions|ws)(/|$)"
)


def face() -> Face:
    """See ``compat.faces``."""
    server = _Server()
    both = [
        (methods, prefix + path, endpoint)
        for prefix in ("", "/api")
        for methods, path, endpoint in server.routes
    ]
    sockets: list[BaseRoute] = [
        WebSocketRoute(project + prefix + "/ws", server.socket)
        for project in ("", PROJECT)
        for prefix in ("", "/api")
    ]
    return Face(name="comfyui", paths=_PATHS, routes=both, refuse=refuse, more=sockets)


def refuse(refusal: Refusal) -> Response:
    """What went wrong, as ComfyUI says it."""
    error = {
        "type": refusal.code.replace("-", "_"),
        "message": refusal.message,
        "details": refusal.hint,
        "extra_info": {},
    }
    return answer({"error": error, "node_errors": {}}, refusal.status, refusal.headers)


class _Server:
    """The endpoints, and what they remember of each project."""

    def __init__(self) -> None:
        self._boards: dict[str, Board] = {}
        self.routes: list[tuple[tuple[str, ...], str, Endpoint]] = [
            (("POST",), "/prompt", self.submit),
            (("GET",), "/prompt", self.status),
            (("GET",), "/queue", self.queue),
            (("POST",), "/queue", self.change_queue),
            (("GET",), "/history", self.history),
            (("GET",), "/history/{prompt_id}", self.history),
            (("POST",), "/history", self.change_history),
            (("POST",), "/interrupt", self.interrupt),
            (("POST",), "/free", self.free),
            (("GET",), "/object_info", self.nodes),
            (("GET",), "/object_info/{kind}", self.nodes),
            (("GET",), "/view", self.view),
            (("POST",), "/upload/image", self.upload),
            (("POST",), "/upload/mask", self.upload_mask),
            (("GET",), "/system_stats", self.system),
            (("GET",), "/models", self.models),
            (("GET",), "/models/{folder}", self.models),
            (("GET",), "/embeddings", self.embeddings),
            (("GET",), "/features", self.features),
            (("GET",), "/extensions", self.extensions),
        ]

    async def _here(self, request: HTTPConnection) -> tuple[Room, Board]:
        room = await room_of(request)  # type: ignore[arg-type] - what it needs, both have
        return room, self._boards.setdefault(room.id, Board())

    async def socket(self, websocket: WebSocket) -> None:
        """``/ws``: what happens to a client's prompts."""
        _, board = await self._here(websocket)
        await listen(websocket, board)

    async def submit(self, request: Request) -> Response:
        """Take a graph, and carry it out in its turn."""
        body = await _json(request)
        room, board = await self._here(request)
        context = context_of(request)
        names = Names(context, room, board)
        only = body.get("partial_execution_targets")
        targets = [str(each) for each in only] if isinstance(only, list) else None
        try:
            checked = await run_in_threadpool(
                lambda: check(body.get("prompt"), names.lists, only=targets)
            )
        except GraphRefused as refused:
            return answer(refused.body, 400)
        prompt_id = str(body.get("prompt_id") or uuid.uuid4())[:200]
        known = board.prompts.get(prompt_id)
        if known is None or known.state == "done":
            if len(board.of("pending", "running")) >= MOST_WAITING:
                raise HttpRefused(
                    429, "queue-full", f"{MOST_WAITING} prompts wait already", hint="wait for some"
                )
            extra = body.get("extra_data")
            client = str(body.get("client_id") or "")[:200]
            known = Prompt(
                prompt_id,
                board.number(body.get("number"), front=body.get("front") is True),
                body["prompt"],
                {**(extra if isinstance(extra, dict) else {}), "client_id": client},
                checked.outputs,
                client,
            )
            board.add(known)
            run = Run(context, room, board, known, checked)
            known.task = asyncio.create_task(run.carry_out())
        told = {"prompt_id": prompt_id, "number": known.number, "node_errors": checked.node_errors}
        return answer(told)

    async def status(self, request: Request) -> Response:
        """How many prompts wait or run."""
        _, board = await self._here(request)
        return answer(board.status)

    async def queue(self, request: Request) -> Response:
        """The prompts that run and that wait."""
        _, board = await self._here(request)
        running = [each.row for each in board.of("running")]
        pending = [each.row for each in board.of("pending")]
        return answer({"queue_running": running, "queue_pending": pending})

    async def change_queue(self, request: Request) -> Response:
        """Take prompts out of the queue, those named or all that wait."""
        body = await _json(request)
        _, board = await self._here(request)
        named = body.get("delete")
        wanted = {str(each) for each in named} if isinstance(named, list) else set()
        for prompt in board.of("pending"):
            if body.get("clear") is True or prompt.id in wanted:
                board.drop(prompt)
        return Response()

    async def history(self, request: Request) -> Response:
        """What became of prompts."""
        _, board = await self._here(request)
        wanted = request.path_params.get("prompt_id")
        if wanted is not None:
            named = board.prompts.get(wanted)
            return answer({wanted: named.entry} if named and named.state == "done" else {})
        most, offset = (_whole(request.query_params.get(key)) for key in ("max_items", "offset"))
        done = [each for each in board.prompts.values() if each.state == "done"]
        start = offset if offset is not None else max(0, len(done) - most) if most else 0
        chosen = done[start : start + most] if most is not None else done[start:]
        return answer({each.id: each.entry for each in chosen})

    async def change_history(self, request: Request) -> Response:
        """Forget prompts that are done. Their pictures stay."""
        body = await _json(request)
        _, board = await self._here(request)
        named = body.get("delete")
        wanted = {str(each) for each in named} if isinstance(named, list) else set()
        for prompt in board.of("done"):
            if body.get("clear") is True or prompt.id in wanted:
                board.prompts.pop(prompt.id, None)
        return Response()

    async def interrupt(self, request: Request) -> Response:
        """Stop the prompt that is named, else those that run."""
        body = await _json(request, empty=True)
        _, board = await self._here(request)
        for prompt in board.of("running"):
            if body.get("prompt_id") in {None, "", prompt.id} and prompt.task is not None:
                prompt.task.cancel()
        return Response()

    async def free(self, request: Request) -> Response:
        """Models are the workers' business: nothing is to be done."""
        await _json(request, empty=True)
        return Response()

    async def nodes(self, request: Request) -> Response:
        """The nodes that can be used."""
        room, board = await self._here(request)
        names = Names(context_of(request), room, board)
        lists = await run_in_threadpool(lambda: names.lists)
        kind = request.path_params.get("kind")
        chosen = NODES if kind is None else [kind] if kind in NODES else []
        return answer({name: described(name, lists) for name in chosen})

    async def view(self, request: Request) -> Response:
        """A picture, by the name that the history or an upload gave it."""
        room, board = await self._here(request)
        return await run_in_threadpool(pictures.view, room, board, dict(request.query_params))

    async def upload(self, request: Request) -> Response:
        """Keep a picture under a name."""
        room, board = await self._here(request)
        async with request.form(max_files=2, max_fields=20) as form:
            fields = await pictures.fields_of(form)
        return answer(await run_in_threadpool(pictures.keep, room, board, fields))

    async def upload_mask(self, request: Request) -> Response:
        """Keep a picture with the transparency that somebody painted."""
        room, board = await self._here(request)
        async with request.form(max_files=2, max_fields=20) as form:
            fields = await pictures.fields_of(form)
        return answer(await run_in_threadpool(pictures.keep_mask, room, board, fields))

    async def models(self, request: Request) -> Response:
        """The folders of models, or what is in one."""
        folder = request.path_params.get("folder")
        if folder is None:
            return answer(list(FOLDERS))
        if folder not in FOLDERS:
            raise HttpRefused(404, "not-found", "there is no such folder", hint="see /models")
        room, board = await self._here(request)
        names = Names(context_of(request), room, board)
        lists = await run_in_threadpool(lambda: names.lists)
        return answer(list(lists.names[FOLDERS[folder]]))

    async def embeddings(self, request: Request) -> Response:
        """The learned words."""
        room, board = await self._here(request)
        names = Names(context_of(request), room, board)
        return answer((await run_in_threadpool(lambda: names.lists)).names["embeddings"])

    async def system(self, request: Request) -> Response:
        """The machine, as far as it is anybody's business."""
        del request
        total, free = _memory()
        device = {
            "name": "cpu", "type": "cpu", "index": 0, "vram_total": total, "vram_free": free,
            "torch_vram_total": total, "torch_vram_free": free,
        }  # fmt: skip
        system = {
            "os": os.name, "ram_total": total, "ram_free": free, "comfyui_version": PROTOCOL,
            "python_version": platform.python_version(), "pytorch_version": "",
            "embedded_python": False, "argv": [],
        }  # fmt: skip
        return answer({"system": system, "devices": [device]})

    async def features(self, request: Request) -> Response:
        """What this server can do beyond the oldest protocol."""
        del request
        return answer({"supports_preview_metadata": True, "max_upload_size": pictures.MOST_BYTES})

    async def extensions(self, request: Request) -> Response:
        """Parts of ComfyUI's own page: none."""
        del request
        return answer([])


async def _json(request: Request, *, empty: bool = False) -> Mapping[str, Any]:
    data = await request.body()
    if len(data) > _MOST_JSON:
        most = _MOST_JSON // 2**20
        raise HttpRefused(413, "body-too-large", f"the body has more than {most} MB", hint="")
    if not data.strip() and empty:
        return {}
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SettingRefused("the body is no JSON", hint="send one JSON object") from error
    if not isinstance(body, dict):
        raise SettingRefused("the body is no JSON object", hint='send {"prompt": {…}}')
    return body


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() and len(text) < 10 else None


def _memory() -> tuple[int, int]:
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        return page * os.sysconf("SC_PHYS_PAGES"), page * os.sysconf("SC_AVPHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0, 0
