"""Whatever is sent, the server answers as its description says, and never breaks.

schemathesis makes requests from the OpenAPI document, well-formed and malformed ones. Few examples
an operation: the whole file takes well under a minute. For a longer look raise ``EXAMPLES``.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
)

from maquette.server.app import create_app
from maquette.studio.rooms import Rooms

from .conftest import CHANGES, Project

EXAMPLES = 6
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]
LEFT_OUT = (
    "/api/v1/projects/{project}/events",  # never ends
    "/api/v1/engines/{engine}/ping",  # asks others on the network
)

pytestmark = pytest.mark.fuzz


def described() -> Any:
    document = create_app(Rooms(None)).openapi()
    for path in LEFT_OUT:
        del document["paths"][path]
    return schemathesis.openapi.from_dict(document)


schema = described()


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_no_request_breaks_the_server(case: Any, project: Project) -> None:
    chance = random.Random(repr(case.path_parameters))
    given = case.path_parameters or {}
    # Otherwise nearly every request would end at a project or a version that is not there.
    if "project" in given and chance.random() < 0.9:
        given["project"] = project.id
    if "version" in given and chance.random() < 0.7:
        given["version"] = "@"
    if "digest" in given and chance.random() < 0.7:
        given["digest"] = project.made[0].image
    if isinstance(case.body, dict) and "version" in case.body and chance.random() < 0.8:
        case.body["version"] = "@"
    if isinstance(case.body, dict) and isinstance(case.body.get("n"), int):
        case.body["n"] = min(case.body["n"], 3)
    answer = case.call(base_url=str(project.http.base_url), headers=CHANGES, timeout=30)
    case.validate_response(answer, checks=CHECKS)
    if answer.status_code >= 400:
        found = answer.json()
        assert found["status"] == answer.status_code and found["detail"] and found["code"]
        assert "Traceback" not in answer.text and "site-packages" not in answer.text
