"""Prompts, models, estimates, the session: over HTTP."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from maquette import __version__
from maquette.core.grammar import MAX_LENGTH, explain

from .conftest import WOLF, Project, is_problem


def read(http: httpx2.Client, text: str, **more: Any) -> dict[str, Any]:
    answer = http.post("/api/v1/prompt", json={"text": text, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_prompt_is_read_as_the_library_reads_it(http: httpx2.Client) -> None:
    text = "a (full moon:1.4), [cat:dog:0.5] <lora:ink:0.6> BREAK forest"
    found, told = read(http, text, steps=10), explain(text, 10)
    assert found["runs"] == told["runs"] and found["schedule"] == told["schedule"]
    kinds = [(chip["text"], chip["kind"], chip["weight"]) for chip in found["chips"]]
    assert kinds == [
        ("a", "word", 1.0),
        ("full", "word", 1.4),
        ("moon", "word", 1.4),
        ("[cat:dog:0.5]", "swap", 1.0),
        ("ink", "lora", 0.6),
        ("BREAK", "break", 1.0),
        ("forest", "word", 1.0),
    ]


def test_a_doubtful_place_is_told(http: httpx2.Client) -> None:
    (problem,) = [item for item in read(http, "a (moon")["problems"] if item["severity"] == "error"]
    assert (problem["start"], problem["end"]) == (2, 3) and "closed" in problem["message"]
    assert read(http, "")["problems"][0]["message"] == "the prompt is empty"


def test_words_that_the_model_never_saw_are_told(http: httpx2.Client) -> None:
    found = read(http, "a wolf in a submarine", engine="diffusers", negative="zeppelin")
    assert found["unknown"] == ["submarine", "zeppelin"]
    known = {chip["text"]: chip["known"] for chip in found["chips"]}
    assert known["wolf"] and not known["submarine"]
    assert [chip["known"] for chip in found["negative_chips"]] == [False]
    assert read(http, "a submarine", engine="fake")["unknown"] == []


def test_flags_are_read_apart_from_the_words(http: httpx2.Client) -> None:
    text = "a (moon:1.4) --ar 3:2 --tile --foo 1"
    found = read(http, text)
    assert [chip["text"] for chip in found["chips"]] == ["a", "moon"]
    assert found["flags"]["start"] == 13 and found["flags"]["prompt"] == "a (moon:1.4)"
    assert found["flags"]["done"][0]["flag"] == "--ar 3:2"
    assert [each["flag"] for each in found["flags"]["left"]] == ["--tile", "--foo 1"]
    (problem,) = found["problems"]
    assert text[problem["start"] : problem["end"]] == "--foo 1" and problem["severity"] == "error"
    body = {"text": text, "start": 3, "end": 7, "weight": 2}
    turned = http.post("/api/v1/prompt/reweigh", json=body).json()
    assert turned["text"] == text.replace("1.4", "2") and len(turned["chips"]) == 2
    assert read(http, "a wolf")["flags"] is None
    assert read(http, text, flags="none")["flags"] is None
    assert read(http, "a --foo")["flags"] is None
    assert read(http, "a --foo", flags="midjourney")["flags"]["left"][0]["flag"] == "--foo"


def test_a_weight_is_turned_by_place(http: httpx2.Client) -> None:
    body = {"text": "a moon, a moon", "start": 10, "end": 14, "weight": 1.5}
    found = http.post("/api/v1/prompt/reweigh", json=body).json()
    assert found["text"] == "a moon, a (moon:1.5)"
    assert [chip["weight"] for chip in found["chips"]] == [1.0, 1.0, 1.0, 1.5]
    nothing = http.post("/api/v1/prompt/reweigh", json={**body, "start": 6, "end": 7})
    is_problem(nothing, 422, "unknown-word")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": 5},
        {"text": "x" * (MAX_LENGTH + 1)},
        {"text": "a", "steps": 0},
        {"text": "a", "unknown": 1},
        {"text": "\ud800"},
    ],
)
def test_what_is_no_prompt_is_refused(http: httpx2.Client, body: dict[str, Any]) -> None:
    import json

    headers = {"Content-Type": "application/json"}
    answer = http.post("/api/v1/prompt", content=json.dumps(body).encode(), headers=headers)
    is_problem(answer, 422, "request-malformed")
    assert answer.json()["errors"][0]["where"].startswith("body")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"text": NaN}'])
def test_what_is_no_json_is_refused(http: httpx2.Client, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = http.post("/api/v1/prompt", content=body, headers=headers)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_engine_that_is_not_there_is_refused(http: httpx2.Client) -> None:
    answer = http.post("/api/v1/prompt", json={"text": "a", "engine": "nothing"})
    is_problem(answer, 422, "recipe-refused")


def test_models_say_what_they_can_do(http: httpx2.Client) -> None:
    items = http.get("/api/v1/models").json()["items"]
    default, *others = items
    assert default["default"] and default["engine"] == "fake" and default["vocabulary"] is None
    (postcard,) = [item for item in others if item["name"] == "postcard"]
    assert "moon" in postcard["vocabulary"] and postcard["token_maps"]
    assert postcard["presets"]["draft"]["steps"] < postcard["presets"]["final"]["steps"]


def test_the_session(http: httpx2.Client) -> None:
    found = http.get("/api/v1/session").json()
    assert found["version"] == __version__ and found["loopback"] and found["role"] == "owner"
    assert len(found["csrf"]) > 20 and found["limits"]["picture_bytes"] > 10**8


def test_an_estimate_comes_from_the_past(empty: Project) -> None:
    assert empty.get("/estimate").json() == {
        "seconds": None,
        "samples": 0,
        "source": "nothing yet",
    }
    empty.studio.generate(WOLF, seed=1, n=2, quality="draft")
    one = empty.get("/estimate", params={"quality": "final"}).json()
    assert one["samples"] == 2 and one["source"] == "2 versions of this project"
    four = empty.get("/estimate", params={"quality": "final", "n": 4}).json()
    assert four["seconds"] == pytest.approx(4 * one["seconds"], rel=0.1)
    draft = empty.get("/estimate", params={"quality": "draft", "n": 4}).json()
    assert draft["seconds"] < four["seconds"]
    assert empty.get("/estimate", params={"operation": "paint"}).status_code == 422


def test_styles_and_suggestions_are_prompts_to_try(http: httpx2.Client) -> None:
    body = {"text": "a (wolf:1.3)", "engine": "diffusers"}
    near = http.post("/api/v1/prompt/styles", json={**body, "count": 2}).json()["items"]
    assert near and all(item["slot"] == "style" for item in near)
    assert all("(wolf:1.3)" in item["text"] and item["adds"] in item["text"] for item in near)
    open_ = http.post("/api/v1/prompt/suggestions", json={**body, "count": 4}).json()["items"]
    assert len(open_) == 4 and len({item["adds"] for item in open_}) == 4
    assert read(http, open_[0]["text"], engine="diffusers")["unknown"] == []


@pytest.mark.parametrize("text", ["(" * 20_000, "a " * 10_000, "[a|b]" * 4_000, "", "AND " * 5_000])
def test_a_hostile_prompt_takes_no_hold_of_the_server(http: httpx2.Client, text: str) -> None:
    import time

    for path in ("", "/styles", "/suggestions"):
        began = time.process_time()
        answer = http.post(f"/api/v1/prompt{path}", json={"text": text})
        assert answer.status_code == 200
        assert time.process_time() - began < 10
