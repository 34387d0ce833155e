"""A server of the A1111 family as it answers: one lock, no job ids, pictures drawn by a hash."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import Any

from tests.vendors.openai import paint, png
from tests.vendors.serving import Asked, Reply, Vendor

AUTH = "maker:pass-8c1f22d9"
SHA = "c0ffee" * 10 + "beef"


class A1111Vendor(Vendor):
    """``drawn`` counts what was carried out; ``step`` is how long one of its steps takes."""

    def __init__(self, *, step: float = 0.0, auth: str = "") -> None:
        self.drawn, self.step, self.auth = 0, step, auth
        self.at, self.of = 0, 0
        self.stopped = False
        self.breaks = ""
        self.tells_tasks, self.knows_tasks, self.task = False, True, ""
        self.began = ""
        self.one = threading.Lock()
        super().__init__()

    def serve(self, asked: Asked) -> Reply | None:
        if self.auth:
            wanted = "Basic " + base64.b64encode(self.auth.encode()).decode()
            if asked.headers.get("authorization") != wanted:
                return Reply({"detail": "Incorrect username or password"}, 401)
        name = asked.path.removeprefix("/sdapi/v1/")
        match asked.method, name:
            case "POST", "/internal/progress" if self.tells_tasks:
                active = asked.json()["id_task"] == self.task
                queued = not active and self.knows_tasks
                return Reply({"active": active, "queued": queued, "completed": False})
            case "GET", "sd-models":
                return Reply(
                    [
                        {
                            "title": "boats.safetensors [c0ffee]",
                            "model_name": "boats",
                            "sha256": SHA,
                        },
                        {"title": "moons.ckpt", "model_name": "moons", "sha256": None},
                    ]
                )
            case "GET", "options":
                return Reply({"sd_model_checkpoint": "boats.safetensors [c0ffee]"})
            case "GET", "samplers":
                names = ("DPM++ 2M", "Euler", "Euler a", "DDIM", "Heun")
                return Reply([{"name": each, "aliases": []} for each in names])
            case "GET", "progress":
                shown = None
                if self.at and asked.query["skip_current_image"] == "false":
                    shown = base64.b64encode(png(paint("rough", 32, 32))).decode()
                state = {"sampling_step": self.at, "sampling_steps": self.of}
                state |= {"job_count": int(bool(self.began)), "job_timestamp": self.began}
                return Reply({"progress": 0.5, "state": state, "current_image": shown})
            case "POST", "interrupt":
                self.stopped = True
                return Reply({})
            case "POST", ("txt2img" | "img2img"):
                with self.one:
                    return self._draw(asked.json())
            case _:
                return Reply({"detail": "Not Found"}, 404)

    def _draw(self, body: dict[str, Any]) -> Reply:
        if self.breaks and self.breaks in body["prompt"]:
            return Reply({"error": "OutOfMemoryError", "errors": "CUDA out of memory"}, 500)
        self.of = body["steps"]
        self.task = self.task or str(body.get("force_task_id", ""))
        for step in range(1, self.of + 1):
            self.at = step
            time.sleep(self.step)
            if self.stopped:
                break
        self.at, self.stopped, self.task = 0, False, ""
        with self.lock:
            self.drawn += 1
        picture = paint(body, body["width"], body["height"])
        info = json.dumps({"seed": body["seed"], "all_seeds": [body["seed"]]})
        data = base64.b64encode(png(picture)).decode()
        return Reply({"images": [data], "parameters": body, "info": info})
