"""``maquette campaign`` and ``maquette improve``: what goes on by itself, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from maquette.cli.records import KEYS

from .conftest import Maquette

BRIEF = """campaign: autumn
prompt: a red mug on a table
seed: 3
size: 64x64
drafts: {count: 4}
select: {count: 2}
polish: {steps: 0}
"""


def test_a_campaign_to_its_files(maquette: Maquette) -> None:
    Path("brief.yaml").write_text(BRIEF)
    said = maquette("campaign", "brief.yaml", "--json")
    assert said.code == 0, said.err
    assert said.record.keys() == KEYS["campaign"].keys()
    assert said.record["stage"] == "done" and len(said.record["files"]) == 2
    assert all(Path(each).is_file() for each in said.record["files"])
    again = maquette("campaign", "brief.yaml", "--json").record
    assert again["polished"] == said.record["polished"]
    shown = maquette("campaign", "brief.yaml")
    assert "4 finals would take" in shown.out + shown.err


def test_it_waits_and_is_told_what_to_take(maquette: Maquette) -> None:
    Path("brief.yaml").write_text(BRIEF)
    said = maquette("campaign", "brief.yaml", "--pause", "select,approve", "--json").record
    assert said["stage"] == "select" and said["waiting"]["stage"] == "select"
    assert maquette("campaign", "brief.yaml", "--status", "--json").record["stage"] == "select"
    mine = said["drafts"][2]
    chosen = maquette(
        "campaign", "brief.yaml", "--choose", mine, "--pause", "select,approve", "--json"
    ).record
    assert chosen["chosen"] == [mine] and chosen["waiting"]["stage"] == "approve"
    done = maquette(
        "campaign", "brief.yaml", "--approve", "all", "--pause", "select,approve", "--json"
    ).record
    assert done["stage"] == "done" and len(done["files"]) == 1
    told = maquette("campaign", "brief.yaml", "--pause", "lunch")
    assert told.code == 36 and "pause" in told.err


def test_a_faulty_brief_is_one_line(maquette: Maquette) -> None:
    Path("brief.yaml").write_text(BRIEF + "cuont: 3\n")
    said = maquette("campaign", "brief.yaml")
    assert said.code == 36 and said.err.count("\n") == 1 and "'cuont'" in said.err
    Path("brief.yaml").write_text(BRIEF + "budget: {seconds: 0}\n")
    said = maquette("campaign", "brief.yaml")
    assert said.code == 36 and "allows nothing" in said.err
    assert maquette("campaign", "none.yaml").code == 36


def test_improve_says_what_it_did(maquette: Maquette) -> None:
    maquette("generate", "a wolf under a moon", "--seed", 7, "--size", "64x64")
    said = maquette("improve", "@", "--steps", 2, "--json")
    assert said.code == 0, said.err
    assert said.record.keys() == KEYS["improve"].keys()
    assert said.record["after"] >= said.record["before"]
    assert len(said.record["steps"]) <= 2
    plain = maquette("improve", "@", "--steps", 1, "--budget", 5)
    assert "is the best" in plain.out + plain.err
    assert maquette("improve", "@", "--until", 2).code != 0


def test_the_report_is_json_as_well(maquette: Maquette) -> None:
    Path("brief.yaml").write_text(BRIEF)
    maquette("campaign", "brief.yaml")
    facts = json.loads(Path("delivered/report.json").read_text())
    assert facts["ledger"]["baseline"] == "4 finals"
