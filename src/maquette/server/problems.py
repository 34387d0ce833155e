"""Errors as RFC 9457 problem documents: the one place that knows their HTTP status.

``code`` is the error's class in kebab case, ``type`` a URN of it; ``detail`` says what happened
and ``hint`` what to do. No traceback and no path of a library ever leaves the server.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from maquette import errors
from maquette.errors import MaquetteError

__all__ = [
    "MEDIA_TYPE",
    "STATUS",
    "HttpRefused",
    "code_of",
    "install",
    "problem",
    "said",
    "status_of",
]

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger("maquette.server")

STATUS: Mapping[type[MaquetteError], int] = {
    errors.VersionUnknown: 404,
    errors.AmbiguousVersion: 409,
    errors.PromptRefused: 422,
    errors.SettingRefused: 422,
    errors.MaskRefused: 422,
    errors.PictureRefused: 422,
    errors.ProjectMissing: 404,
    errors.ProjectUnreadable: 503,
    errors.ProjectTooNew: 409,
    errors.StorageFull: 507,
    errors.ModelMissing: 422,
    errors.ModelRefused: 422,
    errors.RecipeRefused: 422,
    errors.BlobMissing: 404,
    errors.BlobDamaged: 500,
    errors.ExtraMissing: 501,
    errors.FindingUnknown: 404,
    errors.WordUnknown: 422,
    errors.TraceMissing: 404,
    errors.KeyRefused: 409,
    errors.ExportRefused: 422,
    errors.EngineFailed: 502,
    errors.JobUnknown: 404,
    errors.JobLost: 409,
    errors.TemplateRefused: 422,
    errors.BriefRefused: 422,
    errors.TrainingRefused: 422,
    errors.BudgetReached: 409,
    errors.WordLocked: 409,
    errors.AddressRefused: 422,
    errors.ServiceUnreachable: 502,
    errors.ServiceRefused: 422,
    errors.ServiceKeyRefused: 502,
    errors.ServiceBusy: 503,
    errors.ServiceFailed: 502,
    errors.Moderated: 422,
    errors.SubmittedUnknown: 409,
    errors.RequestUnderWay: 409,
    errors.BudgetSpent: 402,
    errors.Cancelled: 409,
}
"""What each reason is in HTTP's words; a class that is not here has its parent's."""

_TITLES = {
    400: "Bad request",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Not acceptable as it is",
    428: "Precondition required",
    429: "Too many attempts",
    431: "Request too large",
    500: "Unforeseen fault",
    503: "Not available now",
}


class HttpRefused(HTTPException):
    """A refusal that only HTTP knows of: a host, an origin, a token, a body without end."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        hint: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.code = code
        self.hint = hint


def status_of(error: MaquetteError) -> int:
    """The HTTP status of an error, that of its nearest known class."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def code_of(kind: type[BaseException]) -> str:
    """A class name in kebab case: ``VersionUnknown`` is ``version-unknown``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", kind.__name__).lower()


def said(
    status: int, code: str, detail: str, *, title: str = "", hint: str = "", **more: Any
) -> dict[str, Any]:
    """A problem document."""
    return {
        "type": f"urn:maquette:problem:{code}",
        "title": title or _TITLES.get(status, "It did not work"),
        "status": status,
        "detail": detail,
        "hint": hint,
        "code": code,
        **more,
    }


def problem(document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """A problem document as a response."""
    # A prompt in a message may hold half a surrogate pair: ASCII takes it.
    body = json.dumps(document).encode()
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return Response(body, int(document["status"]), kept, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let every error of the app become a problem document."""
    app.add_exception_handler(MaquetteError, _known)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(Exception, _unforeseen)


def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, MaquetteError)  # noqa: S101 (registered for it)
    kind, status = type(error), status_of(error)
    title = (kind.__doc__ or "").strip().split("\n")[0].rstrip(".")
    if status >= 500:
        log.error("%s %s: %s", request.method, _route(request), code_of(kind))
    return problem(said(status, code_of(kind), str(error), title=title, hint=error.hint))


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    status, headers = error.status_code, error.headers
    if isinstance(error, HttpRefused):
        return problem(said(status, error.code, str(error.detail), hint=error.hint), headers)
    if status == 404:
        detail = f"there is nothing at {request.url.path[:200]}"
        hint = "/api/v1/openapi.json lists what there is"
        return problem(said(404, "not-found", detail, hint=hint), headers)
    code = re.sub(r"\W+", "-", _TITLES.get(status, "refused").lower())
    return problem(said(status, code, str(error.detail)), headers)


def _malformed(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, RequestValidationError)  # noqa: S101
    places = [
        {"where": ".".join(str(part) for part in item["loc"]), "message": item["msg"]}
        for item in error.errors()[:20]
    ]
    first = places[0] if places else {"where": "body", "message": "malformed"}
    detail = f"{first['where']}: {first['message']}"
    hint = "/api/v1/openapi.json has the shapes and an example of each"
    return problem(said(422, "request-malformed", detail, hint=hint, errors=places))


def _unforeseen(request: Request, error: Exception) -> Response:
    log.exception("%s %s", request.method, _route(request), exc_info=error)
    detail = f"an unforeseen fault, {type(error).__name__}"
    hint = "finished versions are safe; the server's log has the details, please report them"
    return problem(said(500, "unforeseen-fault", detail, hint=hint))


def _route(request: Request) -> str:
    route = request.scope.get("route")
    return str(getattr(route, "path", "")) or "no route"
