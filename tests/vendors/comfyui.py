"""A ComfyUI server as it answers: queue, history, web socket, uploads; its nodes draw by a hash."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import threading
import time
import uuid
from contextlib import suppress
from typing import Any

from tests.vendors.openai import form, paint, png
from tests.vendors.serving import Asked, Reply, Vendor

MODELS = ["boats-v1.safetensors", "moons.safetensors"]
SHELF = {
    "LoraLoader": ("lora_name", ["styles/ink.safetensors", "wash.safetensors"]),
    "ControlNetLoader": ("control_net_name", ["control_v11p_sd15_canny.safetensors"]),
}
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class ComfyUIVendor(Vendor):
    """``drawn`` counts what was carried out. ``step`` is how long one of three steps takes;
    ``forget`` is a restart: queue and history are gone."""

    def __init__(self, *, step: float = 0.01, sockets: bool = True) -> None:
        self.drawn, self.closed = 0, False
        self.step, self.sockets_work = step, sockets
        self.history: dict[str, Any] = {}
        self.queue: list[list[Any]] = []
        self.files: dict[str, bytes] = {}
        self.uploads: dict[str, bytes] = {}
        self.sockets: dict[str, Any] = {}
        self.breaks = ""
        self.interrupted: set[str] = set()
        super().__init__()
        threading.Thread(target=self._work, daemon=True).start()

    def close(self) -> None:
        self.closed = True
        super().close()

    def forget(self) -> None:
        with self.lock:
            self.history.clear()
            self.queue.clear()

    def serve(self, asked: Asked) -> Reply | None:
        match asked.method, asked.path.split("/")[1:]:
            case "GET", ["object_info", "CheckpointLoaderSimple"]:
                required = {"ckpt_name": [MODELS, {"tooltip": "The checkpoint"}]}
                return Reply({"CheckpointLoaderSimple": {"input": {"required": required}}})
            case "GET", ["object_info", ("LoraLoader" | "ControlNetLoader") as node]:
                given, files = SHELF[node]
                required = {given: ["COMBO", {"options": files}]}
                return Reply({node: {"input": {"required": required}}})
            case "GET", ["system_stats"]:
                return Reply({"system": {"comfyui_version": "0.3.75"}, "devices": []})
            case "GET", ["ws"]:
                return self._socket(asked)
            case "POST", ["upload", "image"]:
                parts = form(asked)
                (name, data) = next((file, data) for _, file, data in parts if file)
                fields = {key: value.decode() for key, file, value in parts if not file}
                stored = f"{fields['subfolder']}/{name}"
                self.uploads[stored] = data
                return Reply({"name": name, "subfolder": fields["subfolder"], "type": "input"})
            case "POST", ["prompt"]:
                return self._prompt(asked.json())
            case "GET", ["history", prompt]:
                with self.lock:
                    found = self.history.get(prompt)
                return Reply({prompt: found} if found else {})
            case "GET", ["queue"]:
                with self.lock:
                    return Reply({"queue_running": self.queue[:1], "queue_pending": self.queue[1:]})
            case "POST", ["queue"]:
                gone = set(asked.json()["delete"])
                with self.lock:
                    self.queue[1:] = [row for row in self.queue[1:] if row[1] not in gone]
                return Reply(b"")
            case "POST", ["interrupt"]:
                self.interrupted.add(asked.json().get("prompt_id", ""))
                return Reply(b"")
            case "GET", ["view"]:
                data = self.files.get(asked.query["filename"])
                return (
                    Reply(data, headers={"Content-Type": "image/png"}) if data else Reply(b"", 404)
                )
            case _:
                return Reply(b"404: Not Found", 404)

    def _prompt(self, body: dict[str, Any]) -> Reply:
        graph = body["prompt"]
        loaders = [n for n in graph.values() if n["class_type"] == "CheckpointLoaderSimple"]
        for loader in loaders:
            if loader["inputs"]["ckpt_name"] not in MODELS:
                wrong = {"message": "Value not in list", "details": "ckpt_name"}
                errors = {"model": {"errors": [wrong], "class_type": "CheckpointLoaderSimple"}}
                error = {"type": "prompt_outputs_failed_validation", "message": "invalid"}
                return Reply({"error": error, "node_errors": errors}, 400)
        prompt = body.get("prompt_id") or str(uuid.uuid4())
        with self.lock:
            self.queue.append(
                [len(self.queue), prompt, graph, {"client_id": body["client_id"]}, []]
            )
        return Reply({"prompt_id": prompt, "number": 1, "node_errors": {}})

    def _work(self) -> None:
        while not self.closed:
            time.sleep(0.005)
            with self.lock:
                row = self.queue[0] if self.queue else None
            if row is not None:
                self._carry_out(row)

    def _carry_out(self, row: list[Any]) -> None:
        _, prompt, graph, extra, _ = row
        client = extra["client_id"]
        told = json.dumps(graph, sort_keys=True)
        told += "".join(
            hashlib.sha256(data).hexdigest() for name, data in self.uploads.items() if name in told
        )
        size = _size(graph, self.uploads)
        picture = paint(told, *size)
        status: dict[str, Any] = {"status_str": "success", "completed": True, "messages": []}
        outputs: dict[str, Any] = {}
        for step in range(1, 4):
            time.sleep(self.step)
            self._tell(client, "progress", {"value": step, "max": 3, "prompt_id": prompt})
            self._preview(client, png(picture.reduce(8)))
        if prompt in self.interrupted or (self.breaks and self.breaks in told):
            kind = "execution_interrupted" if prompt in self.interrupted else "execution_error"
            why = {"node_type": "KSampler", "exception_message": "out of memory"}
            status = {"status_str": "error", "completed": False, "messages": [[kind, why]]}
        else:
            kind, name = "execution_success", f"maquette_{uuid.uuid4().hex}.png"
            self.files[name] = png(picture)
            outputs = {"save": {"images": [{"filename": name, "subfolder": "", "type": "output"}]}}
        with self.lock:
            if row not in self.queue:
                return  # the server was restarted
            self.drawn += 1
            self.queue.remove(row)
            self.history[prompt] = {"prompt": row, "outputs": outputs, "status": status}
        self._tell(client, kind, {"prompt_id": prompt})

    def _socket(self, asked: Asked) -> Reply | None:
        if not self.sockets_work:
            return Reply(b"", 404)
        handler = asked.handler
        key = asked.headers["sec-websocket-key"]
        accept = base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()  # noqa: S324
        handler.send_response(101)
        handler.send_header("Upgrade", "websocket")
        handler.send_header("Connection", "Upgrade")
        handler.send_header("Sec-WebSocket-Accept", accept)
        handler.end_headers()
        client = asked.query["clientId"]
        self.sockets[client] = handler.connection
        self._tell(client, "status", {"status": {"exec_info": {"queue_remaining": 0}}})
        with suppress(OSError):
            while handler.connection.recv(4096):
                pass
        self.sockets.pop(client, None)
        handler.close_connection = True
        return None

    def _tell(self, client: str, kind: str, data: dict[str, Any]) -> None:
        self._frame(client, 1, json.dumps({"type": kind, "data": data}).encode())

    def _preview(self, client: str, data: bytes) -> None:
        self._frame(client, 2, struct.pack(">II", 1, 2) + data)

    def _frame(self, client: str, opcode: int, data: bytes) -> None:
        if (connection := self.sockets.get(client)) is None:
            return
        length = (
            bytes([len(data)])
            if len(data) < 126
            else b"\x7e" + struct.pack(">H", len(data))
            if len(data) < 65536
            else b"\x7f" + struct.pack(">Q", len(data))
        )
        with suppress(OSError):
            connection.sendall(bytes([0x80 | opcode]) + length + data)


def _size(graph: dict[str, Any], uploads: dict[str, bytes]) -> tuple[int, int]:
    import io

    from PIL import Image

    for node in graph.values():
        inputs = node["inputs"]
        if node["class_type"] == "EmptyLatentImage":
            return inputs["width"], inputs["height"]
        if node["class_type"] == "LoadImage":
            return Image.open(io.BytesIO(uploads[inputs["image"]])).size
    return 512, 512
