"""How the interface is described: tags, error answers with examples, what else OpenAPI needs."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from maquette.server.problems import MEDIA_TYPE, said
from maquette.server.shapes import ProblemOut
from maquette.server.shapes_steering import ControlAsk
from maquette.server.shapes_work import MaskAsk

__all__ = ["DESCRIPTION", "TAGS", "describe", "fails", "picture_answer"]

DESCRIPTION = """The studio over HTTP.

A picture is never overwritten: whatever draws adds a version to its project. Drawing is a job: the
answer is 202 with the jobs, and the project's event stream tells how they go and which version
each became. Errors are RFC 9457 problem documents whose `code` programs may go by.

Requests that change something carry `X-Maquette: 1` (or the session's token as `X-CSRF-Token`). At
an address that is not this machine's own they carry the server's token as well, as a bearer token
or as the cookie that `/login` gives.
"""

TAGS = [
    {"name": "projects", "description": "Rooms for a brand's or a campaign's pictures."},
    {"name": "versions", "description": "Pictures and how they came to be: a graph, append-only."},
    {"name": "pictures", "description": "The pixels: pictures, thumbnails, masks. Immutable."},
    {"name": "operations", "description": "What makes new versions."},
    {"name": "campaigns", "description": "Work that goes on by itself: the loop, and the stages."},
    {"name": "teaching", "description": "Datasets, trainings, and what came of them."},
    {"name": "jobs", "description": "Queued work."},
    {"name": "events", "description": "What happens, as it happens."},
    {"name": "comparing", "description": "What changed from one version to another."},
    {"name": "releasing", "description": "Files for the world, and what a file says of itself."},
    {"name": "words", "description": "How a prompt is read."},
    {"name": "templates", "description": "Prompts with holes, and a brand's playbooks of them."},
    {"name": "engines", "description": "Services that draw, and what was asked of them."},
    {"name": "studio", "description": "Models, estimates, the session."},
    {"name": "health", "description": "For those who look after the server."},
]

_EXAMPLES: dict[int, tuple[str, str, str, str]] = {
    400: ("bad-request", "the body cannot be read", "send JSON in UTF-8", "The body is no JSON."),
    403: (
        "csrf-refused",
        "a request that changes something lacks its header",
        "send 'X-Maquette: 1', or the session's token as X-CSRF-Token",
        "The host name, the origin or the header against forgery is not as it must be.",
    ),
    401: (
        "token-needed",
        "this address needs the token that the server printed",
        "sign in at /login, or send 'Authorization: Bearer TOKEN'",
        "The token is missing or wrong.",
    ),
    404: (
        "version-unknown",
        "no version answers to '3f2a'",
        "the log lists the versions",
        "There is no such thing.",
    ),
    409: (
        "ambiguous-version",
        "'3f2a' begins several versions: 3f2a9c0d4e, 3f2a11b20c",
        "give a few more characters of the id",
        "It does not fit the state that things are in.",
    ),
    413: (
        "body-too-large",
        "the body has more than the 256 MB allowed",
        "send less at once",
        "The body is too large.",
    ),
    415: (
        "kind-refused",
        "no mask comes as 'text/plain'",
        "image/png or application/json",
        "The body is of a kind that is not taken here.",
    ),
    422: (
        "setting-refused",
        "seed 4294967296 is out of range",
        "0 to 4294967295",
        "What was asked for cannot be done as it is.",
    ),
    503: (
        "project-unreadable",
        "another process keeps the records locked",
        "wait for the other command to end",
        "Not at the moment.",
    ),
}


def fails(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, each with an example."""
    found: dict[int | str, dict[str, Any]] = {}
    for status in sorted({*statuses, 403}):
        code, detail, hint, says = _EXAMPLES[status]
        found[status] = {
            "description": says,
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/ProblemOut"},
                    "example": said(status, code, detail, hint=hint),
                }
            },
        }
    return found


def picture_answer(*kinds: str, says: str) -> dict[int | str, dict[str, Any]]:
    """An answer that is a picture."""
    schema = {"type": "string", "format": "binary"}
    return {200: {"description": says, "content": {kind: {"schema": schema} for kind in kinds}}}


def describe(app: FastAPI) -> None:
    """Let the app describe itself in full, once."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi


def _document(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(
        title=app.title,
        version=app.version,
        description=DESCRIPTION,
        routes=app.routes,
        tags=TAGS,
        separate_input_output_schemas=False,
    )
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    for model in (ProblemOut, MaskAsk, ControlAsk):
        # Named by hand: problems are never a route's answer, a mask's body is of two kinds.
        shape = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(shape.pop("$defs", {}))
        schemas[model.__name__] = shape
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for operation in _operations(found):
        # FastAPI's own shape of a malformed request never leaves this server.
        malformed = operation["responses"].get("422", {}).get("content", {})
        if "application/json" in malformed:
            operation["responses"]["422"] = fails(422)[422]
    return found


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        operation
        for path in document.get("paths", {}).values()
        for method, operation in path.items()
        if method in {"get", "put", "post", "delete", "patch"}
    ]
