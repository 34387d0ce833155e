"""The server's process stays light: torch and its like never enter it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

WALK = """
import sys, threading, time
from pathlib import Path
import httpx2
from maquette import Settings
from maquette.server.app import create_app
from maquette.server.serve import Server, bind
from maquette.studio.rooms import Rooms
from maquette.core.picture import encode_png
from PIL import Image

place = Path(sys.argv[1])
settings = Settings(home=place / "home", engine="diffusers")
rooms = Rooms(place / "projects", settings=settings)
listening = bind("127.0.0.1", 0)
server = Server(create_app(rooms))
threading.Thread(target=server.run, args=([listening],), daemon=True).start()
while not server.started:
    time.sleep(0.01)
port = listening.getsockname()[1]
base = f"http://127.0.0.1:{port}/api/v1"
with httpx2.Client(base_url=base, headers={"X-Maquette": "1"}, timeout=60) as http:
    def ask(method, path, **more):
        answer = http.request(method, path, **more)
        assert answer.status_code < 300, (path, answer.text)
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer
    p = "/projects/" + ask("POST", "/projects", json={"name": "light"})["id"]
    picture = encode_png(Image.effect_noise((256, 256), 60).convert("RGB"))
    seen = ask("POST", p + "/imports", content=picture, params={"caption": "a wolf and a moon"})
    ask("POST", p + "/operations/generate", json={"prompt": "a wolf (moon:1.4)", "n": 2})
    ask("POST", p + "/operations/vary", json={"version": "@", "prompt": "a wolf"})
    ask("POST", p + "/versions/@/explain", json={})
    ask("POST", p + "/operations/critique", json={"version": "@"})
    ask("POST", p + "/operations/upscale", json={"version": "@"})
    mask = ask("POST", p + "/masks", json={"version": "@", "box": [9, 9, 90, 90]})["digest"]
    ask("POST", p + "/operations/inpaint", json={"version": "@", "mask": mask, "prompt": "a cat"})
    ask("POST", p + "/masks", json={"version": "@", "colour": {"x": 3, "y": 3}})
    assert http.post(p + "/masks", json={"version": "@", "token": "moon"}).status_code == 404
    assert http.get(p + "/versions/@/maps").status_code == 404
    ask("POST", p + "/operations/rollback", json={"version": "@"})
    ask("PUT", p + "/versions/@/marks", json={"star": True})
    for path in ("/versions", "/graph", "/versions/@", "/jobs", "/estimate"):
        ask("GET", p + path)
    ask("GET", p + "/compare?before=@~1&after=@")
    ask("GET", p + "/pictures/" + seen["image"] + "/128.webp")
    ask("POST", p + "/selection", json={"versions": ["@"]})
    exported = ask("POST", p + "/exports", json={"version": "@"})
    ask("POST", "/verify", content=exported.content)
    ask("POST", "/prompt", json={"text": "a wolf in a submarine"})
    ask("GET", "/models")
    root = f"http://127.0.0.1:{port}"
    for path in ("sd-models", "samplers", "upscalers", "loras", "embeddings", "options", "scripts"):
        ask("GET", f"{root}/sdapi/v1/{path}")
    ask("GET", root + "/v1/models")
    assert http.post(root + "/sdapi/v1/img2img", json={"prompt": "a"}).status_code == 404
    ask("GET", "/openapi.json")
    # What needs torch at once is looked at by a process apart.
    bare = ask("POST", p + "/imports", content=encode_png(Image.new("RGB", (256, 256), "navy")))
    taught = ask("POST", p + "/datasets/pim", json={"add": [bare["id"]], "subject": "a wolf"})
    assert taught["entries"][0]["told"] == "seen", taught
    if ask("GET", "/models")["items"][0]["clip"]:
        found = ask("GET", p + "/versions", params={"shows": "a wolf"})
        assert found["items"] and found["unseen"] == 0, found
print(sorted({"torch", "diffusers", "transformers", "accelerate", "mcp"} & set(sys.modules)))
server.should_exit = True
"""


def test_torch_never_enters_the_server(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WALK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
