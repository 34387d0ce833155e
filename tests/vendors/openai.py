"""OpenAI's Images API as it answers, drawn by a hash: for tests."""

from __future__ import annotations

import base64
import email.parser
import email.policy
import hashlib
import io
import json
import uuid
from typing import Any

import numpy as np
from PIL import Image
from tests.vendors.serving import Asked, Fault, Reply, Vendor

KEY = "sk-test-3f9d2c71a0b84e55"


def paint(told: Any, width: int, height: int, seed: Any = 0) -> Image.Image:
    """A smooth picture that depends on everything that was told."""
    digest = hashlib.sha256(json.dumps([told, seed], sort_keys=True, default=str).encode()).digest()
    rng = np.random.default_rng(list(digest))
    small = Image.fromarray(rng.integers(0, 255, (4, 4, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def form(asked: Asked) -> list[tuple[str, str, bytes]]:
    """The parts of a multipart form: name, file name, bytes."""
    head = f"Content-Type: {asked.headers['content-type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + asked.body)
    return [
        (
            str(part.get_param("name", header="content-disposition")),
            part.get_filename() or "",
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()
    ]


def refusal(status: int, code: str, message: str, **headers: str) -> Reply:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return Reply({"error": error}, status, headers)


class OpenAIVendor(Vendor):
    """``drawn`` counts what was carried out, and so billed."""

    def __init__(self) -> None:
        self.drawn = 0
        self.broken_previews = False
        super().__init__()

    def moderate(self) -> None:
        """Refuse the next request as OpenAI does."""
        told = refusal(400, "moderation_blocked", "Your request was rejected by the safety system.")
        self.faults.append(Fault("reply", "/images/", answer=told))

    def serve(self, asked: Asked) -> Reply | None:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            key = asked.headers.get("authorization", "").removeprefix("Bearer ")
            return refusal(401, "invalid_api_key", f"Incorrect API key provided: {key}.")
        match asked.method, asked.path:
            case "GET", "/v1/models":
                return Reply({"object": "list", "data": [{"id": "gpt-image-1", "object": "model"}]})
            case "POST", "/v1/images/generations":
                fields = asked.json()
                told: Any = fields
            case "POST", "/v1/images/edits":
                parts = form(asked)
                fields = {name: data.decode() for name, file, data in parts if not file}
                told = [(n, hashlib.sha256(d).hexdigest()) for n, _, d in parts]
            case _:
                return refusal(404, "not_found", f"Invalid URL ({asked.method} {asked.path})")
        if "prompt" not in fields:
            return refusal(400, "missing", "Missing required parameter: 'prompt'.")
        width, height = (int(side) for side in fields["size"].split("x"))
        with self.lock:
            self.drawn += 1
            count = self.drawn
        gpt = fields["model"].startswith("gpt-")
        if gpt and "response_format" in fields:
            return refusal(400, "unknown_parameter", "Unknown parameter: 'response_format'.")
        picture = paint(told, width, height, count)
        data = base64.b64encode(png(picture)).decode()
        usage = {
            "input_tokens": 50,
            "input_tokens_details": {"text_tokens": 40, "image_tokens": 10},
            "output_tokens": 1000,
            "total_tokens": 1050,
        }
        headers = {"x-request-id": f"req_{uuid.uuid4().hex}"}
        if str(fields.get("stream", "")).lower() == "true":
            return Reply(
                self._stream(picture, data, usage, asked.path, int(fields["partial_images"])),
                headers={**headers, "Content-Type": "text/event-stream; charset=utf-8"},
            )
        body: dict[str, Any] = {"created": 1700000000, "data": [{"b64_json": data}]}
        return Reply({**body, "usage": usage} if gpt else body, headers=headers)

    def _stream(
        self, picture: Image.Image, data: str, usage: Any, path: str, partials: int
    ) -> list[bytes]:
        kind = "image_edit" if "edits" in path else "image_generation"
        events = []
        for index in range(partials):
            rough = base64.b64encode(png(picture.reduce(4))).decode()
            if self.broken_previews:
                rough = "bm8gcGljdHVyZQ=="
            told = {"b64_json": rough, "partial_image_index": index}
            events.append((f"{kind}.partial_image", told))
        events.append((f"{kind}.completed", {"b64_json": data, "usage": usage}))
        return [
            f"event: {name}\ndata: {json.dumps({'type': name, **told})}\n\n".encode()
            for name, told in events
        ]
