"""The interface describes itself in full, and what it says is so."""

from __future__ import annotations

import re
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import httpx2
import pytest

from maquette import errors, server
from maquette.server import problems
from maquette.server.app import create_app
from maquette.server.described import TAGS
from maquette.studio.rooms import Rooms


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(Rooms(None)).openapi()


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    known = {tag["name"] for tag in TAGS}
    assert len(operations(document)) >= 35
    for name, operation in operations(document):
        assert operation["summary"] and operation["description"], name
        assert len(operation["tags"]) == 1 and operation["tags"][0] in known, name
        assert not operation["description"].startswith(operation["summary"]), name
    used = {operation["tags"][0] for _, operation in operations(document)}
    assert used == known
    assert all(tag["description"] for tag in document["tags"])
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids))


def test_operation_ids_are_names_that_a_client_can_have(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", operation["operationId"]), name


def test_every_operation_says_how_it_fails(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        failing = {key: value for key, value in operation["responses"].items() if key >= "400"}
        assert "403" in failing, name
        if "{project}" in name:
            assert {"404", "422"} <= failing.keys(), name
        for status, answer in failing.items():
            assert list(answer["content"]) == [problems.MEDIA_TYPE], (name, status)
            content = answer["content"][problems.MEDIA_TYPE]
            assert content["schema"] == {"$ref": "#/components/schemas/ProblemOut"}
            assert content["example"]["status"] == int(status)
            assert answer["description"]


def test_every_parameter_and_field_is_described(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            assert parameter.get("description"), (name, parameter["name"])
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("description"), name


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name, operation in operations(document):
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            if kind != "application/json":
                assert content["schema"]["format"] == "binary", name
                continue
            reference = content["schema"]["$ref"].rpartition("/")[2]
            assert "examples" in content or schemas[reference]["examples"], name


def test_examples_are_accepted(document: dict[str, Any], http: httpx2.Client) -> None:
    from pydantic import TypeAdapter

    homes: dict[str, Any] = {}
    for module in iter_modules(server.__path__):
        if module.name.startswith("shapes"):
            homes |= vars(import_module(f"maquette.server.{module.name}"))
    checked = 0
    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", ()):
            TypeAdapter(homes[name]).validate_python(example)
            checked += 1
    assert checked >= 12


def test_every_success_has_a_shape(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        good = [answer for status, answer in operation["responses"].items() if status < "300"]
        assert len(good) == 1, name
        for kind, content in good[0]["content"].items():
            assert content["schema"], (name, kind)


def test_every_reason_has_a_status() -> None:
    for name in errors.__all__:
        kind = getattr(errors, name)
        if kind is not errors.MaquetteError:
            assert kind in problems.STATUS, name
    assert problems.code_of(errors.VersionUnknown) == "version-unknown"
    assert all(400 <= status < 600 for status in problems.STATUS.values())


def test_it_is_served(http: httpx2.Client, document: dict[str, Any]) -> None:
    served = http.get("/api/v1/openapi.json").json()
    assert served["paths"].keys() == document["paths"].keys()
    assert not [key for key in served["components"]["schemas"] if "Validation" in key]
