"""Maps, references and adapters over HTTP; drawings that use them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image
from safetensors.torch import load
from tests.engines.conditions.adapters import write_control, write_lora
from tests.engines.making import photo
from tests.engines.tiny import build
from tests.server.conftest import Running, start

from maquette import Settings
from maquette.core.picture import encode_png
from maquette.core.recipe import Control, Lora, Reference

BOAT = "a red boat on the sea"
API = "/api/v1"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    model = build(root / "sd", "sd15")
    write_lora(model, root / "loras" / "ink.safetensors")
    write_lora(build(root / "bare", "postcard"), root / "loras" / "other.safetensors")
    write_control(model, root / "control" / "canny-net")
    return root


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Running]:
    """A server whose engine is the local one with a tiny model."""
    folder = tmp_path_factory.mktemp("local")
    settings = Settings(
        home=folder / "home", engine="diffusers", model=str(models / "sd"), models=models
    )
    running = start(folder, settings=settings)
    yield running
    running.stop()


@pytest.fixture
def http(local: Running) -> Iterator[httpx2.Client]:
    with local.client() as client:
        yield client


@pytest.fixture
def room(http: httpx2.Client, request: pytest.FixtureRequest) -> str:
    name = f"room {request.node.name[:40]}"
    answered = http.post(f"{API}/projects", json={"name": name})
    assert answered.status_code == 201, answered.text
    return f"{API}/projects/{answered.json()['id']}"


def kept(http: httpx2.Client, room: str, image: Image.Image, **query: Any) -> Any:
    return http.post(
        f"{room}/controls",
        content=encode_png(image),
        params=query,
        headers={"Content-Type": "image/png"},
    )


def asked(http: httpx2.Client, room: str, **body: Any) -> Any:
    return http.post(
        f"{room}/operations/generate",
        json={"prompt": BOAT, "size": [64, 64], "seed": 1, "steps": 2, **body},
    )


def recipes(local: Running, room: str, answered: Any) -> list[Any]:
    studio = local.rooms.open(room.rpartition("/")[2])
    return [studio.job(job["id"]).recipe for job in answered.json()["jobs"]]


def test_adapters_are_listed_with_what_does_not_fit(http: httpx2.Client) -> None:
    items = http.get(f"{API}/adapters").json()["items"]
    found = {(each["kind"], each["name"]): each for each in items}
    assert found["lora", "ink"]["misfit"] == ""
    assert "no layer" in found["lora", "other"]["misfit"]
    assert found["control", "canny-net"]["conditions"] == ["canny"]
    assert all("path" not in each for each in items)


def test_an_adapters_file_is_given_as_it_is_and_as_kohya_has_it(
    http: httpx2.Client, models: Path
) -> None:
    own = http.get(f"{API}/adapters/ink/file")
    assert own.content == (models / "loras" / "ink.safetensors").read_bytes()
    assert own.headers["content-type"] == "application/octet-stream"
    kohya = http.get(f"{API}/adapters/ink/file", params={"layout": "kohya"})
    assert kohya.status_code == 200 and "lora_unet_" in str(sorted(load(kohya.content)))
    other = http.get(f"{API}/adapters/other/file", params={"layout": "kohya"})
    assert other.status_code == 422 and "another model" in other.json()["detail"]
    for name in ("nobody", "canny-net", "..", "%2Fetc%2Fpasswd", "..%2Floras%2Fink.safetensors"):
        assert http.get(f"{API}/adapters/{name}/file").status_code in {404, 422}, name


def test_a_map_is_made_kept_shown_and_used(local: Running, http: httpx2.Client, room: str) -> None:
    made = kept(http, room, photo(), kind="canny")
    assert made.status_code == 201, made.text
    shown = http.get(f"{room}/pictures/{made.json()['digest']}")
    assert Image.open(io.BytesIO(shown.content)).size == (64, 64)
    again = http.post(
        f"{room}/controls",
        json={"image": made.json()["digest"], "kind": "tile", "size": [32, 32]},
    )
    assert (again.json()["width"], again.json()["height"]) == (32, 32)
    reference = kept(http, room, photo(30, 50)).json()["digest"]
    answered = asked(
        http,
        room,
        prompt=f"{BOAT} <lora:ink:0.4>",
        control=[{"condition": "canny", "image": made.json()["digest"], "end": 0.5}],
        reference=[{"role": "style", "image": reference, "strength": 0.6, "end": 0.7}],
    )
    assert answered.status_code == 202, answered.text
    [recipe] = recipes(local, room, answered)
    lora, control, likeness = recipe.conditionings
    assert isinstance(lora, Lora) and (lora.name, lora.weight) == ("ink", 0.4)
    assert isinstance(control, Control) and control.image == made.json()["digest"]
    assert isinstance(likeness, Reference) and likeness.image == reference
    assert (likeness.start, likeness.end) == (0.0, 0.7)


def test_a_map_that_was_painted_over_says_what_it_was_made_of(
    local: Running, http: httpx2.Client, room: str
) -> None:
    taken = http.post(
        f"{room}/imports", content=encode_png(photo()), headers={"Content-Type": "image/png"}
    )
    painted = kept(http, room, photo(seed=9)).json()["digest"]
    answered = asked(
        http,
        room,
        control=[{"condition": "canny", "image": painted, "of": taken.json()["id"]}],
    )
    [recipe] = recipes(local, room, answered)
    assert recipe.conditionings[0].image == painted
    assert answered.json()["jobs"][0]["parents"] == [taken.json()["id"]]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"lora": {"nowhere": 1.0}}, 422, "model-missing"),
        ({"lora": {"other": 1.0}}, 422, "recipe-refused"),
        ({"lora": {"/etc/passwd": 1.0}}, 422, None),
        ({"lora": {"ink": 99}}, 422, None),
        ({"prompt": "a boat <lora:/etc/ink.safetensors:1> <lora:../../x:1>"}, 422, "model-missing"),
        ({"control": [{"condition": "canny"}]}, 422, None),
        ({"control": [{"condition": "canny", "image": "0" * 64}]}, 404, None),
        ({"control": [{"condition": "canny", "image": "0" * 64, "version": "@"}]}, 422, None),
        ({"control": [{"condition": "canny", "version": "@"}]}, 404, None),
        ({"control": [{"condition": "inpaint", "version": "@"}]}, 422, None),
        ({"control": [{"condition": "inpaint"}]}, 422, "setting-refused"),
        ({"reference": [{"role": "mood", "version": "@"}]}, 422, None),
        ({"embedding": {"nowhere": "x"}}, 422, "model-missing"),
    ],
)
def test_refusals(http: httpx2.Client, room: str, body: Any, status: int, code: Any) -> None:
    answered = asked(http, room, **body)
    assert answered.status_code == status, answered.text
    assert answered.headers["content-type"].startswith("application/problem+json")
    assert code is None or answered.json()["code"] == code


def test_a_map_of_another_size_and_no_network(http: httpx2.Client, room: str) -> None:
    small = kept(http, room, photo(32, 32)).json()["digest"]
    refused = asked(http, room, control=[{"condition": "canny", "image": small}])
    assert refused.status_code == 422 and "32x32" in refused.text
    made = asked(http, room, control=[{"condition": "canny", "image": small, "make": True}])
    assert made.status_code == 202
    refused = asked(http, room, control=[{"condition": "pose", "image": small, "make": True}])
    assert "canny" in refused.json()["hint"]


def test_what_is_no_picture_or_no_request(http: httpx2.Client, room: str) -> None:
    headers = {"Content-Type": "image/png"}
    bad = http.post(f"{room}/controls", content=b"nothing", headers=headers)
    assert bad.status_code == 422
    assert http.post(f"{room}/controls", json={"kind": "canny"}).status_code == 422
    assert http.post(f"{room}/controls", json={"version": "@", "kind": "mood"}).status_code == 422
    needs = kept(http, room, photo(), kind="depth")
    assert needs.status_code == 422 and "bring a depth map" in needs.json()["hint"]


def test_an_engine_without_adapters_lists_none(server: Running) -> None:
    with server.client() as client:
        assert client.get(f"{API}/adapters").json() == {"items": []}
