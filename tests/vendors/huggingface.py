"""Hugging Face's hf-inference as it answers: JSON in, a picture's bytes out."""

from __future__ import annotations

from tests.vendors.openai import paint, png
from tests.vendors.serving import Asked, Fault, Reply, Vendor

TOKEN = "hf_testONLYaB3dE5fG7hI9"


class HuggingFaceVendor(Vendor):
    """``drawn`` counts what was carried out, and so billed."""

    def __init__(self) -> None:
        self.drawn = 0
        super().__init__()

    def moderate(self) -> None:
        told = Reply({"error": "The request was flagged by the safety checker."}, 400)
        self.faults.append(Fault("reply", "/models/", answer=told))

    def serve(self, asked: Asked) -> Reply | None:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply({"error": "Invalid username or password."}, 401)
        if (asked.method, asked.path) == ("GET", "/api/whoami-v2"):
            return Reply({"type": "user", "name": "somebody"})
        if asked.method != "POST" or not asked.path.startswith("/models/"):
            return Reply({"error": "Not Found"}, 404)
        body = asked.json()
        given = body["parameters"]
        size = given.get("target_size") or given
        with self.lock:
            self.drawn += 1
        picture = paint(body, size["width"], size["height"])
        return Reply(png(picture), headers={"Content-Type": "image/png"})
