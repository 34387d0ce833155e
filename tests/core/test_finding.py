"""Findings and the operations that they suggest."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from maquette.core.finding import Finding, Suggestion
from maquette.core.geometry import Box


def finding(**changes: object) -> Finding:
    stated: dict[str, object] = {
        "critic": "attention",
        "name": "weak:moon",
        "message": "'moon' holds little",
        "severity": "warning",
        "score": 0.5,
    }
    return Finding.model_validate({**stated, **changes})


def test_a_finding_comes_back_from_json() -> None:
    whole = finding(
        words=("moon",),
        region=Box(x=1, y=2, width=3, height=4),
        suggestion=Suggestion(
            operation="reweight", arguments={"weights": {"moon": 1.4}}, says="raise moon to 1.4"
        ),
    )
    assert Finding.model_validate_json(whole.model_dump_json()) == whole
    assert finding().suggestion is None and finding().words == ()


@pytest.mark.parametrize(
    "bad", [{"score": 1.01}, {"score": -0.1}, {"severity": "disaster"}, {"colour": "red"}]
)
def test_an_impossible_finding_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        finding(**bad)


def test_suggestions_do_not_share_their_arguments() -> None:
    one, other = (Suggestion(operation="upscale", says="enlarge") for _ in range(2))
    one.arguments["scale"] = 2
    assert other.arguments == {}
