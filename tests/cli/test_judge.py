"""Commands that weigh versions."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from maquette.cli.records import KEYS
from maquette.core.finding import Finding, Suggestion
from maquette.storage.base import Mark
from maquette.studio import Studio

from .conftest import Maquette

WEAK = Finding(
    critic="tests",
    name="weak:moon",
    message="'moon' holds little of the picture",
    severity="warning",
    score=0.7,
    words=("moon",),
    suggestion=Suggestion(
        operation="reweight", arguments={"weights": {"moon": 1.4}}, says="raise moon to 1.4"
    ),
)
NOTE = Finding(critic="tests", name="odd", message="odd", severity="note", score=0.1)


@pytest.fixture
def weak(wolf: dict[str, Any], place: Path) -> dict[str, Any]:
    with Studio(place) as studio:
        studio.records.add_findings(wolf["version"], [WEAK, NOTE])
    return wolf


def test_findings_travel_with_their_version(maquette: Maquette, weak: dict[str, Any]) -> None:
    first = maquette("log", "--json").record["findings"][0]
    assert first == {
        "name": "weak:moon",
        "severity": "warning",
        "message": "'moon' holds little of the picture",
        "words": ["moon"],
        "suggestion": {
            "operation": "reweight",
            "arguments": {"weights": {"moon": 1.4}},
            "says": "raise moon to 1.4",
        },
    }
    assert "raise moon to 1.4" in maquette("show", "@").out


def test_critique(maquette: Maquette, weak: dict[str, Any]) -> None:
    records = maquette("critique", "@", "--json").records
    assert all(each.keys() == KEYS["critique"].keys() for each in records)
    assert {"weak:moon", "odd"} <= {each["name"] for each in records}
    scores = [each["score"] for each in records]
    assert scores == sorted(scores, reverse=True)
    assert "raise moon to 1.4" in maquette("critique", "@").out


def test_apply_carries_the_remedy_out(maquette: Maquette, weak: dict[str, Any]) -> None:
    said = maquette("apply", "@", "weak:moon", "--json")
    assert said.record.keys() == KEYS["apply"].keys()
    assert said.record["parents"] == [weak["version"]]
    assert "(moon:1.4)" in maquette("show", "@", "--json").record["prompt"]


@pytest.mark.parametrize("name", ["weak:sun", "odd", ""])
def test_what_cannot_be_applied(maquette: Maquette, weak: dict[str, Any], name: str) -> None:
    said = maquette("apply", "@", name)
    assert said.code == 26
    assert said.err.count("\n") == 1


def test_compare(maquette: Maquette, wolf: dict[str, Any], place: Path) -> None:
    maquette("reweight", "@", "moon=1.6")
    said = maquette("compare", "@~1", "@", "-o", "sheet.png", "--json").record
    assert said.keys() == KEYS["compare"].keys()
    assert said["changed_pixels"] > 0
    assert said["words"] == {"added": [], "removed": [], "reweighted": [["moon", 1.0, 1.6]]}
    assert {each["token"] for each in said["heat"]} >= {"moon", "wolf"}
    assert said["file"] == "sheet.png"
    assert Image.open(place / "sheet.png").width >= 3 * wolf["width"]
    people = maquette("compare", "@~1", "@").out
    assert "changed" in people
    assert "moon 1 → 1.6" in people


def test_compare_with_itself(maquette: Maquette, wolf: dict[str, Any]) -> None:
    said = maquette("compare", "@", "@", "--json").record
    assert (said["changed_pixels"], said["psnr"], said["ssim"]) == (0, None, 1.0)
    assert said["parameters"] == {}
    assert said["file"] is None
    assert "alike" in maquette("compare", "@", "@").out


def test_compare_parameters(maquette: Maquette, wolf: dict[str, Any]) -> None:
    maquette("generate", "a boat", "--seed", 9, "--steps", 5)
    said = maquette("compare", "@~1", "@", "--json").record
    assert said["parameters"]["sampling.seed"] == [7, 9]
    assert maquette("compare", "@~1", "@").out.count("sampling.") == 2


def test_replay(maquette: Maquette, wolf: dict[str, Any]) -> None:
    said = maquette("replay", "@", "--json")
    assert said.record == {"verdict": "exact", "psnr": None, "reasons": []}
    assert said.record.keys() == KEYS["replay"].keys()
    assert maquette("replay", "@").out.strip() == "exact"
    assert len(maquette("log", "--json").records) == 1


def test_replay_by_another_build_says_why(
    maquette: Maquette, wolf: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from maquette.engines.fake import FakeEngine

    monkeypatch.setattr(FakeEngine, "build", property(lambda self: "fake 2"))
    said = maquette("replay", "@", "--json").record
    assert said["verdict"] == "exact"
    assert "engine build" in said["reasons"][0]


def test_select_ranks_drafts_and_suggests_some(maquette: Maquette) -> None:
    made = maquette("generate", "a wolf", "-n", 4, "--seed", 1, "--json").records
    maquette("upscale", made[0]["version"])
    picks = maquette("select", "-n", 2, "--json").records
    assert {pick["version"] for pick in picks} == {record["version"] for record in made}
    assert all(pick.keys() == KEYS["select"].keys() for pick in picks)
    assert [pick["score"] for pick in picks] == sorted(
        (pick["score"] for pick in picks), reverse=True
    )
    assert sorted(pick["suggested"] for pick in picks if pick["suggested"]) == [1, 2]


def test_select_among_named_versions(maquette: Maquette, wolf: dict[str, Any]) -> None:
    made = maquette("generate", "a wolf", "-n", 2, "--seed", 1, "--json").records
    chosen = made[0]["version"]
    said = maquette("select", chosen, chosen[:12])
    header, row, *more = said.out.splitlines()
    assert header.split() == ["version", "score", "suggested", "why"]
    assert row.startswith(chosen[:10]) and "the best score" in row
    assert all(line.startswith("   ") for line in more), "one row, over several lines"


def test_a_rejected_draft_is_left_out(maquette: Maquette, place: Path) -> None:
    made = maquette("generate", "a wolf", "-n", 3, "--seed", 1, "--json").records
    with Studio(place) as studio:
        for record, stars in ((made[1], "x"), (made[2], "5")):
            studio.records.mark(Mark(record["version"], "rating", stars, datetime.now(UTC)))
    picks = maquette("select", "--json").records
    assert [pick["version"] for pick in picks] == [made[2]["version"], made[0]["version"]]
    assert "5 of 5 stars" in picks[0]["reason"]
