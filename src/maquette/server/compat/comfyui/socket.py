"""The web socket: what happens to a client's prompts, as it happens."""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from maquette.server.compat.comfyui.board import Board, Listener

__all__ = ["FEATURES", "listen"]

FEATURES = {"supports_preview_metadata": True}


async def listen(websocket: WebSocket, board: Board) -> None:
    """Serve one listener until it or the server leaves."""
    client = websocket.query_params.get("clientId", "")[:200] or uuid.uuid4().hex
    await websocket.accept()
    listener = board.listen(client)
    await websocket.send_json({"type": "status", "data": {"status": board.status, "sid": client}})
    reading = asyncio.create_task(_read(websocket, listener))
    sending = asyncio.create_task(_send(websocket, listener))
    try:
        await asyncio.wait({reading, sending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        board.leave(listener)
        for task in (reading, sending):
            task.cancel()
        await asyncio.gather(reading, sending, return_exceptions=True)
        with suppress(RuntimeError, WebSocketDisconnect):
            await websocket.close()


async def _read(websocket: WebSocket, listener: Listener) -> None:
    """The first message may say what the client understands; nothing else is asked of it."""
    first = True
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if not first or not text:
            continue
        first = False
        with suppress(ValueError, RecursionError):
            told = json.loads(text)
            if isinstance(told, dict) and told.get("type") == "feature_flags":
                flags = told.get("data")
                listener.flags = flags if isinstance(flags, dict) else {}
                listener.put(json.dumps({"type": "feature_flags", "data": FEATURES}))


async def _send(websocket: WebSocket, listener: Listener) -> None:
    while (message := await listener.waiting.get()) is not None:
        if isinstance(message, bytes):
            await websocket.send_bytes(message)
        else:
            await websocket.send_text(message)
