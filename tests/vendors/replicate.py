"""Replicate as it answers: models with schemas, predictions that take a while, files."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from typing import Any

from tests.vendors.openai import form, paint, png
from tests.vendors.serving import Asked, Reply, Vendor

TOKEN = "r8_test_5b1f0c9e77aa4d"

_NUMBER = {"type": "integer"}
SCHEMAS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "black-forest-labs/flux-schnell": (
        {
            "prompt": {"type": "string"},
            "seed": _NUMBER,
            "aspect_ratio": {"allOf": [{"enum": ["1:1", "16:9", "9:16"]}]},
            "num_outputs": _NUMBER,
            "num_inference_steps": {"minimum": 1, "maximum": 4, "default": 4},
            "output_format": {"type": "string"},
        },
        ["prompt"],
    ),
    "stability-ai/sdxl": (
        {
            "prompt": {"type": "string"},
            "negative_prompt": {"type": "string"},
            "seed": _NUMBER,
            "width": {"default": 1024},
            "height": {"default": 1024},
            "num_inference_steps": {"minimum": 1, "maximum": 500, "default": 50},
            "guidance_scale": {"default": 7.5},
            "prompt_strength": {"default": 0.8},
            "image": {"type": "string"},
            "mask": {"description": "Black areas will be preserved, white areas inpainted."},
        },
        ["prompt"],
    ),
    "somebody/keeps-white": (
        {
            "prompt": {"type": "string"},
            "image": {"type": "string"},
            "mask": {"description": "White areas are kept, black areas are drawn anew."},
        },
        ["prompt", "image", "mask"],
    ),
}


class ReplicateVendor(Vendor):
    """``drawn`` counts predictions that were created, and so billed; ``takes`` is how long one
    takes in seconds."""

    def __init__(self, *, takes: float = 0.0) -> None:
        self.drawn, self.takes = 0, takes
        self.predictions: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.cancelled: set[str] = set()
        self.error = ""
        super().__init__()

    def moderate(self) -> None:
        self.error = "NSFW content detected. Try running it again, or try a different prompt."

    def serve(self, asked: Asked) -> Reply | None:
        parts = asked.path.removeprefix("/v1/").split("/")
        if parts[0] == "delivery":
            data = self.files.get(parts[1])
            return Reply(data or b"", 200 if data else 404)
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            told = {"title": "Unauthenticated", "detail": "You did not pass a valid token."}
            return Reply(told, 401)
        match asked.method, parts:
            case "GET", ["models", owner, name]:
                return self._model(f"{owner}/{name}")
            case "GET", ["models", owner, name, "versions", _]:
                told = self._model(f"{owner}/{name}")
                return Reply(told.body["latest_version"]) if told.status == 200 else told
            case "POST", ["models", owner, name, "predictions"]:
                return self._create(f"{owner}/{name}", asked.json()["input"])
            case "POST", ["predictions"]:
                return self._create(asked.json()["version"], asked.json()["input"])
            case "GET", ["account"]:
                return Reply({"type": "organization", "username": "acme", "name": "Acme"})
            case "GET", ["predictions"]:
                newest = sorted(self.predictions.values(), key=lambda row: row["created_at"])[::-1]
                return Reply({"results": [self._shown(row) for row in newest[:100]]})
            case "GET", ["predictions", name]:
                found = self.predictions.get(name)
                return Reply(self._shown(found)) if found else Reply({"detail": "Not found."}, 404)
            case "POST", ["predictions", name, "cancel"]:
                self.cancelled.add(name)
                return Reply(self._shown(self.predictions[name]))
            case "POST", ["files"]:
                name = uuid.uuid4().hex
                self.files[name] = form(asked)[0][2]
                return Reply({"id": name, "urls": {"get": f"{self.url}/v1/delivery/{name}"}}, 201)
            case _:
                return Reply({"detail": "Not found."}, 404)

    def _model(self, name: str) -> Reply:
        if name not in SCHEMAS:
            return Reply({"title": "Not found", "detail": f"no such thing as {name}"}, 404)
        fields, required = SCHEMAS[name]
        schema = {"properties": fields, "required": required}
        openapi = {"openapi_schema": {"components": {"schemas": {"Input": schema}}}}
        return Reply({"name": name, "latest_version": {"id": "v1", **openapi}})

    def _create(self, model: str, given: dict[str, Any]) -> Reply:
        name = uuid.uuid4().hex[:26]
        size = (given.get("width", 1024), given.get("height", 1024))
        if "aspect_ratio" in given:
            size = {"1:1": (1024, 1024), "16:9": (1344, 768)}[given["aspect_ratio"]]
        files = {key: value for key, value in given.items() if str(value).startswith("http")}
        told = {
            **given,
            **{k: self.files[str(v).rsplit("/", 1)[1]].hex() for k, v in files.items()},
        }
        with self.lock:
            self.drawn += 1
            self.files[f"out-{name}.png"] = png(paint([model, told], *size))
            self.predictions[name] = {
                "id": name,
                "model": model,
                "input": given,
                "created_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
                "began": time.monotonic(),
                "error": self.error or None,
            }
            self.error = ""
        return Reply(self._shown(self.predictions[name]), 201)

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        name = row["id"]
        told = {key: value for key, value in row.items() if key != "began"}
        past = time.monotonic() - row["began"]
        output, logs = None, ""
        if name in self.cancelled:
            status = "canceled"
        elif past < self.takes:
            status = "processing"
            logs = f" {min(99, int(100 * past / self.takes))}%|####  |"
        elif row["error"]:
            status = "failed"
        else:
            status, output = "succeeded", [f"{self.url}/v1/delivery/out-{name}.png"]
        urls = {"get": f"{self.url}/v1/predictions/{name}"}
        return {**told, "status": status, "output": output, "logs": logs, "urls": urls}
