"""The browser's files: the page for every deep link, the rest as what it is."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from .conftest import Running, is_problem, start


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("built")
    (folder / "static" / "assets").mkdir(parents=True)
    (folder / "static" / "index.html").write_text("<!doctype html><title>Studio</title>")
    (folder / "static" / "assets" / "index-4f2a.js").write_text("export {}")
    (folder / "secret.txt").write_text("secret")
    running = start(folder)
    yield running
    running.stop()


@pytest.fixture
def web(built: Running) -> Iterator[httpx2.Client]:
    with built.client() as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/", "/p/moon", "/p/moon/v/3f2a9c", "/p/moon/compare/aaaa/bbbb", "/p/moon/v/@~2"]
)
def test_every_deep_link_is_the_page(web: httpx2.Client, path: str) -> None:
    answer = web.get(path)
    assert answer.status_code == 200 and "<title>Studio</title>" in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "private, no-cache"
    asked = {"If-None-Match": answer.headers["etag"]}
    assert web.get(path, headers=asked).status_code == 304


def test_hashed_files_are_kept_for_ever(web: httpx2.Client) -> None:
    answer = web.get("/assets/index-4f2a.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    is_problem(web.get("/assets/index-gone.js"), 404, "not-found")
    is_problem(web.get("/favicon.ico"), 404, "not-found")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/%00",
        "//etc/passwd",
    ],
)
def test_nothing_outside_is_served(web: httpx2.Client, path: str) -> None:
    answer = web.get(path)
    assert "secret" not in answer.text.replace(path, "") and "root:" not in answer.text


def test_a_new_build_is_seen(built: Running, web: httpx2.Client) -> None:
    (built.files / "about.txt").write_text("one")
    assert web.get("/about.txt").text == "one"
    (built.files / "about.txt").write_text("another")
    assert web.get("/about.txt").text == "another"


def test_the_interface_is_no_page(web: httpx2.Client) -> None:
    is_problem(web.get("/api/v1/nothing"), 404, "not-found")
    is_problem(web.get("/api/v2/projects"), 404, "not-found")
    is_problem(web.delete("/api/v1/projects"), 405, "method-not-allowed")


def test_without_a_build_it_says_so(http: httpx2.Client) -> None:
    answer = http.get("/p/moon")
    assert answer.status_code == 503 and "make web" in answer.text
