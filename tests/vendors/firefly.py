"""Adobe Firefly Services as they answer: sign-in, uploads, jobs with URLs to follow."""

from __future__ import annotations

import hashlib
import time
import uuid
from typing import Any
from urllib.parse import parse_qs

from tests.vendors.openai import paint, png
from tests.vendors.serving import Asked, Reply, Vendor

CLIENT = "client-4e0b7d11c2"
SECRET = "p8e-test-9a77c0d2e4f1"
TOKEN = "eyJtest.token.0123456789"


class FireflyVendor(Vendor):
    """``drawn`` counts the jobs that were created, and so billed."""

    def __init__(self, *, takes: float = 0.0) -> None:
        self.drawn, self.takes = 0, takes
        self.jobs: dict[str, dict[str, Any]] = {}
        self.uploads: dict[str, bytes] = {}
        self.cancelled: set[str] = set()
        self.error: dict[str, Any] = {}
        super().__init__()

    def moderate(self) -> None:
        self.error = {"error_code": "prompt_unsafe", "message": "the prompt is not allowed"}

    def serve(self, asked: Asked) -> Reply | None:
        if asked.path == "/ims/token/v3":
            form = {key: values[0] for key, values in parse_qs(asked.body.decode()).items()}
            if form.get("client_secret") != SECRET:
                given = form.get("client_secret")
                return Reply({"error": "invalid_client", "message": f"no: {given}"}, 401)
            return Reply({"access_token": TOKEN, "token_type": "bearer", "expires_in": 86399})
        if asked.path.startswith("/files/"):
            found = self.jobs.get(asked.path.removeprefix("/files/"))
            return Reply(found["picture"]) if found else Reply(b"", 404)
        headers = asked.headers
        if headers.get("authorization") != f"Bearer {TOKEN}" or headers.get("x-api-key") != CLIENT:
            return Reply({"error_code": "401013", "message": "Oauth token is not valid"}, 401)
        parts = asked.path.strip("/").split("/")
        match asked.method, parts:
            case "POST", ["v2", "storage", "image"]:
                name = uuid.uuid4().hex
                self.uploads[name] = asked.body
                return Reply({"images": [{"id": name}]})
            case "POST", ["v3", "images", kind] if kind.endswith("-async"):
                return self._create(kind, asked.json())
            case "GET", ["v3", "status", name]:
                return self._status(name)
            case "PUT", ["v3", "cancel", name]:
                self.cancelled.add(name)
                return Reply(b"", 204)
            case _:
                return Reply({"error_code": "not_found", "message": "no such thing"}, 404)

    def _create(self, kind: str, body: dict[str, Any]) -> Reply:
        if self.error:
            told, self.error = self.error, {}
            return Reply(told, 422)
        name = uuid.uuid4().hex
        sent = {
            key: hashlib.sha256(self.uploads[body[key]["source"]["uploadId"]]).hexdigest()
            for key in ("image", "mask")
            if key in body
        }
        size = body["size"]
        picture = png(paint([kind, {**body, **sent}], size["width"], size["height"]))
        with self.lock:
            self.drawn += 1
            self.jobs[name] = {"picture": picture, "began": time.monotonic(), "body": body}
        return Reply(
            {
                "jobId": name,
                "statusUrl": f"{self.url}/v3/status/{name}",
                "cancelUrl": f"{self.url}/v3/cancel/{name}",
            },
            202,
        )

    def _status(self, name: str) -> Reply:
        job = self.jobs.get(name)
        if job is None:
            return Reply({"error_code": "not_found", "message": "no such thing"}, 404)
        if name in self.cancelled:
            return Reply({"status": "canceled", "jobId": name})
        past = time.monotonic() - job["began"]
        if past < self.takes:
            return Reply({"status": "running", "jobId": name, "progress": 100 * past / self.takes})
        output = {
            "seed": job["body"]["seeds"][0],
            "image": {"url": f"{self.url}/files/{name}?X-Amz-Signature=secret-signature"},
        }
        return Reply({"status": "succeeded", "jobId": name, "result": {"outputs": [output]}})
