"""Graphs and a client as people write them for ComfyUI."""

from __future__ import annotations

import time
from typing import Any

import httpx2
from PIL import Image

Graph = dict[str, Any]


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def simple(text: str = "a lone wolf", seed: int = 7, **more: Any) -> Graph:
    """The graph that every ComfyUI opens with."""
    settings = {"steps": 4, "cfg": 5, "sampler_name": "euler", "scheduler": "normal"}
    return {
        "4": node("CheckpointLoaderSimple", ckpt_name="fake"),
        "5": node("EmptyLatentImage", width=64, height=96, batch_size=1),
        "6": node("CLIPTextEncode", text=text, clip=["4", 1]),
        "7": node("CLIPTextEncode", text="fog", clip=["4", 1]),
        "3": node(
            "KSampler",
            **{
                "seed": seed, **settings, "denoise": 1, "model": ["4", 0], "positive": ["6", 0],
                "negative": ["7", 0], "latent_image": ["5", 0], **more,
            },
        ),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", images=["8", 0], filename_prefix="wolf"),
    }  # fmt: skip


class Client:
    """A client as people write them: post, look at the history, fetch."""

    def __init__(self, base: str) -> None:
        self.http = httpx2.Client(base_url=base, timeout=30)

    def submit(self, graph: Any, **more: Any) -> httpx2.Response:
        return self.http.post("/prompt", json={"prompt": graph, **more})

    def done(self, graph: Graph, **more: Any) -> dict[str, Any]:
        """The history's entry of a graph that was carried out."""
        answer = self.submit(graph, **more)
        assert answer.status_code == 200, answer.text
        return self.wait(answer.json()["prompt_id"])

    def wait(self, prompt: str) -> dict[str, Any]:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            found = self.http.get(f"/history/{prompt}").json()
            if prompt in found:
                return found[prompt]
            time.sleep(0.02)
        raise AssertionError("it never ended")

    def pictures(self, entry: dict[str, Any]) -> list[bytes]:
        assert entry["status"]["status_str"] == "success", entry["status"]
        images = [each for out in entry["outputs"].values() for each in out["images"]]
        found = [self.http.get("/view", params=each) for each in images]
        assert all(each.status_code == 200 for each in found)
        return [each.content for each in found]

    def upload(self, name: str, data: bytes, **fields: str) -> dict[str, str]:
        answer = self.http.post("/upload/image", files={"image": (name, data)}, data=fields)
        assert answer.status_code == 200, answer.text
        return answer.json()


def photo(width: int = 64, height: int = 64) -> Image.Image:
    return Image.linear_gradient("L").resize((width, height)).convert("RGB")
